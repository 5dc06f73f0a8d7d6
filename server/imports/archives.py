"""What a WARC, WACZ or picture that somebody else made says of itself, and what recomputing finds. Blocking; files only."""

import gzip
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

from server.captures.checks.container import Verdict, check_digests, check_structure, date_of, judged
from server.captures.models import CheckOutcome
from server.imports.contents import (
    DECODED_LIMIT_BYTES,
    LISTED_LIMIT,
    ListedRecord,
    TooMuch,
    listed,
    records_of,
    wacz_limits,
    warc_limits,
)
from server.imports.errors import FileRefused
from storage.errors import BadContainer
from storage.wacz import WaczFacts, WaczLimits, inspect_wacz, open_wacz
from storage.warc import DigestVerdict, WarcRecord, digest_verdicts

KINDS = ("warc", "wacz", "image")
ADDRESSES_SHOWN = 20
WARCINFO_LIMIT_BYTES = 64 * 1024
CLOCK_TOLERANCE = timedelta(minutes=5)
_PICTURES = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF8", b"BM", b"II*\0", b"MM\0*")


@dataclass(frozen=True)
class Account:
    """The file's own account of itself: claims, nothing else. tool_from: where it names its tool.

    Times are those of its records; `addresses` the first ones.
    """

    tool: str = ""
    tool_from: str = ""
    records: int = 0
    undated: int = 0
    earliest: datetime | None = None
    latest: datetime | None = None
    addresses: tuple[str, ...] = ()

    def as_json(self) -> dict[str, object]:
        """What is stored beside the checks."""
        return {
            "records": self.records,
            "toolFrom": self.tool_from,
            "earliest": None if self.earliest is None else self.earliest.isoformat(),
            "latest": None if self.latest is None else self.latest.isoformat(),
            "addresses": list(self.addresses),
        }


@dataclass(frozen=True)
class ArchiveRead:
    """What reading a file gave. records: the first of them, as the list shows them."""

    account: Account
    records: Sequence[ListedRecord]
    verdicts: list[Verdict]


def kind_of(path: Path) -> str:
    """One of KINDS, by the first bytes. Raises: FileRefused."""
    with path.open("rb") as stream:
        head = stream.read(4096)
    if head.startswith(b"WARC/") or (head.startswith(b"\x1f\x8b") and _unpacked(head).startswith(b"WARC/")):
        return "warc"
    if head.startswith(b"PK\x03\x04"):
        try:
            with open_wacz(path):
                return "wacz"
        except BadContainer as error:
            raise FileRefused(reason=f"a zip, but no page archive: {str(error)[:200]}") from error
    if head.startswith(_PICTURES) or head[8:12] == b"WEBP" or head[4:12] in (b"ftypavif", b"ftypavis"):
        return "image"
    raise FileRefused(reason="neither a WARC, nor a WACZ, nor a picture")


def read_archive(path: Path, kind: str, received_at: datetime, limit_bytes: int = DECODED_LIMIT_BYTES) -> ArchiveRead:
    """Account, records and verdicts of a WARC or WACZ. Raises: StorageError that is not the file's fault.

    1 one pass over the records, under the cap in total; 2 only if all of it fits under it, everything is hashed again.
    """
    account, records, problem = _survey(records_of(path, kind, limit_bytes))
    if isinstance(problem, BadContainer):
        return ArchiveRead(account, records, [Verdict("format", "", CheckOutcome.FAILED, str(problem)[:500])])
    name = kind.upper()
    if problem is not None:
        said = f"{name}, records read: {account.records}; {problem}"
        left = [Verdict(check, "", CheckOutcome.NOT_CHECKED, str(problem)) for check in ("page_archive_digests", "dates")]
        return ArchiveRead(account, records, [Verdict("format", "", CheckOutcome.NOT_CHECKED, said), *left])
    verdicts = [Verdict("format", "", CheckOutcome.PASSED, f"{name}, records: {account.records}")]
    try:
        if kind == "warc":
            verdicts.append(_digests(digest_verdicts(path, limits=warc_limits(limit_bytes + (64 << 20)))))
        else:
            account, judged_files = _wacz(path, account, limit_bytes)
            verdicts += judged_files
    except BadContainer as error:
        return ArchiveRead(account, records, [Verdict("format", "", CheckOutcome.FAILED, str(error)[:500])])
    return ArchiveRead(account, records, [*verdicts, _dates(account, received_at)])


