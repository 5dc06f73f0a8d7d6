"""What a finding says, as one value: facts, assessment and alleged basis apart, and the evidence each type asks for.

The canonical text (sorted members, no spaces) is what is stored and hashed; a version is never changed.
"""

import hashlib
import json
import uuid
from datetime import date, datetime
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    ValidationError,
    model_serializer,
)

from server.errors import BadInput
from server.rules.errors import RuleError
from server.rules.posttimes import FIRST_RULE, PostTime, TimeSource, best_time, of_id

BODY_LIMIT_BYTES = 256 * 1024


def _no_nul(text: str) -> str:
    if "\x00" in text:
        raise ValueError("a NUL is no text")
    return text


Line = Annotated[str, Field(max_length=300), AfterValidator(_no_nul)]
Prose = Annotated[str, Field(max_length=5000), AfterValidator(_no_nul)]
CaptureRef = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Confidence = Literal["", "unlikely", "possible", "likely", "very_likely", "almost_certain"]
Severity = Literal["", "low", "moderate", "high"]
MatchBasis = Literal["official_handle", "declared_ownership", "mirror_or_redirect", "content_identity", "analyst"]
AiMethod = Literal["human", "detector", "admission", "provenance"]
Availability = Literal[
    "online",
    "removed_by_platform",
    "removed_by_author",
    "account_suspended",
    "geo_blocked",
    "login_wall",
    "age_gate",
    "unknown",
]


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)


class PostedAt(_Value):
    """A stated time of creation, with where it is from and how exact it is (seconds, both ways)."""

    value: AwareDatetime
    source: TimeSource
    precision_s: float = Field(ge=0, le=400 * 86_400)
    note: Line = ""
    compared: bool = True


class SilenceChoice(_Value):
    """Which rule to judge by: ids of the rule packs."""

    rule_id: Line
    territory: Line
    election_id: Line


class Tag(_Value):
    """A technique, kept with its framework and version."""

    framework: Literal["DISARM", "AMITT"]
    version: Line
    id: Annotated[str, Field(pattern=r"^T[0-9]{4}(\.[0-9]{3})?$")]
    name: Line


class AiLook(_Value):
    """One way in which somebody or something judged whether a picture was generated. `by`: a person's URN, or tool and
    version."""

    method: AiMethod
    by: Line
    verdict: Literal["likely", "unlikely", "inconclusive"]
    score: float | None = Field(default=None, ge=0, le=1)
    note: Line = ""


class Listed(_Value):
    """The entity somebody holds to be listed. Dates are the listing's own."""

    entity_id: Line
    name: Line
    regime: Line
    annex: Line = ""
    listed_from: date
    listed_to: date | None = None
    match_basis: MatchBasis
    vantage_country: Annotated[str, Field(pattern=r"^([A-Z]{2})?$")] = ""


class Sighting(_Value):
    """Something was seen at a time and place, by somebody; with a capture, with an archive made elsewhere (`deposit_id`), or
    without. No `deposit_id` is no member: texts and ids made before there was one stay the same."""

    at: AwareDatetime
    url: Annotated[str, Field(max_length=2000), AfterValidator(_no_nul)]
    by: Line
    country: Annotated[str, Field(pattern=r"^([A-Z]{2})?$")] = ""
    capture_id: CaptureRef | None = None
    deposit_id: uuid.UUID | None = None

    @model_serializer(mode="wrap")
    def _told(self, told: SerializerFunctionWrapHandler) -> dict[str, Any]:
        value: dict[str, Any] = told(self)
        return value if self.deposit_id is not None else {name: one for name, one in value.items() if name != "deposit_id"}


class Subject(_Value):
    """What it is about. Ids are the platform's own, as text. `cluster`: id@version of images judged the same picture."""

    platform: Line = ""
    post_id: Line = ""
    account_id: Line = ""
    ad_id: Line = ""
    channel_id: Line = ""
    url: Annotated[str, Field(max_length=2000), AfterValidator(_no_nul)] = ""
    media_sha256: Annotated[str, Field(pattern=r"^([0-9a-f]{64})?$")] = ""
    media_phash: Line = ""
    cluster: Line = ""


