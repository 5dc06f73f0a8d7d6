"""Both built extensions pass the linter of Mozilla's store, but for what extension/lint.mjs explains."""

import subprocess
from pathlib import Path

LINT = Path(__file__).resolve().parents[3] / "extension" / "lint.mjs"


def test_the_stores_linter_finds_nothing_unexplained() -> None:
    done = subprocess.run(["node", LINT], capture_output=True, text=True, timeout=280, stdin=subprocess.DEVNULL)
    assert (done.returncode, done.stderr) == (0, "")
