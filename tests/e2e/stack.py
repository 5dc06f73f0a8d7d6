"""The service as a person runs it (`holdstill serve`), beside it a local time-stamping authority and a witness.

Everything is a process with a log of its own; ports are free ones, data lives in the given folder, what was started is ended.
"""

import json
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2

from tests.e2e.processes import NotReady, Process, answers, clean_environment, free_port

HOLDSTILL = Path(sys.executable).with_name("holdstill")
ORIGIN = "demo.holdstill.local/log"
WITNESS = "witness.demo.local"
CLI_TIMEOUT_S = 300


class Stack:
    """serve, TSA and witness. `start()` returns when the service is ready; `stop()` ends all of it. Also a context manager."""

    def __init__(self, folder: Path, *, port: int | None = None, more_env: dict[str, str] | None = None) -> None:
        self.folder = folder
        self.port = port or free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._tsa_port, self._witness_port, self.replay_port = free_port(), free_port(), free_port()
        self._processes: list[Process] = []
        self._more_env = more_env or {}
        self.logs = folder / "logs"
        self.serve: Process | None = None
        self._operator: httpx2.Client | None = None

    @property
    def env(self) -> dict[str, str]:
        """The settings of the service, as environment variables."""
        tsa = {"name": "demo", "url": f"http://127.0.0.1:{self._tsa_port}/", "roots_file": str(self.folder / "tsa" / "root.pem")}
        witness = {"name": WITNESS, "url": f"http://127.0.0.1:{self._witness_port}/", "vkey_file": str(self._witness_vkey_file)}
        return clean_environment() | {
            "HOLDSTILL_DATA_DIR": str(self.folder / "data"),
            "HOLDSTILL_PORT": str(self.port),
            "HOLDSTILL_PUBLIC_URL": self.url,
            "HOLDSTILL_REPLAY_PORT": str(self.replay_port),
            "HOLDSTILL_ORIGIN": ORIGIN,
            "HOLDSTILL_TSAS": json.dumps([tsa]),
            "HOLDSTILL_WITNESSES": json.dumps([witness]),
            "HOLDSTILL_WITNESS_QUORUM": "1",
            "HOLDSTILL_STAMP_INTERVAL_S": "2",
            "HOLDSTILL_WITNESS_TIMEOUT_S": "60",  # a busy machine is not what is tested here
            "HOLDSTILL_TSA_TIMEOUT_S": "60",
            "HOLDSTILL_WITNESS_PAUSE_S": "1",
            **self._more_env,
        }

    @property
    def _witness_vkey_file(self) -> Path:
        return self.folder / "witness" / "witness.vkey"

    def start(self) -> "Stack":
        """Raises: NotReady with the log of what did not start."""
        self.logs.mkdir(parents=True, exist_ok=True)
        try:
            self.start_tsa()
            self.start_witness()
            self.start_serve()
        except BaseException:
            self.stop()
            raise
        return self

    def start_tsa(self) -> None:
        command = [sys.executable, "-m", "tests.tsa", "--dir", self.folder / "tsa", "--port", str(self._tsa_port)]
        tsa = self._run("tsa", command, clean_environment())
        tsa.wait_until((self.folder / "tsa" / "root.pem").exists)

    def start_witness(self) -> None:
        env = clean_environment() | {
            "HOLDSTILL_PORT": str(self._witness_port),
            "HOLDSTILL_WITNESS_DIR": str(self.folder / "witness"),
            "HOLDSTILL_WITNESS_NAME": WITNESS,
            "HOLDSTILL_WITNESSED_LOGS": json.dumps(
                [{"origin": ORIGIN, "vkey_file": str(self.folder / "data" / "keys" / "log.vkey")}]
            ),
        }
        self._run("witness", [HOLDSTILL, "witness"], env).wait_until(self._witness_vkey_file.exists)

    def start_serve(self) -> Process:
        """Starts (or starts again) the service itself and waits until it is ready."""
        self.serve = self._run("serve", [HOLDSTILL, "serve"], self.env)
        return self.serve.wait_until(answers(f"{self.url}/readyz"), timeout_s=240)

    def _run(self, name: str, command: list[str | Path], env: dict[str, str]) -> Process:
        process = Process(name, command, folder=self.logs, env=env)
        self._processes.append(process)
        return process

    def stop(self) -> None:
        """Ends what was started, the service first, so that it can stop its PostgreSQL."""
        if self._operator is not None:
            self._operator.close()
            self._operator = None
        for process in reversed(self._processes):
            process.stop()
        self._processes.clear()

    def __enter__(self) -> "Stack":
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    # What a person types

    def cli(self, *arguments: str | Path, expect: int = 0) -> str:
        """Runs `holdstill …` with the service's settings; what it printed. Raises: AssertionError on another exit code."""
        command = [HOLDSTILL, *arguments]
        done = subprocess.run(
            command,
            env=self.env,
            capture_output=True,
            text=True,
            timeout=CLI_TIMEOUT_S,
            stdin=subprocess.DEVNULL,
            cwd=self.folder,
        )
        said = " ".join(map(str, command[1:]))
        assert done.returncode == expect, f"holdstill {said}: exit code {done.returncode}\n{done.stdout}{done.stderr}"
        return done.stdout

    def pairing_code(self) -> str:
        """The first by the command, all others by the operator's page of devices: a command takes seconds to start."""
        if self._operator is None:
            self._operator = httpx2.Client(base_url=self.url, timeout=60)
            return str(json.loads(self.cli("pair", "--json"))["pairing_code"])
        if not self._operator.cookies:
            self._operator.post(self.sign_in_link(), follow_redirects=True).raise_for_status()
        page = self._operator.post("/devices/pairing-code").raise_for_status().text
        (code,) = re.findall(r'id="pairing-code"[^>]*>([^<]+)<', page)
        return str(code)

    def export_bundle(self, capture_id: str, out: Path) -> Path:
        self.cli("export", "bundle", "--capture", capture_id, "-o", out)
        return out

    def verify(self, bundle: Path, policy: Path, *, expect: int = 0) -> str:
        return self.cli("verify", bundle, "--policy", policy, expect=expect)

    def policy(self) -> str:
        """The policy as the operator prints it for recipients."""
        return self.cli("admin", "policy")

    def log_check(self) -> str:
        """Re-derives everything from stored bytes; fails when anything does not fit."""
        return self.cli("log", "check")

    def witness_vkey(self) -> str:
        return self._witness_vkey_file.read_text("utf-8").strip()

    def sign_in_link(self) -> str:
        """A one-time link that signs the operator in."""
        return str(json.loads(self.cli("sign-in", "--json"))["url"])

    def wait_for_stamped_checkpoint(self, token: str, *, timeout_s: float = 120) -> None:
        """Returns once the log has a stamped checkpoint, which a statement can name as its "not before". Raises: NotReady."""
        wait(lambda: self._api(token, "challenge")["stamped"], timeout_s, self)

    def wait_for_stamp(self, token: str, capture_id: str, *, timeout_s: float = 120) -> str:
        """The capture's "not after", once it is there. Raises: NotReady."""
        proved = wait(lambda: self._api(token, f"captures/{capture_id}")["bracket"]["not_after"], timeout_s, self)
        return str(proved["at"])

    def event_types(self, token: str, capture_id: str) -> list[str]:
        """The types of the capture's custody events, oldest first."""
        return [str(event["type"]) for event in self._api(token, f"captures/{capture_id}/events")["events"]]

    def _api(self, token: str, path: str) -> dict[str, Any]:
        """What the device with this token reads; a device's look at its own capture is not a custody event."""
        response = httpx2.get(f"{self.url}/api/v1/{path}", headers={"Authorization": f"Bearer {token}"}, timeout=60)
        return dict(response.raise_for_status().json())


def wait(read: Callable[[], Any], timeout_s: float, stack: Stack) -> Any:
    """What `read()` gives once it is something. Raises: NotReady with the end of the service's log."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        if found := read():
            return found
        time.sleep(0.2)
    raise NotReady(f"nothing after {timeout_s:.0f} s\n{stack.serve.tail() if stack.serve else ''}")
