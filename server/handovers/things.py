"""What can be handed over, and the files of it that a profile gets. Frozen into the link, so it stays what it was."""

import hashlib
import json
import uuid
from dataclasses import asdict, dataclass

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from server.captures.models import Artifact, Blob, Capture, CaptureState
from server.captures.scope import artifacts_of, owned_by
from server.captures.sharing import Exhibit
from server.cases.models import Tlp
from server.errors import BadInput, NotFound
from server.exports.case_models import CaseExport
from server.exports.case_service import file_name, require_marking, require_second_person
from server.exports.models import Export, ExportKind, ExportState
from server.exports.pictures import SHOWS_ORIGINALS, pictures_of
from server.exports.profiles import FETCHES, Profile
from server.handovers.errors import HandoverRefused
from server.handovers.judging import marked_captures
from server.handovers.models import Handover, HandoverKind
from server.operators.actors import OperatorActor
from server.operators.rights import demand, own_rows

STATEMENT = "statement.dsse.json"


@dataclass(frozen=True)
class HandedFile:
    """One file of a link. `source`: evidence, working, or statement (a row); `masked_of`: the original's SHA-256."""

    name: str
    sha256: str
    size_bytes: int
    media_type: str
    source: str
    masked_of: str | None = None


@dataclass(frozen=True)
class Thing:
    """What a link leads to. `withheld`: pictures this profile does not get, because no masked copy was made."""

    kind: HandoverKind
    id: str
    profile: Profile
    files: tuple[HandedFile, ...]
    withheld: tuple[str, ...] = ()


