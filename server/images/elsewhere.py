"""Pictures in files made elsewhere: read and matched like those of captures, kept, shown and counted apart from them.

No browser of this service saw such a picture anywhere: its place is what a file says, and who brought the file says what that is.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, Column, ColumnElement, ForeignKey, Identity, Index, Integer, Text, and_, false, func
from sqlalchemy import UniqueConstraint as Unique
from sqlmodel import Field, SQLModel, col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from server.captures.sharing import CaseMember
from server.db import UtcDateTime, among
from server.images.grouping import CONTAINS
from server.images.models import Image, Member
from server.images.views import ElsewhereCounts, ElsewhereView, Placed
from server.operators.actors import Actor, OperatorActor
from server.operators.rights import own_rows
from server.operators.roles import Right

PLACES_LIMIT = 1_000


class ElsewherePlace(SQLModel, table=True):
    """One place of an image in a file made elsewhere. source: `file` (the file is the picture) or `archive` (a record of it).

    url, said_at: the record's own words, claims both. number, file_name, said_by: of the deposit, as it was taken in.
    """

    __tablename__ = "image_elsewhere"
    __table_args__ = (
        Unique("deposit_id", "url_sha256", "image_id", name="ux_image_elsewhere"),
        Index("ix_image_elsewhere_image", "organisation_id", "image_id"),
    )

    id: int | None = Field(default=None, sa_column=Column(BigInteger, Identity(always=True), primary_key=True))
    organisation_id: UUID = Field(foreign_key="organisation.id")
    image_id: int = Field(sa_column=Column(BigInteger, ForeignKey("image.id"), nullable=False))
    deposit_id: UUID = Field(foreign_key="deposit.id")
    case_id: UUID = Field(foreign_key="case_file.id")
    number: int
    file_name: str = Field(max_length=200)
    said_by: str = Field(sa_column=Column(Text, nullable=False))
    source: str = Field(max_length=16)
    url: str = Field(sa_column=Column(Text, nullable=False))
    url_sha256: str = Field(max_length=64)
    said_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    received_at: datetime = Field(sa_type=UtcDateTime)


class ElsewhereRun(SQLModel, table=True):
    """That a deposit's pictures were read with a pipeline; `reason` says what was left out."""

    __tablename__ = "image_elsewhere_run"

    deposit_id: UUID = Field(primary_key=True, foreign_key="deposit.id")
    pipeline_id: int = Field(sa_column=Column(BigInteger, ForeignKey("image_pipeline.id"), primary_key=True))
    organisation_id: UUID = Field(foreign_key="organisation.id")
    outcome: str = Field(max_length=16)
    reason: str = Field(sa_column=Column(Text, nullable=False))
    pictures: int = Field(sa_column=Column(Integer, nullable=False))
    unread: int = Field(sa_column=Column(Integer, nullable=False))
    read_at: datetime = Field(sa_type=UtcDateTime)


class ElsewhereEnd(SQLModel, table=True):
    """A deposit that was withdrawn: its places stay to be seen, marked, and count no more."""

    __tablename__ = "image_elsewhere_end"

    deposit_id: UUID = Field(primary_key=True, foreign_key="deposit.id")
    ended_at: datetime = Field(sa_type=UtcDateTime)


def shown_to(actor: Actor) -> ColumnElement[bool]:
    """The condition on places: people see those of cases that they see in their own organisation, a device none."""
    if not isinstance(actor, OperatorActor):
        return false()
    own = own_rows(actor, ElsewherePlace.organisation_id)
    if Right.READ_CASES in actor.rights:
        return own
    joined = select(CaseMember.case_id).where(CaseMember.operator_id == actor.operator_id, col(CaseMember.ended_at).is_(None))
    return and_(own, col(ElsewherePlace.case_id).in_(joined))


async def places_of(session: AsyncSession, actor: Actor, image_ids: Sequence[int]) -> dict[int, Placed]:
    """The images' places that the actor may see, by image, in the order of receipt; of all together PLACES_LIMIT, and how many
    there are."""
    return await _places(session, among(col(ElsewherePlace.image_id), image_ids) & shown_to(actor))


async def places_in(session: AsyncSession, deposit_id: UUID) -> dict[int, Placed]:
    """The places in one deposit, by image: an image whose places were left out for their number is counted and has none shown.
    Not asked: who may see it; the caller knows."""
    return await _places(session, col(ElsewherePlace.deposit_id) == deposit_id)


async def counts_elsewhere(session: AsyncSession, actor: Actor, cluster_ids: Sequence[UUID]) -> dict[UUID, ElsewhereCounts]:
    """By cluster, what the actor may see of it in files made elsewhere, but for withdrawn ones and what only contains it."""
    wanted = (
        select(Member.cluster_id, ElsewherePlace.image_id, ElsewherePlace.deposit_id)
        .join(ElsewherePlace, col(ElsewherePlace.image_id) == col(Member.image_id))
        .join(ElsewhereEnd, col(ElsewhereEnd.deposit_id) == col(ElsewherePlace.deposit_id), isouter=True)
        .where(
            among(col(Member.cluster_id), cluster_ids),
            Member.role != CONTAINS,
            col(ElsewhereEnd.deposit_id).is_(None),
            shown_to(actor),
        )
    )
    found: dict[UUID, list[tuple[int, UUID]]] = defaultdict(list)
    for cluster_id, image_id, deposit_id in (await session.exec(wanted)).all():
        found[cluster_id].append((image_id, deposit_id))
    return {
        cluster_id: ElsewhereCounts(len({one for one, _ in rows}), len(rows), len({one for _, one in rows}))
        for cluster_id, rows in found.items()
    }


async def _places(session: AsyncSession, which: ColumnElement[bool]) -> dict[int, Placed]:
    wanted = (
        select(ElsewherePlace, Image.sha256, ElsewhereEnd.ended_at)
        .join(Image, col(Image.id) == col(ElsewherePlace.image_id))
        .join(ElsewhereEnd, col(ElsewhereEnd.deposit_id) == col(ElsewherePlace.deposit_id), isouter=True)
        .where(which)
        .order_by(col(ElsewherePlace.received_at), col(ElsewherePlace.id))
        .limit(PLACES_LIMIT)
    )
    found: dict[int, list[ElsewhereView]] = defaultdict(list)
    for one, sha256, ended_at in (await session.exec(wanted)).all():
        found[one.image_id].append(_view(one, sha256, is_withdrawn=ended_at is not None))
    counts = {image_id: (len(many), sum(not one.withdrawn for one in many)) for image_id, many in found.items()}
    if sum(count for count, _ in counts.values()) >= PLACES_LIMIT:
        counted = (
            select(ElsewherePlace.image_id, func.count(), func.count().filter(col(ElsewhereEnd.deposit_id).is_(None)))
            .join(ElsewhereEnd, col(ElsewhereEnd.deposit_id) == col(ElsewherePlace.deposit_id), isouter=True)
            .where(which)
            .group_by(col(ElsewherePlace.image_id))
        )
        counts = {image_id: (count, standing) for image_id, count, standing in (await session.exec(counted)).all()}
    return {image_id: Placed(tuple(found[image_id]), *counted) for image_id, counted in counts.items()}


def _view(one: ElsewherePlace, sha256: str, *, is_withdrawn: bool) -> ElsewhereView:
    return ElsewhereView(
        sha256=sha256,
        deposit_id=one.deposit_id,
        case_id=one.case_id,
        number=one.number,
        file_name=one.file_name,
        said_by=one.said_by,
        source=one.source,
        url=one.url,
        said_at=one.said_at,
        received_at=one.received_at,
        withdrawn=is_withdrawn,
    )
