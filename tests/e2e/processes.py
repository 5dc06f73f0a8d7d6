"""Processes that a test or the demo starts: each with its own log, a time-out on becoming ready, and an end that always comes."""

import contextlib
import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import httpx2

REPOSITORY = Path(__file__).resolve().parents[2]
STOP_S = 60
LOG_TAIL_BYTES = 4000
# GRPC_OFFSET above them is none of them, and below 32,768: from there on Linux gives ports to whoever asks for any.
PORTS = range(11_000, 21_000)
GRPC_OFFSET = 10_000
PORT_TRIES = 1000
_claims: list[socket.socket] = []


class NotReady(Exception):
    """A process ended, or did not answer in time: then its text ends with the tail of the process's log. Or it has no port."""


def free_port(host: str = "127.0.0.1") -> int:
    """A port that nobody listens on now, and that stays free until its program starts, or starts again.

    Neither the kernel gives it to anybody (it is below the ephemeral range) nor this function in any process of the machine,
    until this one ends: it holds a name for it. The port GRPC_OFFSET above is free too and belongs to it (SeaweedFS takes both).
    Not checked: programs that are no tests and choose a port of that range.

    Raises: NotReady when `host` is no address of this machine.
    """
    for port in secrets.SystemRandom().sample(PORTS, PORT_TRIES):
        claim = socket.socket(socket.AF_UNIX)
        try:
            claim.bind(f"\0holdstill-test-port-{port}")  # an abstract name: gone with the process, whatever ends it
            for one in (port, port + GRPC_OFFSET):
                with socket.socket() as probe:
                    probe.bind((host, one))
        except OSError:
            claim.close()
            continue
        _claims.append(claim)
        return port
    raise NotReady(f"no port of {host} can be had, of {PORT_TRIES} that were tried")


def claim(name: str) -> bool:
    """Takes a name among all tests of the machine, for this process until it ends. False: another one has it."""
    taken = socket.socket(socket.AF_UNIX)
    try:
        taken.bind(f"\0holdstill-test-{name}")
    except OSError:
        taken.close()
        return False
    _claims.append(taken)
    return True


class Process:
    """One started program and what it wrote. `kill()` is kill -9; `stop()` asks first. Both end the whole process group."""

    def __init__(
        self, name: str, command: Sequence[str | Path], *, folder: Path, env: Mapping[str, str], cwd: Path | None = None
    ) -> None:
        self.name = name
        self.log = folder / f"{name}.log"
        with self.log.open("ab") as out:
            self._child = subprocess.Popen(
                [str(part) for part in command],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                env=dict(env),
                cwd=cwd or REPOSITORY,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        return self._child.pid

    @property
    def is_running(self) -> bool:
        return self._child.poll() is None

    def tail(self) -> str:
        """The last of its log, for people."""
        data = self.log.read_bytes()[-LOG_TAIL_BYTES:]
        return f"--- {self.name} (exit code {self._child.poll()}), end of its log\n{data.decode('utf-8', 'replace')}\n---"

    def wait_until(self, ready: Callable[[], bool], *, timeout_s: float = 180) -> "Process":
        """Returns itself once `ready()` is true. Raises: NotReady when the process ends first or the time is over."""
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            if not self.is_running:
                raise NotReady(f"{self.name} ended.\n{self.tail()}")
            if ready():
                return self
            time.sleep(0.1)
        raise NotReady(f"{self.name} was not ready after {timeout_s:.0f} s.\n{self.tail()}")

    def wait(self, *, timeout_s: float) -> int:
        """Its exit code. Raises: NotReady when it runs on."""
        try:
            return self._child.wait(timeout_s)
        except subprocess.TimeoutExpired:
            raise NotReady(f"{self.name} ran on for {timeout_s:.0f} s.\n{self.tail()}") from None

    def kill(self) -> None:
        """kill -9, no goodbye."""
        self._signal(signal.SIGKILL)
        self._child.wait()

    def stop(self) -> int:
        """SIGTERM, time to end, then kill -9. Gives the exit code. Idempotent."""
        if self.is_running:
            self._signal(signal.SIGTERM)
            try:
                self._child.wait(STOP_S)
            except subprocess.TimeoutExpired:
                self.kill()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._child.pid, signal.SIGKILL)  # what it may have left behind in its own group
        return self._child.returncode

    def _signal(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._child.pid, number)


def answers(url: str) -> Callable[[], bool]:
    """A readiness probe: true once `url` answers 2xx."""

    def probe() -> bool:
        try:
            return httpx2.get(url, timeout=10).is_success
        except httpx2.HTTPError:
            return False

    return probe


def clean_environment() -> dict[str, str]:
    """This process's environment without anything that would steer Holdstill or a database client."""
    steering = ("HOLDSTILL_", "PG", "WEED_", "AWS_")
    return {name: value for name, value in os.environ.items() if not name.startswith(steering)}


@contextlib.contextmanager
def service_folder(name: str) -> Iterator[Path]:
    """A folder for a service's data, gone afterwards.

    Not one of pytest: as root the embedded PostgreSQL runs under another account, which pytest shuts out of its folders.
    """
    folder = Path(tempfile.mkdtemp(prefix=f"holdstill-{name}-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
