"""Builds dist/holdstill-verify.pyz: the offline verifier in one file. Same sources, same bytes.

Run as `python -m server.zipapp OUT`. On the target it needs Python 3.11, `cryptography` and `rfc3161-client`. What goes in is
found by following the verifier's imports through this repository, so nothing else can slip in.
"""

from __future__ import annotations

import ast
import io
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ENTRY = "server.verifier"
_MAIN = b"""\
import sys

try:
    from server.verifier import main
except ModuleNotFoundError as error:
    sys.exit(f"{error.name} is missing: install cryptography and rfc3161-client for this Python")
sys.exit(main())
"""
_SHEBANG = b"#!/usr/bin/env python3\n"
_WHEN = (1980, 1, 1, 0, 0, 0)


def needed_modules(entry: str = ENTRY) -> dict[str, Path]:
    """Module name → file, for `entry` and all that it imports from this repository, packages included."""
    found: dict[str, Path] = {}
    pending = [entry]
    while pending:
        name = pending.pop()
        path = _find(name)
        if path is None or name in found:
            continue
        found[name] = path
        pending += _imports(path)
        if "." in name:
            pending.append(name.rpartition(".")[0])
    return found


def build(target: Path) -> None:
    """Writes the zipapp. Deterministic: sorted entries, fixed times."""
    packed = io.BytesIO()
    packed.write(_SHEBANG)
    with zipfile.ZipFile(packed, "w") as archive:
        files = {path.relative_to(ROOT).as_posix(): path.read_bytes() for path in needed_modules().values()}
        for name, data in sorted({**files, "__main__.py": _MAIN}.items()):
            entry = zipfile.ZipInfo(name, _WHEN)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, data)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(packed.getvalue())
    target.chmod(0o755)


def _find(name: str) -> Path | None:
    base = ROOT.joinpath(*name.split("."))
    for path in (base.with_suffix(".py"), base / "__init__.py"):
        if path.is_file():
            return path
    return None


def _imports(path: Path) -> list[str]:
    names = []
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            names += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return [name for name in names if name.split(".")[0] in ("server", "storage")]


if __name__ == "__main__":
    build(Path(sys.argv[1]))
