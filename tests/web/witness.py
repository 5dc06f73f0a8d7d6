"""A real witness behind HTTP, in a thread, that a test can take down and bring back."""

import threading
import time
from pathlib import Path

import uvicorn

from server.settings import Settings, WitnessedLog, WitnessSettings
from server.witness import build_witness, create_witness_app
from tests.e2e.processes import free_port
from tests.web.site import ORIGIN


class LocalWitness:
    """Cosigns for the test's log, whose key it reads from the service's key folder at each request."""

    def __init__(self, folder: Path, log_vkey_file: Path) -> None:
        self.port = free_port()
        self._witness = build_witness(
            Settings(
                witness_dir=folder,
                witness_name="witness.test.local",
                witnessed_logs=[WitnessedLog(origin=ORIGIN, vkey_file=log_vkey_file)],
            )
        )
        self._server: uvicorn.Server | None = None
        self._thread: threading.Thread | None = None

    @property
    def settings(self) -> WitnessSettings:
        """How a service names it."""
        url = f"http://127.0.0.1:{self.port}/"
        return WitnessSettings(name="witness.test.local", url=url, vkey=self._witness.signer.vkey)

    def up(self) -> "LocalWitness":
        config = uvicorn.Config(create_witness_app(self._witness), host="127.0.0.1", port=self.port, log_level="critical")
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, daemon=True)
        self._thread.start()
        while not self._server.started:
            assert self._thread.is_alive(), "the witness did not start"
            time.sleep(0.01)
        return self

    def down(self) -> None:
        if self._server is not None and self._thread is not None:
            self._server.should_exit = True
            self._thread.join()
            self._server = self._thread = None
