"""What each type lacks, one piece at a time; and how long something stood without its label."""

import json
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.composition import catalogue_of
from server.errors import BadInput
from server.findings.body import FindingBody, canonical, parse_body, stored_body
from server.findings.evidence import CHECKS, Known, LookFact, gaps
from server.findings.labels import Look, unlabelled_time
from server.rules.catalogue import shipped
from server.rules.findingtypes import EVIDENCE
from server.settings import Settings
from tests.services.casework import IN_WINDOW, SILENCE, body_of

ONE, TWO = "a" * 64, "b" * 64
LATER = datetime(2026, 9, 1, 9, 0, tzinfo=UTC)
AI = [
    {"method": "human", "by": "urn:p:1", "verdict": "likely"},
    {"method": "detector", "by": "tool 1.2", "verdict": "likely", "score": 0.9},
]
PAGE = {"value": LATER.isoformat(), "source": "embedded_json", "precision_s": 1}
TAG = {"framework": "DISARM", "version": "1.6", "id": "T0149.003", "name": "Lookalike Domain"}
SEEN = [{"at": LATER.isoformat(), "url": f"https://e.example/{n}", "by": "urn:p:1"} for n in (1, 2)]
LISTED = {
    "entity_id": "eu-fsf-1", "name": "An outlet", "regime": "833/2014", "annex": "XV", "listed_from": "2024-06-25",
    "match_basis": "official_handle", "vantage_country": "FR",
}  # fmt: skip
COMPLETE: dict[str, dict[str, Any]] = {
    "silence_violation": {},
    "ai_unlabelled": {
        "bases": ["eu/ai-act/50-4"], "posted_at": [PAGE], "ai": AI, "actor": "a list",
        "subject": {"platform": "x", "post_id": "1", "media_sha256": ONE, "media_phash": "pdq:00"},
    },
    "ad_unlabelled": {
        "bases": ["eu/ttpa/11"], "posted_at": [PAGE], "subject": {"platform": "facebook", "ad_id": "9"},
        "ad_library_capture": TWO,
    },
    "ad_prohibited": {
        "bases": ["platform-policy/meta/political-ads-eu"], "posted_at": [PAGE],
        "subject": {"platform": "facebook", "ad_id": "9"}, "ad_library_capture": TWO, "sponsor": "a fund",
    },
    "influence_operation": {"bases": ["eu/coc/2025"], "posted_at": [PAGE], "ttps": [TAG], "narrative": "n", "sightings": SEEN},
    "cib_network": {
        "bases": ["eu/coc/2025"], "posted_at": [PAGE], "accounts": ["1", "2"], "coordination": "same minute", "sightings": SEEN,
    },
    "sanctions_violation": {"bases": ["eu/833-2014/2f"], "listed": LISTED},
    "impersonation": {"bases": ["platform-policy/impersonation"], "imitates": "an official", "imitated_capture": TWO},
    "doppelganger_link": {"bases": ["platform-policy/impersonation"], "redirect_chain": ["https://a.example", "https://b.example"]},
    "platform_process_failure": {"bases": ["eu/dsa/16"], "notice_captures": [TWO]},
}  # fmt: skip


def looks(*found: tuple[int, str, int]) -> tuple[LookFact, ...]:
    return tuple(LookFact(layer, state, LATER + timedelta(minutes=minute)) for layer, state, minute in found)


ABSENT = looks((1, "absent", 0), (2, "absent", 0), (2, "absent", 30))


def known(found: Sequence[LookFact] = ABSENT, captured: datetime = LATER) -> Known:
    return Known({ONE: captured, TWO: captured}, found, catalogue=shipped())


def lacking(type_code: str, found: Sequence[LookFact] = ABSENT, **changes: Any) -> list[str]:
    return [gap.code for gap in gaps(type_code, body_of(ONE, **(COMPLETE[type_code] | changes)), known(found))]


def test_every_piece_of_evidence_has_a_check() -> None:
    assert set(CHECKS) == set(EVIDENCE)


@pytest.mark.parametrize("type_code", COMPLETE)
def test_a_complete_finding_lacks_nothing(type_code: str) -> None:
    assert lacking(type_code) == []


@pytest.mark.parametrize("type_code", shipped().types)
def test_an_empty_finding_lacks_everything_its_type_asks_for(type_code: str) -> None:
    found = gaps(type_code, FindingBody(), Known({}, catalogue=shipped()))
    assert len(found) == 4 + len(shipped().types[type_code].evidence), "facts, assessment, captures, bases and each piece"


