"""The truth checks of one capture: text against network bytes, headers, what is missing, the shot against statement and text."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import BinaryIO

from server.captures.checks.container import Verdict, crashed
from server.captures.checks.records import ArchiveRecords, gather
from server.captures.checks.responses import HEADERS, MISSING, check_headers, check_missing
from server.captures.checks.shot import SIZE, WORDS, check_size, check_words
from server.captures.checks.text import BEFORE, check_text, check_text_before
from server.captures.checks.text import CHECK as TEXT
from server.captures.models import CheckOutcome
from server.trust.statement import CaptureStatement
from storage.errors import BadContainer, StorageError

Opener = Callable[[], BinaryIO]


@dataclass(frozen=True)
class TruthQuestion:
    """The statement and its payload, the archive and the viewport shot by file name (None: the capture has none)."""

    statement: CaptureStatement
    payload: bytes
    archive: tuple[str, Opener] | None
    shot: tuple[str, Opener] | None


def truth_verdicts(asked: TruthQuestion) -> list[Verdict]:
    """Every verdict, in a fixed order. Blocking, bounded by the caps of its parts. A check that breaks is NOT_CHECKED."""
    predicate = _predicate(asked.payload)
    verdicts: list[Verdict] = []
    records: ArchiveRecords | None = None
    if asked.archive is not None:
        name, opener = asked.archive
        records = _gathered(opener)
        if records is None:
            unread = "the archive cannot be read"
            verdicts += [Verdict(check, name, CheckOutcome.NOT_CHECKED, unread) for check in (TEXT, HEADERS, MISSING)]
        else:
            verdicts += _archive_verdicts(name, records, asked.statement, predicate)
    if asked.shot is not None:
        verdicts += _shot_verdicts(asked.shot, predicate, records)
    return verdicts


def _archive_verdicts(
    name: str, records: ArchiveRecords, statement: CaptureStatement, predicate: Mapping[str, object]
) -> list[Verdict]:
    before = [_guarded(BEFORE, name, lambda: check_text_before(name, records))] if records.shown_before else []
    return [
        _guarded(TEXT, name, lambda: check_text(name, records)),
        *before,
        _guarded(HEADERS, name, lambda: check_headers(name, records)),
        _guarded(MISSING, name, lambda: check_missing(name, records, statement, predicate)),
    ]


def _shot_verdicts(shot: tuple[str, Opener], predicate: Mapping[str, object], records: ArchiveRecords | None) -> list[Verdict]:
    name, opener = shot

    def size() -> Verdict:
        with opener() as stream:
            return check_size(name, stream, predicate.get("viewport"))

    def words() -> Verdict:
        texts = [text for _, text in records.shown] if records is not None else []
        if not texts:
            return Verdict(WORDS, name, CheckOutcome.NOT_CHECKED, "no text of the page to compare with")
        with opener() as stream:
            return check_words(name, stream, texts)

    return [_guarded(SIZE, name, size), _guarded(WORDS, name, words)]


def _gathered(opener: Opener) -> ArchiveRecords | None:
    try:
        with opener() as stream:
            return gather(stream)
    except (BadContainer, StorageError):
        return None
    except Exception as error:  # noqa: BLE001 - a hostile archive may break what reads it: an outcome, not an end of the job
        crashed(TEXT, "page.wacz", error)
        return None


def _guarded(check: str, subject: str, look: Callable[[], Verdict]) -> Verdict:
    try:
        return look()
    except Exception as error:  # noqa: BLE001 - a broken check is an outcome, not an end of the job
        return crashed(check, subject, error)


def _predicate(payload: bytes) -> Mapping[str, object]:
    predicate = json.loads(payload).get("predicate")
    return predicate if isinstance(predicate, dict) else {}
