"""What taking in may refuse, beside the common errors."""

from typing import ClassVar

from server.errors import ServiceError


class FileRefused(ServiceError):
    """The file cannot be read as a table, an archive or a picture within its limits. data: reason."""

    code: ClassVar[str] = "file_refused"


class ImportRefused(ServiceError):
    """The import is not in a state in which that can be done. data: reason."""

    code: ClassVar[str] = "import_refused"
