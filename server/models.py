"""Every table, imported once: for migrations and for tests of drift."""

from sqlmodel import SQLModel

from server.captures import models as captures
from server.captures import sharing
from server.cases import models as cases
from server.custody import models as custody
from server.exports import models as exports
from server.findings import models as findings
from server.images import models as images
from server.operators import models as operators
from server.transparency import models as transparency

__all__ = ["captures", "cases", "custody", "exports", "findings", "images", "metadata", "operators", "sharing", "transparency"]

metadata = SQLModel.metadata
