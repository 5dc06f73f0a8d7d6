"""A document's files, checked before its object is kept, and the zip that they are handed over in."""

import asyncio
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

from pydantic import BaseModel

from server.exports.documents.values import canonical

Files = Callable[[str], dict[str, bytes]]
"""The files of a document's canonical text. Blocking. Raises: ExportRefused."""


async def require_printable(files: Files, value: BaseModel) -> None:
    """Returns when the document's files can be made. Raises: ExportRefused."""
    await asyncio.to_thread(files, canonical(value))


def pack(files: Mapping[str, bytes], path: Path) -> None:
    """A zip with nothing in it that differs between two of the same files. Blocking."""
    with zipfile.ZipFile(path, "w") as packed:
        for name, data in files.items():
            info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            info.compress_type, info.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
            packed.writestr(info, data)
