"""Reading the files of captures. Opening a capture or a file is itself written to the chain of custody."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import BinaryIO

from sqlalchemy import func
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from server.captures.models import Artifact, Blob, Capture, Check, WorkingCopy
from server.captures.parts import CaptureParts
from server.captures.previews import preview_kind
from server.captures.scope import artifacts_of, require_capture
from server.captures.views import ArtifactView, CheckView
from server.custody.service import EventDraft
from server.errors import BadInput, NotFound
from server.operators.actors import Actor
from server.trust.events import capture_item
from storage.hashing import Sha256


@dataclass(frozen=True)
class OpenedArtifact:
    """An artifact that may be read: `open_range` gives a stream (blocking; the caller closes it)."""

    artifact: Artifact
    organisation: str
    parts: CaptureParts

    def open_range(self, offset: int, length: int) -> BinaryIO:
        """Bytes offset … offset + length of the stored file. Not checked: the digest (sealing did; the reader should)."""
        return self.parts.blobs.open(self.organisation, Sha256(self.artifact.sha256), offset=offset, length=length)


class Reading:
    """Scoped to the actor's organisation (a device: to its own captures)."""

    def __init__(self, parts: CaptureParts) -> None:
        self._parts = parts

    async def open_artifact(self, actor: Actor, capture_id: str, name_or_role: str) -> OpenedArtifact:
        """The artifact of this file name, or the only one of this role; `capture.downloaded` is recorded before any byte leaves.

        Raises: NotFound (also when the bytes are not here yet); BadInput (several artifacts have the role).
        """
        async with self._parts.database.transaction() as session:
            capture = await require_capture(session, actor, capture_id)
            artifact = _pick(await artifacts_of(session, capture.capture_id), name_or_role)
            if artifact is None or await session.get(Blob, (capture.organisation_id, artifact.sha256)) is None:
                raise NotFound(kind="artifact", id=name_or_role[:80])
            await self._record(
                session, actor, capture, ("capture.downloaded", {"name": artifact.name, "sha256": artifact.sha256})
            )
        return OpenedArtifact(artifact, str(capture.organisation_id), self._parts)

    async def find_artifact(self, actor: Actor, capture_id: str, name_or_role: str) -> Artifact:
        """The facts of an artifact without its bytes (HEAD): nothing is recorded. Raises: as open_artifact()."""
        async with self._parts.database.session() as session:
            capture = await require_capture(session, actor, capture_id)
            artifact = _pick(await artifacts_of(session, capture.capture_id), name_or_role)
            if artifact is None or await session.get(Blob, (capture.organisation_id, artifact.sha256)) is None:
                raise NotFound(kind="artifact", id=name_or_role[:80])
        return artifact

    async def artifact_names(self, actor: Actor, capture_id: str) -> list[str]:
        """The file names of a capture's artifacts by position. Raises: NotFound."""
        async with self._parts.database.session() as session:
            capture = await require_capture(session, actor, capture_id)
            return [one.name for one in await artifacts_of(session, capture.capture_id)]

    async def record_view(self, actor: Actor, capture_id: str) -> None:
        """`capture.viewed` in the capture's chain. Raises: NotFound."""
        async with self._parts.database.transaction() as session:
            capture = await require_capture(session, actor, capture_id)
            await self._record(session, actor, capture, ("capture.viewed", {}))

    async def statement(self, actor: Actor, capture_id: str) -> bytes:
        """The exact envelope file of the statement; `capture.downloaded` is recorded. Raises: NotFound."""
        async with self._parts.database.transaction() as session:
            capture = await require_capture(session, actor, capture_id)
            facts: dict[str, object] = {"name": "statement.dsse.json", "sha256": capture.statement_sha256}
            await self._record(session, actor, capture, ("capture.downloaded", facts))
        return capture.statement

    async def receipt(self, actor: Actor, capture_id: str) -> bytes:
        """tlog-proof of `capture.committed`. Raises: NotFound, LogRefused."""
        async with self._parts.database.session() as session:
            capture = await require_capture(session, actor, capture_id)
        return await self._parts.log.receipt(bytes.fromhex(capture.committed_leaf))

    async def working_copy(self, actor: Actor, capture_id: str, kind: str) -> tuple[WorkingCopy, bytes]:
        """A derived picture with its bytes (at most a few hundred kB). Raises: NotFound."""
        async with self._parts.database.session() as session:
            capture = await require_capture(session, actor, capture_id)
            copy = await session.get(WorkingCopy, (capture.capture_id, kind.replace("\x00", "")))
        if copy is None:
            raise NotFound(kind="working_copy", id=kind[:32])

        def read() -> bytes:
            with self._parts.working.open(str(capture.organisation_id), Sha256(copy.sha256)) as stream:
                return stream.read()

        return copy, await asyncio.to_thread(read)

    async def _record(self, session: AsyncSession, actor: Actor, capture: Capture, what: tuple[str, dict[str, object]]) -> None:
        """The event in the owner's chain, whoever looked: a member of a shared case may be of another organisation."""
        draft = EventDraft(
            type=what[0],
            item=capture_item(capture.capture_id),
            subject_name="statement.dsse.json",
            subject_sha256=capture.statement_sha256,
            purpose="review" if actor.role == "operator" else "device",
            details=what[1],
        )
        await self._parts.custody.record(session, replace(actor, organisation_id=capture.organisation_id), draft)


async def newest_checks(session: AsyncSession, capture_id: str) -> tuple[CheckView, ...]:
    """The verdicts of the newest run, in order."""
    newest = select(func.max(Check.run)).where(Check.capture_id == capture_id).scalar_subquery()
    statement = select(Check).where(Check.capture_id == capture_id, Check.run == newest).order_by(col(Check.position))
    rows = (await session.exec(statement)).all()
    return tuple(CheckView(row.name, row.subject, row.outcome, row.reason, row.checked_at) for row in rows)


async def artifact_views(session: AsyncSession, capture: Capture) -> tuple[ArtifactView, ...]:
    """The capture's artifacts, whether each is here, and the working copy to look at."""
    artifacts = await artifacts_of(session, capture.capture_id)
    held = select(Blob.sha256).where(
        Blob.organisation_id == capture.organisation_id, col(Blob.sha256).in_({one.sha256 for one in artifacts})
    )
    stored = set((await session.exec(held)).all())
    rows = (await session.exec(select(WorkingCopy).where(WorkingCopy.capture_id == capture.capture_id))).all()
    copies = {row.kind: row for row in rows}
    return tuple(
        ArtifactView(
            name=one.name,
            role=one.role,
            media_type=one.media_type,
            sha256=one.sha256,
            size_bytes=one.size_bytes,
            stored=one.sha256 in stored,
            copy=copies.get(preview_kind(one.position)),
        )
        for one in artifacts
    )


def _pick(artifacts: Sequence[Artifact], name_or_role: str) -> Artifact | None:
    found = [one for one in artifacts if one.name == name_or_role]
    found = found or [
        one for one in artifacts if one.name == f"{name_or_role}.png"
    ]  # the first shot, where there are further ones
    found = found or [one for one in artifacts if one.role == name_or_role]
    if len(found) > 1:
        raise BadInput(field="role", reason="several artifacts have this role: use the file name")
    return found[0] if found else None
