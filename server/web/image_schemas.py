"""The JSON of images, clusters and search by picture (docs/formats.md section 11), as types."""

from typing import Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from server.web.schemas import Moment, Request, Sha256Text


class Row(BaseModel):
    """An answer made from a value of server.images.views."""

    model_config = ConfigDict(from_attributes=True)


class ImageRow(Row):
    """One distinct picture file; `crop`: cut out of a screenshot, no file. outcome: `read`, or why not."""

    sha256: Sha256Text
    kind: Literal["file", "screenshot", "crop"]
    size_bytes: int
    format: str
    width: int
    height: int
    notes: list[str]
    outcome: str
    reason: str


class SignalRow(Row):
    """Something that stands in a picture file, or was looked for there. Never a verdict about the picture."""

    kind: str
    value: str
    where: str
    outcome: Literal["FOUND", "NOT_FOUND", "NOT_CHECKED"]
    reason: str
    tool: str
    tool_version: str


class SignalsAnswer(Row):
    """What a file says about its origin. note: what its silence does not prove. state `pending`: not read yet."""

    state: Literal["read", "problem", "pending"]
    problem: str
    reader: str
    read_at: Moment | None
    signals: list[SignalRow]
    note: str


class SightingRow(Row):
    """One instance. box: x, y, width, height in CSS pixels of its frame. null means: not known."""

    sha256: Sha256Text
    capture_id: Sha256Text
    capture_title: str
    page_url: str
    artifact: str
    source: Literal["network", "picked", "screenshot", "box", "upload"]
    url: str
    frame_url: str
    box: list[float] | None
    platform: str | None
    account: str | None
    post: str | None
    captured_at: Moment
    received_at: Moment


class ElsewhereRow(Row):
    """A picture in a file that was made elsewhere: no instance. url and said_at are the file's own words; null: none."""

    sha256: Sha256Text
    deposit_id: UUID
    case_id: UUID
    number: int
    file_name: str
    said_by: str
    source: Literal["file", "archive"]
    url: str
    said_at: Moment | None
    received_at: Moment
    withdrawn: bool


class ElsewhereCountsRow(Row):
    """Counts of files made elsewhere, apart from all others."""

    images: int
    places: int
    files: int


class EvidenceRow(Row):
    """Why two pictures are said to be related. matrix: 2 x 3 row by row, from the query's coordinates to the known
    picture's, as shares of the longer side; null when whole-frame hashes decided."""

    distance_bits: int | None
    matrix: list[float] | None
    mirrored: bool
    inliers: int | None
    correlation: float | None
    visible_known: float | None
    visible_query: float | None
    holds: Literal["", "query", "known", "both"]
    pipeline: str


class CountsRow(Row):
    """Counts by unit, over what is known; each says what it counts (docs/formats.md section 11)."""

    images: int
    crops: int
    instances: int
    captures: int
    posts: int
    accounts: int
    platforms: int
    without_post: int
    contains: int
    first_seen: Moment | None
    last_seen: Moment | None
    pipeline: str


class MatchRow(Row):
    """A known picture the asked one is related to: `exact` is the same SHA-256, all else is the engine's opinion."""

    kind: Literal["exact", "same", "contains", "variant"]
    image: ImageRow
    cluster_id: UUID | None
    evidence: EvidenceRow | None
    sightings: list[SightingRow]
    sightings_count: int = Field(description="all that the caller may see; where it is more, the first are listed")
    hidden: int = Field(description="further instances of the organisation, in captures that the caller may not open")
    elsewhere: list[ElsewhereRow] = Field(description="places in files made elsewhere; people only")
    elsewhere_count: int = Field(description="all of those; where it is more, the first are listed")
    is_shared: bool = Field(description="of another organisation: only what a case shows to the person is told")


class ClusterRow(Row):
    """One cluster in a list."""

    cluster_id: UUID
    number: int
    representative: ImageRow
    counts: CountsRow
    elsewhere: ElsewhereCountsRow


