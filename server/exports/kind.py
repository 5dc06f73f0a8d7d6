"""What one kind of export of a case brings with it. The table of all kinds is server/exports/kinds.py.

How a kind is added:
1. In a module of its own, beside what writes its files, make one `ExportKind` (server/exports/tables/kind.py is an example).
   `write` makes the file from the frozen text and from rows that never change, so that a second run gives the same bytes.
2. If a profile, a purpose and a recipient are all that is asked, `asked` is a `Plain`: it freezes the order and shows a preview.
   The page of the case's exports, the queue, the worker and `CaseExportService.request()` need nothing more.
   If a person writes a text for it, `asked` is a `Form` with the path of the page below `/cases/<id>/exports/`; a service of its
   own freezes the document and hands it to `CaseExportService.add_document()` (server/exports/alerts.py is an example).
3. Add it to KINDS in kinds.py; its title to the catalogue as `case_export.kind.<name>`, and each of its options as
   `case_export.option.<name>`; what its files hold to docs/formats.md, section 14.
4. tests/services/test_export_leaks.py makes every kind for the platform and for everybody and looks for the collector in every
   file: a kind with a form says there how it is made.
Rights, marking, the second person, organisation, custody events, retries and downloads are the same for all: nothing to add.
"""

import uuid
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import BaseModel
from sqlmodel.ext.asyncio.session import AsyncSession

from server.cases.models import CaseFile
from server.custody.service import EventDraft
from server.exports.case_models import CaseExport
from server.exports.parts import ExportParts
from server.exports.profiles import Profile
from server.exports.tables.cells import Value
from server.operators.actors import OperatorActor

NAME_LIMIT = 16


@dataclass(frozen=True)
class CaseExportOrder:
    """For whom, why, to whom by name, and what a kind asks besides (`Plain.options`)."""

    profile: str
    purpose: str
    recipient: str
    options: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Asked:
    """An order that the actor may give: right, organisation and marking are checked already. `session`: the caller's."""

    parts: ExportParts
    session: AsyncSession
    actor: OperatorActor
    case: CaseFile
    profile: Profile
    options: Mapping[str, str]


@dataclass(frozen=True)
class Making:
    """The file of a frozen order is to be made. `path`: where, in a scratch folder that is removed afterwards.

    `progress` records how many findings are done; calling it is never needed for the file to be right. `events`: what is recorded
    of this file in the case's chain before `case.exported`, in the same transaction, so that a killed run leaves no word of it.
    """

    parts: ExportParts
    row: CaseExport
    path: Path
    progress: Callable[[int], Awaitable[None]]
    events: list[EventDraft] = field(default_factory=list)


@dataclass(frozen=True)
class PreviewPart:
    """A part of a preview: a table if it has columns, else lines."""

    title: str
    lines: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    rows: tuple[tuple[Value, ...], ...] = ()


@dataclass(frozen=True)
class FrozenDocument:
    """What a form's service hands over. `document_id`: the document's own, shared by its later versions."""

    kind: str
    value: BaseModel
    document_id: uuid.UUID


@dataclass(frozen=True)
class Plain:
    """A kind that needs no text of a person.

    `freeze` gives the canonical text of the order: everything the file follows from. Raises: BadInput (an option); ExportRefused,
    naming all that is missing in `missing`: codes, detail after a colon, each in the catalogue as `missing.<code>`. `preview`
    shows the beginning of what the files would hold, and raises the same; it stores nothing. `options`: names of further text
    fields, each empty if not filled in.
    """

    freeze: Callable[[Asked], Awaitable[str]]
    preview: Callable[[Asked], Awaitable[tuple[PreviewPart, ...]]]
    options: tuple[str, ...] = ()


@dataclass(frozen=True)
class Form:
    """A kind with a page of its own, on which a text is written, previewed and refused."""

    path: str


def zip_suffix(_content: str) -> str:
    """`.zip`, whatever was ordered."""
    return ".zip"


@dataclass(frozen=True)
class ExportKind:
    """One kind. `name`: at most 16 characters, never changed. `formats`: what is in the file, for people.

    `write` makes the file (not blocking: threads for what blocks) and gives how many rows each table has, for the custody event.
    Raises: ExportRefused, StorageError, OSError: the export then fails with that reason and can be retried.
    `suffix` gives the end of the file's name from the frozen text.
    """

    name: str
    profiles: frozenset[Profile]
    formats: tuple[str, ...]
    asked: Plain | Form
    write: Callable[[Making], Awaitable[Mapping[str, int]]]
    suffix: Callable[[str], str] = zip_suffix

    def __post_init__(self) -> None:
        """Refuses a name that does not fit its column. Raises: ValueError."""
        if not 0 < len(self.name) <= NAME_LIMIT:
            raise ValueError(f"the name of a kind has at most {NAME_LIMIT} characters: {self.name}")
