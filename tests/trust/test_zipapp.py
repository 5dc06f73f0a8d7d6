"""The one-file verifier: runs where only cryptography and rfc3161-client are installed, and holds nothing it does not need."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import zipfile
from importlib.metadata import Distribution
from pathlib import Path

import pytest

from server.trust.policy import format_policy
from server.zipapp import build, needed_modules
from tests.simulator import PNG, Device, Files, World, fix_manifests, pack

NEEDED = ("cryptography", "rfc3161-client")


@pytest.fixture(scope="module")
def verifier(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("dist") / "holdstill-verify.pyz"
    build(path)
    return path


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with links to the files of the two packages and of what they require, and nothing else."""
    folder = tmp_path_factory.mktemp("bare")
    pending, seen = list(NEEDED), set()
    while pending:
        name = pending.pop()
        if name in seen:
            continue
        seen.add(name)
        found = Distribution.from_name(name)
        for file in found.files or []:
            top = file.parts[0]
            link = folder / top
            if top not in ("..", "__pycache__") and not link.exists():
                link.symlink_to(found.locate_file(top))
        for requirement in found.requires or []:
            if "extra ==" not in requirement and "python_version <" not in requirement.replace(
                "python_full_version <", "python_version <"
            ):
                pending.append(re.split(r"[^A-Za-z0-9._-]", requirement)[0])
    assert seen <= {"cryptography", "rfc3161-client", "cffi", "pycparser", "typing_extensions", "typing-extensions"}
    return folder


def run(verifier: Path, bare: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    """The zipapp under an isolated interpreter without site-packages, with `bare` as its only third-party folder."""
    start = f"import sys, runpy; sys.path.append({str(bare)!r}); sys.argv = {[str(verifier), *map(str, arguments)]!r}; " \
            f"runpy.run_path({str(verifier)!r}, run_name='__main__')"  # fmt: skip
    environment = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"}
    command = [sys.executable, "-I", "-S", "-c", start]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, env=environment, cwd=bare)


@pytest.fixture
def bundle(world: World, device: Device) -> Files:
    return world.export([world.capture(device)])


def test_valid_bundle_ends_with_0(verifier: Path, bare: Path, world: World, bundle: Files, tmp_path: Path) -> None:
    (tmp_path / "b.zip").write_bytes(pack(bundle))
    (tmp_path / "policy.toml").write_text(format_policy(world.policy))
    done = run(verifier, bare, tmp_path / "b.zip", "--policy", tmp_path / "policy.toml")
    assert (done.returncode, done.stdout[:6]) == (0, "VALID\n"), done.stderr + done.stdout
    assert run(verifier, bare, tmp_path / "b.zip").returncode == 2


def test_flipped_byte_ends_with_1_and_names_the_file(
    verifier: Path, bare: Path, world: World, bundle: Files, tmp_path: Path
) -> None:
    packed = bytearray(pack(bundle))
    packed[packed.index(PNG) + 40] ^= 1
    (tmp_path / "b.zip").write_bytes(packed)
    (tmp_path / "policy.toml").write_text(format_policy(world.policy))
    done = run(verifier, bare, tmp_path / "b.zip", "--policy", tmp_path / "policy.toml", "--json")
    report = json.loads(done.stdout)
    assert done.returncode == 1 and report["verdict"] == "INVALID"
    assert any(f["step"] == 2 and f["path"].endswith("screenshot.viewport.png") for f in report["findings"])


def test_policy_inside_the_bundle_is_never_used(verifier: Path, bare: Path, tmp_path: Path, world: World) -> None:
    """A forger ships a bundle that is consistent in itself, with a policy that vouches for it."""
    forger = World(tmp_path / "forger", world.authorities)
    device = Device()
    forger.enrol(device)
    files = forger.export([forger.capture(device)])
    assert files["trust/policy.toml"] == format_policy(forger.policy).encode()
    (tmp_path / "b.zip").write_bytes(pack(fix_manifests(files)))
    (tmp_path / "policy.toml").write_text(format_policy(world.policy))
    assert run(verifier, bare, tmp_path / "b.zip", "--policy", tmp_path / "policy.toml").returncode == 1
    assert run(verifier, bare, tmp_path / "b.zip").returncode == 2


def test_missing_package_is_said_plainly(verifier: Path, tmp_path: Path) -> None:
    done = run(verifier, tmp_path, "x")
    assert done.returncode == 1 and "install cryptography and rfc3161-client" in done.stderr
    assert "Traceback" not in done.stderr


def test_it_holds_proofs_and_containers_only(verifier: Path) -> None:
    with zipfile.ZipFile(verifier) as archive:
        names = set(archive.namelist())
    assert {"__main__.py", "server/verifier.py", "server/trust/verify.py", "storage/bundle.py"} <= names
    others = {name for name in names if not name.startswith(("server/trust/", "storage/"))}
    assert others == {"__main__.py", "server/__init__.py", "server/verifier.py"}
    assert not names & {"storage/s3.py", "storage/local.py", "storage/memory.py"}
    assert {name for name in needed_modules() if name.startswith("server.")} >= {"server.trust.timestamp"}


def test_same_sources_give_the_same_bytes(verifier: Path, tmp_path: Path) -> None:
    build(tmp_path / "again.pyz")
    assert (tmp_path / "again.pyz").read_bytes() == verifier.read_bytes()
    assert os.access(verifier, os.X_OK)
