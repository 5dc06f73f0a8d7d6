"""The notification to a platform through the Rapid Response System of the Code: what, where, under which rule, why now.

It claims no breach of a law. No form is published for it; the fields follow what signatories report. Not checked: that the
platform still answers to it, that the clause says what is alleged.
"""

import csv
import io
from datetime import date
from typing import Annotated, Literal

from pydantic import AwareDatetime, Field

from server.exports.documents.notice import EMAIL, ITEMS_LIMIT, Ground, Item, is_exact, item_lines, parts_text
from server.exports.documents.paper import pdf
from server.exports.documents.values import Line, Lines, Text, Value, indented
from server.exports.errors import ExportRefused
from server.exports.tables.cells import array_text, csv_cell
from server.visible import is_blank

TITLE = "Notification through the Rapid Response System"
CSV_HEADER = (
    "finding", "url", "platform", "account_id", "content_id", "type", "posted_at", "language", "captures",
    "posted_at_precision_s", "posted_at_compared", "captures_withdrawn",
    "deposits_withdrawn",
)  # fmt: skip
REASON_LIMIT = 2_000
URGENCIES = ("", "immediate", "within_24_hours", "within_72_hours")
STATUSES = ("", "signatory", "member_of_signatory", "not_signatory")
Urgency = Literal["", "immediate", "within_24_hours", "within_72_hours"]
Status = Literal["", "signatory", "member_of_signatory", "not_signatory"]


class RapidDraft(Value):
    """What a person writes. `findings`: numbers of confirmed findings, all of one platform. `policy_capture`: id of a capture of
    the rule; evidence_url: where the recipient can look, if there is such a place; reach: as somebody stated it, never summed.
    """

    platform: Annotated[Line, Field(min_length=1)]
    organisation: Line = ""
    signatory_status: Status = ""
    contact_name: Line = ""
    contact_email: Line = ""
    urgency: Urgency = ""
    why_now: Annotated[Text, Field(max_length=20_000)] = ""
    findings: Annotated[tuple[int, ...], Field(max_length=1000)] = ()
    policy_clause: Line = ""
    policy_capture: Annotated[str, Field(pattern=r"^([0-9a-f]{64})?$")] = ""
    requested_action: Line = ""
    reach: Lines = ()
    evidence_url: Line = ""


class RapidItem(Item):
    """One place. `type`: kind of finding; `captures`: ids, which are SHA-256 of the captures' signed statements."""

    account_id: str
    type: str
    language: str


class Rapid(Value):
    """The frozen object. `channel`: the rule pack's entry for the platform, empty where it has none for that day."""

    format: Literal["holdstill-rapid/1"] = "holdstill-rapid/1"
    notification_id: str
    created_at: AwareDatetime
    tlp: str
    election: str
    poll_day: date | None
    channel: str
    channel_status: str
    provider: str
    said: RapidDraft
    items: tuple[RapidItem, ...]
    grounds: tuple[Ground, ...]


def refusals(rapid: Rapid) -> list[str]:
    """Everything that keeps it from being sent, as codes with a detail after a colon; empty when nothing does."""
    said = rapid.said
    needed = {
        "organisation": said.organisation,
        "signatory_status": said.signatory_status,
        "contact_on_duty": said.contact_name,
        "urgency": said.urgency,
        "why_now": said.why_now,
        "requested_action": said.requested_action,
        "election": rapid.election,
        "policy_clause": said.policy_clause or rapid.grounds,
        "items": rapid.items,
    }
    found = [code for code, value in needed.items() if (is_blank(value) if isinstance(value, str) else not value)]
    if EMAIL.fullmatch(said.contact_email) is None:
        found.append("email")
    if not rapid.channel:
        found.append(f"no_channel: {said.platform}")
    if len(said.why_now) > REASON_LIMIT:
        found.append(f"why_now_too_long: {len(said.why_now)} of {REASON_LIMIT} characters")
    if len(rapid.items) > ITEMS_LIMIT:
        found.append(f"too_many_items: {len(rapid.items)} of {ITEMS_LIMIT}")
    found += [f"other_platform: {one.finding} ({one.platform})" for one in rapid.items if one.platform != said.platform]
    return found + [f"exact_url: {one.finding}" for one in rapid.items if not is_exact(one.url)]


def rapid_files(text: str) -> dict[str, bytes]:
    """The files of the object's canonical text. Blocking. Raises: ExportRefused, which names everything that is missing."""
    rapid = Rapid.model_validate_json(text)
    missing = refusals(rapid)
    if missing:
        raise ExportRefused(reason="; ".join(missing), missing=missing)
    at, parts = rapid.created_at, rapid_parts(rapid)
    made = {"year": at.year, "month": at.month, "day": at.day}
    return {
        "notification.pdf": pdf("notice.typ", {"title": TITLE, "date": made, "parts": parts}, at),
        "notification.txt": parts_text(TITLE, parts).encode(),
        "notification.json": indented(text),
        "urls.csv": _csv(rapid).encode(),
    }


def rapid_parts(rapid: Rapid) -> list[dict[str, object]]:
    """Titles and lines, as PDF and text print them."""
    said = rapid.said
    status, urgency = said.signatory_status.replace("_", " "), said.urgency.replace("_", " ")
    vote = f"{rapid.election}, polling day {rapid.poll_day}" if rapid.poll_day else rapid.election
    parts: list[tuple[str, list[str]]] = [
        ("To", [f"{rapid.provider}: {said.platform}"]),
        ("From", [f"{said.organisation} ({status})", f"On duty: {said.contact_name}, {said.contact_email}"]),
        ("Notification", [rapid.notification_id, f"{rapid.created_at:%Y-%m-%d %H:%M UTC}", rapid.tlp]),
        ("Election", [vote]),
        ("Urgency", [urgency, *said.why_now.split("\n")]),
        ("Where", [line for one in rapid.items for line in [*item_lines(one), _more(one)]]),
        ("Rule invoked", [said.policy_clause, *(one.words for one in rapid.grounds), _policy_capture(said)]),
        ("Reach, as stated", [*said.reach]),
        ("Asked for", [said.requested_action]),
        ("Evidence", [said.evidence_url, "Captures are named at each address by the SHA-256 of their signed statements."]),
    ]
    return [{"title": title, "lines": [one for one in lines if one]} for title, lines in parts if any(lines)]


def _policy_capture(said: RapidDraft) -> str:
    return f"The rule as captured: {said.policy_capture}" if said.policy_capture else ""


def _more(one: RapidItem) -> str:
    known = (f"account {one.account_id}" if one.account_id else "", one.type, one.language, *one.captures)
    return " · ".join(part for part in known if part)


def _csv(rapid: Rapid) -> str:
    """The addresses as a table, formula-safe as the tables of a case are (docs/formats.md, section 14)."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(CSV_HEADER)
    for one in rapid.items:
        posted = None if one.posted_at is None else one.posted_at.isoformat()
        cells = (one.finding, one.url, one.platform, one.account_id, one.platform_content_id, one.type, posted, one.language)
        known = (one.posted_at_precision_s, "no" if one.posted_at_compared is False else None)
        gone = array_text(list(one.captures_withdrawn)) if one.captures_withdrawn else ""
        archives = csv_cell(one.deposits_withdrawn or None)
        writer.writerow([*map(csv_cell, cells), array_text(list(one.captures)), *map(csv_cell, known), gone, archives])
    return out.getvalue()
