"""The report under the Code as a kind of export."""

from server.exports.documents.kinds import document
from server.exports.kind import Form
from server.exports.profiles import Profile
from server.exports.workbook.files import workbook_files

WORKBOOK = document(
    "sli_workbook",
    workbook_files,
    Form("workbook"),
    frozenset({Profile.INTERNAL, Profile.AUTHORITY, Profile.PUBLIC}),
    ("XLSX", "CSV", "Markdown", "JSON"),
)
