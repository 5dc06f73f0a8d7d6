"""The lines of a page's text, all of them against what the network sent: what is without support, and what was not compared."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from server.captures.checks.corpus import LONG, Corpus, squeeze
from server.captures.checks.passages import LINE_CHARS, Effort, Finding, TooCostly, read_line, unsupported

LINES_LIMIT = 6_000
EFFORT_CHARS = 10_000_000_000
OVERLAP_CHARS = 500
_BREAK_CHARS = 100


@dataclass
class Compared:
    """What comparing gave. `total` different lines, the first `compared` of them read.

    `findings`: whole lines that lack support. `parts`: parts of lines longer than LINE_CHARS that lack it, perhaps only because
    they were cut: by themselves they accuse nobody.
    """

    total: int
    compared: int = 0
    findings: list[Finding] = field(default_factory=list)
    parts: list[Finding] = field(default_factory=list)

    @property
    def gap(self) -> str:
        """Why this is not a comparison of every line as a whole, in words; "" when it is."""
        if self.compared < self.total:
            return f"only the first {self.compared} of {self.total} lines were compared"
        if self.parts:
            return f"{len(self.parts)} parts of long lines are in no captured body as they stand"
        return ""


def different_lines(texts: Iterable[str]) -> Iterator[str]:
    """Each different line once; table cells apart; only what has something to compare."""
    seen: set[str] = set()
    for text in texts:
        for line in text.replace("\t", "\n").splitlines():
            if line not in seen and squeeze(line):
                seen.add(line)
                yield line


def compare(lines: Sequence[str], corpus: Corpus) -> Compared:
    """Every line against the bodies; at most LINES_LIMIT readings of at most LINE_CHARS characters, and EFFORT_CHARS in all.

    A longer line is held by a body as it is, or is read in parts that overlap by OVERLAP_CHARS: what was put into it stands
    whole in one of them, unless it is longer than that.
    """
    result = Compared(len(lines))
    left, effort = LINES_LIMIT, Effort(EFFORT_CHARS)
    for line in lines:
        is_long = len(line) > LINE_CHARS
        parts = _parts(line) if is_long and not _is_held(line, corpus) else [line]
        left -= len(parts)
        if left < 0:
            break
        try:
            found = [] if is_long and len(parts) == 1 else _found(parts, corpus, effort)
        except TooCostly:
            break
        result.compared += 1
        (result.parts if is_long else result.findings).extend(found)
    return result


def _found(texts: list[str], corpus: Corpus, effort: Effort) -> list[Finding]:
    return [found for text in texts if (found := unsupported(read_line(text), corpus, effort)) is not None]


def _is_held(line: str, corpus: Corpus) -> bool:
    text = squeeze(line)
    return text in corpus.whole or (len(text) >= LONG and text in corpus.stream)


def _parts(line: str) -> list[str]:
    """Overlapping parts of at most LINE_CHARS, cut at spaces where there are any nearby."""
    parts: list[str] = []
    start = 0
    while True:
        end = start + LINE_CHARS
        if end >= len(line):
            return [*parts, line[start:]]
        space = line.rfind(" ", end - _BREAK_CHARS, end)
        end = end if space < 0 else space
        parts.append(line[start:end])
        space = line.find(" ", end - OVERLAP_CHARS, end - OVERLAP_CHARS + _BREAK_CHARS)
        start = end - OVERLAP_CHARS if space < 0 else space
