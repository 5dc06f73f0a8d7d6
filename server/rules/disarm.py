"""Techniques of the DISARM Red Framework and the AMITT ids before it. A tag keeps framework, version, id and name: ids alone are
ambiguous (AMITT T0015 and DISARM T0015 are two things)."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from server.rules.errors import RuleError

FRAMEWORKS = ("DISARM", "AMITT")
TABLE_LIMIT = 5000
NAME_LIMIT = 200
_ID = re.compile(r"T[0-9]{4}(\.[0-9]{3})?")


@dataclass(frozen=True)
class Technique:
    """One technique of one version of a framework. `tactics` are names, empty where the source has none."""

    framework: str
    version: str
    id: str
    name: str
    tactics: tuple[str, ...] = ()


@dataclass(frozen=True)
class TechniqueTable:
    """What can be tagged. `newest` is the DISARM version that wins where two have one id; `renamed`: retired id → ids that
    replace it."""

    techniques: Mapping[tuple[str, str], Technique]
    renamed: Mapping[str, tuple[str, ...]]

    def find(self, framework: str, technique_id: str) -> Technique | None:
        """The technique, None when the framework does not have it."""
        return self.techniques.get((framework, technique_id))

    def suggested(self, technique_id: str) -> tuple[Technique, ...]:
        """What replaces a retired DISARM id, empty when it was not retired. A person chooses; tags are never rewritten."""
        found = (self.find("DISARM", one) for one in self.renamed.get(technique_id, ()))
        return tuple(one for one in found if one is not None)

    def with_techniques(self, more: Iterable[Technique]) -> "TechniqueTable":
        """This table with further techniques; they win over those of the same framework and id."""
        return TechniqueTable({**self.techniques, **{(one.framework, one.id): one for one in more}}, self.renamed)


def parse_table(root: object) -> TechniqueTable:
    """The compact table that is shipped (server/rules/data/techniques.json, parsed). Raises: RuleError."""
    if not isinstance(root, dict) or set(root) != {"sources", "techniques", "renamed"}:
        raise RuleError("a table has exactly: sources, techniques, renamed")
    rows, renamed = root["techniques"], root["renamed"]
    if not isinstance(rows, list) or len(rows) > TABLE_LIMIT or not isinstance(renamed, dict):
        raise RuleError("techniques is a list, renamed a mapping")
    found: dict[tuple[str, str], Technique] = {}
    for row in rows:
        if not isinstance(row, list) or len(row) != 5 or not all(isinstance(one, str) for one in row):
            raise RuleError("a technique is [framework, version, id, name, tactics joined by |]")
        one = technique(*row[:4], tactics=tuple(part for part in row[4].split("|") if part))
        found[(one.framework, one.id)] = one  # a later row (the supplement) wins
    return TechniqueTable(found, {str(old): tuple(str(one) for one in new) for old, new in renamed.items()})


def technique(framework: str, version: str, technique_id: str, name: str, *, tactics: tuple[str, ...] = ()) -> Technique:
    """A technique whose parts have the right shape. Raises: RuleError."""
    if framework not in FRAMEWORKS:
        raise RuleError(f"framework is one of {', '.join(FRAMEWORKS)}")
    if _ID.fullmatch(technique_id) is None:
        raise RuleError("a technique's id is T and four digits, with .001 to .999 for a sub-technique")
    if not name or len(name) > NAME_LIMIT or not name.isprintable():
        raise RuleError(f"a technique's name has 1 to {NAME_LIMIT} printable characters")
    return Technique(framework, version, technique_id, name, tactics)


def parse_disarm_bundle(root: object, version: str) -> tuple[Technique, ...]:
    """The attack-patterns of a DISARM.json (a STIX 2 bundle, parsed; the framework's own file), as techniques of `version`.

    What the file marks as MITRE ATT&CK (its kill chain, its platforms) is not taken over. Raises: RuleError.
    """
    objects = root.get("objects") if isinstance(root, dict) else None
    if not isinstance(objects, list) or not isinstance(root, dict) or root.get("type") != "bundle" or len(objects) > TABLE_LIMIT:
        raise RuleError("not a STIX bundle")
    found: dict[str, Technique] = {}
    for one in objects:
        if not isinstance(one, dict) or one.get("type") != "attack-pattern" or one.get("revoked") is True:
            continue
        made = technique("DISARM", version, _external_id(one), str(one.get("name", "")).strip(), tactics=_tactics(one))
        if made.id in found:
            raise RuleError(f"{made.id} stands twice in the file")
        found[made.id] = made
    if not found:
        raise RuleError("the bundle has no techniques")
    return tuple(found.values())


def _external_id(one: Mapping[str, Any]) -> str:
    references = one.get("external_references")
    for reference in references if isinstance(references, list) else []:
        if isinstance(reference, dict) and _ID.fullmatch(str(reference.get("external_id", ""))):
            return str(reference["external_id"])
    raise RuleError("an attack-pattern without a technique's id")


def _tactics(one: Mapping[str, Any]) -> tuple[str, ...]:
    phases = one.get("kill_chain_phases")
    named = [
        str(phase.get("phase_name", ""))[:NAME_LIMIT]
        for phase in (phases if isinstance(phases, list) else [])
        if isinstance(phase, dict)
    ]
    return tuple(name for name in named if name)
