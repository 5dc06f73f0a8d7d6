"""Two more questions to a page archive: do the headers fit the bytes, and is what is missing accounted for?"""

from collections import Counter
from collections.abc import Mapping

from server.captures.checks.container import Verdict
from server.captures.checks.records import ArchiveRecords, Exchange
from server.captures.models import CheckOutcome
from server.trust.statement import CaptureStatement

HEADERS = "page_headers"
MISSING = "page_missing"
SHOWN = 3
_MAGIC = (
    (b"\x89PNG\r\n\x1a\n", "image"),
    (b"\xff\xd8\xff", "image"),
    (b"GIF8", "image"),
    (b"wOF2", "font"),
    (b"wOFF", "font"),
    (b"%PDF-", "pdf"),
    (b"\x1aE\xdf\xa3", "video"),
    (b"<!doctype html", "html"),
    (b"<html", "html"),
)
_BODYLESS = {204, 205, 304}


def check_headers(name: str, records: ArchiveRecords) -> Verdict:
    """`page_headers`: each response has a status, a length that is the body's, a type that does not contradict its first bytes.

    A site may itself send wrong headers: FAILED says that headers and bytes disagree, not who is to blame. Kinds of one family (a
    WebP called JPEG) are no contradiction. Not checked: bodies that the archive marks as cut, resources without headers.
    """
    responses = [one for one in records.exchanges if one.record_type == "response"]
    if not responses:
        return Verdict(HEADERS, name, CheckOutcome.NOT_CHECKED, "no response with headers in the archive")
    wrong = [f"{one.url[:200]}: {problem}" for one in responses if (problem := header_problem(one))]
    if wrong:
        more = f"; and {len(wrong) - SHOWN} more" if len(wrong) > SHOWN else ""
        return Verdict(HEADERS, name, CheckOutcome.FAILED, "; ".join(wrong[:SHOWN]) + more)
    return Verdict(HEADERS, name, CheckOutcome.PASSED, f"responses: {len(responses)}")


def header_problem(one: Exchange) -> str:
    """What is wrong with a response's headers, "" if nothing."""
    if one.status is None or not 100 <= one.status <= 599:
        return f"no status in “{one.status_line[:60]}”"
    length = one.headers.get("content-length", "")
    if length and not (length.isascii() and length.isdigit()):
        return f"Content-Length is “{length[:40]}”"
    if length and int(length[:18]) != one.size_bytes and not one.truncated and one.status not in _BODYLESS:
        return f"Content-Length {length[:18]}, the body has {one.size_bytes} bytes"
    coding = one.headers.get("content-encoding", "").strip().lower()
    if coding in ("gzip", "x-gzip") and one.size_bytes and not one.head.startswith(b"\x1f\x8b"):
        return "said to be gzip, is not"
    if coding not in ("", "identity"):
        return ""
    said, found = _family(one.headers.get("content-type", "")), _sniffed(one.head)
    return f"said to be {said}, begins like {found}" if said and found and said != found else ""


def check_missing(name: str, records: ArchiveRecords, statement: CaptureStatement, payload: Mapping[str, object]) -> Verdict:
    """`page_missing`: the archive's own list of what it holds and lacks fits its records and the numbers in the statement.

    PASSED names what is missing, by reason. `payload` is the statement's predicate. Not known: requests that the browser
    itself did not list, so a page may lack more than is said here.
    """
    pageinfo = records.pageinfo
    if pageinfo is None:
        return Verdict(MISSING, name, CheckOutcome.NOT_CHECKED, "the archive has no list of its own")
    listed, omitted = _members(pageinfo.get("resources")), _members(pageinfo.get("omitted"))
    wrong = _contradictions(records, listed)
    stated = payload.get("pageinfo")
    if isinstance(stated, dict):
        for member, found in (("captured", len(listed)), ("omitted", len(omitted))):
            if stated.get(member) != found:
                wrong.append(f"{member}: {stated.get(member)} in the statement, {found} in the archive")
    if pageinfo.get("url") not in (None, statement.final_url, statement.url):
        wrong.append("the list is about another address")
    if wrong:
        more = f"; and {len(wrong) - SHOWN} more" if len(wrong) > SHOWN else ""
        return Verdict(MISSING, name, CheckOutcome.FAILED, "; ".join(wrong[:SHOWN]) + more)
    reasons = Counter(str(one.get("reason", "no reason"))[:160] for one in omitted)
    lacks = "; ".join(f"{count} × {reason}" for reason, count in reasons.most_common(6))
    more = f"; and {len(reasons) - 6} more reasons" if len(reasons) > 6 else ""
    said = f"{len(listed)} captured, {len(omitted)} missing" + (f": {lacks}{more}" if lacks else "")
    return Verdict(MISSING, name, CheckOutcome.PASSED, said)


def _contradictions(records: ArchiveRecords, listed: list[Mapping[str, object]]) -> list[str]:
    held = {(one.url, one.digest.lower()) for one in records.exchanges}
    otherwise = {one.url for one in records.exchanges if not one.digest.lower().startswith("sha256:")}
    wrong = [
        f"{str(one.get('url'))[:200]} is listed and not in the archive"
        for one in listed
        if not records.full
        and (one.get("url"), f"sha256:{str(one.get('sha256')).lower()}") not in held
        and one.get("url") not in otherwise
    ]
    told = {one.get("url") for one in listed}
    extra = [one.url for one in records.exchanges if one.url not in told and not one.truncated and one.url.startswith("http")]
    return wrong + [f"{url[:200]} is in the archive and not listed" for url in dict.fromkeys(extra)]


def _family(mime: str) -> str:
    name = mime.split(";")[0].strip().lower()
    if name in ("text/html", "application/xhtml+xml"):
        return "html"
    if name == "application/pdf":
        return "pdf"
    family = name.partition("/")[0]
    return family if family in ("image", "font", "video") and name != "image/svg+xml" else ""


def _sniffed(head: bytes) -> str:
    lowered = head.lstrip().lower()
    for magic, family in _MAGIC:
        if head.startswith(magic) or (family == "html" and lowered.startswith(magic)):
            return family
    return ""


def _members(value: object) -> list[Mapping[str, object]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []
