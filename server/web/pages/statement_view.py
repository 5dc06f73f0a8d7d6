"""A statement in a reader's words. Members only people need are read leniently; absent shows as a dash."""

import json
from dataclasses import dataclass, replace

from starlette.requests import Request

from server.captures.views import CaptureDetail, EventView
from server.operators.actors import SERVICE_URN
from server.trust.statement import CaptureStatement
from server.web.texts import Texts, choose_language

TALL = 1.5
UNKNOWN = "–"


@dataclass(frozen=True)
class Shot:
    """One picture of the capture page; width and height are the working copy's, in pixels."""

    name: str
    role: str
    size_bytes: int
    stored: bool
    preview: bool
    width: int
    height: int
    tall: bool


@dataclass(frozen=True)
class StatementFacts:
    """What the device stated, ready to be shown."""

    final_url: str
    clock: str
    method: str
    viewport: str
    time_zone: str
    language: str
    user_agent: str
    extension_version: str
    extension_build: str
    case: str
    note: str
    labels: tuple[str, ...]
    pageinfo_captured: str
    pageinfo_omitted: str
    failed_steps: tuple[str, ...]
    secrets_kept: bool
    secrets_removed: int


def predicate_of(payload: bytes) -> dict[str, object]:
    """The statement's `predicate` as written; the payload was parsed when it came in."""
    return _object(json.loads(payload).get("predicate"))


def statement_facts(statement: CaptureStatement, payload: bytes) -> StatementFacts:
    """The statement's facts; what is absent reads as a dash."""
    predicate = predicate_of(payload)
    viewport, pageinfo = _object(predicate.get("viewport")), _object(predicate.get("pageinfo"))
    secrets, extension = _object(predicate.get("secrets")), _object(predicate.get("extension"))
    clock = statement.clock
    removed = secrets.get("removed")
    return StatementFacts(
        final_url=statement.final_url,
        clock="" if clock is None else f"{clock.offset_ms:+d} ms (± {clock.round_trip_ms // 2} ms)",
        method=statement.method,
        viewport=_viewport(viewport),
        time_zone=statement.time_zone or UNKNOWN,
        language=statement.language or UNKNOWN,
        user_agent=statement.user_agent,
        extension_version=_text(extension.get("version")),
        extension_build=_text(extension.get("build")),
        case=statement.case or "",
        note=statement.note,
        labels=statement.labels,
        pageinfo_captured=_text(pageinfo.get("captured")),
        pageinfo_omitted=_text(pageinfo.get("omitted")),
        failed_steps=tuple(_text(step) for step in _list(pageinfo.get("failedSteps"))[:50]),
        secrets_kept=secrets.get("kept") is True,
        secrets_removed=removed if isinstance(removed, int) else 0,
    )


def shots_of(detail: CaptureDetail) -> tuple[Shot, ...]:
    """The pictures, what the person saw first."""
    order = {"screenshot.viewport": 0, "screenshot.full": 1, "image": 2}
    pictures = sorted((one for one in detail.artifacts if one.role in order), key=lambda one: order[one.role])
    return tuple(
        Shot(
            name=one.name,
            role=one.role,
            size_bytes=one.size_bytes,
            stored=one.stored,
            preview=one.copy is not None,
            width=0 if one.copy is None else one.copy.width,
            height=0 if one.copy is None else one.copy.height,
            tall=one.copy is not None and one.copy.height > TALL * one.copy.width,
        )
        for one in pictures
    )


def with_actor_names(detail: CaptureDetail, request: Request) -> CaptureDetail:
    """The detail with actors named in the reader's language."""
    texts = Texts(choose_language(request.headers.get("accept-language", "")))
    return replace(detail, events=tuple(_named(event, texts) for event in detail.events))


def _named(event: EventView, texts: Texts) -> EventView:
    if event.actor == SERVICE_URN:
        return replace(event, actor_label=texts.get("actor.service"))
    if event.actor.startswith("urn:holdstill:handover:"):
        return replace(event, actor_label=texts.get("actor.recipient"))
    kind = "device" if event.actor.startswith("urn:holdstill:device:") else "operator"
    return replace(event, actor_label=texts.get(f"actor.{kind}", name=event.actor_label))


def _viewport(viewport: dict[str, object]) -> str:
    width, height, ratio = viewport.get("width"), viewport.get("height"), viewport.get("devicePixelRatio")
    if width is None or height is None:
        return UNKNOWN
    scale = f" × {ratio}" if ratio not in (None, 1) else ""
    return (
        f"{_text(width)} × {_text(height)}{scale}, scrolled to {_text(viewport.get('scrollX'))}, {_text(viewport.get('scrollY'))}"
    )


def _object(value: object) -> dict[str, object]:
    return value if isinstance(value, dict) else {}


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def _text(value: object) -> str:
    return UNKNOWN if value is None else str(value)[:2000]
