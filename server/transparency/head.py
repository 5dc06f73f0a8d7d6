"""The newest head this machine signed, kept beside the log's key and outside the database.

A database restored from a backup is consistent in itself, and going on from it would sign a second root for sizes signed
before. This file is what remembers. (Other machines remember too: witnesses, and everybody who holds a receipt.)
"""

import fcntl
import json
from dataclasses import dataclass
from pathlib import Path

from server.errors import LogRefused
from server.keyring import write_whole


@dataclass(frozen=True)
class Head:
    """A signed tree head: root is 32 bytes."""

    size: int
    root: bytes


class HeadMemory:
    """Remembers the largest signed head in one file. Shared by the processes of a machine; blocking."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self) -> Head | None:
        """The largest head that was signed here; None before the first. Raises: LogRefused if the file was damaged."""
        if not self.path.exists():
            return None
        try:
            stored = json.loads(self.path.read_text("utf-8"))
            head = Head(int(stored["size"]), bytes.fromhex(stored["root"]))
        except (ValueError, KeyError, TypeError) as error:
            raise LogRefused(reason=f"{self.path.name} cannot be read") from error
        return head

    def write(self, head: Head) -> None:
        """Durable when it returns; a smaller head than the remembered one is not written."""
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with self.path.with_suffix(".lock").open("ab") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            known = self.read()
            if known is None or known.size < head.size:
                write_whole(self.path, json.dumps({"size": head.size, "root": head.root.hex()}).encode())
