"""The one family of errors that storage raises. They carry data; whoever shows them makes the prose."""

from __future__ import annotations

from datetime import datetime


class StorageError(Exception):
    """Bytes could not be stored, read or understood.

    Raised itself (not a subclass) when the outcome is unknown: the operation may or may not have happened. Every write is
    idempotent, so calling again is always right.
    """

    def __init__(self, reason: str, *, key: str | None = None) -> None:
        super().__init__(reason if key is None else f"{reason}: {key}")
        self.reason = reason
        self.key = key


class DigestMismatch(StorageError):
    """The bytes are not the bytes that were announced. Nothing became visible."""

    def __init__(self, expected: str, actual: str | None, *, key: str | None = None) -> None:
        super().__init__(f"expected sha256 {expected}, got {actual or 'another one'}", key=key)
        self.expected = expected
        self.actual = actual


class SizeMismatch(StorageError):
    """The stream ended before, or the file is not of, the announced size. Nothing became visible."""

    def __init__(self, expected_bytes: int, actual_bytes: int, *, key: str | None = None) -> None:
        super().__init__(f"expected {expected_bytes} bytes, got {actual_bytes}", key=key)
        self.expected_bytes = expected_bytes
        self.actual_bytes = actual_bytes


class BlobTooLarge(StorageError):
    """More bytes came than were announced or allowed. Nothing became visible."""

    def __init__(self, limit_bytes: int, *, key: str | None = None) -> None:
        super().__init__(f"more than {limit_bytes} bytes", key=key)
        self.limit_bytes = limit_bytes


class BlobNotFound(StorageError):
    """The store holds nothing under this key."""

    def __init__(self, key: str) -> None:
        super().__init__("no such blob", key=key)


class BlobDamaged(StorageError):
    """The store holds bytes under this key that do not have the key's digest or size."""

    def __init__(self, key: str, detail: str) -> None:
        super().__init__(f"damaged blob ({detail})", key=key)
        self.detail = detail


class RetentionRefused(StorageError):
    """The store would not promise to keep the blob until `until`."""

    def __init__(self, key: str, until: datetime, detail: str) -> None:
        super().__init__(f"retention until {until.isoformat()} refused ({detail})", key=key)
        self.until = until
        self.detail = detail


class UploadNotFound(StorageError):
    """The spool has no upload of this id."""

    def __init__(self, upload_id: str) -> None:
        super().__init__("no such upload", key=upload_id)


class UploadBusy(StorageError):
    """Another request is writing to this upload now."""

    def __init__(self, upload_id: str) -> None:
        super().__init__("upload is being written by another request", key=upload_id)


class OffsetMismatch(StorageError):
    """The writer wanted to continue at another place than where the spooled file ends."""

    def __init__(self, upload_id: str, *, wanted: int, actual: int) -> None:
        super().__init__(f"offset {wanted} wanted, the file ends at {actual}", key=upload_id)
        self.wanted = wanted
        self.actual = actual


class UploadIncomplete(StorageError):
    """The upload was to be finished, but bytes are missing."""

    def __init__(self, upload_id: str, *, offset: int, size_bytes: int) -> None:
        super().__init__(f"{offset} of {size_bytes} bytes are here", key=upload_id)
        self.offset = offset
        self.size_bytes = size_bytes


class BadContainer(StorageError):
    """A zip, WACZ, WARC or bag that is broken, hostile or beyond its limits.

    `what` is the kind of container ("zip", "wacz", "warc", "bag"), `where` the entry, record or position, `detail` the finding.
    """

    def __init__(self, what: str, where: str, reason: str) -> None:
        super().__init__(f"{what}: {where}: {reason}" if where else f"{what}: {reason}")
        self.what = what
        self.where = where
        self.detail = reason
