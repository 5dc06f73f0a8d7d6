"""Legal and contractual bases with their dates. A finding names the basis somebody alleges; nothing here says that a rule
was broken."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

from server.rules.errors import RuleError
from server.rules.packs import Pack, Provenance, only, optional_text, provenance_of, text_of

Kind = Literal["law", "voluntary_code", "platform_policy"]
KINDS: dict[str, Kind] = {"law": "law", "voluntary_code": "voluntary_code", "platform_policy": "platform_policy"}
_MEMBERS = ("id", "kind", "jurisdiction", "instrument", "article", "title", "note", "event")
_COMMON = ("source", "status", "verified_by", "verified_on", "effective_from", "effective_to")


@dataclass(frozen=True)
class LegalBasis:
    """One provision. `event` names the date that decides: `published` or `captured`."""

    id: str
    version: str
    kind: Kind
    jurisdiction: str
    instrument: str
    article: str
    title: str
    note: str
    event: Literal["published", "captured"]
    provenance: Provenance

    def refusal(self, day: date) -> str:
        """Why this basis cannot be cited for something of that day; "" when it can."""
        first, last = self.provenance.effective_from, self.provenance.effective_to
        if first is not None and day < first:
            return f"{self.id} applies from {first}; this was {self.event} on {day}"
        if last is not None and last < day:
            return f"{self.id} applied until {last}; this was {self.event} on {day}"
        return ""


def legal_bases(pack: Pack) -> tuple[LegalBasis, ...]:
    """The provisions of a pack. Raises: RuleError."""
    return tuple(_basis(entry, pack.version) for entry in pack.entries)


def _basis(entry: Mapping[str, Any], version: str) -> LegalBasis:
    only(entry, *_MEMBERS, *_COMMON)
    kind, event = text_of(entry, "kind"), optional_text(entry, "event") or "published"
    if kind not in KINDS:
        raise RuleError(f"kind is one of {', '.join(KINDS)}")
    if event not in ("published", "captured"):
        raise RuleError("event is published or captured")
    provenance = provenance_of(entry)
    if kind != "platform_policy" and provenance.effective_from is None:
        raise RuleError("a law or code says from when it applies")
    return LegalBasis(
        id=text_of(entry, "id"),
        version=version,
        kind=KINDS[kind],
        jurisdiction=text_of(entry, "jurisdiction"),
        instrument=text_of(entry, "instrument"),
        article=optional_text(entry, "article"),
        title=text_of(entry, "title"),
        note=optional_text(entry, "note"),
        event="published" if event == "published" else "captured",
        provenance=provenance,
    )
