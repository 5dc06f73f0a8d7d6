"""build(settings) → Services: the only place where adapters are chosen and wired."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

from server import migrate
from server.captures.parts import CaptureParts
from server.captures.service import CaptureService
from server.cases.parts import CaseParts
from server.cases.service import CaseService
from server.clock import Clock, SystemClock
from server.custody.identities import Identities
from server.custody.service import CustodyService
from server.custody.stamping import StampService
from server.db import Database
from server.exports.alerts import AlertService
from server.exports.case_service import CaseExportService
from server.exports.notices import NoticeService
from server.exports.parts import ExportParts
from server.exports.rapid import RapidService
from server.exports.reports import ReportService
from server.exports.service import ExportService
from server.findings.service import FindingService
from server.handovers.service import HandoverService
from server.images.embedding import load_embedder
from server.images.parts import ImageParts
from server.images.reader import PictureReader
from server.images.service import ImageService
from server.imports.parts import ImportParts
from server.imports.service import ImportService
from server.jobs import Jobs
from server.keyring import load_keys
from server.notices.service import NoticeRecords
from server.operators.service import OperatorService
from server.postgres import EmbeddedPostgres
from server.rules.catalogue import Catalogue, shipped
from server.rules.disarm import parse_disarm_bundle
from server.settings import Settings
from server.transparency.head import HeadMemory
from server.transparency.log import Log
from server.transparency.sequencer import Sequencer
from server.transparency.tiles import TileCache
from server.transparency.timestamps import Tsa, TsaClient
from server.transparency.witnesses import Witness, WitnessClient, WitnessLimits
from server.trust.checkpoint import LogTrust
from server.trust.keys import ServicePublicKey
from server.trust.policy import Policy
from storage.blobs import BlobStore
from storage.local import LocalBlobStore
from storage.s3 import S3BlobStore
from storage.s3client import S3Settings, connect_s3
from storage.spool import Spool

DISARM_LIMIT_BYTES = 16 * 1024 * 1024


@dataclass(frozen=True)
class Services(Identities):
    """Everything the outer layers call (people: Identities). `postgres` is set only where this process uses the embedded one."""

    settings: Settings
    clock: Clock
    database: Database
    jobs: Jobs
    log: Log
    custody: CustodyService
    stamps: StampService
    captures: CaptureService
    cases: CaseService
    findings: FindingService
    exports: ExportService
    case_exports: CaseExportService
    handovers: HandoverService
    alerts: AlertService
    notices: NoticeService
    rapid: RapidService
    reports: ReportService
    notice_records: NoticeRecords
    images: ImageService
    imports: ImportService
    blobs: BlobStore
    working: BlobStore
    policy: Policy
    postgres: EmbeddedPostgres | None

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Services"]:
        """Opens the job queue's connections; closes everything at the end (embedded PostgreSQL stops with its last user)."""
        try:
            async with self.jobs.app.open_async():
                yield self
        finally:
            await asyncio.to_thread(self.images.reader.close)
            await self.log.witnesses.close()
            await self.stamps.client.close()
            await self.database.close()
            if self.postgres is not None:
                self.postgres.close()


@dataclass(frozen=True)
class Overrides:
    """What a test puts in the place of an adapter; None keeps what the settings say."""

    clock: Clock | None = None
    blobs: BlobStore | None = None
    working: BlobStore | None = None
    tsa_client: TsaClient | None = None
    migrated: bool = False


def build(settings: Settings, overrides: Overrides | None = None) -> Services:
    """The services of `settings`. Blocking: starts the embedded PostgreSQL if no database is set, and migrates.

    Raises: PostgresUnavailable, ValueError or OSError for settings that cannot work; VerificationError for bad keys.
    """
    chosen = overrides or Overrides()
    settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    postgres, database_url = _database(settings)
    if not chosen.migrated:
        migrate.upgrade(database_url)
    core = _core(settings, chosen, database_url)
    evidence, copies = _stores(settings)
    blobs, working = chosen.blobs or evidence, chosen.working or copies
    captures = CaptureParts(
        database=core.database,
        clock=core.clock,
        settings=settings,
        operators=core.identities.operators,
        custody=core.custody,
        log=core.custody.log,
        blobs=blobs,
        working=working,
        spool=Spool(settings.data_dir / "spool"),
        jobs=core.jobs,
    )
    exports = ExportParts(
        database=core.database,
        clock=core.clock,
        settings=settings,
        custody=core.custody,
        log=core.custody.log,
        stamping=core.stamps,
        blobs=blobs,
        working=working,
        scratch=settings.data_dir / "scratch",
        jobs=core.jobs,
        policy=core.policy,
    )
    return _services(settings, core, captures, exports, postgres)


@dataclass(frozen=True)
class _Core:
    """The floors below captures."""

    database: Database
    clock: Clock
    jobs: Jobs
    identities: Identities
    custody: CustodyService
    stamps: StampService
    policy: Policy


