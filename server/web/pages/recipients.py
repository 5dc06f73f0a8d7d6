"""What somebody sees who was given a link: no account, no cookie, nothing of the captured site, nothing from elsewhere.

Every link, also one that never was, shows the same first page; opening it is a deliberate act, so that a mail program that looks
at links ahead opens nothing. A link that does not open has one answer.
"""

from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Form, Path, Request, Response
from starlette.responses import RedirectResponse

from server.errors import BadInput, ServiceError
from server.handovers.errors import HandoverClosed, HandoverEmbargoed, NothingReceived, TooManyTries
from server.web.deps import ServicesDep
from server.web.pages.render import render
from server.web.problems import status_of
from server.web.ranges import ServedFile, file_response, head_response

router = APIRouter(prefix="/h")
HEADERS = {"X-Robots-Tag": "noindex, nofollow, noarchive", "Referrer-Policy": "no-referrer"}
Secret = Annotated[str, Path(max_length=200)]
FileName = Annotated[str, Path(max_length=200)]


@router.get("/{token}")
async def first(request: Request, token: Secret) -> Response:
    """The same for every token: nothing is looked up, nothing recorded."""
    return _page(request, "handed_first.html", token=token, refused="")


@router.post("/{token}")
async def open_link(
    request: Request, token: Secret, services: ServicesDep, passcode: Annotated[str, Form(max_length=80)] = ""
) -> Response:
    """Opens the link: recorded; then on to its page."""
    try:
        key = await services.handovers.visits.open(token, passcode, _address(request))
    except (HandoverClosed, HandoverEmbargoed, TooManyTries) as error:
        return _refused(request, token, error)
    return RedirectResponse(f"/h/{token}/{key}", status_code=HTTPStatus.SEE_OTHER, headers=HEADERS)


@router.get("/{token}/{visit}")
async def page(request: Request, token: Secret, visit: Secret, services: ServicesDep) -> Response:
    """What is handed over, by whom, with hashes, how to check it, and the receipt."""
    try:
        return await _handed(request, services, (token, visit))
    except HandoverClosed as error:
        return _refused(request, token, error)


@router.head("/{token}/{visit}/files/{file}")
@router.get("/{token}/{visit}/files/{file}")
async def download(request: Request, token: Secret, visit: Secret, file: FileName, services: ServicesDep) -> Response:
    """A file, streamed from the store; Range is honoured. The download is recorded first; the head alone is none."""
    try:
        if request.method == "HEAD":
            handed = await services.handovers.visits.page(token, visit)
            known = next((one for one in handed.files if one.name == file), None)
            if known is None:
                raise HandoverClosed()
            return _with_headers(head_response(ServedFile(known.name, known.media_type, known.size_bytes, known.sha256)))
        found = await services.handovers.visits.fetch(token, visit, file)
    except HandoverClosed as error:
        return _refused(request, token, error)
    served = ServedFile(found.file.name, found.file.media_type, found.file.size_bytes, found.file.sha256)
    return _with_headers(file_response(request, served, found.open_range))


@router.post("/{token}/{visit}/receipt")
async def acknowledge(
    request: Request, token: Secret, visit: Secret, services: ServicesDep, name: Annotated[str, Form(max_length=400)] = ""
) -> Response:
    """The receipt, in the name typed; then the page again, which shows it."""
    try:
        await services.handovers.visits.acknowledge(token, visit, name, _address(request))
    except HandoverClosed as error:
        return _refused(request, token, error)
    except (BadInput, NothingReceived, TooManyTries) as error:
        return await _handed(request, services, (token, visit), problem=error)
    return RedirectResponse(f"/h/{token}/{visit}#receipt", status_code=HTTPStatus.SEE_OTHER, headers=HEADERS)


async def _handed(
    request: Request, services: ServicesDep, secret: tuple[str, str], *, problem: ServiceError | None = None
) -> Response:
    handed = await services.handovers.visits.page(*secret)
    status = HTTPStatus.OK if problem is None else status_of(problem)
    here = f"/h/{secret[0]}/{secret[1]}"
    return _page(request, "handed.html", status=status, handed=handed, here=here, problem="" if problem is None else problem.code)


def _refused(request: Request, token: str, error: ServiceError) -> Response:
    """The first page again, with the one answer."""
    opens_at = error.data.get("opens_at", "")
    return _page(request, "handed_first.html", status=status_of(error), token=token, refused=error.code, opens_at=opens_at)


def _page(request: Request, template: str, *, status: int = HTTPStatus.OK, **values: Any) -> Response:
    return _with_headers(render(request, template, status=status, signed_in=False, **values))


def _with_headers(response: Response) -> Response:
    response.headers.update(HEADERS)
    return response


def _address(request: Request) -> str:
    return "" if request.client is None else request.client.host