@pytest.mark.parametrize(
    ("type_code", "changes", "gap"),
    [
        ("silence_violation", {"facts": ""}, "facts"),
        ("silence_violation", {"assessment": ""}, "assessment"),
        ("silence_violation", {"captures": []}, "captures"),
        ("silence_violation", {"captures": ["c" * 64]}, "not_an_exhibit"),
        ("silence_violation", {"bases": []}, "bases"),
        ("silence_violation", {"bases": ["xx/made-up"]}, "basis_unknown"),
        ("silence_violation", {"bases": ["eu/ai-act/50-4"]}, "basis_not_in_force"),
        ("silence_violation", {"bases": ["eu/ttpa/11"]}, "basis_not_in_force"),
        ("silence_violation", {"bases": ["ro/334-2006"]}, "basis_draft"),
        ("silence_violation", {"posted_at": []}, "posted_at"),
        ("silence_violation", {"posted_at": []}, "basis_date_unknown"),
        ("silence_violation", {"silence": None}, "silence_window"),
        ("silence_violation", {"content_text": ""}, "propaganda_text"),
        ("silence_violation", {"silence": SILENCE | {"territory": "FR-RE"}}, "silence_draft"),
        ("silence_violation", {"silence": SILENCE | {"rule_id": "PL-SILENCE", "territory": "PL"}}, "silence_rule"),
        ("silence_violation", {"silence": {"rule_id": "?", "territory": "?", "election_id": "?"}}, "silence_rule"),
        ("ai_unlabelled", {"ai": AI[:1]}, "ai_assessment"),
        ("ai_unlabelled", {"ai": [AI[1], AI[1]]}, "ai_assessment"),
        ("ai_unlabelled", {"ai": [*AI, {"method": "human", "by": "urn:p:2", "verdict": "unlikely"}]}, "ai_contradicted"),
        ("ai_unlabelled", {"actor": ""}, "actor"),
        ("ai_unlabelled", {"subject": {"media_sha256": ONE}}, "media"),
        ("ad_unlabelled", {"subject": {}}, "ad_id"),
        ("ad_unlabelled", {"ad_library_capture": None}, "ad_library_capture"),
        ("ad_prohibited", {"sponsor": ""}, "sponsor"),
        ("influence_operation", {"ttps": []}, "ttps"),
        ("influence_operation", {"ttps": [TAG | {"name": "Something else"}]}, "technique_unknown"),
        ("influence_operation", {"narrative": ""}, "narrative"),
        ("influence_operation", {"sightings": [SEEN[0], SEEN[0]]}, "two_sightings"),
        ("cib_network", {"accounts": ["1", "1"]}, "account_set"),
        ("cib_network", {"coordination": ""}, "coordination_signal"),
        ("sanctions_violation", {"listed": None}, "listed_entity"),
        ("sanctions_violation", {"listed": LISTED | {"listed_from": "2026-09-02"}}, "listed_later"),
        ("sanctions_violation", {"listed": LISTED | {"listed_to": "2026-08-31"}}, "delisted_before"),
        ("sanctions_violation", {"listed": LISTED | {"vantage_country": ""}}, "vantage_unknown"),
        ("sanctions_violation", {"listed": LISTED | {"vantage_country": "MD"}}, "vantage_outside"),
        ("impersonation", {"imitated_capture": None}, "pair_capture"),
        ("doppelganger_link", {"redirect_chain": ["https://a.example"]}, "redirect_chain"),
        ("platform_process_failure", {"notice_captures": []}, "notice_attempt"),
    ],
)  # fmt: skip
def test_each_missing_piece_is_named(type_code: str, changes: dict[str, Any], gap: str) -> None:
    assert gap in lacking(type_code, **changes)


@pytest.mark.parametrize(
    ("found", "gap"),
    [
        (looks((1, "absent", 0)), "labels_not_checked"),
        (looks((1, "absent", 0), (2, "not_checked", 0)), "labels_not_checked"),
        (looks((1, "absent", 0), (2, "present", 0)), "label_present"),
        (looks((1, "absent", 0), (2, "absent", 0), (2, "present", 9)), "label_present"),
    ],
)
def test_not_checked_is_not_absent(found: Sequence[LookFact], gap: str) -> None:
    assert gap in lacking("ai_unlabelled", found)


def test_an_ad_needs_two_looks_and_the_first_without_the_label() -> None:
    assert "label_history" in lacking("ad_unlabelled", looks((2, "absent", 0)))
    assert "label_history" in lacking("ad_unlabelled", looks((2, "absent", 0), (2, "not_checked", 9)))
    assert lacking("ad_unlabelled", looks((2, "absent", 0), (2, "present", 9))) == []
    assert "label_present" in lacking("ad_unlabelled", looks((2, "present", 0), (2, "absent", 9)))


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
    found = lacking("silence_violation", posted_at=[{"value": moment, "source": "platform_id", "precision_s": 0.001}])
    assert found == ([] if gap is None else [gap])


