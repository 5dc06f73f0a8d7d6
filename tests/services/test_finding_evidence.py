"""What each type lacks, one piece at a time. Times of posting and days of bases: test_finding_times.py."""

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
from server.rules.catalogue import shipped
from server.rules.findingtypes import EVIDENCE
from server.settings import Settings
from tests.services.casework import SILENCE, body_of

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


@pytest.mark.parametrize("order", [("present", "absent"), ("absent", "present")])
def test_at_one_moment_a_label_that_is_there_counts_whichever_was_recorded_first(order: tuple[str, str]) -> None:
    sponsor, statement = (LookFact(2, one, LATER, kind) for one, kind in zip(order, ("sponsor", "statement"), strict=True))
    first = LookFact(1, "absent", LATER)
    assert "label_present" in lacking("ai_unlabelled", [first, sponsor, statement])
    later = LookFact(2, "absent", LATER + timedelta(minutes=9))
    assert "label_present" in lacking("ad_unlabelled", [sponsor, statement, later])


def test_two_looks_of_one_moment_for_one_label_that_contradict_confirm_nothing() -> None:
    both = [LookFact(2, state, LATER, "ai_label") for state in ("absent", "present")]
    later = [LookFact(2, "absent", LATER + timedelta(minutes=minute), "ai_label") for minute in (1, 2)]
    assert "labels_contradict" in lacking("ai_unlabelled", [LookFact(1, "absent", LATER), *both, *later])
    before = [LookFact(2, "absent", LATER - timedelta(minutes=minute), "ai_label") for minute in (1, 2)]
    assert "labels_contradict" in lacking("ad_unlabelled", [*before, *both])


def test_one_person_written_in_two_ways_is_one_and_one_address_with_a_fragment_is_one() -> None:
    twice = [{"method": "human", "by": by, "verdict": "likely"} for by in ("urn:p:1", " URN:P:1 ")]
    assert lacking("ai_unlabelled", ai=twice) == ["ai_assessment"]
    seen = [{**SEEN[0], "url": f"https://e.example/1{end}"} for end in ("", "#a")]
    assert lacking("influence_operation", sightings=seen) == ["two_sightings"]


def test_an_ad_needs_two_looks_and_the_first_without_the_label() -> None:
    assert "label_history" in lacking("ad_unlabelled", looks((2, "absent", 0)))
    assert "label_history" in lacking("ad_unlabelled", looks((2, "absent", 0), (2, "not_checked", 9)))
    assert lacking("ad_unlabelled", looks((2, "absent", 0), (2, "present", 9))) == []
    assert "label_present" in lacking("ad_unlabelled", looks((2, "present", 0), (2, "absent", 9)))


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
