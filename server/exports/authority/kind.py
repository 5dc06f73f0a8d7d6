"""The bundle of a whole case for an authority, as a kind of export: the custody bundle of its exhibits with the case's own files.

Inside is one bundle that `holdstill verify` judges like any other: what is added lies under data/metadata and data/report, where
the manifest covers it. It keeps its own row, under this export's id, so that a killed worker goes on where it stopped.
"""

import asyncio
import shutil
from collections.abc import Mapping

from server.custody.service import EventDraft
from server.errors import StoredRecordBroken
from server.exports.authority.contents import DOCUMENTS, CaseFiles, masked_copies
from server.exports.authority.encryption import encrypt_file
from server.exports.authority.freezing import freeze_case, preview_case
from server.exports.authority.order import OPTIONS, AuthorityOrder
from server.exports.bundler import BundleMade, Bundler, Extras
from server.exports.case_models import CaseExport
from server.exports.errors import ExportRefused
from server.exports.kind import ExportKind, Making, Plain
from server.exports.models import Export, ExportCapture, ExportState
from server.exports.models import ExportKind as BundleKind
from server.exports.profiles import Profile
from server.exports.proofs import ExportFailed

METHOD = "age-encryption.org/v1"


async def write_bundle(making: Making) -> Mapping[str, int]:
    """The zip, or the age file around it. Raises: ExportRefused (no stamp or witness, damaged bytes), StorageError, OSError."""
    order = AuthorityOrder.model_validate_json(making.row.content)
    await _keep_row(making, order)
    folder = making.path.parent / "case"
    folder.mkdir()
    files = CaseFiles(making, order, folder)
    documents = DOCUMENTS | {name: says for name, (_, says) in masked_copies(order).items()}
    extras = Extras((f"case:{order.case}",), documents, files.add)
    try:
        made = await Bundler(making.parts).assemble(making.row.id, making.path.parent, extras)
    except ExportFailed as error:
        raise ExportRefused(reason=error.reason) from error
    except StoredRecordBroken as error:
        raise ExportRefused(reason=f"a stored record is broken: {error}") from error
    await _hand_on(making, order, made)
    return files.counts


async def _keep_row(making: Making, order: AuthorityOrder) -> None:
    """The bundle's own row, once."""
    row = making.row
    async with making.parts.database.transaction() as session:
        if await session.get(Export, row.id) is not None:
            return
        session.add(
            Export(
                id=row.id,
                organisation_id=row.organisation_id,
                kind=BundleKind.AUTHORITY,
                actor=row.actor,
                role=row.role,
                purpose=row.purpose,
                recipient=row.recipient,
                state=ExportState.RUNNING,
                requested_at=row.requested_at,
            )
        )
        await session.flush()
        for position, one in enumerate(order.exhibits):
            session.add(ExportCapture(export_id=row.id, position=position, capture_id=one.capture_id))


async def _hand_on(making: Making, order: AuthorityOrder, made: BundleMade) -> None:
    """The finished bundle where it is wanted, closed for its recipient if keys were given; that is an event of the case, once the
    file is kept: another run closes another bundle, with later proofs and keys of its own."""
    if order.encrypted_to:
        await asyncio.to_thread(encrypt_file, made.path, making.path, order.encrypted_to)
        making.events.append(_encrypted(making.row, order, made))
    else:
        await asyncio.to_thread(shutil.move, made.path, making.path)
    async with making.parts.database.transaction() as session:
        row = await session.get_one(Export, making.row.id, with_for_update=True)
        row.state, row.finished_at = ExportState.READY, making.parts.clock.now()
        row.file_sha256, row.size_bytes = made.sha256, made.size_bytes


def _encrypted(row: CaseExport, order: AuthorityOrder, made: BundleMade) -> EventDraft:
    """`case.export_encrypted`: which bundle was closed, how, and for which keys."""
    details: dict[str, object] = {
        "case": f"urn:holdstill:case:{row.case_id}",
        "exportId": str(row.id),
        "recipient": row.recipient,
        "method": METHOD,
        "encryptedTo": list(order.encrypted_to),
        "bundleSha256": made.sha256,
    }
    return EventDraft("case.export_encrypted", f"case:{row.case_id}", "bundle.zip", made.sha256, row.purpose, details)


def _suffix(content: str) -> str:
    return ".zip.age" if AuthorityOrder.model_validate_json(content).encrypted_to else ".zip"


AUTHORITY = ExportKind(
    "authority",
    frozenset({Profile.AUTHORITY}),
    ("bundle (BagIt)", "PDF", "CSV", "JSONL", "CASE/UCO"),
    Plain(freeze_case, preview_case, OPTIONS),
    write_bundle,
    _suffix,
)
