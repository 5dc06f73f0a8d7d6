"""Rule packs are data from outside: limits, no aliases, strict members; and what is shipped says where it comes from."""

from datetime import date

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from server.rules.bases import legal_bases
from server.rules.catalogue import shipped
from server.rules.channels import channels, open_channels
from server.rules.elections import elections
from server.rules.errors import RuleError
from server.rules.findingtypes import SLI_LABELS, finding_types
from server.rules.packs import PACK_LIMIT_BYTES, parse_pack
from server.rules.windows import silence_rules

PARSERS = (silence_rules, legal_bases, finding_types, elections, channels)


def pack(**rule: object) -> bytes:
    return yaml.safe_dump({"pack": "p", "version": "1", "rules": [{"id": "a", **rule}]}).encode()


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"[]",
        b"pack: p",
        b"pack: p\nversion: 1\nrules: []",
        b"pack: p\nversion: '1'\nrules: {}",
        b"pack: p\nversion: '1'\nrules: [1]",
        b"pack: p\nversion: '1'\nrules: [{id: a}, {id: a}]",
        b"pack: p\npack: q\nversion: '1'\nrules: []",
        b"pack: &a p\nversion: *a\nrules: []",
        b"pack: p\nversion: '1'\nrules: []\nmore: 1",
        b"!!python/object/apply:os.system [ls]",
        b"\xff\xfe",
        b"pack: p\nversion: '1'\nrules: [{id: a, when: 2024-02-31}]",
        b"[" * 5000,
        b"a" * (PACK_LIMIT_BYTES + 1),
    ],
)
def test_what_is_no_pack_is_refused(text: bytes) -> None:
    with pytest.raises(RuleError):
        parse_pack(text)


@given(st.binary(max_size=300))
def test_any_bytes_give_a_pack_or_the_one_error(text: bytes) -> None:
    try:
        parse_pack(text)
    except RuleError as error:
        assert error.reason


@pytest.mark.parametrize("parse", PARSERS, ids=lambda one: one.__name__)
def test_a_mistyped_member_is_refused(parse: object) -> None:
    with pytest.raises(RuleError):
        parse(parse_pack(pack(efective_from="2024-01-01")))  # type: ignore[operator]


def test_a_verified_rule_says_by_whom_and_when() -> None:
    basis = {
        "kind": "law",
        "jurisdiction": "X",
        "instrument": "i",
        "title": "t",
        "source": "s",
        "effective_from": date(2024, 1, 1),
    }
    with pytest.raises(RuleError, match="by whom"):
        legal_bases(parse_pack(pack(**basis, status="verified")))
    with pytest.raises(RuleError, match="from when"):
        legal_bases(parse_pack(pack(**{**basis, "effective_from": None}, status="draft")))
    with pytest.raises(RuleError, match="before"):
        legal_bases(parse_pack(pack(**basis, status="draft", effective_to=date(2023, 1, 1))))
    assert legal_bases(parse_pack(pack(**basis, status="draft")))[0].provenance.verified_on is None


@pytest.mark.parametrize("basis", ["eu/ai-act/50-4", "eu/ttpa/11", "eu/ttpa/12", "eu/coc/2025"])
def test_a_finding_of_2024_cannot_cite_what_came_later(basis: str) -> None:
    law = shipped().bases[basis]
    first = law.provenance.effective_from
    assert first is not None
    assert basis in law.refusal(date(2024, 7, 6)) and law.refusal(first) == ""


def test_dates_that_change_verdicts() -> None:
    first = {basis: law.provenance.effective_from for basis, law in shipped().bases.items()}
    assert first["eu/ai-act/50-4"] == date(2026, 8, 2)
    assert first["eu/ttpa/11"] == first["eu/ttpa/12"] == date(2025, 10, 10)
    assert first["eu/dsa/16"] == date(2024, 2, 17)
    assert first["eu/coc/2025"] == date(2025, 7, 1)
    assert "until" in shipped().bases["eu/cop/2022"].refusal(date(2025, 7, 1))
    assert shipped().bases["fr/code-electoral/L49"].refusal(date(2024, 7, 6)) == ""


def test_every_type_counts_under_one_label_of_the_sli_and_needs_evidence() -> None:
    types = shipped().types
    assert {one.sli_label for one in types.values()} == set(SLI_LABELS)
    assert all(one.evidence for one in types.values())
    assert types["silence_violation"].disarm == (), "none fits"
    with pytest.raises(RuleError, match="does not know"):
        finding_types(parse_pack(pack(title="t", sli_label="other", evidence=["rumour"])))
    with pytest.raises(RuleError, match="sli_label"):
        finding_types(parse_pack(pack(title="t", sli_label="lies")))


def test_a_channel_is_open_between_its_dates_only() -> None:
    known = shipped().channels
    assert [one.route for one in open_channels(known, "x", date(2024, 7, 6))] == ["dsa_art16"]
    assert {one.route for one in open_channels(known, "tiktok", date(2024, 7, 6))} == {"rrs", "dsa_art16"}
    assert open_channels(known, "tiktok", date(2020, 1, 1)) == ()
