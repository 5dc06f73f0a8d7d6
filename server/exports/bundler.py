"""Making a bundle, step by step, each step repeatable: a killed worker's export is simply made again.

1 events  `capture.exported` in each capture's chain, and the ends of all chains frozen, in one transaction
2 data    files laid out, every byte read and hashed again, the manifest
3 log     `export.created` over the manifest's hash, in one transaction
4 cosign  the log's checkpoint that holds it, with the witnesses the policy demands
5 stamp   timestamps over that checkpoint, now
6 write   proofs of every event against it, trust copies, tag manifest, the zip; verified, then kept as a working copy
"""

import asyncio
import os
import uuid
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

from sqlmodel.ext.asyncio.session import AsyncSession

from server.captures.models import Capture
from server.custody.service import EventDraft, RecordedEvent
from server.errors import StoredRecordBroken
from server.exports.gathering import Gathered, Gathering, device_keys
from server.exports.layout import close_bag, lay_out_data, lay_out_proofs, lay_out_trust
from server.exports.models import Export, ExportState
from server.exports.parts import ExportParts
from server.exports.proofs import Anchor, Anchors, ExportFailed, Proofs
from server.exports.rows import captures_of
from server.operators.actors import Actor, Role
from server.trust.events import capture_item, device_item, export_item
from server.trust.policy import Policy
from server.trust.report import Outcome, Verdict
from server.verifier import verify_file
from storage.bundle import BagFile, manifest_text, measure, write_bag
from storage.errors import StorageError
from storage.hashing import CHUNK_BYTES, Sha256, hash_bytes, hash_stream
from storage.scratch import held_folder

STEPS = ("events", "data", "log", "cosign", "stamp", "write")
NO_LIMIT = 1 << 62
SCRATCH_PREFIX = "bundle-"
_HEAD_NAMES = {"capture": "captureId", "device": "keyId", "case": "caseId"}


@dataclass(frozen=True)
class BundleMade:
    """The verified file in the caller's scratch folder, not yet kept."""

    path: Path
    sha256: Sha256
    size_bytes: int


async def _nothing_more(gathered: Gathered) -> Gathered:
    return gathered


@dataclass(frozen=True)
class Extras:
    """What a bundle has besides its captures. items: further chains, whose ends are frozen and whose events are proved.

    documents: path below `data/` → what its page says of it. add: the data with further files, once all of it is read; the same
    export must give the same bytes whenever it is asked.
    """

    items: tuple[str, ...] = ()
    documents: Mapping[str, str] = field(default_factory=dict)
    add: Callable[[Gathered], Awaitable[Gathered]] = _nothing_more


NO_EXTRAS = Extras()


