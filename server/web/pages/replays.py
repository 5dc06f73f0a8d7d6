"""The replay page: the archive in a frame of the replay origin, beside it what is missing and where each resource came from."""

from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request, Response

from server.captures.replays import Replay
from server.captures.views import CaptureDetail
from server.composition import Services
from server.errors import NotFound
from server.operators.actors import Actor
from server.web.deps import Reader, RecordedRead, ServicesDep
from server.web.middleware import CONTENT_SECURITY_POLICY
from server.web.pages.render import render
from server.web.pages.resources_view import resources_of
from server.web.pages.statement_view import predicate_of
from server.web.replay_origin import replay_origin
from storage.errors import StorageError

router = APIRouter()
ARCHIVE_CHECKS = frozenset({"page_archive", "page_archive_signature", "page_archive_digests"})
View = Literal["still", "scripts", ""]


@router.get("/captures/{capture_id}/replay", dependencies=[RecordedRead])
async def replay(
    request: Request, capture_id: str, actor: Reader, services: ServicesDep, view: Annotated[View, Query()] = ""
) -> Response:
    """The archive in a sandboxed frame on the replay origin. Opening it is a custody event with the purpose `replay`.

    `view`: `still` is the page as it stood, without its scripts, and what one gets unasked; `scripts` runs what the archive
    holds, which need not be all that the scripts ask for.
    """
    detail = await services.captures.details.detail(actor, capture_id)
    stored = any(one.role == "page.wacz" and one.stored for one in detail.artifacts)
    origin = replay_origin(services.settings, detail.capture_id) if request.app.state.replays and stored else None
    shown = view or "still"
    opened, still = None, False
    if origin is None:
        await services.captures.reading.record_view(actor, capture_id)
    else:
        opened, still = await _open(services, actor, detail, shown)
    shown = shown if still else "scripts"
    page = render(
        request,
        "replay.html",
        section="captures",
        capture=detail,
        replay=opened,
        frame="" if opened is None else f"{origin}/r/{opened.capability}/{'still/' if shown == 'still' else ''}",
        shown=shown,
        has_still=still,
        why_not="" if opened is not None else "off" if stored else "waiting" if _has_archive(detail) else "none",
        masked=bool(predicate_of(detail.statement_payload).get("masks")),
        broken=[one for one in detail.checks if one.outcome == "FAILED" and one.name in ARCHIVE_CHECKS],
        resources=await resources_of(services, actor, capture_id),
    )
    if origin is not None:
        page.headers["Content-Security-Policy"] = f"{CONTENT_SECURITY_POLICY}; frame-src {origin}"
    return page


async def _open(services: Services, actor: Actor, detail: CaptureDetail, shown: str) -> tuple[Replay, bool]:
    """The capability, and whether the archive can be shown as it stood."""
    replays = services.captures.replays
    opened = await replays.open(actor, detail.capture_id, shown)
    try:
        await replays.still(await replays.archive(opened.capability))
    except (NotFound, StorageError):
        return opened, False
    return opened, True


def _has_archive(detail: CaptureDetail) -> bool:
    return any(one.role == "page.wacz" for one in detail.artifacts)
