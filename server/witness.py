"""A C2SP witness: cosigns checkpoints of known logs, each only if it extends the last one it cosigned. `holdstill witness`.

Needs no database: one small file per log, replaced whole and synced before the answer. Worth most when somebody else runs it.
Source: C2SP tlog-witness (add-checkpoint), tlog-cosignature.
"""

import asyncio
import fcntl
import hashlib
import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import uvicorn
from fastapi import FastAPI, Request, Response

from server.clock import Clock, SystemClock
from server.keyring import load_witness_key, write_whole
from server.settings import Settings, WitnessedLog
from server.trust.checkpoint import Checkpoint, cosign_checkpoint, parse_checkpoint_file
from server.trust.errors import VerificationError
from server.trust.jsontext import parse_base64
from server.trust.keys import WitnessSigner
from server.trust.merkle import EMPTY_ROOT, verify_consistency
from server.trust.note import MAX_NOTE_BYTES, parse_vkey, verify_note

MAX_REQUEST_BYTES = MAX_NOTE_BYTES + 8 * 1024
MAX_PROOF_LINES = 63
SIZE_TYPE = "text/x.tlog.size"
_OLD = re.compile(r"old (0|[1-9][0-9]{0,18})")


@dataclass(frozen=True)
class Seen:
    """The checkpoint cosigned last for one log."""

    size: int
    root: bytes


class WitnessState:
    """What was cosigned last, per log, on disk. compare-and-store is atomic between threads and processes (file lock)."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)

    @contextmanager
    def locked(self, origin: str) -> Iterator[None]:
        """Holds the log's state for one caller."""
        with self._path(origin).with_suffix(".lock").open("ab") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def read(self, origin: str) -> Seen | None:
        """The last cosigned checkpoint, None for a new log. Raises: ValueError or KeyError if the file was damaged."""
        path = self._path(origin)
        if not path.exists():
            return None
        stored = json.loads(path.read_text("utf-8"))
        root = bytes.fromhex(stored["root"])
        if stored["origin"] != origin or not isinstance(stored["size"], int) or len(root) != 32:
            raise ValueError(f"{path} is not the state of {origin}")
        return Seen(stored["size"], root)

    def write(self, origin: str, seen: Seen) -> None:
        """Durable when it returns."""
        text = json.dumps({"origin": origin, "size": seen.size, "root": seen.root.hex()})
        write_whole(self._path(origin), text.encode())

    def _path(self, origin: str) -> Path:
        return self.folder / f"{hashlib.sha256(origin.encode()).hexdigest()[:32]}.json"


class _Refused(Exception):
    """An answer other than 200."""

    def __init__(self, status: int, body: str, media_type: str = "text/plain") -> None:
        self.status, self.body, self.media_type = status, body, media_type
        super().__init__(status, body)


@dataclass(frozen=True)
class Witness:
    """Judges add-checkpoint requests. `logs` maps an origin to how its verifier key is read, at each request."""

    signer: WitnessSigner
    state: WitnessState
    logs: dict[str, Callable[[], str]]
    clock: Clock

    def add_checkpoint(self, body: bytes) -> bytes:
        """Our cosignature line. Blocking (file locks and syncs). Raises: _Refused with the status C2SP prescribes."""
        # 1. Shape, log and signature.
        old_size, proof, note_bytes = _parse_request(body)
        checkpoint = self._signed_checkpoint(note_bytes)
        if old_size > checkpoint.size:
            raise _Refused(400, "the old size is above the checkpoint's")
        with self.state.locked(checkpoint.origin):
            # 2. The old size must be where we stand.
            seen = self.state.read(checkpoint.origin) or Seen(0, EMPTY_ROOT)
            if old_size != seen.size or (old_size == checkpoint.size and checkpoint.root != seen.root):
                raise _Refused(409, f"{seen.size}\n", SIZE_TYPE)
            # 3. The new tree must begin with the one we saw. Nothing binds a first checkpoint.
            try:
                if old_size > 0:
                    verify_consistency((seen.size, seen.root), (checkpoint.size, checkpoint.root), proof)
                elif proof:
                    raise VerificationError("a first checkpoint needs no proof")
            except VerificationError as error:
                raise _Refused(422, str(error)) from error
            # 4. Stored before it is answered.
            self.state.write(checkpoint.origin, Seen(checkpoint.size, checkpoint.root))
        return cosign_checkpoint(note_bytes, self.signer, time_s=int(self.clock.now().timestamp())).line().encode()

    def _signed_checkpoint(self, note_bytes: bytes) -> Checkpoint:
        try:
            note, checkpoint = parse_checkpoint_file(note_bytes)
        except VerificationError as error:
            raise _Refused(400, str(error)) from error
        read_key = self.logs.get(checkpoint.origin)
        if read_key is None:
            raise _Refused(404, "unknown log")
        try:
            verify_note(note, parse_vkey(read_key()))
        except (OSError, ValueError) as error:
            raise _Refused(404, "the key of this log is not known yet") from error
        except VerificationError as error:
            raise _Refused(403, str(error)) from error
        return checkpoint


def create_witness_app(witness: Witness) -> FastAPI:
    """The witness as an HTTP application: POST /add-checkpoint, GET /vkey, GET /healthz."""
    app = FastAPI(title="Holdstill witness", openapi_url=None)

    @app.post("/add-checkpoint")
    async def add_checkpoint(request: Request) -> Response:
        body = bytearray()
        async for part in request.stream():
            body += part
            if len(body) > MAX_REQUEST_BYTES:
                return Response("the request is too long", status_code=413, media_type="text/plain")
        try:
            line = await asyncio.to_thread(witness.add_checkpoint, bytes(body))
        except _Refused as refusal:
            # headers, not media_type: Starlette would add a charset to text types, and C2SP gives this one exactly
            return Response(refusal.body, status_code=refusal.status, headers={"Content-Type": refusal.media_type})
        return Response(line, media_type="text/plain")

    @app.get("/vkey")
    async def vkey() -> Response:
        return Response(f"{witness.signer.vkey}\n", media_type="text/plain")

    @app.get("/healthz")
    async def healthz() -> Response:
        return Response("ok\n", media_type="text/plain")

    return app


def build_witness(settings: Settings, clock: Clock | None = None) -> Witness:
    """The witness of the settings; its key is made at first start and its verifier key stands in `witness.vkey`."""
    folder = settings.witness_path()
    logs = {log.origin: _reader(log) for log in settings.witnessed_logs}
    signer = load_witness_key(folder, settings.witness_name)
    return Witness(signer, WitnessState(folder / "state"), logs, clock or SystemClock())


def run(settings: Settings) -> None:
    """Serves until ended by a signal."""
    app = create_witness_app(build_witness(settings))
    uvicorn.run(app, host=settings.host, port=settings.port, log_level="info", access_log=False)


def _reader(log: WitnessedLog) -> Callable[[], str]:
    return log.read_vkey


def _parse_request(body: bytes) -> tuple[int, list[bytes], bytes]:
    """(old size, proof hashes, checkpoint file) of a request. Raises: _Refused 400."""
    head, separator, note = body.partition(b"\n\n")
    try:
        lines = head.decode("ascii").split("\n")
        old = _OLD.fullmatch(lines[0])
        if not separator or old is None or len(lines) - 1 > MAX_PROOF_LINES:
            raise _Refused(400, "expected an old size, at most 63 proof lines, an empty line and a checkpoint")
        return int(old[1]), [parse_base64(line, "proof hash") for line in lines[1:]], note
    except (UnicodeDecodeError, VerificationError) as error:
        raise _Refused(400, "the proof cannot be read") from error
