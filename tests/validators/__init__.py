"""Programs of other people that judge our files, each in an environment of its own: their dependencies never meet ours.

A validator is a pair `tests/validators/NAME.in` and `NAME.lock` (`make lock` makes the lock, with hashes). Its environment is
made on first use in `.venv/.validators/` and kept; another lock gives another. Nothing of Holdstill imports a validator.
"""

import fcntl
import hashlib
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.e2e.processes import REPOSITORY, clean_environment

LOCKS = Path(__file__).parent
ENVIRONMENTS = REPOSITORY / ".venv" / ".validators"
MAKE_LIMIT_S = 240
RUN_LIMIT_S = 120


def run_validator(name: str, program: str, arguments: Sequence[str | Path], *, cwd: Path) -> subprocess.CompletedProcess[str]:
    """What `program` of the validator's environment said about its arguments: returncode, stdout and stderr.

    `program` is a command the packages install (`case_validate`) or `python` with a script of the test's own.
    """
    return _run([programs_of(name) / program, *arguments], cwd=cwd, limit_s=RUN_LIMIT_S)


def programs_of(name: str) -> Path:
    """The folder of the validator's programs; its environment is made if it is not there. Safe from several processes."""
    lock = LOCKS / f"{name}.lock"
    digest = hashlib.sha256(lock.read_bytes()).hexdigest()[:12]
    folder = ENVIRONMENTS / f"{name}-{digest}"
    ENVIRONMENTS.mkdir(parents=True, exist_ok=True)
    with (ENVIRONMENTS / f"{name}.guard").open("w") as guard:
        fcntl.flock(guard, fcntl.LOCK_EX)
        if not (folder / "made").exists():
            for former in ENVIRONMENTS.glob(f"{name}-????????????"):  # of another lock, or cut off half-way
                shutil.rmtree(former)
            _make(folder, lock)
            (folder / "made").touch()
    return folder / "bin"


def _make(folder: Path, lock: Path) -> None:
    uv = Path(sys.executable).with_name("uv")
    python = folder / "bin" / "python"
    for command in (
        [uv, "venv", "--quiet", "--python", sys.executable, folder],
        [uv, "pip", "install", "--quiet", "--python", python, "--require-hashes", "-r", lock],
    ):
        done = _run(command, cwd=ENVIRONMENTS, limit_s=MAKE_LIMIT_S)
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"


def _run(command: Sequence[str | Path], *, cwd: Path, limit_s: float) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env=clean_environment(),
        capture_output=True,
        text=True,
        timeout=limit_s,
        stdin=subprocess.DEVNULL,
    )
