"""Folders for files on their way: locked while they are used, so that what a killed process left is known and can be removed."""

import fcntl
import os
import shutil
import stat
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

ABANDONED_AFTER_S = 3600.0


@contextmanager
def held_folder(scratch: Path, prefix: str) -> Iterator[Path]:
    """A new folder below `scratch`, locked until it is removed at the end. The lock ends with the process, however that ends.

    Raises: OSError.
    """
    scratch.mkdir(parents=True, exist_ok=True, mode=0o700)
    with tempfile.TemporaryDirectory(dir=scratch, prefix=prefix) as name:
        folder = os.open(name, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.flock(folder, fcntl.LOCK_EX)
            yield Path(name)
        finally:
            os.close(folder)


def clear_abandoned(scratch: Path, prefix: str) -> int:
    """Removes the folders that killed processes left: ours by name and owner, older than ABANDONED_AFTER_S, and held by nobody.

    Blocking. Gives how many.
    """
    cleared = 0
    for path in sorted(scratch.glob(f"{prefix}*")) if scratch.is_dir() else ():
        with suppress(OSError):
            found = path.lstat()
            is_ours = stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid()
            if is_ours and found.st_mtime < time.time() - ABANDONED_AFTER_S and _is_free(path):
                shutil.rmtree(path)
                cleared += 1
    return cleared


def _is_free(path: Path) -> bool:
    folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(folder)
    return True
