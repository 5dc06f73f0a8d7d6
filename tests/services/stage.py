"""Operators, log, custody and stamping without captures and web: what the tests of these floors act on."""

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from server.custody.enrolment import EnrolmentService, PairedDevice
from server.custody.identities import Identities
from server.custody.service import CustodyService, EventDraft, RecordedEvent
from server.custody.stamping import StampService
from server.db import Database
from server.keyring import Keys, load_keys
from server.operators.actors import Actor, OperatorActor
from server.operators.service import OperatorService
from server.settings import Settings
from server.transparency.head import HeadMemory
from server.transparency.log import Log
from server.transparency.sequencer import Sequencer
from server.transparency.tiles import TileCache
from server.transparency.timestamps import Tsa, TsaClient
from server.transparency.witnesses import Witness, WitnessClient, WitnessLimits
from server.trust.timestamp import TsaAnchors, load_certificates
from tests.tsa import LocalTsa

ORIGIN = "test.holdstill.local/log"


@dataclass
class HeldClock:
    """A clock that a test moves. Each answer is a microsecond after the one before: of two acts, one is always the earlier."""

    time: datetime = field(default_factory=lambda: datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC))

    def now(self) -> datetime:
        self.time += timedelta(microseconds=1)
        return self.time

    def move(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)


@dataclass
class Stage:
    """One process's worth of services."""

    settings: Settings
    database: Database
    clock: HeldClock
    keys: Keys
    witnesses: WitnessClient
    log: Log
    operators: OperatorService
    custody: CustodyService
    identities: Identities
    enrolment: EnrolmentService
    stamps: StampService

    @classmethod
    def build(
        cls,
        database_url: str,
        folder: Path,
        *,
        witnesses: Sequence[Witness] = (),
        tsas: Sequence[Tsa] = (),
        clock: HeldClock | None = None,
    ) -> "Stage":
        """A process that shares database and keys with every other one built on the same URL and folder."""
        clock = clock or HeldClock()
        settings = Settings(data_dir=folder / "data", origin=ORIGIN)
        database = Database(database_url, pool_size=10)
        keys = load_keys(settings.keys_path(), ORIGIN)
        cache = TileCache()
        asker = WitnessClient(database, clock, witnesses, cache, limits=WitnessLimits(timeout_s=60, pause_s=15.0))
        log = Log(database, Sequencer(database, clock, keys.log, HeadMemory(settings.keys_path() / "log.head")), asker, cache)
        operators = OperatorService(database, clock, settings)
        custody = CustodyService(database, clock, keys.service, log)
        stamps = StampService(database, clock, custody, TsaClient(timeout_s=60), tsas)
        people = Identities.of(database, operators, custody)
        return cls(settings, database, clock, keys, asker, log, operators, custody, people, people.enrolment, stamps)

    async def close(self) -> None:
        await self.witnesses.close()
        await self.stamps.client.close()
        await self.database.close()

    async def operator(self) -> OperatorActor:
        return await self.operators.ensure_default_operator()

    async def record(self, actor: Actor, item: str | None = None, kind: str = "capture.viewed") -> RecordedEvent:
        """One committed event, of a capture of its own unless an item is given."""
        draft = EventDraft(kind, item or capture_item(), "statement.dsse.json", random_sha256(), "test")
        async with self.database.transaction() as session:
            return await self.custody.record(session, actor, draft)

    async def append(self, *leaves: bytes) -> None:
        """Leaves without events, committed."""
        async with self.database.transaction() as session:
            await self.log.append_many(session, leaves)

    async def pair(self, label: str = "Browser") -> PairedDevice:
        offer = await self.operators.create_pairing_code((await self.operator()).operator_id)
        return await self.enrolment.pair_device(offer.code, new_spki(), label)


def new_spki() -> bytes:
    """The public key of a fresh P-384 key, SPKI DER."""
    return ec.generate_private_key(ec.SECP384R1()).public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def random_sha256() -> str:
    return secrets.token_hex(32)


def capture_item() -> str:
    return f"capture:{random_sha256()}"


def leaf(number: int) -> bytes:
    """A leaf that every process computes alike."""
    return hashlib.sha256(b"leaf %d" % number).digest()


def pinned(tsa: LocalTsa, name: str = "local") -> Tsa:
    """The authority, believed under its own root."""
    return Tsa(tsa.url, TsaAnchors(name, load_certificates(tsa.root_file.read_bytes())))