class Bundler:
    """Runs an export to its end: `ready`, or `failed` with a reason that says who did not answer."""

    def __init__(self, parts: ExportParts) -> None:
        self._parts = parts
        self._gathering = Gathering(parts)
        self._anchors = Anchors(parts)
        self._proofs = Proofs(parts)

    async def run(self, export_id: uuid.UUID) -> ExportState:
        """The state reached. Idempotent; an export that is ready stays as it is.

        Raises: only what is no outcome (the database is gone): the job is then run again.
        """
        export = await self._start(export_id)
        if export is None:
            return ExportState.READY
        try:
            await self._make(export)
        except ExportFailed as error:
            return await self.fail(export_id, error.reason)
        except StorageError as error:
            return await self.fail(export_id, f"storage: {error.reason}")
        except StoredRecordBroken as error:
            return await self.fail(export_id, f"a stored record is broken: {error}")
        return ExportState.READY

    async def fail(self, export_id: uuid.UUID, reason: str) -> ExportState:
        """Ends an attempt; the export can be retried."""
        async with self._parts.database.transaction() as session:
            export = await self._locked(session, export_id)
            if export.state != ExportState.READY:
                export.state, export.reason, export.finished_at = ExportState.FAILED, reason[:1000], self._parts.clock.now()
        return ExportState.FAILED

    async def _make(self, export: Export) -> None:
        with held_folder(self._parts.scratch, SCRATCH_PREFIX) as folder:
            await self._keep(export, await self.assemble(export.id, folder))

    async def assemble(self, export_id: uuid.UUID, folder: Path, extras: Extras = NO_EXTRAS) -> BundleMade:
        """The bundle of an export's row, made in the folder and verified. A second run gives the same data and manifest.

        Raises: ExportFailed; StorageError; StoredRecordBroken.
        """
        async with self._parts.database.session() as session:
            captures = await captures_of(session, export_id)
        await self._step(export_id, "events")
        export = await self._freeze(export_id, captures, extras.items)  # 1
        await self._step(export.id, "data")
        gathered = await extras.add(await self._gathering.gather(export, captures, extras.documents))
        files = await asyncio.to_thread(_measured, gathered)  # 2
        await self._step(export.id, "log")
        event = await self._commit(export, gathered, hash_bytes(manifest_text(files)))  # 3
        await self._step(export.id, "cosign")
        await self._anchors.cosigned(event)  # 4
        await self._step(export.id, "stamp")
        anchor = await self._anchors.stamped(event)  # 5
        await self._step(export.id, "write")
        entries = await self._entries(export, gathered, files, anchor)
        made = await asyncio.to_thread(_written, folder / "bundle.zip", entries)  # 6
        await asyncio.to_thread(_verified, made.path, self._parts.policy)
        return made

    async def _start(self, export_id: uuid.UUID) -> Export | None:
        async with self._parts.database.transaction() as session:
            export = await self._locked(session, export_id)
            if export.state == ExportState.READY:
                return None
            export.state, export.reason, export.attempts = ExportState.RUNNING, "", export.attempts + 1
        return export

    async def _step(self, export_id: uuid.UUID, name: str) -> None:
        async with self._parts.database.transaction() as session:
            (await self._locked(session, export_id)).step = name

    async def _freeze(self, export_id: uuid.UUID, captures: tuple[str, ...], items: tuple[str, ...]) -> Export:
        """Records the hand-over in every capture's chain, once, and how long each chain is then."""
        async with self._parts.database.transaction() as session:
            export = await self._locked(session, export_id)
            if export.chains is not None:
                return export
            actor = Actor(export.organisation_id, export.actor, cast(Role, export.role))
            rows = [await session.get_one(Capture, capture_id) for capture_id in captures]
            chains: dict[str, int] = {}
            for row in sorted(rows, key=lambda row: row.capture_id):  # one order for all: two exports never wait for each other
                event = await self._parts.custody.record(session, actor, _exported(export, row))
                chains[event.item] = event.seq + 1
            for item in [*(device_item(key_id) for key_id in sorted(await device_keys(session, rows))), *items]:
                chains[item] = len(await self._parts.custody.chain(item, organisation_id=export.organisation_id))
            export.chains = chains
        return export

    async def _commit(self, export: Export, gathered: Gathered, manifest_sha256: Sha256) -> RecordedEvent:
        """`export.created`, once. A manifest that differs on a retry means that stored bytes changed."""
        async with self._parts.database.transaction() as session:
            row = await self._locked(session, export.id)
            if row.event_sha256 is None:
                actor = Actor(row.organisation_id, row.actor, cast(Role, row.role))
                draft = EventDraft(
                    type="export.created",
                    item=export_item(str(row.id)),
                    subject_name="manifest-sha256.txt",
                    subject_sha256=manifest_sha256,
                    purpose=row.purpose,
                    details=_export_details(row, gathered, manifest_sha256),
                )
                event = await self._parts.custody.record(session, actor, draft)
                row.manifest_sha256, row.event_sha256 = manifest_sha256, event.sha256
                return event
            if row.manifest_sha256 != manifest_sha256:
                raise ExportFailed("the stored evidence gives another manifest than at the first attempt")
            event_sha256 = row.event_sha256
        found = await self._parts.custody.event(event_sha256)
        if found is None:
            raise StoredRecordBroken(table="event", id=event_sha256, reason="absent")
        return found

    async def _entries(self, export: Export, gathered: Gathered, files: list[BagFile], anchor: Anchor) -> list[BagFile]:
        proofs = await self._proofs.proofs(gathered, anchor)
        tags = lay_out_proofs(proofs) | lay_out_trust(self._parts.policy, gathered.data.devices)
        return close_bag(files, tags, export_id=str(export.id), at=export.requested_at)

    async def _keep(self, export: Export, made: BundleMade) -> None:
        def put() -> None:
            organisation = str(export.organisation_id)
            self._parts.working.put_file(made.path, organisation=organisation, sha256=made.sha256, size_bytes=made.size_bytes)

        await asyncio.to_thread(put)
        async with self._parts.database.transaction() as session:
            row = await self._locked(session, export.id)
            row.state, row.reason, row.finished_at = ExportState.READY, "", self._parts.clock.now()
            row.file_sha256, row.size_bytes = made.sha256, made.size_bytes

    async def _locked(self, session: AsyncSession, export_id: uuid.UUID) -> Export:
        return await session.get_one(Export, export_id, with_for_update=True)


