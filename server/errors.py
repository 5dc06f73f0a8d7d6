"""What a service may raise: typed errors that carry data. Their HTTP statuses are decided in server/web/problems.py only."""

from typing import ClassVar

ErrorData = str | int | bool | None | list[str]


class ServiceError(Exception):
    """A service refused or could not do what was asked.

    `code` is stable and part of the wire contract (problem type); `data` holds JSON values that are safe to show to the caller.
    """

    code: ClassVar[str] = "service_error"

    def __init__(self, **data: ErrorData) -> None:
        self.data = data
        super().__init__(self.code, data)

    def __str__(self) -> str:
        listed = ", ".join(f"{name}={value!r}" for name, value in self.data.items())
        return f"{self.code}({listed})"


# Who asks


class Unauthenticated(ServiceError):
    """No token, an unknown token, or an ended session. data: reason."""

    code = "unauthenticated"


class DeviceRevoked(ServiceError):
    """The device's key was revoked: nothing more is accepted from it. data: device_id."""

    code = "device_revoked"


class PairingRefused(ServiceError):
    """The pairing code is wrong, used, expired or has no tries left: one answer on purpose, a guesser learns nothing."""

    code = "pairing_refused"


class DeviceKeyRefused(ServiceError):
    """The public key cannot be enrolled. data: reason (`not_p384`, `not_new`: revoked, or another's)."""

    code = "device_key_refused"


class SignInRefused(ServiceError):
    """The link, password or passkey does not let anybody in: one answer for unknown, wrong, used, expired and who left."""

    code = "sign_in_refused"


class SignInPaused(ServiceError):
    """Too many tries for one login or from one address: the same words whether the login exists or not.

    data: wait_s; way (`passkey`), where only the next question for one waits.
    """

    code = "sign_in_paused"


class PasskeysUnavailable(ServiceError):
    """Browsers cannot make or use a passkey here. data: reason (`ip_address`, `not_https`, `other_address`), public_url."""

    code = "passkeys_unavailable"


class PasskeyRefused(ServiceError):
    """The browser's answer does not make a passkey. data: reason (`challenge`, `not_verified`, `taken`, `too_many`)."""

    code = "passkey_refused"


class IssuerRefused(ServiceError):
    """The configured issuer vouches for nobody who may come in, or not so that it can be believed. data: reason."""

    code = "issuer_refused"


class IssuerUnreachable(ServiceError):
    """The configured issuer gave no answer that can be read. No data."""

    code = "issuer_unreachable"


class Forbidden(ServiceError):
    """Known, but not allowed. data: needs."""

    code = "forbidden"


class CaptureNotAllowed(Forbidden):
    """The browser's person may capture no more; what it holds can be sent when the person may again. data: needs."""

    code = "capture_not_allowed"


class PasskeyDue(Forbidden):
    """The organisation asks this person for a passkey, and this session was opened without one. data: needs."""

    code = "passkey_due"


class CrossSiteVisit(Forbidden):
    """Another site led here; what would be recorded must be opened from this one. data: needs."""


# What is asked for


class NotFound(ServiceError):
    """No such thing in the caller's organisation (what another organisation holds is never told). data: kind, id."""

    code = "not_found"


class BadInput(ServiceError):
    """The input cannot be read as what it should be. data: field, reason."""

    code = "bad_input"


# The log


class LogRefused(ServiceError):
    """Signing would shrink or fork the log, or cover rows that do not give the signed root: not signed. data: reason, size.

    This is an alarm for a person, not a transient fault: stored rows were changed or rolled back.
    """

    code = "log_refused"


class NotSequenced(ServiceError):
    """The leaf is not in a published checkpoint (yet). data: leaf."""

    code = "not_sequenced"


class OutsideLog(ServiceError):
    """An index, a size or a tile that the log does not have. data: what, size."""

    code = "outside_log"


class StoredRecordBroken(ServiceError):
    """A stored row does not read as what was written. data: table, id, reason."""

    code = "stored_record_broken"
