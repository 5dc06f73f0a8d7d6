"""What notices may refuse, beside the common errors."""

from typing import ClassVar

from server.errors import ServiceError


class NoticeRefused(ServiceError):
    """It cannot be recorded as things stand. data: reason; newest (the draft's event, where it was revised)."""

    code: ClassVar[str] = "notice_refused"
