"""What handing over may refuse. For a recipient, a link that does not open is one answer, whatever the reason."""

from server.errors import ServiceError


class HandoverClosed(ServiceError):
    """The link is unknown, expired, withdrawn or locked, or the passcode is wrong: one answer on purpose. No data."""

    code = "handover_closed"


class HandoverEmbargoed(ServiceError):
    """Said only to who has the link and its passcode. data: opens_at."""

    code = "handover_embargoed"


class TooManyTries(ServiceError):
    """Too many tries from one address, or openings of one link; wait. No data."""

    code = "too_many_tries"


class NothingReceived(ServiceError):
    """A receipt for nothing: no file was fetched in this visit. No data."""

    code = "nothing_received"


class HandoverRefused(ServiceError):
    """What was asked for cannot be handed over so. data: reason."""

    code = "handover_refused"
