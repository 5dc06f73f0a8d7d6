"""What taking in a capture may refuse."""

from server.errors import ServiceError


class StatementRefused(ServiceError):
    """The envelope or the statement in it is not what docs/formats.md asks for, or names too much. data: reason."""

    code = "statement_refused"


class SignatureRefused(ServiceError):
    """The envelope is not signed by the device that sent it. data: reason."""

    code = "signature_refused"


class DeviceUnknown(ServiceError):
    """No enrolled and active device has the key that signed this file. data: key_id."""

    code = "device_unknown"


class StatementTaken(ServiceError):
    """The same statement was committed by another device. data: capture_id."""

    code = "statement_taken"


class NonceUsed(ServiceError):
    """The nonce already stands in another capture: one of the two is a replay. data: nonce."""

    code = "nonce_used"


class ArtifactsMissing(ServiceError):
    """Not every named artifact is here: never arrived, or gone or damaged since. data: capture_id, missing (SHA-256 list in the
    statement's order)."""

    code = "artifacts_missing"


class ArtifactDamaged(ServiceError):
    """A file has another length than the statement says, and no sending helps: nothing was sealed. data: sha256, reason."""

    code = "artifact_damaged"


class DigestRefused(ServiceError):
    """The bytes that came do not have the announced SHA-256; none of them are kept. data: expected, actual."""

    code = "digest_mismatch"


class LengthRefused(ServiceError):
    """The announced or received length is not the length the statement gives. data: expected, actual."""

    code = "length_mismatch"


class TooLarge(ServiceError):
    """More bytes than this way of sending allows. data: limit_bytes."""

    code = "too_large"


class LengthRequired(ServiceError):
    """The request does not say how many bytes it brings."""

    code = "length_required"


class UploadConflict(ServiceError):
    """The upload continues elsewhere than the request says. data: upload_offset."""

    code = "upload_offset_mismatch"


class UploadLocked(ServiceError):
    """Another request is writing to this upload now. data: upload_id."""

    code = "upload_busy"


class UploadEnded(ServiceError):
    """The upload was terminated or refused and takes no more bytes. data: upload_id."""

    code = "upload_ended"
