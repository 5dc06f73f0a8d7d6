"""The events of a notice as forms of texts. Exhibits are named by their numbers; times are UTC, with precision and source."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from server.errors import BadInput
from server.findings.body import chosen_silence
from server.notices.bodies import Content, Drafted, parse_content
from server.notices.pinning import ItemOrder
from server.notices.service import DraftOrder, SendOrder
from server.notices.values import Item, StatedTime
from server.notices.vocabulary import CHECKS
from server.web.forms import lines, optional, typed_id, utc_time

PLAIN: dict[str, tuple[str, ...]] = {
    "attempted": ("channel", "address", "failure", "error_text"),
    "acknowledged": ("mode", "reference", "said_by", "text"),
    "replied": ("mode", "said_by", "text"),
    "decided": (
        "mode", "ground", "ground_reference", "explanation", "source_type", "automated", "statement_id", "said_by",
    ),
    "looked": ("note",),
    "complained": ("remedy", "body", "reference", "text"),
    "resolved": ("result", "reference", "text"),
    "noted": ("text",),
    "dropped": ("recheck_id", "reason"),
}  # fmt: skip
PRECISIONS = (1, 60, 600, 3600, 86400)


@dataclass(frozen=True)
class Typed:
    """What was typed. `many`: fields that may be given several times. `exhibits`: number → capture and its time."""

    fields: Mapping[str, str]
    many: Mapping[str, Sequence[str]]
    exhibits: Mapping[int, tuple[str, datetime]]

    def capture(self, field: str = "exhibit") -> tuple[str, datetime] | None:
        """The capture that is named, None when none is. Raises: BadInput (no such exhibit)."""
        text = self.fields.get(field, "").strip()
        if not text:
            return None
        number = exhibit_number(text)
        if number is None or number not in self.exhibits:
            raise BadInput(field=field, reason=f"there is no exhibit {text[:12]}")
        return self.exhibits[number]


def exhibit_number(text: str) -> int | None:
    """The number in what was typed for an exhibit, None when it is none."""
    number = text.strip().lstrip("#")
    return int(number) if number.isascii() and number.isdigit() and len(number) <= 7 else None


def exhibits_named(fields: Mapping[str, str]) -> list[int]:
    """The numbers of every exhibit that the form names."""
    found = (exhibit_number(text) for name, text in fields.items() if name.startswith("exhibit"))
    return sorted({number for number in found if number is not None})


def draft_of(fields: Mapping[str, str]) -> DraftOrder:
    """The draft. An item is a line: the exact address, or `F-7 | address`. Raises: BadInput."""
    silence = fields.get("silence", "")
    choice = None
    if silence:
        rule_id, _, territory = silence.partition("/")
        choice = chosen_silence(rule_id, territory, fields.get("election", ""))
    return DraftOrder(
        platform=fields.get("platform", ""),
        route=fields.get("route", ""),
        title=fields.get("title", ""),
        items=tuple(_item(line) for line in lines(fields.get("items", ""))),
        requested_action=fields.get("requested_action", ""),
        silence=choice,
        export_id=optional(typed_id, "export", export_named(fields)),
    )


def export_named(fields: Mapping[str, str]) -> str:
    """The id of the export that is typed, by itself or at the end of an address; empty without one."""
    return fields.get("export", "").strip().rstrip("/").rsplit("/", 1)[-1]


def fields_of(draft: Drafted) -> dict[str, str]:
    """The draft as draft_of() reads it; platform and route are the notice's own."""
    silence = draft.silence
    return {
        "title": draft.title,
        "items": "\n".join(f"F-{one.finding.number} | {one.url}" if one.finding else one.url for one in draft.items),
        "requested_action": draft.requested_action,
        "silence": "" if silence is None else f"{silence.rule_id}/{silence.territory}",
        "election": "" if silence is None else silence.election_id,
        "export": "" if draft.document is None else str(draft.document.export_id),
    }


