"""ONE table from error to HTTP status, and RFC 9457 problems from it. No other module of the service names an error's status."""

from collections.abc import Mapping
from http import HTTPStatus

from fastapi.exceptions import RequestValidationError
from sqlalchemy.exc import DataError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from server import errors
from server.captures import errors as captures
from server.cases import errors as cases
from server.exports import errors as exports
from server.findings import errors as findings
from server.handovers import errors as handovers
from server.images import errors as images
from server.imports import errors as imports
from server.notices import errors as notices
from server.trust.errors import VerificationError
from storage import errors as storage

MEDIA_TYPE = "application/problem+json"
TYPE_PREFIX = "https://holdstill.local/problems/"

STATUS: dict[type[Exception], HTTPStatus] = {
    errors.ServiceError: HTTPStatus.INTERNAL_SERVER_ERROR,
    errors.Unauthenticated: HTTPStatus.UNAUTHORIZED,
    errors.DeviceRevoked: HTTPStatus.UNAUTHORIZED,
    errors.SignInRefused: HTTPStatus.UNAUTHORIZED,
    errors.SignInPaused: HTTPStatus.TOO_MANY_REQUESTS,
    errors.PasskeysUnavailable: HTTPStatus.CONFLICT,
    errors.PasskeyRefused: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.IssuerRefused: HTTPStatus.UNAUTHORIZED,
    errors.IssuerUnreachable: HTTPStatus.BAD_GATEWAY,
    errors.PairingRefused: HTTPStatus.FORBIDDEN,
    errors.DeviceKeyRefused: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.Forbidden: HTTPStatus.FORBIDDEN,
    errors.NotFound: HTTPStatus.NOT_FOUND,
    errors.BadInput: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.OutsideLog: HTTPStatus.NOT_FOUND,
    errors.NotSequenced: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.LogRefused: HTTPStatus.SERVICE_UNAVAILABLE,
    captures.StatementRefused: HTTPStatus.UNPROCESSABLE_ENTITY,
    captures.SignatureRefused: HTTPStatus.FORBIDDEN,
    captures.StatementTaken: HTTPStatus.CONFLICT,
    captures.DeviceUnknown: HTTPStatus.FORBIDDEN,
    captures.NonceUsed: HTTPStatus.CONFLICT,
    captures.ArtifactsMissing: HTTPStatus.CONFLICT,
    captures.ArtifactDamaged: HTTPStatus.INTERNAL_SERVER_ERROR,
    captures.DigestRefused: HTTPStatus.UNPROCESSABLE_ENTITY,
    captures.LengthRefused: HTTPStatus.UNPROCESSABLE_ENTITY,
    captures.LengthRequired: HTTPStatus.LENGTH_REQUIRED,
    captures.TooLarge: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    captures.UploadConflict: HTTPStatus.CONFLICT,
    captures.UploadLocked: HTTPStatus.LOCKED,
    captures.UploadEnded: HTTPStatus.GONE,
    cases.CaseClosed: HTTPStatus.CONFLICT,
    cases.AlreadyExhibit: HTTPStatus.CONFLICT,
    cases.SearchTooSlow: HTTPStatus.UNPROCESSABLE_ENTITY,
    findings.FindingIncomplete: HTTPStatus.CONFLICT,
    findings.ReviewRefused: HTTPStatus.CONFLICT,
    findings.VersionTaken: HTTPStatus.CONFLICT,
    findings.StatisticRefused: HTTPStatus.CONFLICT,
    notices.NoticeRefused: HTTPStatus.CONFLICT,
    exports.ExportNotReady: HTTPStatus.CONFLICT,
    exports.ExportRefused: HTTPStatus.CONFLICT,
    imports.FileRefused: HTTPStatus.UNPROCESSABLE_ENTITY,
    imports.ImportRefused: HTTPStatus.CONFLICT,
    handovers.HandoverClosed: HTTPStatus.NOT_FOUND,
    handovers.HandoverEmbargoed: HTTPStatus.FORBIDDEN,
    handovers.HandoverRefused: HTTPStatus.CONFLICT,
    handovers.NothingReceived: HTTPStatus.CONFLICT,
    handovers.TooManyTries: HTTPStatus.TOO_MANY_REQUESTS,
    images.PictureRefused: HTTPStatus.UNPROCESSABLE_ENTITY,
    images.ClusterEnded: HTTPStatus.GONE,
    images.DecisionRefused: HTTPStatus.CONFLICT,
    images.NotIndexed: HTTPStatus.CONFLICT,
    storage.StorageError: HTTPStatus.SERVICE_UNAVAILABLE,
    storage.BlobNotFound: HTTPStatus.NOT_FOUND,
    storage.UploadNotFound: HTTPStatus.NOT_FOUND,
    VerificationError: HTTPStatus.UNPROCESSABLE_ENTITY,
    DataError: HTTPStatus.UNPROCESSABLE_ENTITY,  # a number larger than the column that it is compared with
    OperationalError: HTTPStatus.SERVICE_UNAVAILABLE,  # the connection broke: whether it was done is unknown, say it again
    InterfaceError: HTTPStatus.SERVICE_UNAVAILABLE,
    PoolTimeout: HTTPStatus.SERVICE_UNAVAILABLE,
}

