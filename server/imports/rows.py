"""One row of a table as what it says: a post, an ad or an account, by whom, when, seen when, with which numbers. Pure.

A row in which one mapped cell cannot be read is not taken at all: it can be put right and imported again, and merges then.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import cast
from urllib.parse import urlunsplit

from server.imports.addresses import PLATFORMS, Named, address_of, handle_in, is_made_of_a_number, named_by, platform_of
from server.imports.fields import FACTS, NUMBERS, TELLS_APART
from server.imports.options import ImportOptions
from server.imports.rounding import ALONE, COLUMN, ColumnZeros, looks_rounded
from server.imports.said import Figure, Problem, ReadRow, RowRefused, Thing
from server.imports.times import Moment, UnreadTime, moment_of
from server.imports.values import ID_LIMIT, UnreadValue, country_of, id_of, numbers_of, says_nothing
from server.imports.workbooks import BadCell, Cell
from server.rules.errors import RuleError
from server.rules.posttimes import PostTime, TimeSource, best_time, contradictions, time_of_id

NAME_LIMIT = 300
HANDLE_LIMIT = 120
SEEN = "up to the time it was seen"


@dataclass
class _Cells:
    """The mapped cells of one row, and what was wrong with them so far."""

    texts: dict[str, str]
    columns: dict[str, str]
    problems: list[Problem] = field(default_factory=list)
    notes: list[Problem] = field(default_factory=list)
    ids: list[tuple[str, str]] = field(default_factory=list)

    def get(self, name: str) -> str:
        return self.texts.get(name, "")

    def fail(self, name: str, reason: str) -> None:
        self.problems.append(Problem(self.columns.get(name, ""), self.get(name)[:500], reason))

    def typed_id(self, name: str, written: str) -> None:
        """An id that only this cell holds: a spreadsheet may have rounded it, as none rounds an address."""
        self.ids.append((self.columns.get(name, ""), written))
        if looks_rounded(written):
            self.doubt(name, ALONE)

    def doubt(self, name: str, reason: str) -> None:
        self.notes.append(Problem(self.columns.get(name, ""), self.get(name)[:500], reason))


class RowReader:
    """Reads the rows of one table."""

    def __init__(
        self, header: Sequence[str], mapping: Mapping[str, str], options: ImportOptions, *, counts_cells: bool = False
    ) -> None:
        """`counts_cells`: a row of fewer cells than the header is noted (a CSV; a workbook leaves empty cells out)."""
        self._places = [(place, column, mapping[column]) for place, column in enumerate(header) if column in mapping]
        self._width = len(header)
        self._columns = {name: column for _, column, name in self._places}
        self._options = options
        self._counts_cells = counts_cells
        self._seen = options.seen_moment
        self._zeros = ColumnZeros()

    def read(self, cells: Sequence[Cell]) -> ReadRow:
        """What the row says. Raises: RowRefused."""
        row = self._mapped(cells)
        named = self._address(row)
        platform = platform_of(row.get("platform") or "") or named.platform or platform_of(self._options.platform)
        if named.post_id and platform != named.platform:
            row.fail("platform", f"the address is one of {named.platform}")
        account = self._account(row, named, platform)
        thing = self._thing(row, named, (platform, account))
        posted_at = self._posted_at(row, thing)
        seen = self._seen_at(row)
        if seen is not None and posted_at and posted_at[0].interval[0] > seen.at + timedelta(seconds=seen.precision_s):
            row.doubt("posted_at", "it was posted after it was seen: one of the two times is wrong, or its zone")
        figures = self._figures(row, seen)
        facts = self._facts(row)
        if row.problems or thing is None:
            raise RowRefused(row.problems)
        for column, written in row.ids:
            self._zeros.saw(column, written)
        return ReadRow(
            thing=thing,
            account=None if thing == account else account,
            posted_at=posted_at,
            seen=seen,
            seen_by=(row.get("seen_by") or self._options.seen_by)[:NAME_LIMIT],
            country=facts.get("country", ""),
            figures=figures,
            facts=facts,
            notes=tuple(row.notes),
            ids=tuple(row.ids),
        )

    def doubted(self, row: ReadRow) -> ReadRow:
        """The row with a note on each id that its column shows to be rounded; asked when the rows around it were read too."""
        noted = {one.column for one in row.notes if one.reason == ALONE}
        found = [
            (column, written) for column, written in row.ids if column not in noted and self._zeros.is_doubtful(column, written)
        ]
        said = tuple(Problem(column, written, COLUMN) for column, written in found)
        return replace(row, notes=(*row.notes, *said)) if said else row

    def _mapped(self, cells: Sequence[Cell]) -> _Cells:
        row = _Cells({}, self._columns)
        if any(cell != "" for cell in cells[self._width :]):
            row.problems.append(Problem("", "", f"the row has {len(cells)} cells, the header {self._width}"))
        if self._counts_cells and len(cells) < self._width:
            row.notes.append(Problem("", "", f"the row has {len(cells)} cells, the header {self._width}"))
        for place, column, name in self._places:
            cell = cells[place] if place < len(cells) else ""
            if isinstance(cell, BadCell):
                row.problems.append(Problem("" if cell.is_row else column, cell.value, cell.reason))
            elif not _is_text(cell):
                row.problems.append(Problem(column, "", "a NUL, or half of a character"))
            elif name in TELLS_APART and says_nothing(cell.strip()):
                row.problems.append(Problem(column, cell.strip(), "a program's word for nothing: leave the cell empty"))
            elif cell.strip():
                row.texts[name] = cell.strip()
        if row.problems:
            raise RowRefused(row.problems)
        return row

    def _address(self, row: _Cells) -> Named:
        if not row.get("post_url"):
            return Named("")
        parts = address_of(row.get("post_url"))
        if parts is None:
            row.fail("post_url", "not an http or https address")
            return Named("")
        if is_made_of_a_number(parts):
            row.fail("post_url", "the address holds an id in scientific notation, which has lost its last digits")
        row.texts["post_url"] = urlunsplit(parts._replace(fragment=""))
        return named_by(parts)

    def _thing(self, row: _Cells, named: Named, known: tuple[str, Thing | None]) -> Thing | None:
        platform, account = known
        url = row.get("post_url")
        for name, kind, in_address in (("post_id", "post", named.post_id), ("ad_id", "ad", named.ad_id)):
            written = self._id(row, name, platform) if row.get(name) else ""
            if name == "post_id" and platform == "telegram" and written.isdecimal():
                written = self._of_channel(row, written, account)
            if written and in_address and written != in_address:
                row.fail(name, f"the address names another one: {in_address}")
            if found := written or in_address:
                if not platform:
                    row.fail(name, "an id without its platform")
                if not in_address:
                    row.typed_id(name, written)
                return Thing(kind, platform, found, _line(row.get("title") or url or found), url)
        if row.problems:
            return None
        if url:
            external = url if len(url) <= ID_LIMIT else f"sha256:{hashlib.sha256(url.encode()).hexdigest()}"
            return Thing("post", platform, external, _line(row.get("title") or url), url)
        if account is None:
            row.problems.append(Problem("", "", "the row names no post, no ad and no account"))
        return account

    def _of_channel(self, row: _Cells, number: str, account: Thing | None) -> str:
        if account is None or not account.external_id.startswith("@"):
            row.fail("post_id", "a Telegram number counts within its channel: the row names no channel by its handle")
            return number
        return f"{account.external_id.removeprefix('@')}/{number}"

    def _account(self, row: _Cells, named: Named, platform: str) -> Thing | None:
        url = row.get("account_url")
        handle = row.get("account_handle").removeprefix("@").strip()
        if url:
            parts = address_of(url)
            if parts is None:
                row.fail("account_url", "not an http or https address")
                return None
            page = named_by(parts).platform
            if platform and page != platform and page in PLATFORMS:
                row.fail("account_url", f"the address is one of {page}")
            handle = handle or handle_in(parts)
            platform = platform or page
        if handle and named.account and not _is_same(handle, named.account):
            row.doubt(
                "account_handle" if row.get("account_handle") else "account_url", f"the post's address says {named.account}"
            )
        handle = handle or named.account
        if len(handle) > HANDLE_LIMIT or not handle.isprintable():
            row.fail("account_handle", f"a handle has at most {HANDLE_LIMIT} printable characters")
            return None
        external = self._id(row, "account_id", platform) if row.get("account_id") else f"@{handle.lower()}" if handle else ""
        if not external:
            return None
        row.typed_id("account_id", external)
        if not platform:
            row.fail("account_id" if row.get("account_id") else "account_handle", "an account without its platform")
        return Thing("account", platform, external, _line(row.get("account_name") or handle or external), url)

    def _id(self, row: _Cells, name: str, platform: str) -> str:
        try:
            return id_of(row.get(name), platform if name == "post_id" else "")
        except UnreadValue as error:
            row.fail(name, str(error))
            return ""

    def _posted_at(self, row: _Cells, thing: Thing | None) -> tuple[PostTime, ...]:
        candidates: list[PostTime] = []
        if thing is not None and thing.kind == "post":
            derived = time_of_id(thing.platform, thing.external_id)
            candidates += [] if derived is None else [derived]
        if row.get("posted_at"):
            try:
                moment = moment_of(row.get("posted_at"), self._options.words)
                source = cast(TimeSource, self._options.time_source)
                candidates.append(PostTime(moment.at, source, moment.precision_s))
            except (UnreadTime, RuleError) as error:
                row.fail("posted_at", str(error))
        for said in contradictions(candidates):
            row.doubt("posted_at", said)
        best = best_time(candidates)
        return () if best is None else (best, *(one for one in candidates if one.source != best.source))

    def _seen_at(self, row: _Cells) -> Moment | None:
        if not row.get("seen_at"):
            return None if self._seen is None else Moment(*self._seen)
        try:
            return moment_of(row.get("seen_at"), self._options.words)
        except UnreadTime as error:
            row.fail("seen_at", str(error))
            return None

    def _figures(self, row: _Cells, seen: Moment | None) -> tuple[Figure, ...]:
        made: list[Figure] = []
        for name in NUMBERS:
            if not row.get(name):
                continue
            try:
                numbers = numbers_of(row.get(name))
            except UnreadValue as error:
                row.fail(name, str(error))
                continue
            if numbers.unit and numbers.unit.rstrip("s") != name.rstrip("s"):
                row.fail(name, f"the cell speaks of {numbers.unit}, the column of {name}")
            if seen is None and not row.get("seen_at"):
                row.fail(name, "a number needs the time it was seen: map a column of such times, or say one for the table")
            window = f"per {numbers.window}" if numbers.window else self._options.window or SEEN
            made.append(Figure(name, self._columns[name], numbers, window))
        return tuple(made)

    def _facts(self, row: _Cells) -> dict[str, str]:
        facts = {name: text for name, text in row.texts.items() if name in FACTS + NUMBERS or name.startswith("account_")}
        if "country" in facts:
            try:
                facts["country"] = country_of(facts["country"])
            except UnreadValue as error:
                row.fail("country", str(error))
        return facts


def _line(text: str) -> str:
    """A name of an entity: one printable line."""
    return "".join(char for char in " ".join(text.split()) if char.isprintable())[:NAME_LIMIT] or "?"


def _is_same(handle: str, other: str) -> bool:
    """True unless two handles differ; an account's lasting id (did:) beside its handle tells nothing."""
    return handle.lower() == other.lower() or "did:" in (handle[:4], other[:4])


def _is_text(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return "\x00" not in text