def _core(settings: Settings, chosen: Overrides, database_url: str) -> _Core:
    clock = chosen.clock or SystemClock()
    database = Database(database_url)
    keys = load_keys(settings.keys_path(), settings.origin)
    witnesses = tuple(Witness.from_settings(one) for one in settings.witnesses)
    tsas = tuple(Tsa.from_settings(one) for one in settings.tsas)
    cache = TileCache()
    limits = WitnessLimits(settings.witness_timeout_s, settings.witness_answer_limit_bytes, settings.witness_pause_s)
    asker = WitnessClient(database, clock, witnesses, cache, limits=limits)
    sequencer = Sequencer(database, clock, keys.log, HeadMemory(settings.keys_path() / "log.head"))
    custody = CustodyService(database, clock, keys.service, Log(database, sequencer, asker, cache))
    tsa_client = chosen.tsa_client or TsaClient(
        timeout_s=settings.tsa_timeout_s, answer_limit_bytes=settings.tsa_answer_limit_bytes
    )
    return _Core(
        database=database,
        clock=clock,
        jobs=Jobs(database_url, heartbeat_s=settings.job_heartbeat_s, stalled_after_s=settings.job_stalled_after_s),
        identities=Identities.of(database, OperatorService(database, clock, settings), custody),
        custody=custody,
        stamps=StampService(database, clock, custody, tsa_client, tsas),
        policy=Policy(
            LogTrust(settings.origin, keys.log.verifier, tuple(one.key for one in witnesses), settings.witness_quorum),
            (ServicePublicKey.from_vkey(keys.service.vkey),),
            tuple(one.anchors for one in tsas),
        ),
    )


def _services(
    settings: Settings, core: _Core, captures: CaptureParts, exports: ExportParts, postgres: EmbeddedPostgres | None
) -> Services:
    work = CaseParts(core.database, core.clock, core.custody)
    case_exports = CaseExportService(exports)
    catalogue = catalogue_of(settings)
    images = _images(settings, core, captures)
    return Services(
        **vars(core.identities),
        settings=settings,
        clock=core.clock,
        database=core.database,
        jobs=core.jobs,
        log=core.custody.log,
        custody=core.custody,
        stamps=core.stamps,
        captures=CaptureService.of(captures),
        cases=CaseService(work),
        findings=FindingService(work, catalogue),
        exports=ExportService(exports),
        case_exports=case_exports,
        handovers=HandoverService.of(captures, case_exports),
        alerts=AlertService(exports, case_exports),
        notices=NoticeService(exports, case_exports),
        rapid=RapidService(exports, case_exports),
        reports=ReportService(exports, case_exports),
        notice_records=NoticeRecords(work, catalogue, case_exports.read),
        images=images,
        imports=ImportService(ImportParts.of(captures, images)),
        blobs=captures.blobs,
        working=captures.working,
        policy=core.policy,
        postgres=postgres,
    )


def _images(settings: Settings, core: _Core, captures: CaptureParts) -> ImageService:
    parts = ImageParts(
        database=core.database,
        clock=core.clock,
        custody=core.custody,
        blobs=captures.blobs,
        jobs=core.jobs,
        reader=PictureReader(processes=settings.picture_processes),
    )
    anchors = None if settings.c2pa_anchors_file is None else settings.c2pa_anchors_file.read_text("ascii")
    return ImageService.of(parts, load_embedder(settings.embedder), anchors)


def _database(settings: Settings) -> tuple[EmbeddedPostgres | None, str]:
    if settings.database_url is not None:
        return None, settings.database_url
    postgres = EmbeddedPostgres(settings.data_dir / "postgres")
    return postgres, postgres.open()


def catalogue_of(settings: Settings) -> Catalogue:
    """The shipped rules, with the techniques of the file the settings name. Raises: OSError, ValueError (not such a file)."""
    if settings.disarm_file is None:
        return shipped()
    with settings.disarm_file.open("rb") as stream:
        data = stream.read(DISARM_LIMIT_BYTES + 1)
    if len(data) > DISARM_LIMIT_BYTES:
        raise ValueError("disarm_file is too large")
    techniques = parse_disarm_bundle(json.loads(data), settings.disarm_version)
    return replace(shipped(), techniques=shipped().techniques.with_techniques(techniques))


def _stores(settings: Settings) -> tuple[BlobStore, BlobStore]:
    """The stores the settings name: evidence, and working copies. Both where every `serve` and `worker` reaches them."""
    if settings.blob_store == "local":
        return LocalBlobStore(settings.data_dir / "blobs"), LocalBlobStore(settings.data_dir / "working")
    evidence = S3BlobStore(_connect(settings, settings.s3_bucket), settings.s3_bucket, retention_days=settings.s3_retention_days)
    return evidence, S3BlobStore(_connect(settings, settings.s3_working_bucket), settings.s3_working_bucket)


def _connect(settings: Settings, bucket: str) -> Any:
    if settings.s3_access_key is None or settings.s3_secret_key is None:
        raise ValueError("blob_store=s3 needs HOLDSTILL_S3_ACCESS_KEY and HOLDSTILL_S3_SECRET_KEY")
    return connect_s3(
        S3Settings(
            bucket=bucket,
            access_key=settings.s3_access_key,
            secret_key=settings.s3_secret_key.get_secret_value(),
            endpoint=settings.s3_endpoint,
            region=settings.s3_region,
        )
    )
