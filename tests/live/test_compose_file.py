"""What can be said of docker-compose.yml without starting it."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from server.settings import Settings
from tests.live.compose import FILE, MissingVariable, read_compose, variables_for_trial

REQUIRED = {"HOLDSTILL_PUBLIC_URL": "https://holdstill.example", "HOLDSTILL_ORIGIN": "holdstill.example/log"}


def test_it_follows_the_compose_specification() -> None:
    command = [Path(sys.executable).with_name("check-jsonschema"), "--builtin-schema", "vendor.compose-spec", FILE]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_it_starts_with_no_default_secret() -> None:
    """Every secret must be given; a file that starts without one has one built in."""
    complete = variables_for_trial(**REQUIRED)
    read_compose(complete)
    for name in complete:
        with pytest.raises(MissingVariable, match=name):
            read_compose({key: value for key, value in complete.items() if key != name})


def test_only_the_service_is_published_and_only_to_its_own_machine() -> None:
    services = yaml.safe_load(FILE.read_text("utf-8"))["services"]
    assert {name: service["ports"] for name, service in services.items() if "ports" in service} == {
        "serve": ["127.0.0.1:8443:8443", "127.0.0.1:8444:8444"]  # the service, and the origin of replays
    }


def test_every_setting_in_it_is_one_the_service_knows() -> None:
    known = {f"HOLDSTILL_{name.upper()}" for name in Settings.model_fields}
    services = read_compose(variables_for_trial(**REQUIRED))["services"]
    given = {name for service in services.values() for name in service.get("environment", {}) if name.startswith("HOLDSTILL_")}
    assert given and given <= known, given - known


def test_storage_shows_nothing_but_s3_and_reports_to_nobody() -> None:
    flags = read_compose(variables_for_trial(**REQUIRED))["services"]["seaweedfs"]["command"]
    assert "-master.telemetry=false" in flags
    assert "-ip.bind=127.0.0.1" in flags and "-s3.ip.bind=0.0.0.0" in flags
    assert [flag for flag in flags if "0.0.0.0" in flag] == ["-s3.ip.bind=0.0.0.0"]


def test_the_services_identity_in_storage_may_not_delete() -> None:
    identities = read_compose(variables_for_trial(**REQUIRED))["configs"]["s3-identities"]["content"]
    assert "s3:PutObject" in identities
    assert not re.search(r"s3:(Delete|Bypass|PutBucket|\*)|\"(Admin|Write)\"", identities)


def test_the_image_pins_what_it_installs_and_runs_as_nobody_special() -> None:
    text = (FILE.parent / "Dockerfile").read_text("utf-8")
    assert "--require-hashes -r requirements-run.lock" in text
    assert re.search(r"^USER holdstill$", text, re.MULTILINE)


def test_the_run_lock_is_enough_to_start_the_command(tmp_path: Path) -> None:
    """What the image installs, in a fresh environment: requirements-run.lock and nothing of the development tools."""
    uv = Path(sys.executable).with_name("uv")
    python = tmp_path / "venv" / "bin" / "python"
    steps = [
        [uv, "venv", "--quiet", "--python", sys.executable, tmp_path / "venv"],
        [uv, "pip", "install", "--quiet", "--python", python, "--require-hashes", "-r", FILE.parent / "requirements-run.lock"],
        [python, "-c", "import sys; from server.cli import main; sys.argv[1:] = ['--help']; main()"],
        [python, "-c", "import server.app, server.worker, server.witness, server.composition"],
    ]
    for step in steps:
        done = subprocess.run([str(part) for part in step], cwd=FILE.parent, capture_output=True, text=True, timeout=240)
        assert done.returncode == 0, f"{step}\n{done.stdout}{done.stderr}"
