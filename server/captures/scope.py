"""Who may see which capture: the one place that turns an actor into a condition on rows."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, and_, false, or_
from sqlalchemy.orm import defer
from sqlalchemy.sql.base import ExecutableOption
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from server.captures.models import Artifact, Blob, Capture
from server.captures.sharing import CaseMember, Exhibit
from server.errors import NotFound
from server.operators.actors import Actor, DeviceActor, OperatorActor
from server.operators.models import Device, Operator
from server.operators.rights import own_rows
from server.operators.roles import ROLE_RIGHTS, Right

_READERS = [role.value for role, rights in ROLE_RIGHTS.items() if Right.READ in rights]


def visible_to(actor: Actor) -> ColumnElement[bool]:
    """The condition on Capture rows that an actor may read: owned_by(), and for a person the exhibits of cases one is a
    member of."""
    return or_(owned_by(actor), shared_with(actor))


def shared_with(actor: Actor, capture_id: Any = Capture.capture_id) -> ColumnElement[bool]:
    """The condition that a case shows a capture to a person: exhibits, not withdrawn, of cases one is a member of.

    `capture_id`: the attribute of whatever rows it is asked of.
    """
    return _shown_to(actor.operator_id, capture_id) if isinstance(actor, OperatorActor) else false()


def lent_to(actor: Actor, capture_id: Any = Capture.capture_id) -> ColumnElement[bool]:
    """shared_with(), of captures of other organisations alone."""
    if not isinstance(actor, OperatorActor):
        return false()
    return _shown_to(actor.operator_id, capture_id, col(Exhibit.organisation_id) != actor.organisation_id)


def told_to(actor: Actor) -> ColumnElement[bool]:
    """The condition on Capture rows of the actor's organisation that a search by picture may name: owned_by(), and for a device
    what its person has, as long as that person may read. Places and small copies only: a device opens its own captures alone."""
    own = owned_by(actor)
    if not isinstance(actor, DeviceActor):
        return own
    return or_(own, and_(own_rows(actor, Capture.organisation_id), _reads(actor.operator_id)))


async def is_told_all(session: AsyncSession, actor: Actor) -> bool:
    """True if told_to() holds of every capture of the actor's organisation: not for a device whose person may not read."""
    if not isinstance(actor, DeviceActor):
        return True
    return bool((await session.exec(select(_reads(actor.operator_id)))).first())


def told_by_cases(actor: Actor) -> ColumnElement[bool]:
    """The condition on Capture rows of other organisations that a search by picture may name: the exhibits of cases in which the
    person, or the device's person as long as that one may read, is a member."""
    if not isinstance(actor, DeviceActor | OperatorActor):
        return false()
    shown = and_(col(Capture.organisation_id) != actor.organisation_id, _shown_to(actor.operator_id, Capture.capture_id))
    return and_(shown, _reads(actor.operator_id)) if isinstance(actor, DeviceActor) else shown


def _shown_to(operator_id: UUID, capture_id: Any, *exhibits_that: ColumnElement[bool]) -> ColumnElement[bool]:
    """The condition that the captures named are exhibits of cases in which this person is a member."""
    exhibits = (
        select(Exhibit.capture_id)
        .join(CaseMember, col(CaseMember.case_id) == col(Exhibit.case_id))
        .where(
            CaseMember.operator_id == operator_id,
            col(CaseMember.ended_at).is_(None),
            col(Exhibit.withdrawn_at).is_(None),
            *exhibits_that,
        )
    )
    return col(capture_id).in_(exhibits)


def _reads(operator_id: UUID) -> ColumnElement[bool]:
    """Whether this person may read captures now."""
    has_role = col(Operator.roles).op("&&", is_comparison=True)(_READERS)
    return select(Operator.id).where(Operator.id == operator_id, col(Operator.disabled_at).is_(None), has_role).exists()


def owned_by(actor: Actor) -> ColumnElement[bool]:
    """The condition on Capture rows: a person has the organisation's captures, a device its own and what a revoked key left.

    A browser whose key was revoked is paired anew with another key and still holds what the old one committed. Its operator's
    next device may bring those bytes: the statement's digests bind them, whoever carries them.
    """
    own = own_rows(actor, Capture.organisation_id)
    if not isinstance(actor, DeviceActor):
        return own
    left = select(Device.id).where(Device.operator_id == actor.operator_id, col(Device.revoked_at).is_not(None))
    return and_(own, or_(col(Capture.device_id) == actor.device_id, col(Capture.device_id).in_(left)))


def without_statement() -> ExecutableOption:
    """For lists of captures: the envelope, up to a megabyte, stays in the database."""
    return defer(Capture.statement)  # type: ignore[arg-type]


async def require_capture(session: AsyncSession, actor: Actor, capture_id: str, *, lock: bool = False) -> Capture:
    """The capture, if this actor may see it; locked for change if asked.

    Raises: NotFound, in the same words for an absent capture and for another organisation's.
    """
    statement = select(Capture).where(Capture.capture_id == capture_id.replace("\x00", ""), visible_to(actor))
    if lock:
        statement = statement.with_for_update().execution_options(populate_existing=True)
    capture = (await session.exec(statement)).first()
    if capture is None:
        raise NotFound(kind="capture", id=capture_id[:64])
    return capture


async def is_own(session: AsyncSession, actor: Actor, capture: Capture) -> bool:
    """True if the capture is the actor's by owned_by(), False if a case alone shows it."""
    wanted = select(Capture.capture_id).where(Capture.capture_id == capture.capture_id, owned_by(actor))
    return (await session.exec(wanted)).first() is not None


async def artifacts_of(session: AsyncSession, capture_id: str) -> Sequence[Artifact]:
    """The capture's artifacts in the statement's order."""
    statement = select(Artifact).where(Artifact.capture_id == capture_id).order_by(col(Artifact.position))
    return (await session.exec(statement)).all()


async def missing_of(session: AsyncSession, capture: Capture) -> tuple[str, ...]:
    """SHA-256 of each artifact that has no blob in the capture's organisation yet; each digest once, in the statement's order."""
    artifacts = await artifacts_of(session, capture.capture_id)
    named = {artifact.sha256 for artifact in artifacts}
    statement = select(Blob.sha256).where(Blob.organisation_id == capture.organisation_id, col(Blob.sha256).in_(named))
    held = set((await session.exec(statement)).all())
    return tuple(dict.fromkeys(artifact.sha256 for artifact in artifacts if artifact.sha256 not in held))
