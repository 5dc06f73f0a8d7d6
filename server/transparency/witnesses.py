"""Asking witnesses for cosignatures (C2SP tlog-witness, add-checkpoint). Fail-open: a silent witness never stops the log."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

import httpx2
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select

from server.clock import Clock
from server.db import Database
from server.settings import WitnessSettings
from server.transparency.models import CheckpointRow, WitnessRow
from server.transparency.outward import http_client
from server.transparency.tiles import TileCache, stored_nodes
from server.trust.checkpoint import with_signatures
from server.trust.errors import VerificationError
from server.trust.jsontext import format_base64
from server.trust.merkle import consistency_proof
from server.trust.note import COSIGNATURE_V1, NoteSignature, VerifierKey, parse_note, parse_vkey, verify_cosignatures

SIZE_DIGITS = 19
_ATTEMPTS = 4


@dataclass(frozen=True)
class Witness:
    """A witness as configured: where it answers and the one key its cosignatures are believed under."""

    name: str
    url: str
    key: VerifierKey

    @classmethod
    def from_settings(cls, settings: WitnessSettings) -> "Witness":
        """Raises: VerificationError if the key is not a cosignature key; ValueError or OSError if there is none."""
        key = parse_vkey(settings.read_vkey())
        if key.kind != COSIGNATURE_V1:
            raise VerificationError(f"the key of witness {settings.name} has type {key.kind:#04x}, expected 0x04")
        return cls(settings.name, settings.url.rstrip("/") + "/add-checkpoint", key)


class WitnessFailed(Exception):
    """No usable cosignature came; the text is the stored reason."""


class _Overtaken(Exception):
    """The witness stands at a newer head that this log signed in the meantime: no fault of anybody's."""


class _OtherSize(Exception):
    """409: the witness stands at another size."""

    def __init__(self, size: int) -> None:
        self.size = size
        super().__init__(size)


@dataclass(frozen=True)
class Cosigned:
    """`note`: the file with the cosignatures that came. overtaken: a witness already stands at a newer head of this log, which
    another process had it cosign: that one is to be published."""

    note: bytes
    overtaken: bool


@dataclass(frozen=True)
class WitnessLimits:
    """timeout_s: for a whole call.  answer_bytes: longest answer read.  pause_s: how long a failed witness is left alone."""

    timeout_s: float = 3.0
    answer_bytes: int = 16 * 1024
    pause_s: float = 15.0


