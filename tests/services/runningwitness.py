"""A real witness behind real HTTP, for tests of it and of the log that asks it."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import uvicorn

from server.keyring import load_witness_key
from server.transparency.witnesses import Witness
from server.trust.keys import WitnessSigner
from server.trust.note import parse_vkey
from server.witness import Witness as WitnessServer
from server.witness import WitnessState, create_witness_app
from tests.e2e.processes import free_port
from tests.services.stage import ORIGIN, HeldClock

NAME = "witness.test.local"


@dataclass
class RunningWitness:
    """A witness behind real HTTP that can be taken down and brought back on the same port and folder."""

    folder: Path
    log_vkey: str
    port: int
    server: uvicorn.Server | None = None
    thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    @property
    def signer(self) -> WitnessSigner:
        return load_witness_key(self.folder, NAME)

    def up(self) -> None:
        witness = WitnessServer(self.signer, WitnessState(self.folder / "state"), {ORIGIN: lambda: self.log_vkey}, HeldClock())
        config = uvicorn.Config(create_witness_app(witness), host="127.0.0.1", port=self.port, log_level="critical")
        self.server = uvicorn.Server(config)
        self.thread = threading.Thread(target=self.server.run, daemon=True)
        self.thread.start()
        while not self.server.started:
            assert self.thread.is_alive(), "the witness did not start"
            time.sleep(0.01)

    def down(self) -> None:
        if self.server is not None and self.thread is not None:
            self.server.should_exit = True
            self.thread.join()
            self.server = self.thread = None

    def as_configured(self) -> Witness:
        return Witness("first", self.url + "add-checkpoint", parse_vkey(self.signer.vkey))


@contextmanager
def running_witness(folder: Path, log_vkey: str) -> Iterator[RunningWitness]:
    running = RunningWitness(folder, log_vkey, free_port())
    running.up()
    try:
        yield running
    finally:
        running.down()
