"""What each event of a notice says, as values. The canonical text (sorted members, no spaces) is what is stored and hashed."""

import uuid
from datetime import date
from typing import Annotated, Literal

from pydantic import Field, TypeAdapter, ValidationError, model_validator

from server.errors import BadInput
from server.findings.body import Availability, CaptureRef, Line, Prose, SilenceChoice
from server.notices.values import (
    ITEMS_LIMIT,
    Country,
    ExactUrl,
    Items,
    PinnedDocument,
    PinnedWindow,
    Shown,
    StatedTime,
    Urls,
    Value,
)
from server.notices.vocabulary import (
    Automated,
    Decision,
    EventKind,
    Failure,
    Ground,
    Mode,
    Remedy,
    Result,
    SourceType,
)
from server.rules.channels import ROUTES


class Drafted(Value):
    """What is meant to be sent. `items`: exact addresses, each once."""

    kind: Literal["drafted"] = "drafted"
    title: Annotated[Line, Field(min_length=1)]
    requested_action: Prose = ""
    items: Items
    silence: SilenceChoice | None = None
    document: PinnedDocument | None = None


class Attempted(Value):
    """A try that failed: where, how, what it answered in its own words, and the capture that shows the failing form."""

    kind: Literal["attempted"] = "attempted"
    at: StatedTime
    channel: Annotated[Line, Field(min_length=1)]
    address: Line = ""
    failure: Failure
    error_text: Prose = ""
    shown: Shown


class Sent(Value):
    """It went out: by which channel, by whom, exactly which addresses, with which reference number."""

    kind: Literal["sent"] = "sent"
    at: StatedTime
    channel: Annotated[Line, Field(min_length=1)]
    address: Line = ""
    reference: Line = ""
    sent_by: Annotated[Line, Field(min_length=1)]
    items: Items
    document: PinnedDocument | None = None
    window: PinnedWindow | None = None
    capture_id: CaptureRef | None = None


class Told(Value):
    """What every message and step has in common: when, under which number, in which words, and the capture that shows it."""

    at: StatedTime
    reference: Line = ""
    text: Prose = ""
    capture_id: CaptureRef | None = None


class Acknowledged(Told):
    """The platform says that it has it (DSA Article 16(4)), by itself or through a person."""

    kind: Literal["acknowledged"] = "acknowledged"
    mode: Mode
    said_by: Line = ""


class Replied(Value):
    """An answer without a decision. Oral: who said it (the author of the event noted it). Written: what shows it."""

    kind: Literal["replied"] = "replied"
    at: StatedTime
    mode: Mode
    said_by: Line = ""
    text: Prose = ""
    shown: Shown | None = None

    @model_validator(mode="after")
    def _says_by_whom(self) -> "Replied":
        if self.mode == "oral" and (not self.said_by or not self.text):
            raise ValueError("an oral reply needs who said it and what was said")
        if self.mode != "oral" and self.shown is None:
            raise ValueError("a written reply needs its capture, or the reason why there is none")
        return self


class Decided(Value):
    """What the platform says that it decided, in codes of the Transparency Database. `items`: the addresses it speaks of,
    empty: all.

    `applied_at`: when the measure took effect, by the platform's word. It is a claim; looks are what was seen.
    """

    kind: Literal["decided"] = "decided"
    at: StatedTime
    mode: Mode
    decisions: tuple[Decision, ...] = Field(min_length=1, max_length=12)
    items: Urls = ()
    applied_at: StatedTime | None = None
    ground: Ground = ""
    ground_reference: Annotated[str, Field(max_length=500)] = ""
    explanation: Prose = ""
    territories: tuple[Annotated[str, Field(pattern=r"^[A-Z]{2}$")], ...] = Field(default=(), max_length=40)
    ends_on: date | None = None
    source_type: SourceType = ""
    automated: Automated = ""
    statement_id: Line = ""
    said_by: Line = ""
    capture_id: CaptureRef | None = None

    @model_validator(mode="after")
    def _one_word(self) -> "Decided":
        if len(set(self.decisions)) != len(self.decisions):
            raise ValueError("a decision is named twice")
        if {"NO_VIOLATION", "NO_REPLY"} & set(self.decisions) and len(self.decisions) > 1:
            raise ValueError("without a measure there is no other decision beside it")
        if self.mode == "oral" and not self.said_by:
            raise ValueError("an oral answer needs who said it")
        return self


class Seen(Value):
    """How one address was found."""

    url: ExactUrl
    availability: Availability
    shown: Shown


class Looked(Value):
    """Somebody looked whether the things are still there, from which country. With `recheck_id` it settles that re-check."""

    kind: Literal["looked"] = "looked"
    at: StatedTime
    country: Country = ""
    seen: Annotated[tuple[Seen, ...], Field(min_length=1, max_length=ITEMS_LIMIT)]
    recheck_id: uuid.UUID | None = None
    note: Prose = ""

    @model_validator(mode="after")
    def _country_of_a_block(self) -> "Looked":
        if not self.country and any(one.availability == "geo_blocked" for one in self.seen):
            raise ValueError("a block by country needs the country from which one looked")
        return self


class Complained(Told):
    """A further step was taken, with whom, under which number."""

    kind: Literal["complained"] = "complained"
    remedy: Remedy
    body: Line = ""


class Resolved(Told):
    """How a further step ended. `of`: the number of the `complained` event."""

    kind: Literal["resolved"] = "resolved"
    of: int
    result: Result


class Noted(Value):
    """A remark."""

    kind: Literal["noted"] = "noted"
    text: Annotated[Prose, Field(min_length=1)]


class Dropped(Value):
    """A re-check that will not be made."""

    kind: Literal["dropped"] = "dropped"
    recheck_id: uuid.UUID
    reason: Annotated[Line, Field(min_length=1)]


_Plain = Drafted | Attempted | Sent | Acknowledged | Replied | Decided | Looked | Complained | Resolved | Noted | Dropped
Content = Annotated[_Plain, Field(discriminator="kind")]


class Corrected(Value):
    """What holds in place of event `of`; None: it did not happen. The event itself stays as it was written."""

    kind: Literal["corrected"] = "corrected"
    of: int
    reason: Annotated[Line, Field(min_length=1)]
    content: Content | None = None


Body = Annotated[_Plain | Corrected, Field(discriminator="kind")]
_BODY: TypeAdapter[Body] = TypeAdapter(Body)
_CONTENT: TypeAdapter[Content] = TypeAdapter(Content)


def parse_content(value: object) -> Content:
    """The content of an event from JSON values. Raises: BadInput, naming the first member that is wrong."""
    try:
        return _CONTENT.validate_python(value)
    except ValidationError as error:
        first = error.errors()[0]
        place = [str(part) for part in first["loc"] if part not in set(EventKind)]
        raise BadInput(field=".".join(place) or "body", reason=first["msg"].removeprefix("Value error, ")) from error


def stored_body(text: str) -> Body:
    """The body of a stored event."""
    return _BODY.validate_json(text)


def route_of(text: str) -> str:
    """One of the ways to a platform (server/rules/channels.py). Raises: BadInput."""
    if text not in ROUTES:
        raise BadInput(field="route", reason="one of " + ", ".join(ROUTES))
    return text
