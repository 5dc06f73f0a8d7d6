"""What a bundle for an authority is made of, frozen when it is ordered: everything that a later day would answer otherwise."""

import re
from datetime import date
from typing import Literal

from pydantic import AwareDatetime

from server.errors import BadInput
from server.exports.documents.values import Line, Value

FORMAT = "holdstill-authority/1"
OPTIONS = ("reference", "preserve_from", "preserve_to", "recipient_key")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


class FrozenCopy(Value):
    """A picture of an exhibit with boxes over parts of it: a working copy, never evidence. `of`: the original's SHA-256."""

    name: str
    sha256: str
    size_bytes: int
    of: str


class FrozenExhibit(Value):
    """One exhibit as it stood. collector_roles: roles of the person whose device signed; checks_run: 0 when no check ever ran.

    masked: the masked copies of its pictures that counted then.
    A side of the bracket that was not proved then has a reason: `none`, `unstamped`, `unknown`; `pending`, `no_tsa`.
    """

    number: int
    capture_id: str
    admitted_at: AwareDatetime
    collector_roles: tuple[str, ...]
    checks_run: int
    not_before: AwareDatetime | None
    not_before_reason: str
    not_after: AwareDatetime | None
    not_after_reason: str
    masked: tuple[FrozenCopy, ...] = ()

    def copy_name(self, copy: FrozenCopy) -> str:
        """Where the copy stands below `data/`: `metadata/E-3.<name>`."""
        return f"metadata/E-{self.number}.{copy.name}"


class Missing(Value):
    """What a reader might expect and will not find. `code` is stable; `what` names the thing, as `E-3` or `notes: 2`."""

    code: str
    what: str
    detail: str = ""


class Preservation(Value):
    """From which day to which a provider is asked to preserve; a side left open is for the authority to set."""

    first_day: date | None = None
    last_day: date | None = None


class AuthorityOrder(Value):
    """The frozen object. `reference`: the recipient's own number of its proceedings; encrypted_to: age public keys."""

    format: Literal["holdstill-authority/1"] = "holdstill-authority/1"
    as_of: AwareDatetime
    case: str
    number: int
    title: str
    election: str
    organisation: str
    reference: Line
    preservation: Preservation
    encrypted_to: tuple[str, ...]
    exhibits: tuple[FrozenExhibit, ...]
    missing: tuple[Missing, ...]


def parse_preservation(first: str, last: str) -> Preservation:
    """The period of two days as `YYYY-MM-DD`, each may be empty. Raises: BadInput."""
    period = Preservation(first_day=_day("preserve_from", first), last_day=_day("preserve_to", last))
    if period.first_day is not None and period.last_day is not None and period.last_day < period.first_day:
        raise BadInput(field="preserve_to", reason="before the first day")
    return period


def _day(field: str, text: str) -> date | None:
    if not text:
        return None
    try:
        if _DAY.fullmatch(text) is None:
            raise ValueError
        return date.fromisoformat(text)
    except ValueError as error:
        raise BadInput(field=field, reason="a day as YYYY-MM-DD") from error
