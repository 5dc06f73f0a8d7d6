"""`page_text`: is the text that the page showed supported by the bytes that the network sent?

Text changed with developer tools stands in the DOM, in the rendered text and in the screenshot, but in no body. The check reads
every body that can hold text (documents, JSON, scripts), and asks of each line of the rendered text whether it can be from there.

FAILED: a line holds words that no body holds, and nothing that could have brought them is missing from the archive; or the
line is an altered passage of a captured document (at least ALTERED_SHARE of its letters are that passage, cut off in its
middle), whatever is missing.
NOT_CHECKED: words or numbers without support, while bodies that may have brought them are omitted (they are named), in a field
for writing (a visitor may have typed them), or in most lines of a page (translated in the browser, or made of data that cannot
be read here); or no body. Also when all is supported that was compared, but a frame's text is longer than is read, there are
more lines than are read, or a line is so long that it was compared in parts and some part was not found as it stands.
PASSED: every line of every frame is supported.
Not compared: punctuation, emoji, upper case, numbers below 100 and dates (scripts write those), the order of lines, who is
said to have written what, pictures. Not known: whether the site told the truth.
How a forger passes: by showing words of another place of the page or of another captured body (who said what is not compared),
by single words, numbers below 100 and dates, by a changed picture; by a proxy, a local override or a changed extension, which
forge the bodies too. How one comes out NOT_CHECKED: on a page whose text came in a body that was not captured (as seen, what
scripts fetched), by editing most of the page, by letting something that could have brought text be missing.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from server.captures.checks.container import Verdict
from server.captures.checks.corpus import LONG, Corpus, squeeze
from server.captures.checks.lines import Compared, compare, different_lines
from server.captures.checks.passages import Finding, Line, read_line
from server.captures.checks.records import BEFORE_NAME, SHOWN_NAME, ArchiveRecords
from server.captures.models import CheckOutcome

CHECK = "page_text"
BEFORE = "page_text_before"
EXAMINED = 20
ALTERED_SHARE = 0.5
QUOTE_CHARS = 140
MOST_LINES, MOST_SHARE = 8, 0.6
NAMED = 3
BRINGS_TEXT = {
    "document",
    "script",
    "xhr",
    "fetch",
    "websocket",
    "eventsource",
    "other",
    "worker",
    "service_worker",
    "shared_worker",
}
TEXT_STEPS = ("read bodies", "block re-fetch", "list frames")


@dataclass(frozen=True)
class Altered:
    """A passage of a captured document beside what the page shows in its place, each with the character where they part."""

    shown: str
    shown_at: int
    sent: str
    sent_at: int


def check_text(name: str, records: ArchiveRecords) -> Verdict:
    """The verdict. Cost: linear in the bodies, and for each line in its own length; see compare() for what is read of them."""
    lines = list(different_lines(text for _, text in records.shown))
    if not lines:
        return Verdict(CHECK, name, CheckOutcome.NOT_CHECKED, "the archive holds no rendered text")
    if not records.texts:
        said = f"no body that holds text was captured{_and_missing(missing_bodies(records))}"
        return Verdict(CHECK, name, CheckOutcome.NOT_CHECKED, said)
    corpus = _corpus(records)
    return _judge(name, records, corpus, compare(lines, corpus))


def check_text_before(name: str, records: ArchiveRecords) -> Verdict:
    """`page_text_before`: is the text that was on screen before a second load supported by what the second load brought?

    FAILED: a line is an altered passage of a captured document. The page may have been edited in the browser (the second load
    undid that), or by the site between the two loads: the check cannot tell, and says so. NOT_CHECKED: other differences, which
    every living page has. PASSED: every line is supported.
    """
    lines = list(different_lines(text for _, text in records.shown_before))
    if not lines or not records.texts:
        return Verdict(BEFORE, name, CheckOutcome.NOT_CHECKED, "no text, or no body to compare it with")
    corpus = _corpus(records)
    compared = compare(lines, corpus)
    findings = compared.findings
    wording = [found for found in findings if found.words]
    altered = _first_altered([*wording[:EXAMINED], *compared.parts[:EXAMINED]], corpus)
    if altered is not None:
        said = f"before the second load {_altered_words(altered, len(wording))}; edited in the browser, or by the site meanwhile"
        return Verdict(BEFORE, name, CheckOutcome.FAILED, said)
    gap = compared.gap or _unread_frame(records, BEFORE_NAME)
    if findings:
        said = f"{len(findings)} of {len(lines)} lines are in no body of the second load, first {_quote(findings[0])}"
        return Verdict(BEFORE, name, CheckOutcome.NOT_CHECKED, f"{said}; the page may have changed")
    if gap:
        return Verdict(BEFORE, name, CheckOutcome.NOT_CHECKED, gap)
    return Verdict(BEFORE, name, CheckOutcome.PASSED, f"{len(lines)} lines, each held by a body of the second load")


def _corpus(records: ArchiveRecords) -> Corpus:
    corpus = Corpus()
    for body in records.texts:
        corpus.add(body.kind, body.text)
    corpus.close()
    return corpus


def _judge(name: str, records: ArchiveRecords, corpus: Corpus, compared: Compared) -> Verdict:
    findings, total = compared.findings, compared.total
    missing = missing_bodies(records) + corpus.gaps
    written = squeeze(" ".join(records.editable))
    typed: list[Finding] = []
    wording: list[Finding] = []
    for found in findings:
        if found.words:
            (typed if squeeze(found.line) in written else wording).append(found)
    later = any(note.startswith("may be a later response") for note in records.notes.values())
    altered = _first_altered([*(wording + typed)[:EXAMINED], *compared.parts[:EXAMINED]], corpus)
    if len(wording) >= MOST_LINES and len(wording) > MOST_SHARE * total:
        said = f"{len(wording)} of {total} lines are in no captured body, first {_quote(wording[0])}: "
        said += "translated in the browser, or made by a script of data that is not read here" + _and_missing(missing)
        return Verdict(CHECK, name, CheckOutcome.NOT_CHECKED, said)
    if altered is not None and not later:
        return Verdict(CHECK, name, CheckOutcome.FAILED, _altered_words(altered, len(wording)))
    if wording and not missing and not later:
        more = f" ({len(wording)} such lines)" if len(wording) > 1 else ""
        said = f"the page shows {_quote(wording[0])}, which no captured body holds{more}"
        return Verdict(CHECK, name, CheckOutcome.FAILED, said)
    if wording:
        why = "; the document may be a later response than the one on screen" if later else _and_missing(missing)
        said = f"{len(wording)} of {total} lines are in no captured body, first {_quote(wording[0])}{why}"
        return Verdict(CHECK, name, CheckOutcome.NOT_CHECKED, said)
    if typed:
        said = f"{_quote(typed[0])} stands in a field for writing and in no captured body: a visitor may have typed it"
        return Verdict(CHECK, name, CheckOutcome.NOT_CHECKED, said)
    if findings:
        said = f"numbers that no captured body holds, perhaps computed: {_quote(findings[0])}{_and_missing(missing)}"
        return Verdict(CHECK, name, CheckOutcome.NOT_CHECKED, said)
    if gap := compared.gap or _unread_frame(records, SHOWN_NAME):
        return Verdict(CHECK, name, CheckOutcome.NOT_CHECKED, gap)
    return Verdict(CHECK, name, CheckOutcome.PASSED, f"{total} lines, each held by a captured body")


def _first_altered(findings: list[Finding], corpus: Corpus) -> Altered | None:
    return next((one for found in findings if found.words and (one := altered_passage(found, corpus)) is not None), None)


def _unread_frame(records: ArchiveRecords, named: str) -> str:
    """A frame whose text is not among what was compared, in words; "" when all are. `named`: SHOWN_NAME or BEFORE_NAME."""
    unread = [one for one in records.unread if one.url.startswith(named)]
    return f"not compared: {unread[0].url[len(named) :][:150]}: {unread[0].reason}" if unread else ""


def altered_passage(found: Finding, corpus: Corpus) -> Altered | None:
    """The captured passage that the line is a changed copy of: its beginning or end is cut off inside a text of a document."""
    line = read_line(found.line)
    text = line.squeezed
    front = _longest(text, corpus.stream, from_start=True)
    back = _longest(text[front:], corpus.stream, from_start=False)
    if front + back < ALTERED_SHARE * len(text):
        return None
    if front >= LONG:
        parts = corpus.stream.find(text[:front]) + front
        sent, stated, start = corpus.raw_at(parts - 1)
        if stated and not corpus.is_border(parts):
            return Altered(line.raw, _raw_place(line, front), sent, _raw_place(read_line(sent), parts - start))
    if back >= LONG:
        parts = corpus.stream.find(text[len(text) - back :])
        sent, stated, start = corpus.raw_at(parts)
        if stated and not corpus.is_border(parts):
            return Altered(line.raw, _raw_place(line, len(text) - back), sent, _raw_place(read_line(sent), parts - start))
    return None


def _raw_place(line: Line, squeezed_at: int) -> int:
    """Where the word that holds this squeezed character begins in the line as it was."""
    return max((token.raw_start for token in line.tokens if token.start <= squeezed_at), default=0)


def missing_bodies(records: ArchiveRecords) -> list[str]:
    """What may have brought text and is not there to be read, in words."""
    pageinfo = records.pageinfo
    if pageinfo is None:
        return ["the archive does not list what is missing"]
    found = [f"{entry.url}: {entry.reason}" for entry in records.unread]
    for one in _members(pageinfo.get("omitted")):
        if str(one.get("type", "")).lower() in BRINGS_TEXT:
            found.append(f"{one.get('url', '')} ({one.get('type', '')})")
    for step in _members(pageinfo.get("steps")):
        if step.get("outcome") != "PASSED" and str(step.get("name", "")).startswith(TEXT_STEPS):
            found.append(f"step “{step.get('name')}”")
    return [*found, "further records"] if records.full else found


def _longest(text: str, stream: str, *, from_start: bool) -> int:
    """Length of the longest beginning (or end) of `text` that occurs in `stream`; what occurs, occurs shorter too."""
    low, high = 0, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        piece = text[:middle] if from_start else text[len(text) - middle :]
        low, high = (middle, high) if piece in stream else (low, middle - 1)
    return low


def _altered_words(altered: Altered, count: int) -> str:
    more = f"; {count - 1} more lines are in no captured body" if count > 1 else ""
    shown, sent = _window(altered.shown, altered.shown_at), _window(altered.sent, altered.sent_at)
    return f"the page shows “{shown}”, the captured document says “{sent}”{more}"


def _quote(found: Finding) -> str:
    """The differing words with what stands around them, at most QUOTE_CHARS characters."""
    wanted = found.words or found.numbers[0]
    return f"“{_window(found.line, max(0, found.line.find(wanted)))}”"


def _window(text: str, at: int) -> str:
    """At most QUOTE_CHARS characters of `text` around `at`, on one line."""
    start = max(0, min(at - 40, len(text) - QUOTE_CHARS))
    piece = " ".join(text[start : start + QUOTE_CHARS].split())
    return ("…" if start else "") + piece + ("…" if start + QUOTE_CHARS < len(text) else "")


def _and_missing(missing: list[str]) -> str:
    if not missing:
        return ""
    more = f" and {len(missing) - NAMED} more" if len(missing) > NAMED else ""
    return "; not captured: " + ", ".join(one[:150] for one in missing[:NAMED]) + more


def _members(value: object) -> list[Mapping[str, object]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []
