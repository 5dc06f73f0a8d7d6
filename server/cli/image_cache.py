"""What was already made of a file's bytes: a SQLite file of working copies, so that a long run can be stopped and resumed.

Kept are the outcome and the look of each file's bytes, each judged pair, and the partition of a whole set of pictures, so that an
unchanged folder is answered without comparing anything again. Everything is held under the id of the program that made it.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from server.images.reader import OUTCOMES as PASSING
from server.images.reader import READ, PictureReader
from server.media.clusters import Direction, Edge, Partition
from server.media.gallery import Judgement, judge
from server.media.look import Look, from_bytes
from server.media.pipeline import pipeline_id, rules_id
from server.media.turns import Turned
from server.media.verify import Overlay, Relation

DEADLINE_S = 120.0  # a folder is nobody's receipt: a busy machine may take its time
__all__ = ["READ", "LookCache", "Outcome", "UnusableCache", "opened_cache"]
_TABLES = """
CREATE TABLE IF NOT EXISTS look (
  sha256 TEXT NOT NULL, pipeline TEXT NOT NULL, outcome TEXT NOT NULL, reason TEXT NOT NULL, made BLOB,
  PRIMARY KEY (sha256, pipeline)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS judged (
  query TEXT NOT NULL, known TEXT NOT NULL, rules TEXT NOT NULL, made TEXT NOT NULL,
  PRIMARY KEY (query, known, rules)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS grouped (
  pictures TEXT NOT NULL, rules TEXT NOT NULL, made TEXT NOT NULL,
  PRIMARY KEY (pictures, rules)) WITHOUT ROWID;
"""
_DAMAGED = (ValueError, KeyError, TypeError, IndexError, OSError, EOFError)


class UnusableCache(Exception):
    """The file given as cache is none, or cannot be written."""


@dataclass(frozen=True)
class Outcome:
    """What came of one file: `code` is `read` when there is a look of it, or why there is none (OUTCOMES of server.media.decode
    and server.images.reader). reason: of one that was read, what was done to it that a reader should know."""

    code: str
    reason: str = ""


class LookCache:
    """Looks by SHA-256, judgements by pairs. Safe from several threads of one process. Losing the file costs time only.

    Pictures are decoded by the reader, in processes of their own: one that ends its decoder costs the run nothing but its row.
    """

    def __init__(self, path: Path | None, reader: PictureReader) -> None:
        """`path`: None keeps the cache in memory. Raises: UnusableCache."""
        self._reader = reader
        try:
            if path is not None:
                path.parent.mkdir(parents=True, exist_ok=True)
            self._database = sqlite3.connect(path or ":memory:", check_same_thread=False, isolation_level=None, timeout=60)
            self._database.execute("PRAGMA journal_mode=WAL")
            self._database.execute("PRAGMA synchronous=NORMAL")
            self._database.executescript(_TABLES)
        except (sqlite3.Error, OSError) as error:
            raise UnusableCache(f"{path} cannot be used as a cache: {error}") from error
        self._lock = threading.Lock()
        self._pipeline, self._rules = pipeline_id(), rules_id()

    def outcome(self, data: bytes, sha256: str) -> Outcome:
        """The stored outcome for these bytes, or a new one, stored before it is given back."""
        known = self._one("SELECT outcome, reason FROM look WHERE sha256 = ? AND pipeline = ?", sha256, self._pipeline)
        if known is not None:
            return Outcome(*known)
        return self._made(data, sha256)[0]

    def look(self, sha256: str, path: Path) -> Look | None:
        """The look of bytes read before; made again from the file when the stored one is damaged.

        None: the file no longer holds these bytes, or no longer gives a picture.
        """
        stored = self._one("SELECT made FROM look WHERE sha256 = ? AND pipeline = ?", sha256, self._pipeline)
        try:
            return None if stored is None or stored[0] is None else from_bytes(stored[0])
        except _DAMAGED:
            pass
        try:
            data = path.read_bytes()
        except OSError:
            return None
        return self._made(data, sha256)[1] if hashlib.sha256(data).hexdigest() == sha256 else None

    def judgement(self, query: Look, known: Look, digests: tuple[str, str]) -> Judgement | None:
        """As judge(), remembered by the two pictures' digests."""
        stored = self._one("SELECT made FROM judged WHERE query = ? AND known = ? AND rules = ?", *digests, self._rules)
        if stored is not None:
            try:
                return _judgement(json.loads(stored[0]))
            except _DAMAGED:
                pass
        made = judge(query, known)
        self._store("INSERT OR REPLACE INTO judged VALUES (?, ?, ?, ?)", *digests, self._rules, json.dumps(_written(made)))
        return made

    def partition(self, digests: Sequence[str]) -> Partition | None:
        """The partition of exactly these pictures when it was stored, with numbers as in `digests`."""
        stored = self._one("SELECT made FROM grouped WHERE pictures = ? AND rules = ?", _set_of(digests), self._rules)
        if stored is None:
            return None
        number = {digest: place for place, digest in enumerate(digests)}
        try:
            told = json.loads(stored[0])
            edges = [
                Edge(number[one], number[cluster], number[to], Relation(relation), Direction(direction), _certain(made))
                for one, cluster, to, relation, direction, made in told["edges"]
            ]
            heads = tuple(number[digest] for digest in told["representatives"])
        except _DAMAGED:
            return None
        return Partition(heads, tuple(sorted(edges, key=lambda edge: (edge.number, edge.to))))

    def keep_partition(self, digests: Sequence[str], found: Partition) -> None:
        """Stores the partition of these pictures."""
        edges = [
            [
                digests[edge.number],
                digests[edge.cluster],
                digests[edge.to],
                edge.relation,
                edge.direction,
                _written(edge.judgement),
            ]
            for edge in found.edges
        ]
        told = json.dumps({"representatives": [digests[number] for number in found.representatives], "edges": edges})
        self._store("INSERT OR REPLACE INTO grouped VALUES (?, ?, ?)", _set_of(digests), self._rules, told)

    def stop(self) -> None:
        """Ends the decoding of whatever is being decoded; no outcome of that is kept."""
        self._reader.close()

    def close(self) -> None:
        self._database.close()

    def _made(self, data: bytes, sha256: str) -> tuple[Outcome, Look | None]:
        made = self._reader.read(data)
        if made.outcome in PASSING:  # this machine, now: the next run tries again
            return Outcome(made.outcome, made.reason), None
        outcome = Outcome(made.outcome, "; ".join(made.notes) if made.outcome == READ else made.reason)
        order = "INSERT OR REPLACE INTO look VALUES (?, ?, ?, ?, ?)"
        self._store(order, sha256, self._pipeline, outcome.code, outcome.reason, made.look or None)
        return outcome, from_bytes(made.look) if made.outcome == READ else None

    def _one(self, question: str, *values: str) -> tuple[Any, ...] | None:
        with self._lock:
            row = self._database.execute(question, values).fetchone()
        return None if row is None else tuple(row)

    def _store(self, order: str, *values: str | bytes | None) -> None:
        with self._lock:
            self._database.execute(order, values)


@contextmanager
def opened_cache(path: Path | None, processes: int) -> Iterator[LookCache]:
    """The cache, and so many processes that decode for it, all ended at the end. Raises: UnusableCache."""
    reader = PictureReader(processes=processes, deadline_s=DEADLINE_S, niceness=0)
    cache = LookCache(path, reader)
    try:
        yield cache
    finally:
        reader.close()
        cache.close()


Told = dict[str, str | int | float | bool | list[float] | list[list[float]] | None]


def _set_of(digests: Sequence[str]) -> str:
    """One name for a set of pictures, whatever their order."""
    return hashlib.sha256("".join(sorted(digests)).encode()).hexdigest()


def _written(made: Judgement | None) -> Told | None:
    if made is None:
        return None
    told: Told = {"relation": made.relation, "bits": made.distance_bits, "holds": made.query_holds, "held": made.known_holds}
    if made.turned is not None:
        told |= {"turned": list(made.turned.matrix), "mirrored": made.turned.mirrored}
    if made.overlay is not None:
        over = made.overlay
        told |= {"matrix": over.matrix.tolist(), "mirrored": over.mirrored, "inliers": over.inliers, "score": over.score}
        told |= {"visible_known": over.visible_known, "visible_query": over.visible_query}
    return told


def _judgement(told: dict[str, object] | None) -> Judgement | None:
    """What _written() wrote. Raises: KeyError, TypeError or ValueError when it is not that."""
    return None if told is None else _certain(told)


def _certain(told: dict[str, object]) -> Judgement:
    overlay, way = None, None
    if "turned" in told:
        way = Turned(tuple(np.asarray(told["turned"], np.float64).reshape(6).tolist()), bool(told["mirrored"]))
    if "matrix" in told:
        matrix = np.asarray(told["matrix"], np.float64).reshape(2, 3)
        score, known, query = (float(str(told[name])) for name in ("score", "visible_known", "visible_query"))
        overlay = Overlay(matrix, bool(told["mirrored"]), int(str(told["inliers"])), score, known, query)
    relation, bits = Relation(str(told["relation"])), int(str(told["bits"]))
    return Judgement(relation, bits, overlay, bool(told["holds"]), bool(told["held"]), way)