def test_a_time_whose_formula_was_never_compared_needs_a_second_one() -> None:
    doubtful = {"value": IN_WINDOW.isoformat(), "source": "platform_id", "precision_s": 1, "compared": False}
    assert {"posted_at_uncompared", "silence_draft"} <= set(lacking("silence_violation", posted_at=[doubtful]))
    backed = [doubtful, {"value": IN_WINDOW.isoformat(), "source": "embedded_json", "precision_s": 1}]
    assert lacking("silence_violation", posted_at=backed) == []


def test_times_that_cannot_all_be_true_do_not_confirm() -> None:
    stated = [{"value": IN_WINDOW.isoformat(), "source": "platform_id", "precision_s": 0.001}]
    old = {"platform": "x", "post_id": "1735765521595875777"}
    assert lacking("silence_violation", subject=old, posted_at=stated) == ["posted_at_contradicts"], "the id says December 2023"
    shown = {"value": (IN_WINDOW + timedelta(hours=3)).isoformat(), "source": "displayed", "precision_s": 60}
    assert lacking("silence_violation", posted_at=[*stated, shown]) == ["posted_at_contradicts"]
    agreeing = {"platform": "x", "post_id": str((1720260000000 - 1288834974657) << 22)}
    assert lacking("silence_violation", subject=agreeing, posted_at=stated) == []


def test_the_listing_is_judged_by_each_capture() -> None:
    body = body_of(ONE, **COMPLETE["sanctions_violation"], captures=[ONE, TWO])
    early = Known({ONE: LATER, TWO: datetime(2024, 6, 24, 23, 59, tzinfo=UTC)}, ABSENT, catalogue=shipped())
    assert [gap.code for gap in gaps("sanctions_violation", body, early)] == ["listed_later"]
    assert isinstance(body.listed and body.listed.listed_from, date)


@given(
    st.dictionaries(
        st.sampled_from([*FindingBody.model_fields, "more"]), st.one_of(st.none(), st.text(), st.integers(), st.lists(st.text()))
    )
)
def test_any_values_give_a_body_or_one_error(values: dict[str, object]) -> None:
    try:
        body = parse_body(values)
    except BadInput as error:
        assert error.data["field"]
        return
    text, digest = canonical(body)
    assert canonical(stored_body(text)) == (text, digest)


def test_techniques_of_a_file_go_before_the_shipped_ones(tmp_path: Path) -> None:
    bundle = {
        "type": "bundle",
        "objects": [{"type": "attack-pattern", "name": "Newer name", "external_references": [{"external_id": "T0149.003"}]}],
    }
    file = tmp_path / "DISARM.json"
    file.write_text(json.dumps(bundle))
    table = catalogue_of(Settings(disarm_file=file, disarm_version="1.7")).techniques
    found = table.find("DISARM", "T0149.003")
    assert found is not None and (found.name, found.version) == ("Newer name", "1.7")
    assert table.find("DISARM", "T0114") == shipped().techniques.find("DISARM", "T0114")
    file.write_text("{}")
    with pytest.raises(ValueError, match="bundle"):
        catalogue_of(Settings(disarm_file=file))


# Labels over time


def at(minute: float) -> datetime:
    return LATER + timedelta(minutes=minute)


def bounds(*found: tuple[float, str], began: float | None = None) -> tuple[int, int | None] | None:
    time = unlabelled_time([Look(at(minute), state) for minute, state in found], began=None if began is None else at(began))
    return None if time is None else (time.lower_minutes, time.upper_minutes)


def test_minutes_without_a_label_are_two_bounds() -> None:
    assert bounds((10, "absent"), (70, "absent"), (100, "present"), began=0) == (60, 100)


def test_without_a_beginning_or_an_end_there_is_no_upper_bound() -> None:
    assert bounds((10, "absent"), (100, "present")) == (0, None)
    assert bounds((10, "absent"), (70, "absent"), began=0) == (60, None)


def test_a_look_that_did_not_look_says_nothing() -> None:
    assert bounds((10, "not_checked"), (20, "not_applicable")) is None
    assert bounds((5, "present")) is None
    assert bounds((10, "absent"), (50, "not_checked"), (60, "present"), began=0) == (0, 60)


def test_a_label_that_came_and_went_adds_its_spans() -> None:
    assert bounds((0, "absent"), (10, "absent"), (20, "present"), (30, "absent"), (40, "absent"), (50, "present"), began=0) == (
        20,
        50,
    )


def test_the_lower_bound_is_rounded_down_and_the_upper_up() -> None:
    assert bounds((0.5, "absent"), (1.9, "absent"), (3.2, "present"), began=0) == (1, 4)


@given(st.lists(st.tuples(st.integers(0, 10_000), st.sampled_from(["present", "absent", "not_checked"])), max_size=12))
def test_the_lower_bound_never_exceeds_the_upper(found: list[tuple[int, str]]) -> None:
    result = bounds(*found, began=0)
    assert result is None or result[1] is None or 0 <= result[0] <= result[1]
