"""When something was posted, as a finding states it: the window's edges, formulas never compared, the days of a legal basis."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.services.casework import IN_WINDOW, SILENCE
from tests.services.test_finding_evidence import COMPLETE, lacking


def test_a_post_of_2024_cannot_cite_the_ai_act_or_the_ttpa_but_the_code_of_then() -> None:
    then = [{"value": IN_WINDOW.isoformat(), "source": "embedded_json", "precision_s": 1}]
    for basis, refused in (("eu/ai-act/50-4", True), ("eu/ttpa/11", True), ("eu/coc/2025", True), ("eu/cop/2022", False)):
        assert ("basis_not_in_force" in lacking("ai_unlabelled", posted_at=then, bases=[basis])) == refused, basis


def test_a_precision_over_the_first_day_of_a_law_does_not_cite_it() -> None:
    edge = [{"value": "2026-08-02T06:00:00Z", "source": "displayed", "precision_s": 86_400}]
    assert "basis_not_in_force" in lacking("ai_unlabelled", posted_at=edge)


@pytest.mark.parametrize(
    ("seconds", "gap"),
    [(-1, "silence_out"), (0, "silence_unknown"), (1, None), (44 * 3600 - 1, None), (44 * 3600 + 1, "silence_out")],
)
def test_the_window_to_the_second(seconds: int, gap: str | None) -> None:
    start = datetime(2024, 7, 5, 22, 0, tzinfo=UTC)
    moment = (start + timedelta(seconds=seconds)).isoformat()
    found = lacking("silence_violation", posted_at=[{"value": moment, "source": "embedded_json", "precision_s": 0.5}])
    assert found == ([] if gap is None else [gap])


def test_a_time_whose_formula_was_never_compared_needs_a_second_one() -> None:
    doubtful = {"value": IN_WINDOW.isoformat(), "source": "platform_id", "precision_s": 1, "compared": False}
    assert {"posted_at_uncompared", "silence_draft"} <= set(lacking("silence_violation", posted_at=[doubtful]))
    backed = [doubtful, {"value": IN_WINDOW.isoformat(), "source": "embedded_json", "precision_s": 1}]
    assert lacking("silence_violation", posted_at=backed) == []
    shown = {"value": "2024-07-07T10:00:00Z", "source": "displayed", "precision_s": 43_200}
    late = doubtful | {"value": "2024-07-07T17:00:00Z"}
    assert lacking("silence_violation", posted_at=[late, shown]) == ["silence_unknown"], "the day reaches over the end"


def test_nobody_writes_down_that_a_formula_was_compared() -> None:
    claimed = [{"value": IN_WINDOW.isoformat(), "source": "platform_id", "precision_s": 0.001, "compared": True}]
    tiktok = {"platform": "tiktok", "post_id": str(int(IN_WINDOW.timestamp()) << 32)}
    for subject in (tiktok, {"platform": "facebook", "post_id": "1735765521595875777"}, {"platform": "facebook", "ad_id": "9"}):
        assert "posted_at_uncompared" in lacking("silence_violation", subject=subject, posted_at=claimed), subject


def test_a_day_that_only_a_formula_never_compared_tells_is_no_day_of_a_law() -> None:
    after = datetime(2026, 9, 1, tzinfo=UTC)
    subject = {**COMPLETE["ai_unlabelled"]["subject"], "platform": "tiktok", "post_id": str(int(after.timestamp()) << 32)}
    stated = {"value": after.isoformat(), "source": "platform_id", "precision_s": 1, "compared": False}
    assert lacking("ai_unlabelled", subject=subject, posted_at=[stated]) == ["basis_date_unknown"]
    shown = {"value": after.isoformat(), "source": "displayed", "precision_s": 43_200}
    assert lacking("ai_unlabelled", subject=subject, posted_at=[stated, shown]) == []


@pytest.mark.parametrize(
    ("basis", "moment", "refused"),
    [
        ("eu/ai-act/50-4", "2026-08-01T23:59:59Z", True),
        ("eu/ai-act/50-4", "2026-08-02T00:00:00Z", False),
        ("eu/ttpa/11", "2025-10-09T23:59:59Z", True),
        ("eu/ttpa/11", "2025-10-10T00:00:00Z", False),
        ("eu/coc/2025", "2025-06-30T23:59:59Z", True),
        ("eu/coc/2025", "2025-07-01T00:00:00Z", False),
        ("eu/cop/2022", "2025-06-30T20:59:59Z", False),
        ("eu/cop/2022", "2025-06-30T21:00:00Z", True),  # 1 July on the easternmost clocks
    ],
)
def test_both_sides_of_the_first_and_of_the_last_day_of_a_basis(basis: str, moment: str, refused: bool) -> None:
    stated = [{"value": moment, "source": "embedded_json", "precision_s": 0}]
    assert ("basis_not_in_force" in lacking("ai_unlabelled", posted_at=stated, bases=[basis])) == refused


@pytest.mark.parametrize("note", ["", "the gazette says the same"])
def test_a_draft_rule_confirms_nothing_whatever_is_noted(note: str) -> None:
    drafts = [{"rule_id": "FR-L49", "territory": "FR-MQ", "election_id": "FR-2024-AN-R2"}]
    assert lacking("silence_violation", silence=SILENCE, override_note=note) == []
    for choice in drafts:
        assert lacking("silence_violation", silence=choice, override_note=note) == ["silence_draft"]


def test_times_that_cannot_all_be_true_do_not_confirm() -> None:
    stated = [{"value": IN_WINDOW.isoformat(), "source": "embedded_json", "precision_s": 0.001}]
    old = {"platform": "x", "post_id": "1735765521595875777"}
    assert lacking("silence_violation", subject=old, posted_at=stated) == ["posted_at_contradicts"], "the id says December 2023"
    shown = {"value": (IN_WINDOW + timedelta(hours=3)).isoformat(), "source": "displayed", "precision_s": 60}
    assert lacking("silence_violation", posted_at=[*stated, shown]) == ["posted_at_contradicts"]
    agreeing = {"platform": "x", "post_id": str((1720260000000 - 1288834974657) << 22)}
    assert lacking("silence_violation", subject=agreeing, posted_at=stated) == []