def _wacz(path: Path, account: Account, limit_bytes: int) -> tuple[Account, list[Verdict]]:
    """Its signature names a key that nobody here vouches for: never PASSED."""
    limits = wacz_limits(limit_bytes)
    facts = inspect_wacz(path, limits=WaczLimits(zip=limits.zip, warc=warc_limits(limit_bytes + (64 << 20))))
    with open_wacz(path, limits=limits) as wacz:
        software = wacz.datapackage.get("software")
    said = _clean(software) if isinstance(software, str) and software.strip() else ""
    account = replace(account, tool=said or account.tool, tool_from="datapackage.json" if said else account.tool_from)
    return account, [check_structure("", facts), check_digests("", facts), _signature(facts)]


def _survey(records: Iterator[WarcRecord]) -> tuple[Account, list[ListedRecord], TooMuch | BadContainer | None]:
    """What one pass gives, as far as it came, and what ended it before the end."""
    account = Account()
    seen: list[ListedRecord] = []
    addresses: dict[str, None] = {}
    try:
        for position, record in enumerate(records):
            account = _with(account, record)
            if len(seen) < LISTED_LIMIT:
                seen.append(listed(record, position))
            address = record.target_uri or ""
            if record.type in ("response", "resource", "revisit") and address and len(addresses) < ADDRESSES_SHOWN:
                addresses[_clean(address)] = None
    except (TooMuch, BadContainer) as error:
        return replace(account, addresses=tuple(addresses)), seen, error
    return replace(account, addresses=tuple(addresses)), seen, None


def _with(account: Account, record: WarcRecord) -> Account:
    date = date_of(record)
    tool = "" if account.tool or record.type != "warcinfo" else _software(record)
    return replace(
        account,
        tool=account.tool or tool,
        tool_from="warcinfo" if tool else account.tool_from,
        records=account.records + 1,
        undated=account.undated + (date is None),
        earliest=_earlier(account.earliest, date),
        latest=date if account.latest is None or (date is not None and date > account.latest) else account.latest,
    )


def _earlier(known: datetime | None, date: datetime | None) -> datetime | None:
    return date if known is None or (date is not None and date < known) else known


def _software(record: WarcRecord) -> str:
    try:
        text = record.read(WARCINFO_LIMIT_BYTES).decode("utf-8", "replace")
    except BadContainer:
        return ""
    for line in text.splitlines():
        name, colon, value = line.partition(":")
        if colon and name.strip().lower() == "software":
            return _clean(value.strip())
    return ""


def _digests(verdicts: list[DigestVerdict]) -> Verdict:
    said = [(one, f"{_clean(one.target_uri or one.record_id)}: {one.reason}") for one in verdicts]
    wrong = [text for one, text in said if one.outcome == "FAILED"]
    unknown = [text for one, text in said if one.outcome == "NOT_CHECKED" and one.type != "warcinfo"]
    if not any(one.outcome != "NOT_CHECKED" for one in verdicts):
        unknown = unknown or ["no record states a digest"] if verdicts else ["the archive holds no record"]
    return judged("page_archive_digests", "", wrong, unknown, f"records: {len(verdicts)}")


def _signature(facts: WaczFacts) -> Verdict:
    name, expected = "signature", f"sha256:{facts.datapackage_sha256}"
    if facts.signature is None:
        return Verdict(name, "", CheckOutcome.NOT_CHECKED, "the archive carries no signature")
    if expected not in (facts.signed_hash, facts.digest_hash) or facts.signed_hash != facts.digest_hash:
        return Verdict(name, "", CheckOutcome.FAILED, "the signature is about another datapackage.json")
    return Verdict(name, "", CheckOutcome.NOT_CHECKED, "signed by a key that nobody here vouches for")


def _dates(account: Account, received_at: datetime) -> Verdict:
    name = "dates"
    if account.latest is None or account.earliest is None:
        return Verdict(name, "", CheckOutcome.NOT_CHECKED, "no record has a date")
    span = f"{account.earliest:%Y-%m-%d %H:%M:%S} to {account.latest:%Y-%m-%d %H:%M:%S} UTC"
    if account.latest > received_at + CLOCK_TOLERANCE:
        return Verdict(name, "", CheckOutcome.FAILED, f"records are dated after the archive was received: {span}")
    return Verdict(name, "", CheckOutcome.NOT_CHECKED, f"the records say {span}; nothing here can confirm it")


def _clean(text: str) -> str:
    return "".join(char for char in text if char.isprintable())[:300]


def _unpacked(head: bytes) -> bytes:
    """The first bytes behind gzip's header, however little of the file is here."""
    try:
        return zlib.decompressobj(wbits=16 + zlib.MAX_WBITS).decompress(head, 64)
    except (zlib.error, gzip.BadGzipFile):
        return b""
