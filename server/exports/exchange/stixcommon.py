"""The objects that stand in every STIX bundle: who made it, how it is marked, what the extensions mean."""

from datetime import datetime, timedelta
from typing import Any

from server.exports.exchange.shown import CaseShown
from server.exports.exchange.stixids import (
    FINDING_EXTENSION,
    MADE_AT,
    SOFTWARE,
    TECHNIQUE_EXTENSION,
    TLP_EXTENSION,
    TLP_MADE_AT,
    TLP_MARKINGS,
    object_id,
)
from server.exports.profiles import Profile
from server.exports.tables.findings import utc_text

Object = dict[str, Any]
FORMAT_PAGE = "docs/formats.md, section 14, of Holdstill"


def domain_object(kind: str, object_id_: str, times: tuple[str, str], **members: Any) -> Object:
    """A domain or relationship object; empty members are left out, as the standard wants. `times`: created, modified."""
    made = {"type": kind, "spec_version": "2.1", "id": object_id_, "created": times[0], "modified": times[1]}
    return made | {name: value for name, value in members.items() if value not in (None, "", [], {})}


def author_id(case: CaseShown) -> str:
    """The organisation's identity; the program's where the profile names no organisation."""
    return object_id("identity", "organisation", case.author) if case.author else SOFTWARE


def creator_id(case: CaseShown) -> str | None:
    """`created_by_ref` of what a case says; none where the profile names no organisation: no version may name another creator."""
    return author_id(case) if case.author else None


def version_ms(case: CaseShown) -> int:
    """How much later than its own time an object counts as modified, in milliseconds: for each profile and marking its own.

    One id with one `modified` must mean one content. The fuller profile, and in it the stricter marking, is the later version, so
    who got two of them keeps that. 0 was what all of them had before. Source: STIX 2.1, 3.6.2. Never changed.
    """
    profiles, markings = (Profile.PUBLIC, Profile.AUTHORITY, Profile.INTERNAL), tuple(TLP_MARKINGS)
    return 1 + profiles.index(case.profile) * len(markings) + markings.index(case.marking)


def later_text(moment: str, more_ms: int) -> str:
    """An RFC 3339 time in UTC with milliseconds, so much later."""
    return utc_text(datetime.fromisoformat(moment) + timedelta(milliseconds=more_ms)) or ""


def common_objects(case: CaseShown) -> list[Object]:
    """Identities, the marking of the case, definitions of the extensions used."""
    told = case.marking.removeprefix("TLP:").lower()
    fixed = (MADE_AT, MADE_AT)
    found = [
        domain_object("identity", SOFTWARE, fixed, name="Holdstill", identity_class="system"),
        _extension(TLP_EXTENSION, "TLP 2.0", "https://github.com/oasis-open/cti-stix-common-objects", TLP_MADE_AT),
        _extension(
            FINDING_EXTENSION, "Holdstill finding", f"Each member is a column of the table of findings: {FORMAT_PAGE}", MADE_AT
        ),
        _extension(TECHNIQUE_EXTENSION, "Framework of a technique", f"framework and version as texts: {FORMAT_PAGE}", MADE_AT),
        {
            "type": "marking-definition",
            "spec_version": "2.1",
            "id": TLP_MARKINGS[case.marking],
            "created": TLP_MADE_AT,
            "name": case.marking,
            "extensions": {TLP_EXTENSION: {"extension_type": "property-extension", "tlp_2_0": told}},
        },
    ]
    if case.author:
        found.append(domain_object("identity", author_id(case), fixed, name=case.author, identity_class="organization"))
    return found


def _extension(extension_id: str, name: str, schema: str, made_at: str) -> Object:
    return domain_object(
        "extension-definition",
        extension_id,
        (made_at, made_at),
        created_by_ref=SOFTWARE,
        name=name,
        schema=schema,
        version="1.0.0",
        extension_types=["property-extension"],
    )
