"""Images, clusters and evidence in words of the reader's language. Identical and similar are never the same word."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from server.images.views import Counts, Evidence, ImageView, Match, MemberView, SightingView
from server.media.provenance.signals import Signal
from server.web.texts import Texts

KINDS = ("exact", "same", "contains", "variant")
COUNT_NAMES = ("images", "crops", "instances", "captures", "posts", "accounts", "platforms", "without_post", "contains")
BROAD = ("images", "instances", "captures", "posts", "accounts")


@dataclass(frozen=True)
class Layer:
    """One of two pictures laid over each other. width, height: shares of its longer side. transform: SVG, onto the lower one."""

    sha256: str
    width: float
    height: float
    transform: str


@dataclass(frozen=True)
class Overlay:
    """A picture (upper) over the one it was compared with (lower), as the matrix says."""

    lower: Layer
    upper: Layer


@dataclass(frozen=True)
class Pair:
    """A member and the picture it was compared with, in the order of the comparison."""

    query: ImageView
    known: ImageView
    evidence: Evidence


@dataclass(frozen=True)
class MatchRow:
    """A match as the page shows it."""

    match: Match
    facts: str
    evidence: str


@dataclass(frozen=True)
class ClusterLink:
    """A cluster in one line."""

    cluster_id: UUID
    line: str


def pair_of(member: MemberView, representative: ImageView) -> Pair | None:
    """The comparison behind a member; None when there is none, or one of the two has no pixels.

    A member is the query unless the comparison names it as the known one.
    """
    if member.evidence is None or member.to_sha256 is None:
        return None
    query, known = (representative, member.image) if is_known(member) else (member.image, representative)
    if not query.width or not known.width or query.sha256 == known.sha256:
        return None
    return Pair(query, known, member.evidence)


def is_known(member: MemberView) -> bool:
    """Whether the member was the known picture of its comparison: the other one was laid on it."""
    return member.to_sha256 == member.image.sha256


def overlay_of(pair: Pair) -> Overlay | None:
    """How the query lies on the known picture by the matrix; None without one (whole frames were compared, perhaps turned)."""
    matrix = pair.evidence.matrix
    if matrix is None:
        return None
    below, above = _shares(pair.known), _shares(pair.query)
    transform = _numbers(matrix[0], matrix[3], matrix[1], matrix[4], matrix[2], matrix[5])
    if pair.evidence.mirrored:
        transform += f" translate({above[0]:.6f} 0) scale(-1 1)"
    return Overlay(Layer(pair.known.sha256, *below, ""), Layer(pair.query.sha256, *above, transform))


def _shares(image: ImageView) -> tuple[float, float]:
    longer = max(image.width, image.height)
    return image.width / longer, image.height / longer


def _numbers(*values: float) -> str:
    return f"matrix({' '.join(f'{value:.6f}' for value in values)})"


def count_rows(texts: Texts, counts: Counts) -> tuple[tuple[str, str], ...]:
    """Each unit that is not zero, or always said, with its number."""
    always = ("images", "instances", "captures", "posts", "accounts", "platforms")
    named = [(name, getattr(counts, name)) for name in COUNT_NAMES]
    return tuple((texts.get(f"count.{name}"), str(number)) for name, number in named if number or name in always)


def count_line(texts: Texts, counts: Counts) -> str:
    """`3 images · 5 places · 4 captures`: the units that are not zero."""
    return " · ".join(texts.count(f"counted.{name}", number) for name in BROAD if (number := getattr(counts, name)))


def kinds_line(texts: Texts, matches: Sequence[Match]) -> str:
    """`1 identical · 2 similar`: how many matches of each kind. Identical and similar are never one number."""
    kinds = Counter(one.kind for one in matches)
    return " · ".join(
        texts.count(f"seen.kind.{kind}", kinds[kind]) for kind in ("exact", "same", "contains", "variant") if kinds[kind]
    )


def facts_line(texts: Texts, image: ImageView) -> str:
    """`JPEG, 640 × 480`, or why there are no pixels."""
    if image.outcome != "read":
        return f"{texts.get('image.unread')}: {image.reason or image.outcome}"
    kind = texts.get(f"image.kind.{image.kind}")
    said = [f"{image.format}, {image.width} × {image.height}"]
    return " · ".join((said if image.kind == "file" else [kind, *said]) + list(image.notes))


def evidence_line(texts: Texts, evidence: Evidence | None, *, own: str = "query") -> str:
    """The measurements in one line, "" without a comparison. own: which one the picture beside the line was, query or `known`."""
    if evidence is None:
        return ""
    said = []
    if evidence.distance_bits is not None:
        said.append(texts.get("evidence.distance", bits=evidence.distance_bits))
    if evidence.inliers is not None:
        said.append(texts.get("evidence.inliers", n=evidence.inliers))
    if evidence.correlation is not None:
        said.append(texts.get("evidence.correlation", share=round(evidence.correlation * 100)))
    shares = (evidence.visible_query, evidence.visible_known)
    if shares[0] is not None and shares[1] is not None:
        mine, other = (shares[0], shares[1]) if own == "query" else (shares[1], shares[0])
        said.append(texts.get("evidence.visible", own=round(mine * 100), other=round(other * 100)))
    if evidence.mirrored:
        said.append(texts.get("evidence.mirrored"))
    if evidence.holds:
        held = "evidence.holds_other" if evidence.holds == own else "evidence.held_by_other"
        said.append(texts.get("evidence.both_hold" if evidence.holds == "both" else held))
    return " · ".join(said)


def whose_line(texts: Texts, sighting: SightingView) -> str:
    """`x · harbour`, or that nothing ties the place to a post."""
    known = [part for part in (sighting.platform, sighting.account, sighting.post) if part]
    return " · ".join(known) or texts.get("sighting.whose_unknown")


def signal_line(texts: Texts, signal: Signal) -> str:
    """`Content Credentials: valid` for what was found."""
    return f"{texts.get(f'signal.{signal.kind}')}: {signal.value}"
