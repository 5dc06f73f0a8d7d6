"""Replays: who may load one page archive for a short time, without a session.

The replay origin knows no cookies and no accounts. What it hands out is named by a capability: a URL part that only this
service can make, for one capture, until a time.
"""

import asyncio
import base64
import binascii
import hashlib
import hmac
from collections import OrderedDict
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import BinaryIO
from weakref import WeakValueDictionary

from server.captures.models import Blob, Capture
from server.captures.parts import CaptureParts
from server.captures.reading import OpenedArtifact
from server.captures.scope import artifacts_of, require_capture
from server.custody.service import EventDraft
from server.errors import NotFound
from server.keyring import load_secret
from server.operators.actors import Actor
from server.trust.events import capture_item
from storage.errors import BadContainer
from storage.source import RandomAccess
from storage.waczstill import still_wacz
from storage.zipappend import Appended

ROLE = "page.wacz"
PURPOSE = "replay"
_LABEL = b"holdstill replay v1\0"
_ID_BYTES, _TIME_BYTES = 32, 8
CAPABILITY_CHARS = 96
VIEWS = ("still", "scripts")
STILLS, STILLS_BYTES = 64, 64 << 20


@dataclass(frozen=True)
class Replay:
    """An opened replay: the capability to load it, until when, and the address at which the page was captured."""

    capture_id: str
    capability: str
    expires_at: datetime
    url: str


@dataclass(frozen=True)
class ReplayArchive:
    """What a capability gives: the archive of one capture."""

    capture_id: str
    url: str
    opened: OpenedArtifact


@dataclass(frozen=True)
class StillArchive:
    """The archive with its documents as they stood, read like the archive itself. `sha256` names these bytes, for caches."""

    appended: Appended
    sha256: str
    whole: RandomAccess

    def open_range(self, offset: int, length: int) -> BinaryIO:
        """A stream (blocking; the caller closes it)."""
        return self.appended.open_range(self.whole, offset, length)


@dataclass
class StoredBytes:
    """A stored archive as random access: each read asks the store for that range."""

    opened: OpenedArtifact
    size_bytes: int
    parallel: bool = True

    def read_at(self, offset: int, length: int) -> bytes:
        """See RandomAccess.read_at."""
        length = max(0, min(length, self.size_bytes - offset))
        if length == 0:
            return b""
        with self.opened.open_range(offset, length) as stream:
            parts: list[bytes] = []
            while length > 0 and (piece := stream.read(length)):
                parts.append(piece)
                length -= len(piece)
        return b"".join(parts)


class Replays:
    """Opens replays for people, and the archives for whoever holds a capability."""

    def __init__(self, parts: CaptureParts) -> None:
        self._parts = parts
        self._key = load_secret(parts.settings.keys_path() / "replay.key")
        self._stills: OrderedDict[str, Appended | None] = OrderedDict()
        self._making: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def open(self, actor: Actor, capture_id: str, view: str) -> Replay:
        """A capability for this capture's archive. `capture.viewed` with the purpose `replay` is recorded before it exists.

        `view` (VIEWS) is what the person asked to see; a capability opens both.

        Raises: NotFound (also when the capture has no archive, or its bytes are not here yet).
        """
        async with self._parts.database.transaction() as session:
            capture = await require_capture(session, actor, capture_id)
            named = [one for one in await artifacts_of(session, capture.capture_id) if one.role == ROLE]
            if not named or await session.get(Blob, (capture.organisation_id, named[0].sha256)) is None:
                raise NotFound(kind="replay", id=capture_id[:64])
            draft = EventDraft(
                type="capture.viewed",
                item=capture_item(capture.capture_id),
                subject_name="statement.dsse.json",
                subject_sha256=capture.statement_sha256,
                purpose=PURPOSE,
                details={"name": named[0].name, "sha256": named[0].sha256, "view": view},
            )
            await self._parts.custody.record(session, replace(actor, organisation_id=capture.organisation_id), draft)
        expires_at = self._parts.clock.now() + timedelta(seconds=self._parts.settings.replay_seconds)
        capability = make_capability(self._key, capture.capture_id, expires_at)
        return Replay(capture.capture_id, capability, expires_at, capture.final_url or capture.url)

    async def archive(self, capability: str) -> ReplayArchive:
        """The archive that the capability names. Raises: NotFound, in the same words whether forged, expired or of no use."""
        capture_id = read_capability(self._key, capability, self._parts.clock.now())
        if capture_id is None:
            raise NotFound(kind="replay", id="")
        async with self._parts.database.session() as session:
            capture = await session.get(Capture, capture_id)
            named = [] if capture is None else [one for one in await artifacts_of(session, capture_id) if one.role == ROLE]
            if capture is None or not named or await session.get(Blob, (capture.organisation_id, named[0].sha256)) is None:
                raise NotFound(kind="replay", id="")
        opened = OpenedArtifact(named[0], str(capture.organisation_id), self._parts)
        return ReplayArchive(capture_id, capture.final_url or capture.url, opened)

    async def still(self, found: ReplayArchive) -> StillArchive:
        """The archive with its documents as they stood. Made anew when it was forgotten: same archive, same bytes. Whoever asks
        for one that is being made waits for it.

        Raises: NotFound when the archive holds no DOM, is broken, or breaks a limit; StorageError.
        """
        artifact = found.opened.artifact
        whole = StoredBytes(found.opened, artifact.size_bytes)
        async with self._making.setdefault(artifact.sha256, asyncio.Lock()):
            if artifact.sha256 not in self._stills:
                self._stills[artifact.sha256] = await asyncio.to_thread(_still, whole)
                self._forget_oldest()
        appended = self._stills.get(artifact.sha256)
        if appended is None:
            raise NotFound(kind="replay", id="")
        name = f"{artifact.sha256} {hashlib.sha256(appended.tail).hexdigest()}"
        return StillArchive(appended, hashlib.sha256(name.encode()).hexdigest(), whole)

    def _forget_oldest(self) -> None:
        while (
            sum(0 if one is None else len(one.tail) for one in self._stills.values()) > STILLS_BYTES or len(self._stills) > STILLS
        ):
            self._stills.popitem(last=False)


def _still(whole: StoredBytes) -> Appended | None:
    try:
        return still_wacz(whole)
    except BadContainer:
        return None


def make_capability(key: bytes, capture_id: str, expires_at: datetime) -> str:
    """CAPABILITY_CHARS characters, URL-safe: capture id, expiry (whole seconds), HMAC-SHA256 over both."""
    named = bytes.fromhex(capture_id) + int(expires_at.timestamp()).to_bytes(_TIME_BYTES, "big")
    return base64.urlsafe_b64encode(named + _mac(key, named)).decode("ascii")


def read_capability(key: bytes, capability: str, now: datetime) -> str | None:
    """The capture id, None if this service did not make the capability or its time is over."""
    if len(capability) != CAPABILITY_CHARS or not capability.isascii():
        return None
    try:
        data = base64.b64decode(capability, altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None
    named, mac = data[: _ID_BYTES + _TIME_BYTES], data[_ID_BYTES + _TIME_BYTES :]
    if not hmac.compare_digest(mac, _mac(key, named)):
        return None
    expires_at = datetime.fromtimestamp(int.from_bytes(named[_ID_BYTES:], "big"), UTC)
    return None if now >= expires_at else named[:_ID_BYTES].hex()


def _mac(key: bytes, named: bytes) -> bytes:
    return hmac.new(key, _LABEL + named, hashlib.sha256).digest()
