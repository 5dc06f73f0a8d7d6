"""`holdstill import`: takes in captures that came as files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from server.cli.running import AsJson, run, say

if TYPE_CHECKING:
    from server.composition import Services


def import_capture(file: Path, as_json: AsJson = False) -> None:
    """Take in an unsent capture that the extension exported (*.holdstill.zip). Importing it again changes nothing."""

    async def act(services: Services) -> None:
        imports = services.captures.imports
        unsent = await imports.read(file)
        taken = await imports.take(await imports.signer(unsent), file, unsent)
        facts: dict[str, object] = {
            "capture_id": taken.capture_id,
            "state": "sealed",
            "known": taken.known,
            "files": taken.files,
            "size_bytes": taken.size_bytes,
        }
        word = "Known already" if taken.known else "Imported"
        say(facts, as_json, f"{word}: {taken.files} files, {taken.size_bytes} bytes\nCapture  {taken.capture_id}")

    run(act)
