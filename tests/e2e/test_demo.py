"""`make demo` as continuous integration runs it: every step holds, everything is stopped, exit code 0."""

import os
import secrets
import subprocess
import time
from contextlib import suppress

import psutil
import pytest

from tests.e2e.processes import REPOSITORY

pytestmark = [pytest.mark.browser, pytest.mark.live]
MARK = "DEMO_RUN_OF_TEST"


def test_the_demo_holds_every_step_and_stops_what_it_started() -> None:
    mark = secrets.token_hex(16)  # what was started by this run has it in its environment, whoever else has a demo running
    done = subprocess.run(
        ["make", "demo"],
        cwd=REPOSITORY,
        env={**os.environ, "CI": "true", MARK: mark},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=800,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    for words in ("[9/9]", "requests that the newspaper saw during the capture: 0", "VALID", "INVALID", "Every step held"):
        assert words in done.stdout
    for name in ("inbox.png", "capture.png", "popup.png", "evidence.zip", "policy.toml"):
        assert (REPOSITORY / "dist" / "demo" / name).stat().st_size > 1000 or name == "policy.toml"
    until = time.monotonic() + 60
    while left := of_run(mark):  # what was told to end may still be at it
        assert time.monotonic() < until, left
        time.sleep(0.1)


def of_run(mark: str) -> list[list[str]]:
    """Command lines of the run with this mark; without what has ended, is another account's or the kernel's."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.environ().get(MARK) == mark:
                found.append(process.cmdline())
    return found
