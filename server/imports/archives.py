"""What a WARC, WACZ or picture that somebody else made says of itself, and what recomputing finds. Blocking; files only."""

import gzip
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from server.captures.checks.container import Verdict, check_digests, check_structure, judged
from server.captures.models import CheckOutcome
from server.imports.errors import FileRefused
from storage.errors import BadContainer
from storage.wacz import WaczFacts, inspect_wacz, open_wacz
from storage.warc import DigestVerdict, WarcLimits, WarcRecord, digest_verdicts, iter_records

KINDS = ("warc", "wacz", "image")
ADDRESSES_SHOWN = 20
RECORDS_LIMIT = 200_000
WARCINFO_LIMIT_BYTES = 64 * 1024
CLOCK_TOLERANCE = timedelta(minutes=5)
_LIMITS = WarcLimits(records=RECORDS_LIMIT)
_PICTURES = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF8", b"BM", b"II*\0", b"MM\0*")


@dataclass(frozen=True)
class Account:
    """The file's own account of itself: claims, nothing else. Times are those of its records; `addresses` the first ones."""

    tool: str = ""
    records: int = 0
    undated: int = 0
    earliest: datetime | None = None
    latest: datetime | None = None
    addresses: tuple[str, ...] = ()

    def as_json(self) -> dict[str, object]:
        """What is stored beside the checks."""
        return {
            "records": self.records,
            "earliest": None if self.earliest is None else self.earliest.isoformat(),
            "latest": None if self.latest is None else self.latest.isoformat(),
            "addresses": list(self.addresses),
        }


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


def read_warc(path: Path, received_at: datetime) -> tuple[Account, list[Verdict]]:
    """Account and verdicts of a WARC. Raises: StorageError that is not the file's fault."""
    try:
        verdicts = digest_verdicts(path, limits=_LIMITS)
        account = _account(iter_records(path, limits=_LIMITS))
    except BadContainer as error:
        return Account(), [Verdict("format", "", CheckOutcome.FAILED, str(error)[:500])]
    return account, [
        Verdict("format", "", CheckOutcome.PASSED, f"WARC, records: {account.records}"),
        _digests(verdicts),
        _dates(account, received_at),
    ]


def read_wacz(path: Path, received_at: datetime) -> tuple[Account, list[Verdict]]:
    """Account and verdicts of a WACZ. Its signature names a key that nobody here vouches for: never PASSED."""
    try:
        facts = inspect_wacz(path)
        with open_wacz(path) as wacz:
            software = wacz.datapackage.get("software")
            account = _account(record for name in wacz.warc_paths() for record in _records_in(wacz.open(name)))
    except BadContainer as error:
        return Account(), [Verdict("format", "", CheckOutcome.FAILED, str(error)[:500])]
    said = software[:300] if isinstance(software, str) and software.strip() else account.tool
    account = Account(**{**vars(account), "tool": said})
    return account, [
        Verdict("format", "", CheckOutcome.PASSED, f"WACZ, records: {account.records}"),
        check_structure("", facts),
        check_digests("", facts),
        _signature(facts),
        _dates(account, received_at),
    ]


def _records_in(stream: object) -> Iterator[WarcRecord]:
    with stream as opened:  # type: ignore[attr-defined]
        yield from iter_records(opened, limits=_LIMITS)


def _account(records: Iterator[WarcRecord]) -> Account:
    tool, count, undated = "", 0, 0
    earliest: datetime | None = None
    latest: datetime | None = None
    addresses: dict[str, None] = {}
    for record in records:
        count += 1
        if record.type == "warcinfo" and not tool:
            tool = _software(record)
        date = _date(record.date)
        if date is None:
            undated += 1
        else:
            earliest = date if earliest is None else min(earliest, date)
            latest = date if latest is None else max(latest, date)
        address = record.target_uri or ""
        if record.type in ("response", "resource", "revisit") and address and len(addresses) < ADDRESSES_SHOWN:
            addresses[_clean(address)] = None
    return Account(tool, count, undated, earliest, latest, tuple(addresses))


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
    span = f"{account.earliest:%Y-%m-%d %H:%M:%S} to {account.latest:%Y-%m-%d %H:%M:%S}"
    if account.latest > received_at + CLOCK_TOLERANCE:
        return Verdict(name, "", CheckOutcome.FAILED, f"records are dated after the archive was received: {span}")
    return Verdict(name, "", CheckOutcome.NOT_CHECKED, f"the records say {span}; nothing here can confirm it")


def _date(text: str | None) -> datetime | None:
    try:
        parsed = datetime.fromisoformat(text or "")
    except ValueError:
        return None
    return None if parsed.tzinfo is None else parsed.astimezone(UTC)


def _clean(text: str) -> str:
    return "".join(char for char in text if char.isprintable())[:300]


def _unpacked(head: bytes) -> bytes:
    """The first bytes behind gzip's header, however little of the file is here."""
    try:
        return zlib.decompressobj(wbits=16 + zlib.MAX_WBITS).decompress(head, 64)
    except (zlib.error, gzip.BadGzipFile):
        return b""
