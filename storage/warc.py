"""What the digests inside a web archive say about its records."""

from __future__ import annotations

import base64
import binascii
import hashlib
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

from storage.blobs import Outcome
from storage.source import RandomAccess
from storage.warcrecords import Headers, WarcLimits, WarcRecord, iter_records

__all__ = ["DigestVerdict", "Headers", "WarcLimits", "WarcRecord", "digest_verdicts", "iter_records"]

_ALGORITHMS = {"sha256": "sha256", "sha-256": "sha256", "sha512": "sha512", "sha-512": "sha512", "sha1": "sha1", "sha-1": "sha1"}

_PARALLEL_BYTES = 128 << 10
"""Below this, handing a piece to another thread costs more than hashing it."""


@dataclass(frozen=True)
class DigestVerdict:
    """One record's digests, recomputed.

    PASSED: every digest the record gives was recomputed and fits, the block digest among them or at least the payload's (then
    `reason` says so). FAILED: one does not fit. NOT_CHECKED: none could be recomputed, or the payload's could not.
    """

    record_id: str
    type: str
    target_uri: str | None
    outcome: Outcome
    reason: str


class _Hasher(Protocol):
    def update(self, data: bytes | memoryview, /) -> None: ...
    def digest(self) -> bytes: ...


@dataclass(frozen=True)
class _Claim:
    """A digest header: what it promises. `problem` says why it cannot be recomputed."""

    algorithm: str
    value: bytes
    problem: str | None = None


def digest_verdicts(source: Path | BinaryIO | RandomAccess, *, limits: WarcLimits | None = None) -> list[DigestVerdict]:
    """A verdict for every record, in order. One pass: each decoded byte is inflated once and hashed once per distinct digest
    (`resource` records, whose payload is their block, once).

    Bytes are hashed as recorded: HTTP content and transfer codings stay. Raises: BadContainer, StorageError.
    Not checked: that the records are all there (the datapackage's hash of the file says that), nor that a page was true.
    """
    with ThreadPoolExecutor(1, thread_name_prefix="payload") as pool:
        return [_judge(record, pool) for record in iter_records(source, limits=limits)]


def _judge(record: WarcRecord, pool: Executor) -> DigestVerdict:
    block = _parse_claim(record.headers.get("WARC-Block-Digest"))
    payload = _parse_claim(record.headers.get("WARC-Payload-Digest"))
    if payload is not None and payload.problem is None and (problem := _payload_problem(record)):
        payload = _Claim(payload.algorithm, payload.value, problem)
    outcome, reason = _compare(record, block, payload, pool)
    return DigestVerdict(record.record_id, record.type, record.target_uri, outcome, reason)


def _compare(record: WarcRecord, block: _Claim | None, payload: _Claim | None, pool: Executor) -> tuple[Outcome, str]:
    one_body = record.http_head is None
    hashers: dict[str, _Hasher] = {}
    if block is not None and block.problem is None:
        hashers["block"] = hashlib.new(block.algorithm, record.http_head or b"")
    if payload is not None and payload.problem is None:
        shared = one_body and block is not None and block.problem is None and block.algorithm == payload.algorithm
        hashers["payload"] = hashers["block"] if shared else hashlib.new(payload.algorithm)
    distinct = list({id(hasher): hasher for hasher in hashers.values()}.values())
    if distinct:
        _feed(record, distinct, pool)
    failed: list[str] = []
    open_questions: list[str] = []
    for name, claim in (("block", block), ("payload", payload)):
        if claim is None:
            continue
        if claim.problem is not None:
            open_questions.append(f"{name} digest: {claim.problem}")
        elif hashers[name].digest() != claim.value:
            failed.append(f"{name} digest does not match")
    if "payload digest does not match" in failed and _is_chunked(record):
        failed.remove("payload digest does not match")
        open_questions.append("payload digest: not of the recorded bytes, maybe of the body without its transfer coding")
    if failed:
        return "FAILED", "; ".join(failed)
    if open_questions:
        return "NOT_CHECKED", "; ".join(open_questions)
    if block is None:
        return ("NOT_CHECKED", "no digest") if payload is None else ("PASSED", "payload digest only: the headers have none")
    return "PASSED", ""


def _feed(record: WarcRecord, hashers: list[_Hasher], pool: Executor) -> None:
    """Hashes the payload into one or two hashers; large pieces into both at once, on two threads."""
    first, *second = hashers
    for piece in record.chunks():
        beside = [pool.submit(hasher.update, piece) for hasher in second] if len(piece) >= _PARALLEL_BYTES else []
        first.update(piece)
        for hasher in second if not beside else ():
            hasher.update(piece)
        for task in beside:
            task.result()


def _payload_problem(record: WarcRecord) -> str | None:
    """Why the payload digest is not about bytes in this record."""
    if record.type == "revisit":
        return "it is of another record, which this one refers to"
    if record.type == "continuation" or record.headers.get("WARC-Segment-Number") is not None:
        return "the record is segmented"
    return None


def _is_chunked(record: WarcRecord) -> bool:
    coding = record.http_headers().get("Transfer-Encoding") if record.http_head is not None else None
    return coding is not None and coding.lower() not in ("", "identity")


def _parse_claim(text: str | None) -> _Claim | None:
    """`algorithm:value`, the value in hexadecimal or base32 as both are in use."""
    if text is None:
        return None
    label, _, value = text.partition(":")
    algorithm = _ALGORITHMS.get(label.strip().lower())
    if algorithm is None:
        return _Claim("", b"", f"algorithm {label[:40]!r} is not supported")
    size = hashlib.new(algorithm).digest_size
    raw = _decode(value.strip(), size)
    return _Claim("", b"", "malformed") if raw is None else _Claim(algorithm, raw)


def _decode(value: str, size: int) -> bytes | None:
    try:
        if len(value) == 2 * size:
            return bytes.fromhex(value)
        text = value.rstrip("=").upper()
        raw = base64.b32decode(text + "=" * (-len(text) % 8))
    except (ValueError, binascii.Error):
        return None
    return raw if len(raw) == size else None
