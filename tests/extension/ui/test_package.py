"""The built folder and its texts, without a browser."""

import json
import re
import subprocess
from pathlib import Path

from tests.e2e.chromium import EXTENSION

SOURCES = EXTENSION.parents[1]


def scripts() -> list[Path]:
    """The extension's programs as they are written; not as they are built, which another process may be doing anew meanwhile."""
    tops = [top for top in sorted(SOURCES.iterdir()) if top.name != "dist"]
    return [path for top in tops for path in ([top] if top.is_file() else sorted(top.rglob("*.js"))) if path.suffix == ".js"]


def test_no_text_is_missing_and_none_is_left_over() -> None:
    """Every key the pages use is in _locales, and every message there is used: by name, or by the code that ends it."""
    messages = set(json.loads((SOURCES / "_locales/en/messages.json").read_text("utf-8")))
    sources = [
        *scripts(),
        *SOURCES.glob("ui/*.html"),
        SOURCES / "manifest.base.json",
    ]
    text = "\n".join(path.read_text("utf-8") for path in sources)
    codes = "\n".join(path.read_text("utf-8") for path in scripts())
    families = re.findall(r"`(\w+_)\$\{", codes) + re.findall(r'\btext\(.*\? "(\w+_)"', codes)

    def is_used(key: str) -> bool:
        ends = [key.removeprefix(family).removesuffix("_hint") for family in families if key.startswith(family)]
        return key in text or any(f'"{end}"' in codes for end in ends)

    assert sorted(key for key in messages if not is_used(key)) == []
    named = set(re.findall(r'data-(?:text|placeholder|title|label)="(\w+)"', text)) | set(re.findall(r'\btext\("(\w+)"', text))
    assert sorted(named - messages) == []
    queue = "\n".join(path.read_text("utf-8") for path in SOURCES.glob("queue/*.js"))
    reasons = set(re.findall(r'reason: "(\w+)"', queue)) | {"other_service"}
    assert sorted(f"reason_{code}" for code in reasons if f"reason_{code}" not in messages) == []


def test_the_build_is_the_same_twice(tmp_path: Path) -> None:
    sums = []
    for name in ("one", "another folder"):
        out = tmp_path / name
        subprocess.run(["node", str(SOURCES / "build.mjs"), str(out)], check=True, capture_output=True, timeout=120)
        subprocess.run(["sha256sum", "--check", "--strict", "--quiet", "SHA256SUMS"], cwd=out, check=True, timeout=120)
        sums.append((out / "SHA256SUMS").read_bytes())
    assert sums[0] == sums[1]
