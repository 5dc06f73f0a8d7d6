"""`make demo` as continuous integration runs it: every step holds, everything is stopped, exit code 0."""

import os
import subprocess

import psutil
import pytest

from tests.e2e.processes import REPOSITORY

pytestmark = [pytest.mark.browser, pytest.mark.live]


def test_the_demo_holds_every_step_and_stops_what_it_started() -> None:
    before = {process.pid for process in psutil.process_iter()}
    done = subprocess.run(
        ["make", "demo"],
        cwd=REPOSITORY,
        env={**os.environ, "CI": "true"},
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
    left = [process for process in psutil.process_iter(["cmdline"]) if process.pid not in before]
    assert not [found.info["cmdline"] for found in left if "holdstill-demo-" in " ".join(found.info["cmdline"] or [])]
