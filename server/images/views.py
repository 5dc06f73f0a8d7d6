"""What the image services give: images, their sightings, clusters with counts by unit, matches with their evidence.

Identical and similar are two things here: `exact` is the same SHA-256; `same`, `contains` and `variant` are the engine's opinion.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

MatchKind = Literal["exact", "same", "contains", "variant"]
Role = Literal["representative", "same", "contains"]


@dataclass(frozen=True)
class ImageView:
    """One distinct picture. outcome: `read`, or why not (then width and height are 0). kind: `file`, `screenshot`, `crop`."""

    image_id: int
    sha256: str
    kind: str
    size_bytes: int
    format: str
    width: int
    height: int
    notes: tuple[str, ...]
    outcome: str
    reason: str


@dataclass(frozen=True)
class SightingView:
    """One instance: the image at an address and place in a capture. box: x, y, width, height in CSS pixels, None if not known.

    captured_at is the device's clock, received_at the server's. platform, account, post: None means not known.
    """

    sighting_id: int
    sha256: str
    capture_id: str
    capture_title: str
    page_url: str
    artifact: str
    source: str
    url: str
    frame_url: str
    box: tuple[float, float, float, float] | None
    platform: str | None
    account: str | None
    post: str | None
    captured_at: datetime
    received_at: datetime


def held_by(query_holds: bool, known_holds: bool) -> str:
    """`query` or `known` for the one that shows the other inside itself, `both` when one picture is inside both, else ""."""
    if query_holds and known_holds:
        return "both"
    return "query" if query_holds else "known" if known_holds else ""


@dataclass(frozen=True)
class ElsewhereView:
    """An image in a file that was made elsewhere: no instance, no browser of this service saw it there. url, said_at: what the
    file says of itself, None where it says nothing. withdrawn: it counts no more."""

    sha256: str
    deposit_id: UUID
    case_id: UUID
    number: int
    file_name: str
    said_by: str
    source: str
    url: str
    said_at: datetime | None
    received_at: datetime
    withdrawn: bool


@dataclass(frozen=True)
class Placed:
    """Places in files made elsewhere that the caller may see. `shown`: the first of them, in the order of receipt; `count`: all
    of them; `standing`: all but those of withdrawn files."""

    shown: tuple[ElsewhereView, ...] = ()
    count: int = 0
    standing: int = 0


@dataclass(frozen=True)
class ElsewhereCounts:
    """Counts of files made elsewhere, apart from all others: distinct images, their places, the files they stand in."""

    images: int = 0
    places: int = 0
    files: int = 0


@dataclass(frozen=True)
class Evidence:
    """Why two images are said to be related. matrix: 2 x 3 row by row, maps the query's coordinates to the known picture's, both
    as shares of the longer side (the query mirrored first when `mirrored`). When whole-frame hashes decided, it says which way
    round they met, its place was not measured, and correlation is None; edges of before rules/5 have no matrix then.

    holds: see held_by(). pipeline: the program that says so.
    """

    distance_bits: int | None
    matrix: tuple[float, ...] | None
    mirrored: bool
    inliers: int | None
    correlation: float | None
    visible_known: float | None
    visible_query: float | None
    holds: str
    pipeline: str


@dataclass(frozen=True)
class Counts:
    """Counts by unit, each over what is known. pipeline: of the partition that was counted.

    images: distinct files by SHA-256 (identical ones count once). crops: cut out of screenshots, no files. instances: image at
    address and place in a capture. posts, accounts, platforms: distinct known ones; instances without a known post are counted in
    without_post. contains: instances of images that show this picture inside or in part; counted nowhere else.
    """

    images: int
    crops: int
    instances: int
    captures: int
    posts: int
    accounts: int
    platforms: int
    without_post: int
    contains: int
    first_seen: datetime | None
    last_seen: datetime | None
    pipeline: str


@dataclass(frozen=True)
class MemberView:
    """An image in a cluster. evidence: its comparison with `to_sha256`; None for the representative and what people put there."""

    image: ImageView
    role: Role
    to_sha256: str | None
    evidence: Evidence | None


@dataclass(frozen=True)
class DecisionView:
    """What a person decided, newest last; the custody event `event_sha256` says the same."""

    kind: str
    reason: str
    actor: str
    decided_at: datetime
    cluster_id: UUID
    other_id: UUID | None
    left: tuple[str, ...]
    right: tuple[str, ...]
    event_sha256: str


@dataclass(frozen=True)
class ClusterView:
    """A cluster as its organisation sees it. variants: pairs for a person to look at, they are never merged by themselves.

    members_count: all members that the caller may be told of, where `members` are the first of them. more_variants: there are
    pairs besides those listed.
    """

    cluster_id: UUID
    opened_at: datetime
    representative: ImageView
    members: tuple[MemberView, ...]
    variants: tuple[MemberView, ...]
    counts: Counts
    decisions: tuple[DecisionView, ...]
    elsewhere: ElsewhereCounts = ElsewhereCounts()
    members_count: int = 0
    more_variants: bool = False


@dataclass(frozen=True)
class ClusterSummary:
    """One cluster in a list. number: ascends with the age of ids; what `after` of the next page takes."""

    cluster_id: UUID
    number: int
    representative: ImageView
    counts: Counts
    elsewhere: ElsewhereCounts = ElsewhereCounts()


@dataclass(frozen=True)
class CaptureImages:
    """The pictures of one capture. state: `pending`, or COMPLETE / PARTIAL with the reason what was left out."""

    capture_id: str
    state: str
    reason: str
    pictures: tuple[CaptureImage, ...]


@dataclass(frozen=True)
class Seen:
    """Instances that the caller may see. `shown`: the first of them, oldest first; `count`: all of them."""

    shown: tuple[SightingView, ...] = ()
    count: int = 0

    @property
    def truncated(self) -> bool:
        """True where there are more than are shown."""
        return self.count > len(self.shown)


class WithSightings:
    """What has instances that the caller may see."""

    seen: Seen

    @property
    def sightings(self) -> tuple[SightingView, ...]:
        """Those shown."""
        return self.seen.shown

    @property
    def sightings_count(self) -> int:
        """All that the caller may see."""
        return self.seen.count


@dataclass(frozen=True)
class CaptureImage(WithSightings):
    """One picture of a capture: where it stood, its clusters, in how many other captures they were seen (None: of a capture of
    another organisation, who alone is told)."""

    image: ImageView
    seen: Seen
    cluster_ids: tuple[UUID, ...]
    other_captures: int | None


@dataclass(frozen=True)
class Match(WithSightings):
    """A known image that the picture searched with is related to. seen: sightings that the caller may see; hidden: how many
    more the organisation holds (a device sees what its person may see, its own captures alone once that person may read no more).

    is_shared: another organisation's image, of which only the captures are told that a case shows to the person.
    elsewhere: places in files made elsewhere, elsewhere_count of them in all.
    """

    kind: MatchKind
    image: ImageView
    cluster_id: UUID | None
    evidence: Evidence | None
    seen: Seen
    hidden: int
    elsewhere: tuple[ElsewhereView, ...] = ()
    is_shared: bool = False
    elsewhere_count: int = 0


@dataclass(frozen=True)
class SearchAnswer:
    """What a search by picture found, best first. clusters: counts of the clusters that matched. notes: what was done to the
    picture asked with that a reader should know (only the first frame compared, brought to 8 bits, turned upright, …).

    searched: images of the own index that the caller may be told of. searched_shared: images in captures that cases of others
    show to the caller, compared besides. truncated: more related images that the caller may be told of are known, or a limit kept
    the search from comparing all that are near: `matches` are not all of them.

    No match proves nothing: the organisation has not captured it, or no hash survives what was done to it.
    """

    sha256: str
    width: int
    height: int
    format: str
    notes: tuple[str, ...]
    searched: int
    pipeline: str
    matches: tuple[Match, ...]
    clusters: tuple[ClusterSummary, ...]
    more_by: str
    searched_shared: int = 0
    truncated: bool = False
