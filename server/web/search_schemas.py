"""The JSON of docs/formats.md section 6, of a search."""

from typing import Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from server.web.schemas import Moment


class SnippetPiece(BaseModel):
    """Text, never markup, and whether it is what was looked for."""

    model_config = ConfigDict(from_attributes=True)

    text: str
    is_hit: bool


class SearchRow(BaseModel):
    """One hit. `id`: of a capture, also for an exhibit, or of a thing of a case. `parts`: where in it the words stand; `pieces`:
    some text around them. `at`: when it was captured, or written down. `path`: its page."""

    kind: Literal["capture", "exhibit", "note", "entity", "moment", "finding", "deposit"]
    id: str
    label: str
    path: str
    parts: list[str]
    pieces: list[SnippetPiece]
    at: Moment | None
    host: str
    case_id: UUID | None
    case: str
    state: str


class NotSearchedRow(BaseModel):
    """How many captures and texts of cases were not looked through by what they say."""

    captures: int
    texts: int


class SearchAnswer(BaseModel):
    """One page; `next_cursor` is null on the last. `total`: exact unless `more_than_ranked`."""

    hits: list[SearchRow]
    total: int
    more_than_ranked: bool
    not_searched: NotSearchedRow
    next_cursor: str | None