class WitnessClient:
    """Collects cosignatures for our checkpoints and keeps, per witness, how the last call went."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        witnesses: Sequence[Witness],
        cache: TileCache,
        *,
        limits: WitnessLimits | None = None,
    ) -> None:
        self.database = database
        self.clock = clock
        self.witnesses = tuple(witnesses)
        self.limits = limits or WitnessLimits()
        self._http = http_client()
        self._cache = cache

    @property
    def keys(self) -> tuple[VerifierKey, ...]:
        """The keys of the configured witnesses."""
        return tuple(witness.key for witness in self.witnesses)

    async def cosign(self, note: bytes, size: int) -> Cosigned:
        """`note` with a cosignature line of every witness that answers in time; a witness that already signed it is not asked.

        Each call's outcome is stored (table witness). Never raises for a witness's fault.
        """
        parsed = parse_note(note)
        known = {cosignature.witness for cosignature in verify_cosignatures(parsed, self.keys)}
        rows = await self._rows()
        now = self.clock.now()
        asked = [
            witness
            for witness in self.witnesses
            if witness.key.name not in known and not self._is_paused(rows.get(witness.name), now)
        ]
        answers = await asyncio.gather(*(self._ask(witness, rows.get(witness.name), note, size) for witness in asked))
        fresh = [answer for answer in answers if isinstance(answer, NoteSignature)]
        overtaken = any(isinstance(answer, _Overtaken) for answer in answers)
        return Cosigned(with_signatures(note, fresh) if fresh else note, overtaken)

    async def states(self) -> list[WitnessRow]:
        """How the last call to each witness went."""
        rows = await self._rows()
        return [rows[witness.name] for witness in self.witnesses if witness.name in rows]

    async def close(self) -> None:
        """Closes the connections."""
        await self._http.aclose()

    def _is_paused(self, row: WitnessRow | None, now: datetime) -> bool:
        return row is not None and row.outcome == "FAILED" and now < row.asked_at + timedelta(seconds=self.limits.pause_s)

    async def _rows(self) -> dict[str, WitnessRow]:
        if not self.witnesses:
            return {}
        async with self.database.session() as session:
            return {row.name: row for row in (await session.exec(select(WitnessRow))).all()}

    async def _ask(self, witness: Witness, row: WitnessRow | None, note: bytes, size: int) -> NoteSignature | _Overtaken | None:
        reached = row.size if row is not None else 0
        try:
            async with asyncio.timeout(self.limits.timeout_s):
                line = await self._ask_with_recovery(witness, min(reached, size), note, size)
        except _Overtaken as overtaken:
            return overtaken
        except (WitnessFailed, TimeoutError) as error:
            await self._settle(witness, reached, str(error) or "no answer in time")
            return None
        await self._settle(witness, size, None)
        return line

    async def _ask_with_recovery(self, witness: Witness, reached: int, note: bytes, size: int) -> NoteSignature:
        """Asks from the size we believe the witness has; if it says another one, again from there: other processes ask too."""
        for _ in range(_ATTEMPTS):
            try:
                return await self._post(witness, reached, note, size)
            except _OtherSize as other:
                if other.size > size and other.size <= await self._signed():
                    raise _Overtaken from other
                if other.size > size:
                    raise WitnessFailed(f"stands at size {other.size}, beyond ours of {size}") from other
                if other.size == reached:
                    raise WitnessFailed(f"refuses our root for size {size}") from other
                before, reached = reached, other.size
        raise WitnessFailed(f"stood at {before}, then at {reached}")

    async def _signed(self) -> int:
        """The size of the largest head that this log has signed by now."""
        async with self.database.session() as session:
            found = (await session.exec(select(CheckpointRow.size).order_by(col(CheckpointRow.size).desc()).limit(1))).first()
        return found or 0

    async def _post(self, witness: Witness, reached: int, note: bytes, size: int) -> NoteSignature:
        proof: list[bytes] = []
        if 0 < reached < size:
            walk = partial(consistency_proof, reached, size)
            async with self.database.session() as session:
                proof = walk(await stored_nodes(session, walk, self._cache))
        body = "".join((f"old {reached}\n", *(format_base64(value) + "\n" for value in proof), "\n")).encode() + note
        try:
            async with self._http.stream("POST", witness.url, content=body, timeout=self.limits.timeout_s) as response:
                answer = await self._read(response)
        except (httpx2.HTTPError, OSError) as error:
            raise WitnessFailed(f"unreachable: {type(error).__name__}") from error
        if response.status_code == 409:
            raise _parse_size(answer)
        if response.status_code != 200:
            raise WitnessFailed(f"answered {response.status_code}")
        return _parse_cosignature(answer, note, witness.key)

    async def _read(self, response: httpx2.Response) -> bytes:
        answer = bytearray()
        async for part in response.aiter_bytes():
            answer += part
            if len(answer) > self.limits.answer_bytes:
                raise WitnessFailed("the answer is too long")
        return bytes(answer)

    async def _settle(self, witness: Witness, size: int, reason: str | None) -> None:
        state = {
            "size": size,
            "outcome": "PASSED" if reason is None else "FAILED",
            "reason": reason,
            "asked_at": self.clock.now(),
        }
        async with self.database.transaction() as session:
            upsert = insert(WitnessRow).values(name=witness.name, **state)
            await (await session.connection()).execute(upsert.on_conflict_do_update(index_elements=["name"], set_=state))


def _parse_size(answer: bytes) -> _OtherSize:
    text = answer.decode("ascii", "replace").strip()
    if not text.isdecimal() or len(text) > SIZE_DIGITS:
        raise WitnessFailed("answered 409 without a size")
    return _OtherSize(int(text))


def _parse_cosignature(answer: bytes, note: bytes, key: VerifierKey) -> NoteSignature:
    """The line by `key` in a witness's answer, verified over our note; lines by other keys are ignored."""
    text = note.rpartition(b"\n\n")[0]
    try:
        answered = parse_note(text + b"\n\n" + answer)
        if not verify_cosignatures(answered, [key]):
            raise WitnessFailed("the answer holds no cosignature by the configured key")
    except VerificationError as error:
        raise WitnessFailed(f"the answer does not verify: {error}") from error
    return next(line for line in answered.signatures if line.name == key.name and line.key_hash == key.key_hash)
