"""What a notice is pinned to when it is written or sent: findings in the version they have then, the window, the document."""

import uuid
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from server.cases.models import CaseFile
from server.errors import BadInput, NotFound
from server.findings.body import SilenceChoice
from server.findings.models import Finding, FindingVersion
from server.notices.values import ITEMS_LIMIT, Item, PinnedDocument, PinnedFinding, PinnedWindow
from server.operators.actors import OperatorActor
from server.rules.catalogue import Catalogue
from server.rules.errors import RuleError


@dataclass(frozen=True)
class ItemOrder:
    """An exact address, and the number of the finding that says what is wrong with it (None: none)."""

    url: str
    finding: int | None = None


class Document(Protocol):
    """An export of a case, as far as a notice names it."""

    @property
    def id(self) -> uuid.UUID:
        """Its id."""

    @property
    def case_id(self) -> uuid.UUID:
        """Whose it is."""

    @property
    def kind(self) -> str:
        """What was made."""

    @property
    def content_sha256(self) -> str:
        """The hash of its frozen object."""


Documents = Callable[[OperatorActor, uuid.UUID], Awaitable[Document]]
"""Reads an export for somebody; raises NotFound and Forbidden. Exports stand above notices: composition hands this in."""


async def pin_items(session: AsyncSession, case: CaseFile, orders: Sequence[ItemOrder]) -> tuple[Item, ...]:
    """The items with their findings as they are now. Raises: BadInput (none, too many, one twice); NotFound (a finding)."""
    if not 0 < len(orders) <= ITEMS_LIMIT or len({one.url for one in orders}) != len(orders):
        raise BadInput(field="items", reason=f"1 to {ITEMS_LIMIT} exact addresses, each once")
    numbers = {one.finding for one in orders if one.finding is not None}
    wanted = (
        select(Finding, FindingVersion)
        .join(
            FindingVersion,
            (col(FindingVersion.finding_id) == col(Finding.id)) & (col(FindingVersion.version) == col(Finding.version)),
        )
        .where(Finding.case_id == case.id, col(Finding.number).in_(numbers))
    )
    pinned = {
        finding.number: PinnedFinding(
            finding_id=finding.id,
            number=finding.number,
            version=version.version,
            body_sha256=version.body_sha256,
            state=finding.state,
        )
        for finding, version in (await session.exec(wanted)).all()
    }
    for number in sorted(numbers - set(pinned)):
        raise NotFound(kind="finding", id=f"F-{number}")
    try:
        return tuple(Item(url=one.url, finding=None if one.finding is None else pinned[one.finding]) for one in orders)
    except ValueError as error:
        raise BadInput(field="items", reason="an exact address begins with https:// or http:// and has no spaces") from error


def pin_window(choice: SilenceChoice | None, catalogue: Catalogue) -> PinnedWindow | None:
    """The window as the rule gives it now, None without a choice. Raises: BadInput (a choice that does not fit)."""
    if choice is None:
        return None
    rule, election = catalogue.silence.get(choice.rule_id), catalogue.elections.get(choice.election_id)
    if rule is None or election is None:
        raise BadInput(field="silence", reason="there is no such rule or election")
    if rule.jurisdiction != election.jurisdiction:
        raise BadInput(field="silence", reason="a rule and an election of one jurisdiction")
    try:
        window = rule.window(choice.territory, election.poll_day)
    except RuleError as error:
        raise BadInput(field="silence", reason=error.reason) from error
    return PinnedWindow(choice=choice, rule_version=rule.version, start=window.start, end=window.end, verified=window.verified)


def pin_document(document: Document | None, case_id: uuid.UUID) -> PinnedDocument | None:
    """The export as it is named, None without one. Raises: NotFound (an export of another case)."""
    if document is None:
        return None
    if document.case_id != case_id:
        raise NotFound(kind="export", id=str(document.id))
    return PinnedDocument(export_id=document.id, kind=document.kind, content_sha256=document.content_sha256)
