"""A document's files, checked before its object is kept, and the zip that they are handed over in."""

import asyncio
import zipfile
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType

from pydantic import BaseModel

from server.exports.documents.values import canonical

Files = Callable[[str], dict[str, bytes]]
"""The files of a document's canonical text. Blocking. Raises: ExportRefused."""


async def require_printable(files: Files, value: BaseModel) -> None:
    """Returns when the document's files can be made. Raises: ExportRefused."""
    await asyncio.to_thread(printed, files, canonical(value))


@lru_cache(maxsize=4)
def printed(files: Files, text: str) -> Mapping[str, bytes]:
    """The files of the text, kept for a moment: what was checked a moment before it is frozen is not set a second time. They
    follow from the text alone. Blocking. Raises: ExportRefused."""
    return MappingProxyType(files(text))


def pack(files: Mapping[str, bytes], path: Path) -> None:
    """A zip with nothing in it that differs between two of the same files. Blocking."""
    with zipfile.ZipFile(path, "w") as packed:
        for name, data in files.items():
            info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            info.compress_type, info.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
            packed.writestr(info, data)
