"""Handing over, as the organisation sees it: links and records of submission."""

import uuid
from datetime import timedelta
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Form, Query, Request, Response
from starlette.responses import RedirectResponse

from server.errors import BadInput
from server.exports.profiles import FETCHES, Profile
from server.handovers.links import LinkOrder, thing_id_of
from server.handovers.models import HandoverKind
from server.handovers.submissions import CHANNELS, SubmissionOrder
from server.operators.actors import OperatorActor
from server.web.deps import PublicExporter, RecordedRead, ServicesDep
from server.web.forms import optional, typed_id, utc_time
from server.web.pages.render import render

router = APIRouter()
Line = Annotated[str, Form(max_length=500)]
Long = Annotated[str, Form(max_length=2100)]
Kind = Annotated[str, Query(max_length=16)]
ThingId = Annotated[str, Query(max_length=64, alias="id")]
DAYS = (3, 7, 14, 30, 90, 366)


@router.get("/handovers")
async def index(request: Request, actor: PublicExporter, services: ServicesDep) -> Response:
    """The latest links and submissions."""
    links = await services.handovers.links.latest(actor)
    return render(
        request,
        "handovers.html",
        section="handovers",
        links=links,
        old=await services.handovers.links.with_old_copies([row for row, _ in links]),
        submissions=await services.handovers.submissions.latest(actor),
    )


@router.get("/handovers/new")
async def new(
    request: Request,
    actor: PublicExporter,
    services: ServicesDep,
    kind: Kind = HandoverKind.CAPTURE.value,
    thing: ThingId = "",
) -> Response:
    """The form for a link to one thing."""
    return render(
        request,
        "handover_form.html",
        section="handovers",
        kind=_kind(kind),
        thing=thing,
        profiles=_profiles(actor),
        previews=await services.handovers.links.preview(actor, _kind(kind), thing) if thing else [],
        days=DAYS,
        earlier=[] if kind == HandoverKind.CAPTURE else await services.handovers.submissions.latest(actor),
    )


@router.post("/handovers")
async def make(
    request: Request,
    actor: PublicExporter,
    services: ServicesDep,
    kind: Line,
    thing: Line,
    recipient: Line,
    purpose: Line,
    days: Annotated[int, Form(ge=1, le=366)] = 14,
    profile: Line = Profile.AUTHORITY.value,
    opens_at: Line = "",
    passcode: Line = "",
    contact: Line = "",
    message: Long = "",
    supplements: Line = "",
) -> Response:
    """A new link, shown with its passcode on this very answer and never again."""
    order = LinkOrder(
        kind=kind,
        thing_id=thing.strip(),
        recipient=recipient,
        purpose=purpose,
        expires_at=services.clock.now() + timedelta(days=days),
        profile=profile,
        opens_at=optional(utc_time, "opens_at", opens_at),
        with_passcode=bool(passcode),
        contact=contact,
        message=message,
        supplements=optional(typed_id, "supplements", supplements),
    )
    made = await services.handovers.links.make(actor, order)
    address = services.settings.public_url.rstrip("/") + f"/h/{made.token}"
    return render(request, "handover_made.html", section="handovers", made=made, address=address)


@router.get("/handovers/{handover_id}")
async def one(request: Request, handover_id: uuid.UUID, actor: PublicExporter, services: ServicesDep) -> Response:
    """One link: what it gives, what happened through it, who gave a receipt."""
    view = await services.handovers.links.read(actor, handover_id)
    return render(request, "handover.html", section="handovers", view=view, thing=thing_id_of(view.row))


@router.post("/handovers/{handover_id}/revoke")
async def revoke(handover_id: uuid.UUID, actor: PublicExporter, services: ServicesDep) -> Response:
    """The link no longer opens, and visits under way end."""
    await services.handovers.links.revoke(actor, handover_id)
    return RedirectResponse(f"/handovers/{handover_id}", status_code=HTTPStatus.SEE_OTHER)


