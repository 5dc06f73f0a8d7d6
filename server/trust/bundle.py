"""The bundle as verification sees it: a bag of files behind a contract, and which file is what.

Source: docs/formats.md section 8.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice, takewhile
from typing import BinaryIO, Protocol

from server.trust.checkpoint import Checkpoint
from server.trust.errors import VerificationError
from server.trust.policy import Policy
from server.trust.report import Findings

BAGIT_TXT = b"BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"
MANIFEST = "manifest-sha256.txt"
TAG_MANIFEST = "tagmanifest-sha256.txt"
EXPORT_EVENT = "proofs/export.dsse.json"
EXPORT_RECEIPT = "proofs/export.tlog-proof"
CHECKPOINT = "proofs/checkpoint"
CONSISTENCY = "proofs/consistency.json"
_CAPTURE_FILE = re.compile(r"data/captures/([^/]+)/(.+)")
_DEVICE_FILE = re.compile(r"data/devices/([^/]+)/(.+)")
_EVENT_FILE = re.compile(r"events/[0-9]{4,8}\.dsse\.json")
_HASH = re.compile(r"[0-9a-f]{64}")
TSA_FILE = re.compile(r"\.([a-z0-9][a-z0-9-]{0,39})\.tsr")


class Bag(Protocol):
    """An opened container. NOT trusted: its digests are computed here, from the bytes that later steps read."""

    def names(self) -> Sequence[str]:
        """Every file, each once."""

    def size(self, name: str) -> int:
        """Bytes of a file."""

    def read(self, name: str, limit_bytes: int) -> bytes:
        """A whole file. Raises: VerificationError when it is absent, damaged or larger."""

    def open(self, name: str) -> BinaryIO:
        """A file as a seekable stream. Raises: VerificationError."""

    def digests(self) -> Mapping[str, str | VerificationError]:
        """SHA-256 of every file, or why it cannot be read. Each file is read once."""


@dataclass(frozen=True)
class PageArchive:
    """What opening a WACZ gave. Hashes are as they stand in its files; signature fields are None in an unsigned archive.

    faults: (where, why) for what is missing, undeclared or has another digest; unchecked: for what could not be compared.
    """

    datapackage_sha256: str
    digest_hash: str | None
    signed_hash: str | None
    public_key: str | None
    signature: str | None
    faults: tuple[tuple[str, str], ...] = ()
    unchecked: tuple[tuple[str, str], ...] = ()


InspectWacz = Callable[[BinaryIO], PageArchive]
"""Opens a WACZ with limits and compares its digests. Raises: VerificationError."""


@dataclass
class Bundle:
    """One verification under way: the bag, the policy (None: not given), what was found, and facts that later steps need."""

    bag: Bag
    policy: Policy | None
    findings: Findings = field(default_factory=Findings)
    digests: dict[str, str] = field(default_factory=dict)
    leaves: dict[str, int] = field(default_factory=dict)
    """SHA-256 of an event file → its index in the log; filled by step 6 for events that are proved."""
    _sorted: list[str] = field(default_factory=list)
    signed_notes: set[bytes] = field(default_factory=set)
    """Checkpoint files whose log signature already verified: most receipts repeat the same one."""

    def read(self, path: str, limit_bytes: int) -> bytes:
        """A file's bytes. Raises: VerificationError, naming the path."""
        if path not in self.digests:
            raise VerificationError("the file is missing or cannot be read", path=path)
        return self.bag.read(path, limit_bytes)

    def digest(self, path: str) -> str:
        """A file's SHA-256. Raises: VerificationError, naming the path."""
        if path not in self.digests:
            raise VerificationError("the file is missing or cannot be read", path=path)
        return self.digests[path]

    def has(self, path: str) -> bool:
        """True when the file is there and readable."""
        return path in self.digests

    def paths_under(self, prefix: str) -> list[str]:
        """Every readable file whose path begins with `prefix`, sorted. Cost: O(log files), once all are read."""
        if len(self._sorted) != len(self.digests):
            self._sorted = sorted(self.digests)
        start = bisect_left(self._sorted, prefix)
        return list(takewhile(lambda path: path.startswith(prefix), islice(self._sorted, start, None)))

    def timestamps_of(self, path: str) -> list[tuple[str, str]]:
        """(authority's name, path) of every timestamp file over the checkpoint file at `path`."""
        found = ((TSA_FILE.fullmatch(name, len(path)), name) for name in self.paths_under(f"{path}."))
        return [(match[1], name) for match, name in found if match is not None]


@dataclass(frozen=True)
class LogHead:
    """proofs/checkpoint as parsed: its note text (what receipts must repeat) and the tree head. Step 7 verifies it."""

    text: str
    checkpoint: Checkpoint


@dataclass(frozen=True)
class ChainFolder:
    """A folder of events in order. owner: capture id or device key id. item: what each event in it must name."""

    owner: str
    item: str
    folder: str
    events: tuple[str, ...]


def chain_folders(bundle: Bundle, kind: str) -> list[ChainFolder]:
    """The chains under data/captures (`kind` "capture") or data/devices ("device"), sorted by owner.

    Records a failure of step 6 for a folder not named by a hash, a file out of place, and events not numbered 0000, 0001, ….
    """
    shape = _CAPTURE_FILE if kind == "capture" else _DEVICE_FILE
    found: dict[str, list[str]] = {}
    for path in bundle.paths_under(f"data/{kind}s/"):
        match = shape.fullmatch(path)
        if match is None:
            bundle.findings.failed(6, path, "the file has no place here")
        elif _HASH.fullmatch(match[1]) is None:
            bundle.findings.failed(6, path, "the folder is not named by a SHA-256")
        else:
            events = found.setdefault(match[1], [])
            if _EVENT_FILE.fullmatch(match[2]):
                events.append(path)
            elif match[2].startswith("events/") or kind == "device":
                bundle.findings.failed(6, path, "the file has no place here")
    return [_chain_folder(bundle, kind, owner, events) for owner, events in sorted(found.items())]


def _chain_folder(bundle: Bundle, kind: str, owner: str, events: list[str]) -> ChainFolder:
    folder = f"data/{kind}s/{owner}"
    expected = [f"{folder}/events/{seq:04d}.dsse.json" for seq in range(len(events))]
    for path in expected or [f"{folder}/events/0000.dsse.json"]:
        if path not in events:
            bundle.findings.failed(6, path, "the event is missing from its chain")
    return ChainFolder(owner, f"{kind}:{owner}", folder, tuple(path for path in expected if path in events))
