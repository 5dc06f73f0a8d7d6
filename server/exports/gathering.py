"""Reading what a bundle holds: statements, artifacts, event chains up to their frozen ends, not-before checkpoints."""

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import BinaryIO

from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from server.captures.detail import parsed_statement
from server.captures.models import Capture
from server.captures.scope import artifacts_of
from server.custody.service import RecordedEvent
from server.exports.index_page import NO_DOCUMENTS, IndexEntry, index_page
from server.exports.layout import CaptureParts, DataParts, DeviceParts, StampedCheckpoint
from server.exports.models import Export
from server.exports.parts import ExportParts
from server.operators.models import Device
from server.trust.events import capture_item, device_item
from server.trust.statement import NotBefore
from storage.hashing import Sha256


@dataclass(frozen=True)
class Gathered:
    """The data of a bundle, its chains by item (each cut at its frozen end), and the committed leaf of each capture."""

    data: DataParts
    chains: dict[str, list[RecordedEvent]]
    committed: dict[str, bytes]
    not_before: tuple[StampedCheckpoint, ...]
    artifact_sha256: dict[str, str]


class Gathering:
    """Reads; writes nothing. What it gives depends on the export's frozen chains only, so a retry gives the same bytes."""

    def __init__(self, parts: ExportParts) -> None:
        self._parts = parts

    async def gather(self, export: Export, captures: tuple[str, ...], documents: Mapping[str, str] = NO_DOCUMENTS) -> Gathered:
        """Everything under data/; documents: what its page names besides the captures. Raises: StoredRecordBroken."""
        ends = export.chains or {}
        async with self._parts.database.session() as session:
            rows = [await session.get_one(Capture, capture_id) for capture_id in captures]
            keys = await device_keys(session, rows)
            artifacts = {row.capture_id: list(await artifacts_of(session, row.capture_id)) for row in rows}
        chains = {item: await self._chain(export.organisation_id, item, end) for item, end in ends.items()}
        not_before = {row.capture_id: await self._not_before(row) for row in rows}
        capture_parts = [
            CaptureParts(
                capture_id=row.capture_id,
                statement=row.statement,
                artifacts={
                    one.name: self._opener(export.organisation_id, Sha256(one.sha256)) for one in artifacts[row.capture_id]
                },
                events=[event.envelope for event in chains[capture_item(row.capture_id)]],
                not_before=not_before[row.capture_id],
            )
            for row in rows
        ]
        devices = [DeviceParts(keys[key], [event.envelope for event in chains[device_item(key)]]) for key in sorted(keys)]
        entries = [
            IndexEntry(row.capture_id, parsed_statement(row)[1], row.received_at, tuple(artifacts[row.capture_id]))
            for row in rows
        ]
        return Gathered(
            data=DataParts(capture_parts, devices, index_page(export, entries, documents)),
            chains=chains,
            committed={row.capture_id: bytes.fromhex(row.committed_leaf) for row in rows},
            not_before=tuple(one for one in not_before.values() if one is not None),
            artifact_sha256={
                f"data/captures/{capture_id}/{one.name}": one.sha256 for capture_id, listed in artifacts.items() for one in listed
            },
        )

    async def _chain(self, organisation_id: uuid.UUID, item: str, end: int) -> list[RecordedEvent]:
        return (await self._parts.custody.chain(item, organisation_id=organisation_id))[:end]

    async def _not_before(self, capture: Capture) -> StampedCheckpoint | None:
        """The checkpoint the statement names, with exactly the timestamps it names; None when it names nothing of ours."""
        named: NotBefore | None = parsed_statement(capture)[1].not_before
        stamped = None if named is None else await self._parts.log.stamped(named.checkpoint_sha256)
        if named is None or stamped is None:
            return None
        wanted = {stamp.sha256 for stamp in named.timestamps}
        stamps = {stamp.tsa: stamp.tsr for stamp in stamped.stamps if stamp.tsr_sha256 in wanted}
        return StampedCheckpoint(stamped.published.note, stamps) if stamps else None

    def _opener(self, organisation_id: uuid.UUID, sha256: Sha256) -> Callable[[], BinaryIO]:
        return lambda: self._parts.blobs.open(str(organisation_id), sha256)


async def device_keys(session: AsyncSession, captures: list[Capture]) -> dict[str, bytes]:
    """Key id → SPKI DER of every device that signed one of the captures."""
    keys: dict[str, bytes] = {}
    for key_id in {capture.device_key_id for capture in captures}:
        device = (await session.exec(select(Device).where(Device.key_id == key_id))).one()
        keys[key_id] = bytes(device.public_key_der)
    return keys
