"""The kinds of exports of a case: the one table. How a kind is added: server/exports/kind.py."""

from server.errors import BadInput
from server.exports.authority.kind import AUTHORITY
from server.exports.documents.kinds import ALERT, DSA_NOTICE, POLICY_REPORT, RAPID
from server.exports.exchange.kinds import CLAIMS, MISP, STIX
from server.exports.kind import ExportKind
from server.exports.tables.kind import TABLES
from server.exports.workbook.kind import WORKBOOK

_ALL = (TABLES, ALERT, DSA_NOTICE, POLICY_REPORT, RAPID, WORKBOOK, AUTHORITY, STIX, MISP, CLAIMS)
KINDS: dict[str, ExportKind] = {one.name: one for one in _ALL}
"""Name → kind, in the order of the page."""


def kind_of(name: str) -> ExportKind:
    """The kind. Raises: BadInput."""
    if name not in KINDS:
        raise BadInput(field="kind", reason="one of " + ", ".join(KINDS))
    return KINDS[name]