class SearchResult(Row):
    """What the organisation holds of a picture, best first. No match proves nothing."""

    sha256: Sha256Text
    width: int
    height: int
    format: str
    notes: list[str] = Field(description="what was done to it before comparing: first frame only, brought to 8 bits, …")
    searched: int = Field(description="pictures in the index that the caller may be told of")
    pipeline: str
    matches: list[MatchRow]
    clusters: list[ClusterRow]
    more_by: str = Field(description="name of the operator's own model that brought candidates too; empty: none")
    searched_shared: int = Field(description="pictures of other organisations that cases show to the caller, compared besides")
    truncated: bool = Field(description="`matches` are not all that is known to be related, or not all that is near was compared")


class SearchResults(BaseModel):
    """One result for each picture that was searched with."""

    results: list[SearchResult]


class MemberRow(Row):
    """A picture in a cluster, and what it was compared with."""

    image: ImageRow
    role: Literal["representative", "same", "contains"]
    to_sha256: Sha256Text | None
    evidence: EvidenceRow | None


class DecisionRow(Row):
    """What a person decided; the custody event `event_sha256` says the same."""

    kind: Literal["merge", "split", "reject"]
    reason: str
    actor: str
    decided_at: Moment
    cluster_id: UUID
    other_id: UUID | None
    left: list[Sha256Text]
    right: list[Sha256Text]
    event_sha256: Sha256Text


class ClusterAnswer(Row):
    """One cluster."""

    cluster_id: UUID
    opened_at: Moment
    representative: ImageRow
    members: list[MemberRow]
    variants: list[MemberRow]
    counts: CountsRow
    decisions: list[DecisionRow]
    elsewhere: ElsewhereCountsRow
    members_count: int = Field(description="all that the caller may see; where it is more, the first are listed")
    more_variants: bool = Field(description="there are pairs besides the variants listed")


class ClusterList(BaseModel):
    """Clusters, newest first; `after` of the next page is the last one's number."""

    clusters: list[ClusterRow]


class SightingList(BaseModel):
    """Instances, oldest first; `elsewhere`: places in files made elsewhere, which are none (people only).

    count: all that the caller may see; truncated: there are more than are listed. elsewhere_count: all of those.
    """

    count: int
    truncated: bool
    sightings: list[SightingRow]
    elsewhere: list[ElsewhereRow]
    elsewhere_count: int


class CaptureImageRow(Row):
    """One picture of a capture. other_captures null, and no clusters: the capture is of another organisation, which alone is
    told them."""

    image: ImageRow
    sightings: list[SightingRow]
    sightings_count: int
    cluster_ids: list[UUID]
    other_captures: int | None


class CaptureImagesAnswer(Row):
    """The pictures of a capture. state: pending (not read yet), COMPLETE, or PARTIAL with what was left out."""

    capture_id: Sha256Text
    state: Literal["pending", "COMPLETE", "PARTIAL"]
    reason: str
    pictures: list[CaptureImageRow]


class FrozenAnswer(Row):
    """Counts as they were frozen. is_same: the same instances still give them. now: of the cluster today."""

    id: UUID
    cluster_id: UUID
    frozen_at: Moment
    counts: CountsRow
    members: list[Sha256Text]
    is_same: bool
    now: CountsRow | None


class MergeRequest(Request):
    """Two clusters show the same picture."""

    other: UUID
    reason: str = Field(min_length=1, max_length=1000)


class SplitRequest(Request):
    """These pictures are another one."""

    images: list[Sha256Text] = Field(min_length=1, max_length=500)
    reason: str = Field(min_length=1, max_length=1000)


class RejectRequest(Request):
    """This picture is not what the cluster shows."""

    image: Sha256Text
    reason: str = Field(min_length=1, max_length=1000)


class MergeAnswer(BaseModel):
    """The id that stays."""

    cluster_id: UUID