def files_text(files: tuple[HandedFile, ...]) -> str:
    """The list of files as canonical JSON: its hash is what the custody event names."""
    return json.dumps([asdict(one) for one in files], sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def files_of(row: Handover) -> tuple[HandedFile, ...]:
    """The files of a link as they were frozen."""
    return tuple(HandedFile(**one) for one in row.files)


async def find_thing(session: AsyncSession, actor: OperatorActor, kind: str, thing_id: str, profile_name: str) -> Thing:
    """What the actor may hand over. A bundle holds originals and facts of devices, so it is an authority's; an export of a case
    has its own profile; of a capture the profile decides what is in it.

    Raises: BadInput; Forbidden (the profile's right); NotFound; HandoverRefused (not ready, nothing to give, internal, marked);
    ExportNotReady (an export for an authority that no second person has confirmed); ExportRefused (the case's marking now).
    """
    if kind == HandoverKind.BUNDLE:
        thing = await _bundle(session, actor, _uuid(thing_id))
    elif kind == HandoverKind.CASE_EXPORT:
        thing = await _case_export(session, actor, _uuid(thing_id))
    elif kind == HandoverKind.CAPTURE:
        thing = await _capture(session, actor, thing_id, profile_name)
    else:
        raise BadInput(field="kind", reason="one of " + ", ".join(HandoverKind))
    if thing.profile is Profile.INTERNAL:
        raise HandoverRefused(reason="what was made for the own organisation stays there: make it for its reader")
    return thing


async def _bundle(session: AsyncSession, actor: OperatorActor, export_id: uuid.UUID) -> Thing:
    demand(actor, FETCHES[Profile.AUTHORITY])
    wanted = select(Export).where(
        Export.id == export_id, Export.kind == ExportKind.BUNDLE, own_rows(actor, Export.organisation_id)
    )
    row = (await session.exec(wanted)).first()
    if row is None:
        raise NotFound(kind="export", id=str(export_id))
    file = _finished((row.state, row.file_sha256, row.size_bytes), f"holdstill-{row.id.hex[:12]}.zip")
    return Thing(HandoverKind.BUNDLE, str(row.id), Profile.AUTHORITY, (file,))


async def _case_export(session: AsyncSession, actor: OperatorActor, export_id: uuid.UUID) -> Thing:
    """Not checked here: that the actor may see the case; CaseExportService.read() is asked first."""
    row = await session.get(CaseExport, export_id)
    if row is None or row.organisation_id != actor.organisation_id:
        raise NotFound(kind="export", id=str(export_id))
    profile = Profile(row.profile)
    demand(actor, FETCHES[profile])
    file = _finished((row.state, row.file_sha256, row.size_bytes), file_name(row))
    require_second_person(row)
    await require_marking(session, row)
    return Thing(HandoverKind.CASE_EXPORT, str(row.id), profile, (file,))


async def _capture(session: AsyncSession, actor: OperatorActor, capture_id: str, profile_name: str) -> Thing:
    try:
        profile = Profile(profile_name)
    except ValueError as error:
        raise BadInput(field="profile", reason="one of " + ", ".join(Profile)) from error
    demand(actor, FETCHES[profile])
    wanted = select(Capture).where(Capture.capture_id == capture_id.replace("\x00", ""), owned_by(actor))
    capture = (await session.exec(wanted)).first()
    if capture is None:
        raise NotFound(kind="capture", id=capture_id[:64])
    if capture.state != CaptureState.SEALED:
        raise HandoverRefused(reason="the capture is not sealed yet")
    if profile is Profile.PUBLIC:
        await _refuse_marked(session, capture)
    pictures = await pictures_of(session, capture.capture_id, profile)
    files = [
        HandedFile(
            one.name, one.sha256, one.size_bytes, one.media_type, "working" if one.masked_of else "evidence", one.masked_of
        )
        for one in pictures.given
    ]
    if profile in SHOWS_ORIGINALS:
        files = await _with_originals(session, capture, files)
    if not files:
        raise HandoverRefused(reason="this profile gets masked copies only, and none was made of this capture")
    return Thing(HandoverKind.CAPTURE, capture.capture_id, profile, tuple(files), pictures.withheld)


async def _refuse_marked(session: AsyncSession, capture: Capture) -> None:
    """Returns unless the capture is an exhibit of a case that is not TLP:CLEAR: nothing of such a case is made public."""
    if (await session.exec(marked_captures().where(Exhibit.capture_id == capture.capture_id).limit(1))).first() is not None:
        raise HandoverRefused(reason=f"it is an exhibit of a case that is not marked {Tlp.CLEAR}")


async def _with_originals(session: AsyncSession, capture: Capture, pictures: list[HandedFile]) -> list[HandedFile]:
    """The statement, every artifact, and the masked copies. Raises: HandoverRefused when bytes are missing."""
    artifacts = await artifacts_of(session, capture.capture_id)
    held = select(Blob.sha256).where(
        Blob.organisation_id == capture.organisation_id, col(Blob.sha256).in_([one.sha256 for one in artifacts])
    )
    stored = set((await session.exec(held)).all())
    if any(one.sha256 not in stored for one in artifacts):
        raise HandoverRefused(reason="not every file of the capture is here")
    statement = HandedFile(
        STATEMENT, capture.statement_sha256, len(capture.statement), "application/vnd.in-toto+json", "statement"
    )
    return [statement, *(_evidence(one) for one in artifacts), *(one for one in pictures if one.masked_of is not None)]


def _evidence(artifact: Artifact) -> HandedFile:
    return HandedFile(artifact.name, artifact.sha256, artifact.size_bytes, artifact.media_type, "evidence")


def _finished(made: tuple[str, str | None, int | None], name: str) -> HandedFile:
    state, sha256, size_bytes = made
    if state != ExportState.READY or sha256 is None or size_bytes is None:
        raise HandoverRefused(reason=f"the export is {state}: it has no file yet")
    media_type = "application/zip" if name.endswith(".zip") else "application/octet-stream"
    return HandedFile(name, sha256, size_bytes, media_type, "working")


def _uuid(text: str) -> uuid.UUID:
    try:
        return uuid.UUID(text)
    except ValueError as error:
        raise BadInput(field="id", reason="not an id") from error


def sha256_of(text: str) -> str:
    """SHA-256 of a text's UTF-8 bytes, in hex."""
    return hashlib.sha256(text.encode()).hexdigest()