CODES: dict[type[Exception], str] = {
    storage.StorageError: "storage_unavailable",
    storage.BlobNotFound: "not_found",
    storage.UploadNotFound: "not_found",
    VerificationError: "not_verified",
    DataError: "bad_input",
    OperationalError: "database_unavailable",
    InterfaceError: "database_unavailable",
    PoolTimeout: "database_unavailable",
}


def status_of(error: Exception) -> HTTPStatus:
    """The status of the closest class of `error` in the table; 500 for anything else."""
    for kind in type(error).__mro__:
        if issubclass(kind, Exception) and kind in STATUS:
            return STATUS[kind]
    return HTTPStatus.INTERNAL_SERVER_ERROR


def code_of(error: Exception) -> str:
    """The stable code of `error`: the last part of the problem's type."""
    if isinstance(error, errors.ServiceError):
        return error.code
    for kind in type(error).__mro__:
        if issubclass(kind, Exception) and kind in CODES:
            return CODES[kind]
    return "internal_error"


def problem(
    status: int,
    code: str,
    *,
    detail: str = "",
    data: Mapping[str, object] | None = None,
    headers: Mapping[str, str] | None = None,
) -> JSONResponse:
    """One RFC 9457 problem. `data` becomes extension members; it never overrides the standard ones."""
    own = {"type": TYPE_PREFIX + code, "title": HTTPStatus(status).phrase, "status": int(status), "code": code, "detail": detail}
    body = {**own, **(data or {}), **own}
    return JSONResponse(body, status_code=int(status), media_type=MEDIA_TYPE, headers=dict(headers or {}))


def headers_of(error: Exception) -> dict[str, str]:
    """What the protocol wants in the header of this answer: the way to authenticate, the offset of an upload."""
    if isinstance(error, errors.Unauthenticated | errors.DeviceRevoked):
        return {"WWW-Authenticate": 'Bearer realm="holdstill"'}
    if isinstance(error, errors.SignInPaused):
        return {"Retry-After": str(error.data["wait_s"])}
    if isinstance(error, captures.UploadConflict):
        return {"Upload-Offset": str(error.data["upload_offset"])}
    return {}


def problem_of(error: Exception) -> Response:
    """The problem for any error. What is not a ServiceError shows its code only: its text may name paths or content."""
    status, code = status_of(error), code_of(error)
    if isinstance(error, errors.ServiceError):
        reason = error.data.get("reason")
        return problem(status, code, detail=reason if isinstance(reason, str) else "", data=error.data, headers=headers_of(error))
    return problem(status, code)


def http_problem(_request: Request, error: HTTPException) -> Response:
    """The problem for what the framework refused (no such route, wrong method, body too large)."""
    code = {404: "not_found", 405: "method_not_allowed", 413: "too_large", 400: "bad_input"}.get(error.status_code, "refused")
    return problem(error.status_code, code, headers=error.headers)


def validation_problem(_request: Request, error: RequestValidationError) -> Response:
    """The problem for input of the wrong shape: where and why, never the value itself."""
    found = [{"field": ".".join(str(part) for part in one["loc"]), "reason": one["msg"]} for one in error.errors()[:20]]
    return problem(HTTPStatus.UNPROCESSABLE_ENTITY, "bad_input", data={"errors": found})
