"""What a page archive holds, by where it came from, and what it lacks, by why: the archive's own account in a reader's words."""

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from server.captures.previews import PAGEINFO
from server.composition import Services
from server.errors import NotFound
from server.operators.actors import Actor
from storage.errors import StorageError

SHOWN = 500
TEXT_CHARS = 2000
SOURCES = ("live_stream", "live_memory", "http_cache", "refetched", "generated", "unknown")
KINDS = ("page", "picture", "style", "script", "data", "media", "font", "other")
_KIND_OF = {
    "document": "page", "main_frame": "page", "sub_frame": "page", "image": "picture", "imageset": "picture", "img": "picture",
    "stylesheet": "style", "script": "script", "xhr": "data", "xmlhttprequest": "data", "fetch": "data", "eventsource": "data",
    "websocket": "data", "media": "media", "audio": "media", "video": "media", "font": "font",
}  # fmt: skip
# How the reasons of the extension begin, in the order of asking; what begins otherwise is `other` and keeps its own words.
_WHY = (
    ("by_script", ("asked for by a script",)),
    ("gone", ("no longer in the page's list", "no request for it was seen")),
    ("no_body", ("the browser gave no", "the browser replaced", "the original length", "two encodings")),
    ("not_loaded", ("not loaded",)),
    ("too_large", ("over the limit", "too large", "a document of", "larger than")),
    ("unfinished", ("no answer before", "still loading", "a stream without an end", "a download")),
    ("redirect", ("a redirect",)),
    ("consent", ("consent",)),
)


@dataclass(frozen=True)
class Held:
    """One resource that the archive holds, and how its bytes were got. `exact` False: not proved to be the bytes that came."""

    url: str
    kind: str
    status: str
    mime: str
    size_bytes: int
    note: str
    exact: bool


@dataclass(frozen=True)
class HeldGroup:
    """The resources of one source (SOURCES): all of them counted, the first ones shown."""

    source: str
    count: int
    size_bytes: int
    kinds: tuple[tuple[str, int], ...]
    shown: tuple[Held, ...]


@dataclass(frozen=True)
class Gap:
    """One resource that the archive does not hold, with the reason in the extension's words."""

    url: str
    kind: str
    reason: str


@dataclass(frozen=True)
class GapGroup:
    """The gaps of one kind of reason: a word of _WHY, or `other`."""

    why: str
    count: int
    kinds: tuple[tuple[str, int], ...]
    shown: tuple[Gap, ...]


@dataclass(frozen=True)
class Resources:
    """The whole account. Counts are of all; of both lists together each group shows at most SHOWN."""

    held: tuple[HeldGroup, ...]
    gaps: tuple[GapGroup, ...]
    gap_count: int


async def resources_of(services: Services, actor: Actor, capture_id: str) -> Resources | None:
    """The account, from the working copy that the checks made; None before, or when the archive has none that can be read."""
    try:
        _, data = await services.captures.reading.working_copy(actor, capture_id, PAGEINFO)
    except (NotFound, StorageError):
        return None
    return parse_resources(json.loads(data))


def parse_resources(listed: object) -> Resources:
    """The account of a `urn:pageinfo:` (docs/formats.md section 7), read leniently: another shape counts as unknown."""
    account = listed if isinstance(listed, dict) else {}
    held = [_held(one) for one in _objects(account.get("resources"))]
    gaps = [_gap(one) for one in _objects(account.get("omitted"))]
    by_source: dict[str, list[Held]] = {}
    for source, one in held:
        by_source.setdefault(source, []).append(one)
    by_why: dict[str, list[Gap]] = {}
    for gap in gaps:
        by_why.setdefault(_why(gap.reason), []).append(gap)
    return Resources(
        tuple(_held_group(source, by_source[source]) for source in SOURCES if source in by_source),
        tuple(_gap_group(why, members) for why, members in sorted(by_why.items(), key=lambda item: -len(item[1]))),
        len(gaps),
    )


def _held_group(source: str, members: list[Held]) -> HeldGroup:
    size = sum(one.size_bytes for one in members)
    return HeldGroup(source, len(members), size, _kinds(one.kind for one in members), tuple(members[:SHOWN]))


def _gap_group(why: str, members: list[Gap]) -> GapGroup:
    return GapGroup(why, len(members), _kinds(one.kind for one in members), tuple(members[:SHOWN]))


def _kinds(kinds: Iterable[str]) -> tuple[tuple[str, int], ...]:
    counted = Counter(kinds)
    return tuple((kind, counted[kind]) for kind in KINDS if counted[kind])


def _held(one: dict[str, object]) -> tuple[str, Held]:
    size, source = one.get("sizeBytes"), one.get("source")
    known = isinstance(size, int) and not isinstance(size, bool) and 0 <= size < 1 << 50
    return source if isinstance(source, str) and source in SOURCES else "unknown", Held(
        url=_text(one.get("url")),
        kind=_kind(one.get("type")),
        status=_text(one.get("status")),
        mime=_text(one.get("mime")),
        size_bytes=size if isinstance(size, int) and known else 0,
        note=_text(one.get("note")),
        exact=one.get("exact") is not False,
    )


def _gap(one: dict[str, object]) -> Gap:
    return Gap(_text(one.get("url")), _kind(one.get("type")), _text(one.get("reason")))


def _why(reason: str) -> str:
    found = (why for why, beginnings in _WHY if reason.startswith(beginnings) or (why == "too_large" and "too large" in reason))
    return next(found, "other")


def _kind(value: object) -> str:
    return _KIND_OF.get(value.lower(), "other") if isinstance(value, str) else "other"


def _objects(value: object) -> list[dict[str, object]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _text(value: object) -> str:
    return str(value)[:TEXT_CHARS] if isinstance(value, str | int | float) else ""
