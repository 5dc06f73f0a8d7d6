"""docs/never.md names tests that exist, and the two promises that are about the text of the code itself."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ROWS = [line.split("|")[1:3] for line in (ROOT / "docs/never.md").read_text("utf-8").splitlines()[6:] if line.startswith("|")]
CALLERS = {
    "httpx2": {
        *(f"server/transparency/{name}.py" for name in ("outward", "timestamps", "witnesses")),
        "server/operators/issuer.py",
    },
    "boto3": {"storage/s3client.py"},
    "socket": {"server/cli/replaying.py"},  # listens, calls nobody
}
CLIENTS = {*CALLERS, "httpx", "requests", "aiohttp", "urllib3", "http.client", "urllib.request", "ftplib", "smtplib", "socket"}
CHANGES = re.compile(
    r"clearBrowserC|Page\.reload|tabs\.reload|Page\.navigate|setCacheDisabled|setBypassServiceWorker|clearDataForOrigin"
    r"|removeAll(Sticky|Fixed)|scrollTo|scrollBy|scrollIntoView|insertCSS|browsingData"
)


@pytest.mark.parametrize(("promise", "tests"), ROWS, ids=[row[0].strip() for row in ROWS])
def test_each_promise_is_held_by_tests_that_exist(promise: str, tests: str) -> None:
    named = re.findall(r"`([^`]+)::([^`]+)`", tests)
    assert named, f"no test holds: {promise}"
    for path, name in named:
        assert re.search(rf"^\s*(async )?def {name}\(", (ROOT / path).read_text("utf-8"), re.M), f"{path}::{name} is gone"


def imported(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {node.module or "", *(f"{node.module}.{alias.name}" for alias in node.names)}
    return {client for client in CLIENTS if any(name == client or name.startswith(f"{client}.") for name in found)}


def test_only_configured_addresses_are_called() -> None:
    """The modules that can open a connection are these, and each takes its address from the settings."""
    callers: dict[str, set[str]] = {}
    for path in [*(ROOT / "server").rglob("*.py"), *(ROOT / "storage").rglob("*.py")]:
        for client in imported(path):
            callers.setdefault(client, set()).add(path.relative_to(ROOT).as_posix())
    assert callers == CALLERS


def as_seen_modules() -> set[Path]:
    """Both browsers' asseen.js and all they import. Not the second pass: it is asked for, comes after, says that it scrolled."""
    todo = [ROOT / "extension/capture" / name for name in ("asseen.js", "firefox/asseen.js")]
    seen = {(ROOT / "extension/capture/secondpass.js").resolve()}
    while todo:
        path = todo.pop().resolve()
        if path in seen or not path.is_file():
            continue
        seen.add(path)
        todo += [path.parent / name for name in re.findall(r'from "(\.[^"]+)"', path.read_text("utf-8"))]
    return seen


def test_a_capture_as_seen_knows_no_command_that_changes_the_page_or_the_browser() -> None:
    modules = as_seen_modules() - {(ROOT / "extension/capture/secondpass.js").resolve()}
    assert len(modules) > 15
    found = {path.name: CHANGES.search(path.read_text("utf-8")) for path in modules}
    assert {name for name, hit in found.items() if hit is not None} == set()
