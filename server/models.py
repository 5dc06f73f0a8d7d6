"""Every table, imported once: for migrations and for tests of drift."""

from sqlmodel import SQLModel

from server.captures import models as captures
from server.custody import models as custody
from server.exports import models as exports
from server.images import models as images
from server.operators import models as operators
from server.transparency import models as transparency

__all__ = ["captures", "custody", "exports", "images", "metadata", "operators", "transparency"]

metadata = SQLModel.metadata
