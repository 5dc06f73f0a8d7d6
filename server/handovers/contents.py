"""What is in an exported file, by exhibit, and what a later one adds, changes and takes away."""

import hashlib
import json
import re
from dataclasses import dataclass
from typing import Any, BinaryIO

from server.handovers.errors import HandoverRefused
from storage.errors import BadContainer
from storage.zipdirectory import ZipLimits
from storage.zipreader import ZipReader

MANIFEST = "manifest-sha256.txt"
MANIFEST_LIMIT_BYTES = 64 * 1024 * 1024
LIMITS = ZipLimits(entries=200_000)
_LINE = re.compile(r"([0-9a-f]{64}) [ *](\S.*)")
_EXHIBIT = re.compile(r"data/captures/([0-9a-f]{64})/(.+)")
_EVENT = re.compile(r"events/\d+\.dsse\.json")


@dataclass(frozen=True)
class ExhibitContent:
    """One capture in a file. `sha256`: hash of its evidence files' sorted names and hashes; its custody events are only counted,
    because every hand-over adds some."""

    sha256: str
    files: int
    events: int


@dataclass(frozen=True)
class Contents:
    """Captures by id, and every other file by path with its SHA-256."""

    exhibits: dict[str, ExhibitContent]
    files: dict[str, str]

    def as_json(self) -> dict[str, Any]:
        """The value as a row keeps it."""
        exhibits = {key: [one.sha256, one.files, one.events] for key, one in self.exhibits.items()}
        return {"exhibits": exhibits, "files": self.files}

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> "Contents":
        """The value of a row."""
        exhibits = {key: ExhibitContent(str(one[0]), int(one[1]), int(one[2])) for key, one in value["exhibits"].items()}
        return cls(exhibits, dict(value["files"]))


@dataclass(frozen=True)
class Changes:
    """Keys that were added, changed and removed, sorted; and how many stayed the same."""

    added: tuple[str, ...]
    changed: tuple[str, ...]
    removed: tuple[str, ...]
    same: int


@dataclass(frozen=True)
class Difference:
    """What differs between an earlier and a later file: its exhibits, and its other files."""

    exhibits: Changes
    files: Changes


def contents_of(source: BinaryIO) -> Contents:
    """What is in a zip. Of a bag the manifest says it, which its export event signs; of any other zip every entry is hashed.

    Blocking. Raises: HandoverRefused for what is no zip within the limits, or a manifest that cannot be read. Not checked: that
    the files of a bag have the hashes of its manifest; making the bag did, and a verifier does.
    """
    try:
        with ZipReader(source, limits=LIMITS, what="export") as packed:
            if MANIFEST in packed:
                return _grouped(_manifest(packed.read(MANIFEST, MANIFEST_LIMIT_BYTES)))
            return _grouped({name: str(one) for name, one in packed.sha256_all().items()})
    except BadContainer as error:
        raise HandoverRefused(reason="the file is no zip that can be read") from error


def difference(earlier: Contents, later: Contents) -> Difference:
    """What the later file adds, changes and takes away."""
    before = {key: one.sha256 for key, one in earlier.exhibits.items()}
    after = {key: one.sha256 for key, one in later.exhibits.items()}
    return Difference(_changes(before, after), _changes(earlier.files, later.files))


def difference_json(earlier: tuple[str, Contents], later: tuple[str, Contents]) -> bytes:
    """The difference as a file to hand over. earlier, later: SHA-256 of the exported file, and its contents."""
    found = difference(earlier[1], later[1])
    before, after = earlier[1].exhibits, later[1].exhibits

    def exhibit(key: str) -> dict[str, object]:
        was, now = before.get(key), after.get(key)
        return {"capture": key, "was": None if was is None else was.sha256, "now": None if now is None else now.sha256}

    def file(path: str) -> dict[str, object]:
        return {"path": path, "was": earlier[1].files.get(path), "now": later[1].files.get(path)}

    value = {
        "format": "holdstill-changes/1",
        "earlier": earlier[0],
        "later": later[0],
        "exhibits": _listed(found.exhibits, exhibit),
        "files": _listed(found.files, file),
    }
    return json.dumps(value, sort_keys=True, indent=1, ensure_ascii=False).encode() + b"\n"


def _listed(changes: Changes, one: Any) -> dict[str, object]:
    return {
        "added": [one(key) for key in changes.added],
        "changed": [one(key) for key in changes.changed],
        "removed": [one(key) for key in changes.removed],
        "same": changes.same,
    }


def _changes(before: dict[str, str], after: dict[str, str]) -> Changes:
    both = before.keys() & after.keys()
    changed = tuple(sorted(key for key in both if before[key] != after[key]))
    added, removed = tuple(sorted(after.keys() - before.keys())), tuple(sorted(before.keys() - after.keys()))
    return Changes(added, changed, removed, len(both) - len(changed))


def _manifest(data: bytes) -> dict[str, str]:
    files: dict[str, str] = {}
    try:
        lines = data.decode("utf-8").splitlines()
    except UnicodeDecodeError as error:
        raise HandoverRefused(reason="the bag's manifest cannot be read") from error
    for line in lines:
        found = _LINE.fullmatch(line)
        if found is None or found[2] in files:
            raise HandoverRefused(reason="the bag's manifest cannot be read")
        files[found[2]] = found[1]
    return files


def _grouped(files: dict[str, str]) -> Contents:
    evidence: dict[str, list[str]] = {}
    events: dict[str, int] = {}
    others: dict[str, str] = {}
    for path, sha256 in files.items():
        found = _EXHIBIT.fullmatch(path)
        if found is None:
            others[path] = sha256
        elif _EVENT.fullmatch(found[2]):
            events[found[1]] = events.get(found[1], 0) + 1
        else:
            evidence.setdefault(found[1], []).append(f"{sha256}  {found[2]}\n")
    exhibits = {
        key: ExhibitContent(hashlib.sha256("".join(sorted(lines)).encode()).hexdigest(), len(lines), events.get(key, 0))
        for key, lines in evidence.items()
    }
    return Contents(exhibits, {path: sha256 for path, sha256 in others.items() if not path.startswith("data/devices/")})
