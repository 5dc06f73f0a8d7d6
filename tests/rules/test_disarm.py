"""Techniques: the shipped table, the framework's own file, retired ids, and AMITT ids that mean something else."""

import copy
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.rules.catalogue import shipped
from server.rules.disarm import parse_disarm_bundle, parse_table
from server.rules.errors import RuleError

BUNDLE: dict[str, object] = {
    "type": "bundle",
    "id": "bundle--00000000-0000-4000-8000-000000000000",
    "objects": [
        {"type": "x-mitre-tactic", "name": "Some tactic", "external_references": [{"external_id": "TA01"}]},
        {
            "type": "attack-pattern",
            "name": "A lookalike thing",
            "external_references": [{"source_name": "mitre-attack", "external_id": "T9149.003"}],
            "kill_chain_phases": [{"kill_chain_name": "mitre-attack", "phase_name": "establish-assets"}],
            "x_mitre_platforms": ["Windows"],
        },
        {"type": "attack-pattern", "name": "Gone", "revoked": True, "external_references": [{"external_id": "T9000"}]},
        {"type": "relationship", "relationship_type": "subtechnique-of"},
    ],
}


def test_the_shipped_table_has_both_frameworks_and_the_ids_that_findings_need() -> None:
    table = shipped().techniques
    of = {framework: sum(one.framework == framework for one in table.techniques.values()) for framework in ("DISARM", "AMITT")}
    assert of["AMITT"] == 61 and of["DISARM"] > 298
    lookalike = table.find("DISARM", "T0149.003")
    assert lookalike is not None and (lookalike.name, lookalike.version) == ("Lookalike Domain", "1.6")
    assert table.find("DISARM", "T0086.002") is not None and table.find("DISARM", "T0149.999") is None


def test_one_id_of_two_frameworks_is_two_techniques() -> None:
    table = shipped().techniques
    amitt, disarm = table.find("AMITT", "T0043"), table.find("DISARM", "T0043")
    assert amitt is not None and disarm is not None and amitt.name != disarm.name


def test_the_renamed_id_is_the_newer_one() -> None:
    found = shipped().techniques.find("DISARM", "T0097")
    assert found is not None and (found.name, found.version) == ("Present Persona", "1.6")


def test_every_retired_id_is_known_and_leads_to_ids_that_exist() -> None:
    table = shipped().techniques
    assert len(table.renamed) == 42
    for old, new in table.renamed.items():
        assert table.find("DISARM", old) is not None, old
        assert len(table.suggested(old)) == len(new), old
    assert [one.id for one in table.suggested("T0099.004")] == ["T0143.003", "T0097.202"]
    assert table.suggested("T0114") == ()


def test_the_frameworks_own_file_is_read_without_what_it_says_of_another_framework() -> None:
    [one] = parse_disarm_bundle(BUNDLE, "1.7")
    assert (one.framework, one.version, one.id, one.name, one.tactics) == (
        "DISARM", "1.7", "T9149.003", "A lookalike thing", ("establish-assets",),
    )  # fmt: skip
    assert "mitre" not in repr(one) and "Windows" not in repr(one)
    table = shipped().techniques.with_techniques([one])
    assert table.find("DISARM", "T9149.003") == one and table.find("DISARM", "T0149.003") is not None


def broken() -> list[object]:
    found: list[object] = [None, [], {}, {"type": "bundle"}, {"type": "bundle", "objects": []}, {"type": "bundle", "objects": 5}]
    for change in ({"name": ""}, {"name": "x" * 300}, {"name": "a\nb"}, {"external_references": []}, {"external_references": 5}):
        bundle = copy.deepcopy(BUNDLE)
        bundle["objects"][1].update(change)  # type: ignore[index]
        found.append(bundle)
    twice = copy.deepcopy(BUNDLE)
    twice["objects"].append(twice["objects"][1])  # type: ignore[attr-defined,index]
    return [*found, twice]


@pytest.mark.parametrize("root", broken())
def test_a_broken_file_is_refused_whole(root: object) -> None:
    with pytest.raises(RuleError):
        parse_disarm_bundle(root, "1.7")


@given(
    st.recursive(
        st.none() | st.integers() | st.text(max_size=5), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
    )
)
def test_any_json_gives_techniques_or_the_one_error(root: object) -> None:
    for parse in (parse_table, lambda value: parse_disarm_bundle(value, "1")):
        with pytest.raises(RuleError):
            parse(root)


def test_no_descriptions_are_shipped() -> None:
    """The framework's texts are CC BY-SA; ids and names are what a tag needs."""
    assert all(len(one.name) < 130 and not re.search(r"\.\s", one.name) for one in shipped().techniques.techniques.values())