def send_of(typed: Typed) -> SendOrder:
    """That it was sent; empty lines of items mean what was drafted. Raises: BadInput."""
    fields, shown = typed.fields, typed.capture()
    return SendOrder(
        at=stated(typed, "at"),
        channel=fields.get("channel", ""),
        sent_by=fields.get("sent_by", ""),
        address=fields.get("address", "").strip(),
        reference=fields.get("reference", "").strip(),
        items=tuple(_item(line) for line in lines(fields.get("items", ""))),
        export_id=optional(typed_id, "export", export_named(fields)),
        capture_id=None if shown is None else shown[0],
        checks=tuple(name for name in CHECKS if name in typed.many.get("checks", ())),
    )


def content_of(kind: str, typed: Typed, items: Sequence[Item]) -> Content:
    """Any other event. Raises: BadInput, naming the field."""
    values: dict[str, Any] = {"kind": kind} | {name: typed.fields.get(name, "") for name in PLAIN[kind]}
    if kind not in ("noted", "dropped"):
        values["at"] = stated(typed, "at")
    shown = typed.capture()
    if kind == "looked":
        values |= _looked(typed, items)
    elif kind == "attempted" or (kind == "replied" and values["mode"] != "oral"):
        values["shown"] = _shown(typed, shown)
    elif kind in ("acknowledged", "decided", "complained", "resolved"):
        values["capture_id"] = None if shown is None else shown[0]
    if kind == "decided":
        values |= _decided(typed)
    if kind == "resolved":
        values["of"] = exhibit_number(typed.fields.get("of", "")) or 0
    return parse_content(values)


def stated(typed: Typed, field: str) -> StatedTime:
    """A time with precision and source; left empty beside an exhibit it is that capture's time. Raises: BadInput."""
    fields, shown = typed.fields, typed.capture()
    if not fields.get(field, "").strip() and shown is not None:
        return StatedTime(value=shown[1], precision_s=1, source="capture")
    try:
        return StatedTime.model_validate(
            {
                "value": utc_time(field, fields.get(field, "")),
                "precision_s": fields.get(f"{field}_precision") or 60,
                "source": fields.get(f"{field}_source") or "person",
            }
        )
    except ValueError as error:
        raise BadInput(field=field, reason="a precision in seconds, and one of the sources") from error


def _item(line: str) -> ItemOrder:
    first, bar, rest = line.partition("|")
    number = exhibit_number(first.strip().upper().removeprefix("F-")) if bar else None
    if bar and number is None:
        raise BadInput(field="items", reason="a finding is written F-7 | address")
    return ItemOrder((rest if bar else first).strip(), number)


def _shown(typed: Typed, shown: tuple[str, datetime] | None, why: str = "no_capture") -> dict[str, object]:
    reason = typed.fields.get(why, "").strip() if shown is None else ""
    return {"capture_id": None if shown is None else shown[0], "no_capture": reason}


def _looked(typed: Typed, items: Sequence[Item]) -> dict[str, object]:
    """Every address that somebody looked at; its own exhibit, or the one named for all."""
    seen = []
    for place, item in enumerate(items, 1):
        availability = typed.fields.get(f"availability_{place}", "")
        if availability:
            shown = typed.capture(f"exhibit_{place}") or typed.capture()
            seen.append({"url": item.url, "availability": availability, "shown": _shown(typed, shown)})
    recheck = typed.fields.get("recheck", "")
    country = typed.fields.get("country", "").strip().upper()
    checked: UUID | None = optional(typed_id, "recheck", recheck)
    return {"seen": seen, "country": country, "recheck_id": checked}


def _decided(typed: Typed) -> dict[str, object]:
    fields = typed.fields
    applied = stated(typed, "applied_at") if fields.get("applied_at", "").strip() else None
    return {
        "decisions": list(typed.many.get("decisions", ())),
        "items": list(typed.many.get("decided_items", ())),
        "applied_at": applied,
        "territories": fields.get("territories", "").upper().replace(",", " ").split(),
        "ends_on": fields.get("ends_on", "").strip() or None,
    }
