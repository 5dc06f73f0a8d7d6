"""WACZ page archives: opened with limits, and told as facts. Source: WACZ 1.1.1; docs/formats.md section 7.

A WACZ's own signature covers one thing: the digest of datapackage.json. What a tolerant reader skips is told here: files that the
datapackage does not name, hashes that differ between datapackage-digest.json and its signedData (a signature transplanted from
another archive). Nothing here judges a signature: storage knows no keys.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from io import BufferedReader
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, NoReturn, Self

from storage.blobs import Outcome
from storage.errors import BadContainer
from storage.hashing import Sha256, hash_bytes
from storage.source import RandomAccess, Window
from storage.warc import DigestVerdict, WarcLimits, WarcRecord, digest_verdicts, iter_records
from storage.zipdirectory import ZipLimits
from storage.zipnames import name_problem
from storage.zipreader import ZipReader

DATAPACKAGE = "datapackage.json"
DIGEST = "datapackage-digest.json"

_JSON_DEPTH = 32


@dataclass(frozen=True)
class WaczLimits:
    """What a WACZ may ask of its reader. Sizes are decoded bytes."""

    zip: ZipLimits = field(default_factory=lambda: ZipLimits(entries=20_000, entry_bytes=16 << 30, total_bytes=32 << 30))
    warc: WarcLimits = field(default_factory=WarcLimits)
    json_bytes: int = 16 << 20
    resources: int = 20_000


@dataclass(frozen=True)
class WaczResource:
    """A file as the datapackage announces it: `hash` is "algorithm:value" as written, or None."""

    path: str
    name: str
    hash: str | None
    size_bytes: int | None


@dataclass(frozen=True)
class ResourceVerdict:
    """A declared file, re-hashed: PASSED, FAILED (missing, other hash or size), NOT_CHECKED (no SHA-256 given)."""

    path: str
    outcome: Outcome
    reason: str


@dataclass(frozen=True)
class WaczFacts:
    """What a WACZ says and what recomputing finds. Hash texts are as written ("sha256:<hex>"), None when absent.

    For a signature to cover this archive all three must agree: `digest_hash`, `signed_hash` and "sha256:" + `datapackage_sha256`;
    then `undeclared` and `missing` must be empty and every verdict PASSED. `signature` and `public_key` are base64 as written.
    """

    datapackage_sha256: Sha256
    digest_hash: str | None
    signed_hash: str | None
    public_key: str | None
    signature: str | None
    resource_verdicts: tuple[ResourceVerdict, ...]
    record_verdicts: tuple[DigestVerdict, ...]
    undeclared: tuple[str, ...]
    missing: tuple[str, ...]


class Wacz:
    """An open WACZ. `datapackage` is the parsed JSON object; files are read through `zip`."""

    def __init__(self, zip_reader: ZipReader, limits: WaczLimits) -> None:
        self.zip = zip_reader
        self.limits = limits
        self.datapackage_bytes = zip_reader.read(DATAPACKAGE, limits.json_bytes)
        self.datapackage = _parse_object(self.datapackage_bytes, DATAPACKAGE)
        self._resources = _parse_resources(self.datapackage, limits)

    def resources(self) -> tuple[WaczResource, ...]:
        """The files that the datapackage announces, in its order; unique paths."""
        return self._resources

    def names(self) -> tuple[str, ...]:
        """The files that are there, sorted."""
        return self.zip.names()

    def warc_paths(self) -> tuple[str, ...]:
        """The archives, sorted: entries in archive/ that end in .warc or .warc.gz."""
        return tuple(name for name in self.names() if name.startswith("archive/") and name.endswith((".warc", ".warc.gz")))

    def open(self, path: str) -> BinaryIO:
        """A seekable stream over one file. Raises: BadContainer when it is not there."""
        return self.zip.open(path)

    def records(self) -> Iterator[WarcRecord]:
        """Every record of every archive, each to be read before the next. Raises: BadContainer (broken or hostile)."""
        for path in self.warc_paths():
            with self.open(path) as stream:
                yield from iter_records(stream)

    def digest(self) -> dict[str, object] | None:
        """datapackage-digest.json as parsed, None when there is none. Raises: BadContainer."""
        if DIGEST not in self.zip:
            return None
        return _parse_object(self.zip.read(DIGEST, self.limits.json_bytes), DIGEST)

    def close(self) -> None:
        """Closes the zip file."""
        self.zip.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


def open_wacz(source: Path | BinaryIO | RandomAccess, *, limits: WaczLimits | None = None) -> Wacz:
    """Opens a WACZ and parses its datapackage; use it as a context manager. Raises: BadContainer (what="wacz"), StorageError.

    Not checked: any hash; see inspect_wacz().
    """
    caps = limits or WaczLimits()
    reader = ZipReader(source, limits=caps.zip, what="wacz")
    try:
        return Wacz(reader, caps)
    except BaseException:
        reader.close()
        raise


def inspect_wacz(source: Path | BinaryIO | RandomAccess, *, limits: WaczLimits | None = None) -> WaczFacts:
    """Re-hashes every file and every WARC record and gives the facts; judging them is the caller's.

    Each stored byte is read twice (file hash; records) on two threads where the source allows it. Raises: BadContainer when the
    zip, the datapackage or a WARC is broken, hostile or beyond its limits; StorageError when reading fails.
    Not checked: the signature over `signed_hash`, the indexes' offsets, the pages list.
    """
    with open_wacz(source, limits=limits) as wacz:
        declared = {resource.path for resource in wacz.resources()}
        present = set(wacz.names())
        digest = wacz.digest() or {}
        signed = digest.get("signedData")
        signed_data = signed if isinstance(signed, dict) else {}
        resource_verdicts, record_verdicts = _verdicts(wacz)
        return WaczFacts(
            datapackage_sha256=hash_bytes(wacz.datapackage_bytes),
            digest_hash=_text(digest.get("hash")),
            signed_hash=_text(signed_data.get("hash")),
            public_key=_text(signed_data.get("publicKey")),
            signature=_text(signed_data.get("signature")),
            resource_verdicts=resource_verdicts,
            record_verdicts=record_verdicts,
            undeclared=tuple(sorted(present - declared - {DATAPACKAGE, DIGEST})),
            missing=tuple(sorted(declared - present)),
        )


def _verdicts(wacz: Wacz) -> tuple[tuple[ResourceVerdict, ...], tuple[DigestVerdict, ...]]:
    if not wacz.zip.parallel:
        return _resource_verdicts(wacz), _record_verdicts(wacz)
    with ThreadPoolExecutor(1, thread_name_prefix="wacz") as pool:
        hashing: Future[tuple[ResourceVerdict, ...]] = pool.submit(_resource_verdicts, wacz)
        records = _record_verdicts(wacz)
        return hashing.result(), records


def _resource_verdicts(wacz: Wacz) -> tuple[ResourceVerdict, ...]:
    return tuple(ResourceVerdict(resource.path, *_resource_outcome(wacz, resource)) for resource in wacz.resources())


def _resource_outcome(wacz: Wacz, resource: WaczResource) -> tuple[Outcome, str]:
    if resource.path not in wacz.zip:
        return "FAILED", "missing"
    if resource.size_bytes is not None and resource.size_bytes != wacz.zip.size(resource.path):
        return "FAILED", f"{wacz.zip.size(resource.path)} bytes, {resource.size_bytes} announced"
    if resource.hash is None or not resource.hash.startswith("sha256:"):
        return "NOT_CHECKED", "no SHA-256 announced"
    if resource.hash != f"sha256:{wacz.zip.sha256(resource.path)}":
        return "FAILED", "hash does not match"
    return "PASSED", ""


def _record_verdicts(wacz: Wacz) -> tuple[DigestVerdict, ...]:
    verdicts: list[DigestVerdict] = []
    for path in wacz.warc_paths():
        with wacz.open(path) as stream:
            try:
                verdicts += digest_verdicts(_unbuffered(stream), limits=wacz.limits.warc)
            except BadContainer as error:
                raise BadContainer("wacz", f"{path}: {error.where}", error.detail) from error
    return tuple(verdicts)


def _unbuffered(stream: BinaryIO) -> BinaryIO | RandomAccess:
    """The window under a buffered stream: WARC reading asks for large pieces itself."""
    return stream.raw if isinstance(stream, BufferedReader) and isinstance(stream.raw, Window) else stream


def _parse_resources(datapackage: dict[str, object], limits: WaczLimits) -> tuple[WaczResource, ...]:
    listed = datapackage.get("resources")
    if not isinstance(listed, list) or len(listed) > limits.resources:
        raise BadContainer("wacz", DATAPACKAGE, f"'resources' is not a list of at most {limits.resources}")
    resources: dict[str, WaczResource] = {}
    for item in listed:
        path = item.get("path") if isinstance(item, dict) else None
        if not isinstance(path, str):
            raise BadContainer("wacz", DATAPACKAGE, "a resource without a path")
        if problem := name_problem(path):
            raise BadContainer("wacz", DATAPACKAGE, f"{ascii(path)[:200]}: {problem}")
        if path in resources or path in (DATAPACKAGE, DIGEST):
            raise BadContainer("wacz", DATAPACKAGE, f"{path!r} listed twice or listing itself")
        size_bytes = item.get("bytes")
        is_size = isinstance(size_bytes, int) and not isinstance(size_bytes, bool)
        resources[path] = WaczResource(
            path, _text(item.get("name")) or "", _text(item.get("hash")), size_bytes if is_size else None
        )
    return tuple(resources.values())


def _parse_object(data: bytes, where: str) -> dict[str, object]:
    """Strict JSON: UTF-8, an object, no duplicate names, no NaN, bounded depth. Raises: BadContainer."""
    try:
        text = data.decode("utf-8")
        parsed = json.loads(text, object_pairs_hook=lambda pairs: _unique(pairs, where), parse_constant=lambda _: _refuse(where))
    except (ValueError, RecursionError) as error:
        raise BadContainer("wacz", where, "not JSON") from error
    if not isinstance(parsed, dict):
        raise BadContainer("wacz", where, "not a JSON object")
    if _depth(parsed) > _JSON_DEPTH:
        raise BadContainer("wacz", where, f"nested deeper than {_JSON_DEPTH}")
    return parsed


def _unique(pairs: list[tuple[str, object]], where: str) -> dict[str, object]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise BadContainer("wacz", where, "a member is given twice")
    return members


def _refuse(where: str) -> NoReturn:
    raise BadContainer("wacz", where, "NaN or Infinity")


def _depth(value: object) -> int:
    """Nesting of lists and objects, without recursion: json.loads accepts deeper values than this could walk."""
    depth, level = 0, [value]
    while level:
        depth += 1
        containers = [child.values() if isinstance(child, dict) else child for child in level if isinstance(child, dict | list)]
        level = [child for children in containers for child in children if isinstance(child, dict | list)]
    return depth


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
