"""Every table, imported once: for migrations and for tests of drift."""

from sqlmodel import SQLModel

from server.captures import masked, sharing, texts
from server.captures import models as captures
from server.cases import models as cases
from server.custody import models as custody
from server.exports import case_models
from server.exports import models as exports
from server.findings import models as findings
from server.handovers import models as handovers
from server.images import elsewhere
from server.images import models as images
from server.imports import models as imports
from server.notices import models as notices
from server.operators import models as operators
from server.transparency import models as transparency

__all__ = [
    "captures",
    "case_models",
    "cases",
    "custody",
    "elsewhere",
    "exports",
    "findings",
    "handovers",
    "images",
    "imports",
    "masked",
    "metadata",
    "notices",
    "operators",
    "sharing",
    "texts",
    "transparency",
]

metadata = SQLModel.metadata
