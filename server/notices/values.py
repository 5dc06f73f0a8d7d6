"""What events of notices are made of: stated times, what shows a thing, exact addresses, and what is pinned when a notice goes
out."""

import uuid
from datetime import datetime, timedelta
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from server.findings.body import CaptureRef, Line, SilenceChoice
from server.notices.vocabulary import TimeSource

ITEMS_LIMIT = 200
PRECISION_LIMIT_S = 400 * 86_400.0


def _exact_url(text: str) -> str:
    if "\x00" in text or not text.startswith(("https://", "http://")) or any(char.isspace() for char in text):
        raise ValueError("an exact address begins with https:// or http:// and has no spaces")
    return text


ExactUrl = Annotated[str, Field(max_length=2000), AfterValidator(_exact_url)]
Country = Annotated[str, Field(pattern=r"^([A-Z]{2})?$")]


class Value(BaseModel):
    """A value that is never changed and knows its members."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)


class StatedTime(Value):
    """A time as somebody or something states it: `value` plus or minus `precision_s`, and where it is from."""

    value: AwareDatetime
    precision_s: float = Field(default=60, ge=0, le=PRECISION_LIMIT_S)
    source: TimeSource = "person"

    @property
    def earliest(self) -> datetime:
        """The earliest moment this allows."""
        return self.value - timedelta(seconds=self.precision_s)

    @property
    def latest(self) -> datetime:
        """The latest moment this allows."""
        return self.value + timedelta(seconds=self.precision_s)


class Shown(Value):
    """What shows it: an exhibit's capture, or why there is none. One of the two, never neither."""

    capture_id: CaptureRef | None = None
    no_capture: Line = ""

    @model_validator(mode="after")
    def _one_of_the_two(self) -> "Shown":
        if (self.capture_id is None) == (not self.no_capture):
            raise ValueError("a capture that shows it, or the reason why there is none")
        return self


class PinnedFinding(Value):
    """A finding as it stood: its version with that version's hash, and its state then."""

    finding_id: uuid.UUID
    number: int
    version: int
    body_sha256: str
    state: str


class Item(Value):
    """One thing that the notice is about: its exact address, and the finding that says what is wrong with it."""

    url: ExactUrl
    finding: PinnedFinding | None = None


class PinnedWindow(Value):
    """The silence window by which the notice is judged, as the rule gave it when the notice was sent. Edges: (earliest,
    latest)."""

    choice: SilenceChoice
    rule_version: Line
    start: tuple[AwareDatetime, AwareDatetime]
    end: tuple[AwareDatetime, AwareDatetime]
    verified: bool


class PinnedDocument(Value):
    """The export that was sent (an Article 16 notice, a policy report): its id, kind and the hash of its frozen object."""

    export_id: uuid.UUID
    kind: Line
    content_sha256: str


Items = Annotated[tuple[Item, ...], Field(min_length=1, max_length=ITEMS_LIMIT)]
Urls = Annotated[tuple[ExactUrl, ...], Field(max_length=ITEMS_LIMIT)]