def _exported(export: Export, capture: Capture) -> EventDraft:
    return EventDraft(
        type="capture.exported",
        item=capture_item(capture.capture_id),
        subject_name="statement.dsse.json",
        subject_sha256=capture.statement_sha256,
        purpose=export.purpose,
        details={"captureId": capture.capture_id, "exportId": str(export.id), "recipient": export.recipient},
    )


def _export_details(export: Export, gathered: Gathered, manifest_sha256: str) -> dict[str, object]:
    heads: dict[str, list[dict[str, object]]] = {kind: [] for kind in _HEAD_NAMES}
    for item, chain in sorted(gathered.chains.items()):
        kind, _, owner = item.partition(":")
        heads[kind].append({_HEAD_NAMES[kind]: owner, "seq": chain[-1].seq, "head": chain[-1].sha256})
    return {
        "manifestSha256": manifest_sha256,
        "captures": heads["capture"],
        "devices": heads["device"],
        **({"cases": heads["case"]} if heads["case"] else {}),
        "recipient": export.recipient,
        "purpose": export.purpose,
    }


def _measured(gathered: Gathered) -> list[BagFile]:
    """Every data file, read once. Raises: ExportFailed if an artifact's stored bytes are not what the statement names."""
    files = [measure(name, source) for name, source in lay_out_data(gathered.data).items()]
    for file in files:
        expected = gathered.artifact_sha256.get(file.name)
        if expected is not None and expected != file.sha256:
            raise ExportFailed(f"{file.name}: the stored bytes are damaged")
    return files


def _verified(path: Path, policy: Policy) -> None:
    """Returns for a bundle that the service's own policy calls valid. Blocking.

    Raises: ExportFailed with the first thing that is wrong: nobody shall be handed a bundle that fails in court.
    """
    report = verify_file(path, policy)
    if report.verdict is Verdict.VALID:
        return
    wrong = [one for one in report.checks if one.outcome is Outcome.FAILED]
    wrong += [one for one in report.checks if one.outcome is Outcome.NOT_CHECKED and one.required]
    raise ExportFailed(
        f"the finished bundle does not verify: step {wrong[0].step}, {wrong[0].path or 'bundle'}: {wrong[0].reason}"
    )


def _written(path: Path, entries: list[BagFile]) -> BundleMade:
    """The bag at `path`, synced and hashed. Blocking."""
    with path.open("w+b", buffering=CHUNK_BYTES) as out:
        write_bag(entries, out)
        out.flush()
        os.fsync(out.fileno())
        out.seek(0)
        sha256, size_bytes = hash_stream(out, limit_bytes=NO_LIMIT)
    return BundleMade(path, sha256, size_bytes)
