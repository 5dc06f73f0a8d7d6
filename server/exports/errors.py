"""What an export may refuse."""

from server.errors import ServiceError


class ExportRefused(ServiceError):
    """The export cannot be made from what was asked for.

    data: reason; captures, or missing: everything that is, as codes with a detail after a colon.
    """

    code = "export_refused"


class ExportNotReady(ServiceError):
    """The file is not there (yet). data: export_id, state, reason."""

    code = "export_not_ready"
