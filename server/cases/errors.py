"""What case work may refuse, beside the common errors."""

from typing import ClassVar

from server.errors import ServiceError


class CaseClosed(ServiceError):
    """The case is closed: it is read only. data: case."""

    code: ClassVar[str] = "case_closed"


class SearchTooSlow(ServiceError):
    """The search would take longer than one is allowed to. data: reason."""

    code: ClassVar[str] = "search_too_slow"


class AlreadyExhibit(ServiceError):
    """The capture is an exhibit of this case already. data: number."""

    code: ClassVar[str] = "already_exhibit"
