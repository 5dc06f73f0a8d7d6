"""Commands of README.md that no other test runs: `make run` as it starts, the one-file verifier as it is handed out."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e import journey
from tests.e2e.chromium import Chromium
from tests.e2e.processes import REPOSITORY, Process, answers, clean_environment, free_port, service_folder
from tests.e2e.site import DemoSite
from tests.e2e.stack import Stack

pytestmark = [pytest.mark.browser, pytest.mark.live]


def test_make_run_starts_the_service_for_daily_use() -> None:
    port = free_port()
    with service_folder("run") as folder:
        env = clean_environment() | {"HOLDSTILL_DATA_DIR": str(folder / "data"), "HOLDSTILL_PORT": str(port)}
        service = Process("run", ["make", "run"], folder=folder, env=env)
        try:
            service.wait_until(answers(f"http://127.0.0.1:{port}/readyz"), timeout_s=240)
        finally:
            service.stop()
        assert "/sign-in/" in service.log.read_text("utf-8"), "no one-time link at the start"


def test_the_one_file_verifier_needs_no_holdstill(stack: Stack, browser: Chromium, site: DemoSite, tmp_path: Path) -> None:
    """Built by `make verifier`, run from an empty folder by a Python that cannot see the repository."""
    captured = journey.capture(browser, site, site.article)
    stack.wait_for_stamp(browser.token, captured.capture_id)
    bundle = stack.export_bundle(captured.capture_id, tmp_path / "evidence.zip")
    policy = journey.write_policy(stack, browser, tmp_path / "policy.toml")
    subprocess.run(["make", "verifier"], cwd=REPOSITORY, check=True, capture_output=True, timeout=300, env=dict(os.environ))
    program = tmp_path / "holdstill-verify.pyz"
    program.write_bytes((REPOSITORY / "dist" / "holdstill-verify.pyz").read_bytes())
    command = [sys.executable, "-P", str(program), str(bundle), "--policy", str(policy)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300, env=clean_environment())
    assert done.returncode == 0 and "VALID" in done.stdout, done.stdout + done.stderr
    tampered = tmp_path / "tampered.zip"
    name = journey.flip_one_byte(bundle, tampered, "screenshot.viewport.png")
    command[3] = str(tampered)
    refused = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300, env=clean_environment())
    assert refused.returncode == 1 and name in refused.stdout, refused.stdout + refused.stderr
