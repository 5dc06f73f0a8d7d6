"""Checks of a page archive: whole, signed by the device that made the capture, every record as digested, dates that fit."""

import base64
import binascii
import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import BinaryIO

from server.captures.models import CheckOutcome
from server.captures.values import bounded_claim
from server.trust.errors import VerificationError
from server.trust.keys import DevicePublicKey
from server.trust.statement import CaptureStatement
from storage.errors import BadContainer
from storage.wacz import WaczFacts, open_wacz
from storage.warc import WarcRecord

logger = logging.getLogger(__name__)
PAGEINFO_LIMIT_BYTES = 4 * 1024 * 1024
DATE_TOLERANCE = timedelta(minutes=5)
RECORDED_BEFORE = timedelta(hours=1)
SHOWN = 3


@dataclass(frozen=True)
class Verdict:
    """One check of one artifact. `reason` is for people; empty when PASSED needs no words."""

    name: str
    subject: str
    outcome: CheckOutcome
    reason: str


@dataclass(frozen=True)
class ArchiveContent:
    """What one pass over the records gives: earliest and latest WARC-Date, records without one, and the raw `urn:pageinfo:`."""

    earliest: datetime | None
    latest: datetime | None
    undated: int
    pageinfo: bytes | None


def check_structure(name: str, facts: WaczFacts) -> Verdict:
    """`page_archive`: every listed file is there with its hash, and nothing unlisted."""
    wrong = [f"{one.path}: {one.reason}" for one in facts.resource_verdicts if one.outcome == "FAILED"]
    wrong += [f"{path}: not listed" for path in facts.undeclared] + [f"{path}: missing" for path in facts.missing]
    unknown = [f"{one.path}: {one.reason}" for one in facts.resource_verdicts if one.outcome == "NOT_CHECKED"]
    return judged("page_archive", name, wrong, unknown, f"files: {len(facts.resource_verdicts)}")


def check_signature(name: str, facts: WaczFacts, key: DevicePublicKey) -> Verdict:
    """`page_archive_signature`: the device's own key signed the digest of this very datapackage."""

    def verdict(outcome: CheckOutcome, reason: str) -> Verdict:
        return Verdict("page_archive_signature", name, outcome, reason)

    if facts.signature is None or facts.public_key is None:
        return verdict(CheckOutcome.NOT_CHECKED, "the archive carries no signature")
    expected = f"sha256:{facts.datapackage_sha256}"
    if facts.digest_hash != expected or facts.signed_hash != expected:
        return verdict(CheckOutcome.FAILED, "the signature is about another datapackage.json")
    try:
        public_key = base64.b64decode(facts.public_key, validate=True)
        signature = base64.b64decode(facts.signature, validate=True)
    except (binascii.Error, ValueError):
        return verdict(CheckOutcome.FAILED, "key or signature is not base64")
    if public_key != key.spki_der:
        return verdict(CheckOutcome.FAILED, "signed by another key than the device's")
    try:
        key.verify_page_digest(signature, expected.encode())
    except VerificationError as error:
        return verdict(CheckOutcome.FAILED, error.reason)
    return verdict(CheckOutcome.PASSED, "")


def check_digests(name: str, facts: WaczFacts) -> Verdict:
    """`page_archive_digests`: each WARC record's payload and block have the digest the record states."""
    wrong = [f"{one.target_uri or one.record_id}: {one.reason}" for one in facts.record_verdicts if one.outcome == "FAILED"]
    unknown = [
        f"{one.target_uri or one.record_id}: {one.reason}"
        for one in facts.record_verdicts
        if one.outcome == "NOT_CHECKED" and one.type != "warcinfo"
    ]
    if not any(one.outcome != "NOT_CHECKED" for one in facts.record_verdicts):
        unknown = unknown or ["no record states a digest"] if facts.record_verdicts else ["the archive holds no record"]
    return judged("page_archive_digests", name, wrong, unknown, f"records: {len(facts.record_verdicts)}")


def check_dates(name: str, content: ArchiveContent, statement: CaptureStatement, received_at: datetime) -> Verdict:
    """`page_archive_dates`: no record is younger than the server's receipt of the statement; none is older than the recording.

    A page captured as seen was loaded earlier, perhaps long ago, so its records have no lower bound.
    """

    def verdict(outcome: CheckOutcome, reason: str) -> Verdict:
        return Verdict("page_archive_dates", name, outcome, reason)

    if content.earliest is None or content.latest is None:
        return verdict(CheckOutcome.NOT_CHECKED, "no record has a date")
    span = f"{_short(content.earliest)} to {_short(content.latest)}"
    claimed = bounded_claim(statement.captured_at, received_at)
    if content.latest > max(received_at, claimed) + DATE_TOLERANCE:
        return verdict(CheckOutcome.FAILED, f"records are dated after the capture: {span}")
    if statement.mode != "as_seen" and content.earliest < claimed - RECORDED_BEFORE:
        return verdict(CheckOutcome.FAILED, f"records are dated before the recording: {span}")
    if content.undated:
        return verdict(CheckOutcome.NOT_CHECKED, f"{content.undated} records have no readable date; the others: {span}")
    return verdict(CheckOutcome.PASSED, span)


def read_content(source: BinaryIO) -> ArchiveContent:
    """One pass over every record of the archive. Raises: BadContainer, StorageError."""
    earliest: datetime | None = None
    latest: datetime | None = None
    undated = 0
    pageinfo: bytes | None = None
    with open_wacz(source) as wacz:
        for record in wacz.records():
            date = date_of(record)
            if date is None:
                undated += 1
            else:
                earliest = date if earliest is None else min(earliest, date)
                latest = date if latest is None else max(latest, date)
            if pageinfo is None and (record.target_uri or "").startswith("urn:pageinfo:"):
                pageinfo = _read_pageinfo(record)
    return ArchiveContent(earliest, latest, undated, pageinfo)


def _read_pageinfo(record: WarcRecord) -> bytes | None:
    """The record's JSON if it is an object within the cap; None otherwise (a list of gaps that cannot be read is not shown)."""
    try:
        data = record.read(PAGEINFO_LIMIT_BYTES)
        return data if isinstance(json.loads(data), dict) else None
    except (BadContainer, ValueError, RecursionError):
        return None


def date_of(record: WarcRecord) -> datetime | None:
    """When the record says it was made; None without a time that has a zone and lies in the calendar of UTC."""
    try:
        parsed = datetime.fromisoformat(record.date or "")
        return None if parsed.tzinfo is None else parsed.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def crashed(check: str, subject: str, error: Exception) -> Verdict:
    """A check that broke: NOT_CHECKED, with the kind of error (its text may hold page content)."""
    logger.warning("captures.check_broke", extra={"check": check, "error": type(error).__name__})
    return Verdict(check, subject, CheckOutcome.NOT_CHECKED, f"the check broke ({type(error).__name__})")


def judged(check: str, subject: str, wrong: Sequence[str], unknown: Sequence[str], good: str) -> Verdict:
    """FAILED with what is wrong, else NOT_CHECKED with what is not known, else PASSED."""
    if wrong:
        return Verdict(check, subject, CheckOutcome.FAILED, _first(wrong))
    if unknown:
        return Verdict(check, subject, CheckOutcome.NOT_CHECKED, _first(unknown))
    return Verdict(check, subject, CheckOutcome.PASSED, good)


def _first(found: Sequence[str]) -> str:
    more = len(found) - SHOWN
    return "; ".join(one[:300] for one in found[:SHOWN]) + (f"; and {more} more" if more > 0 else "")


def _short(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%M:%S UTC")