class FindingBody(_Value):
    """One version's content. Empty members are what is not known yet; server/findings/evidence.py says which of them are
    missed. `deposits`: archives of the case that were made elsewhere, never captures of ours."""

    facts: Prose = ""
    assessment: Prose = ""
    bases: tuple[Line, ...] = Field(default=(), max_length=20)
    override_note: Prose = ""
    subject: Subject = Subject()
    actor: Line = ""
    member_state: Annotated[str, Field(pattern=r"^([A-Z]{2})?$")] = ""
    language: Line = ""
    availability: Literal[Availability, ""] = ""
    severity: Severity = ""
    confidence: Confidence = ""
    captures: tuple[CaptureRef, ...] = Field(default=(), max_length=500)
    deposits: tuple[uuid.UUID, ...] = Field(default=(), max_length=50)
    posted_at: tuple[PostedAt, ...] = Field(default=(), max_length=20)
    silence: SilenceChoice | None = None
    content_text: Prose = ""
    ttps: tuple[Tag, ...] = Field(default=(), max_length=50)
    narrative: Prose = ""
    ai: tuple[AiLook, ...] = Field(default=(), max_length=20)
    satire: bool = False
    ad_library_capture: CaptureRef | None = None
    sponsor: Line = ""
    accounts: tuple[Line, ...] = Field(default=(), max_length=5000)
    coordination: Prose = ""
    listed: Listed | None = None
    imitates: Line = ""
    imitated_capture: CaptureRef | None = None
    redirect_chain: tuple[Line, ...] = Field(default=(), max_length=50)
    notice_captures: tuple[CaptureRef, ...] = Field(default=(), max_length=50)
    sightings: tuple[Sighting, ...] = Field(default=(), max_length=500)

    @property
    def posted(self) -> PostTime | None:
        """The stated time that counts (server/rules/posttimes.py), None without one. Raises: as `times`."""
        return best_time(of_id(self.times, self.subject.platform, self.subject.post_id))

    def posted_by(self, rule: int) -> PostTime | None:
        """The time that counted under a rule for times: what was frozen or confirmed under the first is told by it."""
        return best_time(self.times, rule) if rule == FIRST_RULE else self.posted

    @property
    def times(self) -> tuple[PostTime, ...]:
        """Every stated time of posting, as it was written. Raises: BadInput (a time out of bounds)."""
        try:
            return tuple(PostTime(one.value, one.source, one.precision_s, one.note, one.compared) for one in self.posted_at)
        except RuleError as error:
            raise BadInput(field="posted_at", reason=error.reason) from error

    @property
    def cited_captures(self) -> tuple[str, ...]:
        """Every capture this cites, each once."""
        further = [one for one in (self.ad_library_capture, self.imitated_capture) if one is not None]
        seen = [one.capture_id for one in self.sightings if one.capture_id is not None]
        return tuple(dict.fromkeys([*self.captures, *further, *self.notice_captures, *seen]))

    @property
    def cited_deposits(self) -> tuple[uuid.UUID, ...]:
        """Every archive made elsewhere that this cites, of itself or for a sighting, each once."""
        seen = [one.deposit_id for one in self.sightings if one.deposit_id is not None]
        return tuple(dict.fromkeys([*self.deposits, *seen]))


def canonical(body: BaseModel) -> tuple[str, str]:
    """The body of a finding or of what stands on one, as text and that text's SHA-256. Raises: BadInput (too large)."""
    text = json.dumps(body.model_dump(mode="json"), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    encoded = text.encode("utf-8", "strict")
    if len(encoded) > BODY_LIMIT_BYTES:
        raise BadInput(field="body", reason=f"at most {BODY_LIMIT_BYTES} bytes")
    return text, hashlib.sha256(encoded).hexdigest()


def parse_body(value: object) -> FindingBody:
    """A body from JSON values. Raises: BadInput, naming the first member that is wrong."""
    try:
        return FindingBody.model_validate(value)
    except ValidationError as error:
        first = error.errors()[0]
        raise BadInput(field=".".join(str(part) for part in first["loc"]) or "body", reason=first["msg"]) from error


def chosen_silence(rule_id: str, territory: str, election_id: str) -> SilenceChoice:
    """The choice as a form names it. Raises: BadInput. Not checked: that the rule packs know these ids."""
    try:
        return SilenceChoice(rule_id=rule_id, territory=territory, election_id=election_id)
    except ValidationError as error:
        first = error.errors()[0]
        raise BadInput(field=str(first["loc"][0]), reason=first["msg"]) from error


def stored_body(text: str) -> FindingBody:
    """The body of a stored version."""
    return FindingBody.model_validate_json(text)


def aware(moment: datetime) -> datetime:
    """The moment, which must have a zone. Raises: BadInput."""
    if moment.tzinfo is None:
        raise BadInput(field="at", reason="a time needs a zone")
    return moment
