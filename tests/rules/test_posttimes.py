"""Times in platform ids (the vectors that the extension reads too), and which of several stated times counts."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.rules.errors import RuleError
from server.rules.posttimes import FIRST_RULE, PostTime, TimeSource, best_time, contradictions, of_id, time_of_id

VECTORS = json.loads((Path(__file__).parent.parent / "vectors" / "posttimes.json").read_text("utf-8"))["ids"]
NOON = datetime(2024, 7, 6, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize("vector", VECTORS, ids=lambda one: f"{one['platform']}-{one['id']}")
def test_ids_give_the_times_of_the_shared_vectors(vector: dict[str, object]) -> None:
    found = time_of_id(str(vector["platform"]), str(vector["id"]))
    if vector["value"] is None:
        assert found is None
        return
    assert found is not None
    assert found.value.isoformat()[:19] == str(vector["value"])[:19]
    assert (found.precision_s, found.compared) == (vector["precision_s"], vector["compared"])


def test_the_published_time_of_a_post_on_x_to_the_millisecond() -> None:
    found = time_of_id("x", "1735765521595875777")
    assert found is not None and found.value == datetime(2023, 12, 15, 20, 55, 23, 969000, tzinfo=UTC)


@given(st.sampled_from(["x", "tiktok", "instagram", "linkedin", "bluesky", "facebook", ""]), st.text(max_size=25))
def test_any_text_gives_a_time_or_none(platform: str, text: str) -> None:
    found = time_of_id(platform, text)
    assert found is None or found.value.tzinfo is not None


@given(st.integers(min_value=1_420_070_400_000, max_value=2_000_000_000_000), st.integers(0, 2**22 - 1))
def test_a_time_comes_out_of_an_id_as_it_went_in(ms: int, low: int) -> None:
    moment = datetime.fromtimestamp(ms // 1000, UTC) + timedelta(milliseconds=ms % 1000)
    for platform, post_id in (
        ("x", ((ms - 1288834974657) << 22) + low),
        ("instagram", ((ms - 1314220021721) << 23) + low),
        ("linkedin", (ms << 22) + low),
    ):
        found = time_of_id(platform, str(post_id))
        assert found is not None and found.value == moment, platform


def test_the_best_time_is_by_source_then_by_precision() -> None:
    shown = PostTime(NOON, "displayed", 60)
    data = PostTime(NOON + timedelta(seconds=3), "embedded_json", 1)
    relative = PostTime(NOON, "displayed_relative", 3600)
    assert best_time([relative, shown, data]) == data
    assert best_time([relative, shown]) == shown
    assert best_time([]) is None


DOUBTFUL = PostTime(NOON, "platform_id", 1, "…", compared=False)


@pytest.mark.parametrize(("source", "precision_s"), [("embedded_json", 1), ("displayed", 60), ("displayed", 43_200)])
def test_a_formula_never_compared_is_as_exact_as_what_confirms_it(source: TimeSource, precision_s: float) -> None:
    confirming = PostTime(NOON + timedelta(seconds=precision_s / 2), source, precision_s, "as shown")
    found = best_time([DOUBTFUL, confirming])
    assert found is not None and found.compared and found.beside == DOUBTFUL
    assert (found.source, found.precision_s, found.interval) == (source, precision_s, confirming.interval)
    assert found.note.startswith("as shown; agrees with platform_id 2024-07-06T12:00:00+00:00 ± 1 s"), found.note


def test_alone_contradicted_or_with_a_persons_word_it_stays_never_compared() -> None:
    other = PostTime(NOON + timedelta(hours=3), "embedded_json", 1)
    for stated in ([DOUBTFUL], [DOUBTFUL, other], [DOUBTFUL, PostTime(NOON, "person", 1)]):
        assert best_time(stated) == DOUBTFUL


def test_the_first_rule_still_tells_what_was_frozen_under_it() -> None:
    found = best_time([DOUBTFUL, PostTime(NOON, "displayed", 43_200)], FIRST_RULE)
    assert found is not None and (found.source, found.precision_s, found.compared) == ("platform_id", 1, True)


def test_an_ids_time_is_compared_if_its_formula_is_whatever_somebody_wrote_down() -> None:
    written = PostTime(NOON, "platform_id", 0.001, "agrees with displayed", compared=True)
    shown = PostTime(NOON, "displayed", 60)
    tiktok, x = str(int(NOON.timestamp()) << 32), str(int(NOON.timestamp() * 1000) - 1288834974657 << 22)
    for platform, post_id, compared in (("tiktok", tiktok, False), ("x", x, True), ("x", "1735765521595875777", False),
                                        ("facebook", "1735765521595875777", False), ("", "", False)):  # fmt: skip
        assert [one.compared for one in of_id([written, shown], platform, post_id)] == [compared, True], platform


def test_times_that_cannot_both_be_true_are_named() -> None:
    assert contradictions([PostTime(NOON, "platform_id", 0.001), PostTime(NOON, "displayed", 60)]) == ()
    [said] = contradictions([PostTime(NOON, "platform_id", 0.001), PostTime(NOON + timedelta(hours=1), "displayed", 60)])
    assert said == "the platform's id and the time displayed differ by 01:00:00.000"


@pytest.mark.parametrize(
    ("value", "precision_s"), [(NOON.replace(tzinfo=None), 1), (NOON, -1), (NOON, 1e12), (NOON.replace(year=1999), 1)]
)
def test_a_time_without_zone_or_with_a_wild_precision_is_refused(value: datetime, precision_s: float) -> None:
    with pytest.raises(RuleError):
        PostTime(value, "displayed", precision_s)
