"""pywb, the other player of web archives: a program of its own, in an environment that a test makes and throws away."""

import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.e2e.processes import REPOSITORY, Process, answers, clean_environment, free_port

LOCK = REPOSITORY / "tests" / "e2e" / "pywb.lock"

# `wb-manager init NAME`, `wb-manager add --unpack-wacz NAME NAME.wacz` for each, in one process.
COLLECT = """
import sys
from pywb.manager.manager import main
for name in sys.argv[1:]:
    main(["init", name])
    main(["add", "--unpack-wacz", name, f"{name}.wacz"])
"""


@contextmanager
def pywb_playing(folder: Path, archives: Mapping[str, bytes]) -> Iterator[str]:
    """The address of a running pywb: `<address>/<name>/mp_/<url>` is the page of the archive `name`. It has no live fallback."""
    environment = folder / "venv"
    python, programs = environment / "bin" / "python", environment / "bin"
    uv = Path(sys.executable).with_name("uv")
    _run([uv, "venv", "--quiet", "--python", sys.executable, environment], folder)
    _run([uv, "pip", "install", "--quiet", "--python", python, "--require-hashes", "-r", LOCK], folder)
    for name, wacz in archives.items():
        (folder / f"{name}.wacz").write_bytes(wacz)
    _run([python, "-c", COLLECT, *archives], folder)
    port = free_port()
    command = [programs / "wayback", "-p", str(port), "-b", "127.0.0.1"]
    process = Process("pywb", command, folder=folder, env=clean_environment(), cwd=folder)
    try:
        process.wait_until(answers(f"http://127.0.0.1:{port}/"), timeout_s=240)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.stop()


def _run(command: list[str | Path], folder: Path) -> None:
    done = subprocess.run(
        [str(part) for part in command],
        cwd=folder,
        env=clean_environment(),
        capture_output=True,
        text=True,
        timeout=240,
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
