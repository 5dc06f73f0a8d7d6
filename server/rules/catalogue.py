"""Every rule pack that is shipped, parsed once. A new version of a pack is a new file content with a new `version`."""

import json
from dataclasses import dataclass
from functools import cache
from importlib import resources

from server.rules.bases import LegalBasis, legal_bases
from server.rules.channels import Channel, channels
from server.rules.disarm import TechniqueTable, parse_table
from server.rules.elections import Election, elections
from server.rules.errors import RuleError
from server.rules.findingtypes import FindingType, finding_types
from server.rules.packs import Pack, parse_pack
from server.rules.windows import SilenceRule, silence_rules

DATA = "data"


@dataclass(frozen=True)
class Catalogue:
    """All rules by id."""

    silence: dict[str, SilenceRule]
    bases: dict[str, LegalBasis]
    types: dict[str, FindingType]
    elections: dict[str, Election]
    channels: tuple[Channel, ...]
    techniques: TechniqueTable


@cache
def shipped() -> Catalogue:
    """The packs of this version. Raises: RuleError when one contradicts itself or names what another lacks."""
    types = {one.code: one for one in finding_types(_pack("finding_types"))}
    bases = {one.id: one for one in legal_bases(_pack("legal_bases"))}
    unknown = {basis for one in types.values() for basis in one.bases} - set(bases)
    if unknown:
        raise RuleError(f"finding types name bases that are not there: {', '.join(sorted(unknown))}")
    table = parse_table(json.loads((resources.files("server.rules") / DATA / "techniques.json").read_text("utf-8")))
    missing = {tag for one in types.values() for tag in one.disarm if table.find("DISARM", tag) is None}
    if missing:
        raise RuleError(f"finding types name techniques that are not there: {', '.join(sorted(missing))}")
    return Catalogue(
        silence={one.id: one for one in silence_rules(_pack("silence"))},
        bases=bases,
        types=types,
        elections={one.id: one for one in elections(_pack("elections"))},
        channels=channels(_pack("channels")),
        techniques=table,
    )


def _pack(name: str) -> Pack:
    pack = parse_pack((resources.files("server.rules") / DATA / f"{name}.yaml").read_bytes())
    if pack.name != name:
        raise RuleError(f"{name}.yaml is a pack of {pack.name}")
    return pack
