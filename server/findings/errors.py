"""What findings and statistics may refuse, beside the common errors."""

from typing import ClassVar

from server.errors import ServiceError


class FindingIncomplete(ServiceError):
    """Something is missing or contradicts: it cannot be confirmed. data: gaps (codes, with detail after a colon)."""

    code: ClassVar[str] = "finding_incomplete"


class ReviewRefused(ServiceError):
    """The review is not possible. data: reason (`own_finding`, `not_newest`, `state`)."""

    code: ClassVar[str] = "review_refused"


class VersionTaken(ServiceError):
    """Somebody else wrote a version meanwhile: look at it first. data: newest."""

    code: ClassVar[str] = "version_taken"


class StatisticRefused(ServiceError):
    """The statistic cannot be counted. data: reason."""

    code: ClassVar[str] = "statistic_refused"