@router.post("/handovers/{handover_id}/replace")
async def replace(handover_id: uuid.UUID, actor: PublicExporter, services: ServicesDep) -> Response:
    """The link gives the newest masked copies; visits under way end."""
    await services.handovers.renewals.replace(actor, handover_id)
    return RedirectResponse(f"/handovers/{handover_id}", status_code=HTTPStatus.SEE_OTHER)


@router.post("/handovers/{handover_id}/unlock")
async def unlock(handover_id: uuid.UUID, actor: PublicExporter, services: ServicesDep) -> Response:
    """A locked link takes passcodes again."""
    await services.handovers.links.unlock(actor, handover_id)
    return RedirectResponse(f"/handovers/{handover_id}", status_code=HTTPStatus.SEE_OTHER)


@router.post("/handovers/{handover_id}/embargo")
async def embargo(handover_id: uuid.UUID, actor: PublicExporter, services: ServicesDep, opens_at: Line = "") -> Response:
    """The link opens at that time and not before; an empty field lifts the embargo."""
    at = optional(utc_time, "opens_at", opens_at)
    await services.handovers.links.embargo(actor, handover_id, at)
    return RedirectResponse(f"/handovers/{handover_id}", status_code=HTTPStatus.SEE_OTHER)


@router.get("/submissions/new")
async def new_submission(
    request: Request,
    actor: PublicExporter,
    services: ServicesDep,
    kind: Kind = HandoverKind.BUNDLE.value,
    thing: ThingId = "",
) -> Response:
    """The form for the record of a submission."""
    return render(
        request,
        "submission_form.html",
        section="handovers",
        kind=_kind(kind),
        thing=thing,
        channels=CHANNELS,
        now=services.clock.now(),
        earlier=await services.handovers.submissions.latest(actor),
    )


@router.post("/submissions")
async def submit(
    actor: PublicExporter,
    services: ServicesDep,
    kind: Line,
    thing: Line,
    addressee: Line,
    channel: Line,
    sent_at: Line,
    note: Long = "",
    supplements: Line = "",
) -> Response:
    """The record, and on to its page."""
    earlier = optional(typed_id, "supplements", supplements)
    order = SubmissionOrder(kind, thing.strip(), addressee, channel, utc_time("sent_at", sent_at), note, earlier)
    row = await services.handovers.submissions.record(actor, order)
    return RedirectResponse(f"/submissions/{row.id}", status_code=HTTPStatus.SEE_OTHER)


@router.get("/submissions/{submission_id}")
async def submission(request: Request, submission_id: uuid.UUID, actor: PublicExporter, services: ServicesDep) -> Response:
    """One submission: the file, what came back, what a supplement changed."""
    view = await services.handovers.submissions.read(actor, submission_id)
    return render(request, "submission.html", section="handovers", view=view, now=services.clock.now())


@router.post("/submissions/{submission_id}/replies")
async def reply(
    submission_id: uuid.UUID,
    actor: PublicExporter,
    services: ServicesDep,
    replied_at: Line,
    case_number: Line = "",
    receipt: Long = "",
) -> Response:
    """What came back from the recipient."""
    at = utc_time("replied_at", replied_at)
    await services.handovers.submissions.reply(actor, submission_id, (case_number, receipt), at)
    return RedirectResponse(f"/submissions/{submission_id}", status_code=HTTPStatus.SEE_OTHER)


@router.get("/submissions/{submission_id}/changes.json", dependencies=[RecordedRead])
async def changes(submission_id: uuid.UUID, actor: PublicExporter, services: ServicesDep) -> Response:
    """What a supplement changed, as a file."""
    data = await services.handovers.submissions.changes(actor, submission_id)
    name = f'attachment; filename="changes-{submission_id.hex[:12]}.json"'
    return Response(data, media_type="application/json", headers={"Content-Disposition": name})


def _kind(kind: str) -> str:
    try:
        return HandoverKind(kind).value
    except ValueError as error:
        raise BadInput(field="kind", reason="one of " + ", ".join(HandoverKind)) from error


def _profiles(actor: OperatorActor) -> list[str]:
    """Profiles that a capture can be handed over in by this person; a link is for somebody outside."""
    return [one.value for one in Profile if one is not Profile.INTERNAL and FETCHES[one] in actor.rights]
