"""kill -9 of a real `holdstill serve` in the middle of a resumable upload: the upload goes on, byte for byte."""

import base64
import contextlib
import hashlib
import json
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from server.trust.dsse import sign_envelope
from tests.e2e.chromium import wait_for
from tests.e2e.processes import free_port
from tests.trust.parties import Device as Keys
from tests.trust.parties import statement_payload

pytestmark = pytest.mark.live
HOLDSTILL = Path(sys.executable).with_name("holdstill")
MIB = 1024 * 1024
SIZE = 24 * MIB + 12_345
TUS = {"Tus-Resumable": "1.0.0"}


class Serving:
    """`holdstill serve` on a folder and database that outlive the process."""

    def __init__(self, folder: Path, database_url: str) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.env = {name: value for name, value in os.environ.items() if not name.startswith("HOLDSTILL_")} | {
            "HOLDSTILL_DATA_DIR": str(folder / "data"),
            "HOLDSTILL_DATABASE_URL": database_url,
            "HOLDSTILL_PORT": str(self.port),
            "HOLDSTILL_PUBLIC_URL": self.url,
        }
        self.log = folder / "serve.log"
        self.spool = folder / "data" / "spool"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen([HOLDSTILL, "serve"], env=self.env, stdout=log, stderr=log, start_new_session=True)
        deadline = time.monotonic() + 180
        while time.monotonic() < deadline:
            assert self.process.poll() is None, self.log.read_text()
            with contextlib.suppress(httpx2.HTTPError):
                if httpx2.get(f"{self.url}/readyz", timeout=10).status_code == 200:
                    return
            time.sleep(0.1)
        raise AssertionError(self.log.read_text())

    def kill(self) -> None:
        assert self.process is not None
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def kept_bytes(self) -> int:
        """What the service has on disk of the one upload."""
        return sum(path.stat().st_size for path in self.spool.glob("*.part"))

    def pairing_code(self) -> str:
        done = subprocess.run([HOLDSTILL, "pair", "--json"], env=self.env, check=True, capture_output=True, timeout=180)
        return str(json.loads(done.stdout)["pairing_code"])


@pytest.fixture
def serving(database_url: str, tmp_path: Path) -> Iterator[Serving]:
    running = Serving(tmp_path, database_url)
    running.start()
    yield running
    if running.process is not None and running.process.poll() is None:
        running.process.terminate()
        assert running.process.wait(30) in (0, -signal.SIGTERM), running.log.read_text()


def send_part(place: str, headers: dict[str, str], data: bytes, offset: int, serving: Serving, *, kill_after: int) -> None:
    """One PATCH whose server dies after `kill_after` bytes were sent."""
    sent = 0

    def chunks() -> Iterator[bytes]:
        nonlocal sent
        for start in range(offset, len(data), 64 * 1024):
            if sent >= kill_after:
                wait_for(lambda: serving.kept_bytes() > offset, 60, lambda: "the service wrote nothing of it")
                serving.kill()
                sent = -(1 << 40)
            piece = data[start : start + 64 * 1024]
            yield piece
            sent += len(piece)

    more = headers | TUS | {"Upload-Offset": str(offset), "Content-Type": "application/offset+octet-stream"}
    with contextlib.suppress(httpx2.HTTPError):
        httpx2.patch(place, content=chunks(), headers=more | {"Content-Length": str(len(data) - offset)}, timeout=60)


def test_an_upload_survives_kill_9_of_the_server_with_exact_bytes(serving: Serving) -> None:
    keys, data = Keys(), secrets.token_bytes(SIZE)
    sha256 = hashlib.sha256(data).hexdigest()
    asked = {"pairing_code": serving.pairing_code(), "public_key": base64.b64encode(keys.spki_der).decode(), "label": "Test"}
    token = httpx2.post(f"{serving.url}/api/v1/devices", json=asked, timeout=60).json()["token"]
    headers = {"Authorization": f"Bearer {token}"}
    envelope = sign_envelope(statement_payload({"upload.0.bin": data}, {"nonce": None, "notBefore": None}), keys)
    committed = httpx2.post(f"{serving.url}/api/v1/captures", content=envelope, headers=headers, timeout=60).json()
    artifact = f"{serving.url}/api/v1/captures/{committed['capture_id']}/artifacts/{sha256}"
    made = httpx2.post(artifact, headers=headers | TUS | {"Upload-Length": str(SIZE)}, timeout=60)
    place = serving.url + made.headers["location"]
    offsets = [0]
    for kill_after in (5 * MIB, 4 * MIB):
        send_part(place, headers, data, offsets[-1], serving, kill_after=kill_after)
        serving.start()
        found = httpx2.head(place, headers=headers | TUS, timeout=60)
        assert found.status_code == 200, found.status_code
        offsets.append(int(found.headers["upload-offset"]))
        assert offsets[-2] < offsets[-1] < SIZE, offsets
        refused = httpx2.post(f"{artifact.rsplit('/artifacts', 1)[0]}/seal", headers=headers, timeout=60)
        assert refused.status_code == 409, "half an upload was sealed"
    more = headers | TUS | {"Upload-Offset": str(offsets[-1]), "Content-Type": "application/offset+octet-stream"}
    assert httpx2.patch(place, content=data[offsets[-1] :], headers=more, timeout=60).status_code == 204
    sealed = httpx2.post(f"{serving.url}/api/v1/captures/{committed['capture_id']}/seal", headers=headers, timeout=60)
    assert sealed.status_code == 200, sealed.text
    stored = httpx2.get(f"{serving.url}/api/v1/captures/{committed['capture_id']}/artifacts/upload", headers=headers, timeout=60)
    assert hashlib.sha256(stored.content).hexdigest() == sha256
    done = subprocess.run([HOLDSTILL, "log", "check", "--json"], env=serving.env, capture_output=True, timeout=180)
    assert done.returncode == 0 and json.loads(done.stdout)["sound"], done.stdout + done.stderr
