"""By which way a platform can be told something, at a date: the Rapid Response System, a DSA notice, a direct contact."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from server.rules.errors import RuleError
from server.rules.packs import Pack, Provenance, only, optional_text, provenance_of, text_of

ROUTES = ("rrs", "dsa_art16", "policy_report", "direct")


@dataclass(frozen=True)
class Channel:
    """One way to one platform, with the dates between which it is (or was) open."""

    id: str
    version: str
    platform: str
    provider: str
    route: str
    note: str
    provenance: Provenance


def channels(pack: Pack) -> tuple[Channel, ...]:
    """The channels of a pack. Raises: RuleError."""
    return tuple(_channel(entry, pack.version) for entry in pack.entries)


def open_channels(known: tuple[Channel, ...], platform: str, day: date) -> tuple[Channel, ...]:
    """The platform's channels on that day, in the pack's order."""
    return tuple(one for one in known if one.platform == platform and one.provenance.in_force(day))


def _channel(entry: Mapping[str, Any], version: str) -> Channel:
    only(
        entry, "id", "platform", "provider", "route", "note", "source", "status", "verified_by", "verified_on",
        "effective_from", "effective_to",
    )  # fmt: skip
    route = text_of(entry, "route")
    if route not in ROUTES:
        raise RuleError(f"route is one of {', '.join(ROUTES)}")
    return Channel(
        text_of(entry, "id"),
        version,
        text_of(entry, "platform"),
        text_of(entry, "provider"),
        route,
        optional_text(entry, "note"),
        provenance_of(entry),
    )
