"""Many rows at once, by COPY, for tests and benchmarks of pages: captures with texts, a case as an import leaves it, findings.

Every word is generated. The statements are not real envelopes: lists never read them, and nothing here is proved.
"""

import hashlib
import json
import random
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg

from server.captures.pagetext import EXTRACTOR
from server.captures.textquery import vector_of
from server.cases.searchtexts import entity_facets, finding_facets, said_and_words
from server.db import libpq_url

BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
TEXTS = 200
WORDS_OF_A_PAGE = 250
INDEX = "ix_capture_text_words"
KEPT = "id, case_id, organisation_id, kind, ref, label, text, words, posted_at, created_at"
BODY = {
    "facts": "A post in the silence period.",
    "assessment": "",
    "subject": {"platform": "x", "post_id": "1", "account_id": "17"},
    "ttps": [],
}


@dataclass(frozen=True)
class Whose:
    """Ids that every row needs."""

    organisation_id: uuid.UUID
    operator_id: uuid.UUID
    device_id: uuid.UUID
    case_id: uuid.UUID


@dataclass(frozen=True)
class Crowd:
    """How many of each; captures are numbered from `first` on. `extra`: one more word that stands on every page."""

    captures: int
    entities: int
    findings: int
    exhibits: int
    notes: int
    first: int = 0
    clusters: int = 0
    extra: str = ""


def fill(database_url: str, whose: Whose, crowd: Crowd, *, seed: int = 7) -> None:
    """The rows, then what the server does by itself later. Blocking. Of many the index of words is built at the end."""
    draw = random.Random(seed)
    with psycopg.connect(libpq_url(database_url), autocommit=True) as connection:
        is_many = crowd.captures > 10_000
        if is_many:
            [definition] = connection.execute("SELECT indexdef FROM pg_indexes WHERE indexname = %s", (INDEX,)).fetchone() or [""]
            connection.execute(f"DROP INDEX {INDEX}")
        _captures(connection, whose, crowd, draw)
        if is_many:
            connection.execute("SET maintenance_work_mem = '512MB'")
            connection.execute(definition)
        _case(connection, whose, crowd, draw)
        _clusters(connection, whose, crowd, draw)
        connection.execute("VACUUM ANALYZE")


def capture_id(number: int) -> str:
    """The id of the generated capture of this number."""
    return hashlib.sha256(b"generated %d" % number).hexdigest()


def _copy(connection: psycopg.Connection, table: str, columns: str, rows: Iterable[Sequence[Any]]) -> None:
    with connection.cursor().copy(f"COPY {table} ({columns}) FROM STDIN") as copy:
        for row in rows:
            copy.write_row(row)


def _captures(connection: psycopg.Connection, whose: Whose, crowd: Crowd, draw: random.Random) -> None:
    vocabulary = [f"word{number:x}" for number in range(30_000)]
    weights = [1 / (place + 1) for place in range(len(vocabulary))]
    said = [" ".join(draw.choices(vocabulary, weights, k=WORDS_OF_A_PAGE)) for _ in range(TEXTS)]
    shown = [f"everywhere {crowd.extra} {'half ' * (number % 2)}{one}" for number, one in enumerate(said)]
    padding = draw.randbytes(1_500)
    columns = (
        "capture_id, organisation_id, device_id, device_key_id, statement, statement_sha256, state, url, final_url, host, title,"
        " mode, captured_at, received_at, sealed_at, nonce_state, committed_leaf, sealed_leaf"
    )

    def captures() -> Iterable[Sequence[Any]]:
        for number in range(crowd.first, crowd.first + crowd.captures):
            made, at = capture_id(number), BEGAN + timedelta(seconds=30 * number)
            url, host = f"https://site{number % 90}.example/story/{number}", f"site{number % 90}.example"
            yield (made, whose.organisation_id, whose.device_id, "0" * 64, padding, made, "sealed", url, url, host,
                   f"Generated story {number}", "as_seen", at, at, at, "fresh", made, made)  # fmt: skip

    def texts() -> Iterable[Sequence[Any]]:
        vectors = [vector_of([("D", one)]).literal for one in shown]
        for number in range(crowd.first, crowd.first + crowd.captures):
            at, host = BEGAN + timedelta(seconds=30 * number), f"site{number % 90}.example"
            facets = {
                "platform": (("x", "tiktok", "facebook")[number % 3],),
                "account": (f"a{number % 900}",),
                "host": (host, "example"),
            }
            stated = vector_of([("A", f"Generated story {number}"), ("B", f"needle{number // 10}")], facets).literal
            said = json.dumps({"title": f"Generated story {number}", "note": f"needle{number // 10}"})
            yield (capture_id(number), whose.organisation_id, EXTRACTOR, "read", "", said, shown[number % TEXTS], "pl",
                   f"{stated} {vectors[number % TEXTS]}", at, at, at)  # fmt: skip

    _copy(connection, "capture", columns, captures())
    columns = (
        "capture_id, organisation_id, extractor, outcome, reason, stated, shown, language, words, posted_at, captured_at,"
        " received_at"
    )
    _copy(connection, "capture_text", columns, texts())


def _case(connection: psycopg.Connection, whose: Whose, crowd: Crowd, draw: random.Random) -> None:
    case, me = whose.case_id, whose.operator_id
    columns = "case_id, number, capture_id, organisation_id, note, admitted_by, admitted_at, withdrawn_reason"
    exhibits = (
        (case, n + 1, capture_id(crowd.first + n), whose.organisation_id, "", me, BEGAN, "") for n in range(crowd.exhibits)
    )
    _copy(connection, "exhibit", columns, exhibits)
    notes = (
        (one, case, me, f"A note, number {n}", BEGAN + timedelta(minutes=n)) for n, one in enumerate(_ids(draw, crowd.notes))
    )
    _copy(connection, "case_note", "id, case_id, author_id, text, created_at", notes)
    _entities(connection, whose, _ids(draw, crowd.entities), crowd.extra)
    _findings(connection, whose, _ids(draw, crowd.findings))


def _entities(connection: psycopg.Connection, whose: Whose, ids: Sequence[uuid.UUID], extra: str) -> None:
    """Posts of one account, each with a relation, a metric and its text."""
    case, me = whose.case_id, whose.operator_id
    rows = ((one, case, "post", "x", f"18{n:017}", f"post {n}", "", me, BEGAN) for n, one in enumerate(ids))
    _copy(connection, "entity", "id, case_id, kind, platform, external_id, name, url, author_id, created_at", rows)
    said = ((_near(one, 1), case, "posted_by", one, ids[0], "import 1", "likely", me, BEGAN) for one in ids[1:])
    _copy(connection, "relation", "id, case_id, kind, from_id, to_id, source, confidence, author_id, created_at", said)
    columns = 'id, case_id, entity_id, name, low, high, unit, "window", method, claimed_by, as_of, author_id, created_at'
    seen = ((_near(one, 2), case, one, "views", 1, 9, "views", "all time", "import 1", "", BEGAN, me, BEGAN) for one in ids)
    _copy(connection, "metric", columns, seen)

    def texts() -> Iterable[Sequence[Any]]:
        for n, one in enumerate(ids):
            facets = entity_facets("post", "x", f"18{n:017}", f"post {n}")
            searched = _searched((f"post {n}", f"18{n:017}", f"everywhere {extra} pin{n // 10}"), facets)
            yield (_near(one, 3), case, whose.organisation_id, "entity", str(one), f"post {n}", *searched, BEGAN, BEGAN)

    _copy(connection, "case_text", KEPT, texts())


def _findings(connection: psycopg.Connection, whose: Whose, ids: Sequence[uuid.UUID]) -> None:
    case, me = whose.case_id, whose.operator_id
    states = ("draft", "reviewed", "confirmed")
    rows = ((one, case, n + 1, "silence_violation", states[n % 3], 1, me, BEGAN) for n, one in enumerate(ids))
    _copy(connection, "finding", "id, case_id, number, type, state, version, created_by, created_at", rows)
    columns = "finding_id, version, body, body_sha256, reason, author_id, facts_by, assessment_by, basis_by, created_at"
    body = json.dumps(BODY)
    _copy(connection, "finding_version", columns, ((one, 1, body, "0" * 64, "", me, me, me, me, BEGAN) for one in ids))
    facets = finding_facets("silence_violation", BODY)

    def texts() -> Iterable[Sequence[Any]]:
        for n, one in enumerate(ids):
            searched = _searched((f"a post everywhere claim{n // 10}",), facets)
            yield (_near(one, 4), case, whose.organisation_id, "finding", str(one), f"{n}: a post", *searched, BEGAN, BEGAN)

    _copy(connection, "case_text", KEPT, texts())


def _clusters(connection: psycopg.Connection, whose: Whose, crowd: Crowd, draw: random.Random) -> None:
    """One picture in each, seen in two captures; the last one in a fifth of all."""
    own, first = whose.organisation_id, 1_000_000 + crowd.first
    connection.execute("INSERT INTO image_pipeline (name) VALUES ('generated') ON CONFLICT (name) DO NOTHING")
    [pipeline] = connection.execute("SELECT id FROM image_pipeline WHERE name = 'generated'").fetchone() or [0]
    numbers = range(crowd.clusters)
    images = ((first + n, own, f"{first + n:064x}", "file", 1000, BEGAN) for n in numbers)
    _copy(connection, "image", "id, organisation_id, sha256, kind, size_bytes, first_indexed_at", images)
    columns = "id, organisation_id, image_id, pipeline_id, outcome, reason, format, width, height, notes, read_at"
    read = ((first + n, own, first + n, pipeline, "read", "", "PNG", 640, 400, "[]", BEGAN) for n in numbers)
    _copy(connection, "image_reading", columns, read)
    columns = (
        "organisation_id, image_id, capture_id, artifact, source, url, url_sha256, ordinal, frame_url, platform, captured_at,"
        " received_at"
    )

    def sightings() -> Iterable[Sequence[Any]]:
        for n in numbers:
            for seen in range(crowd.captures // 5 if n == crowd.clusters - 1 else 2):
                capture = capture_id(crowd.first + (5 * n + seen) % crowd.captures)
                yield own, first + n, capture, "page.wacz", "network", "", f"{n:064x}", 0, "", "x", BEGAN, BEGAN

    _copy(connection, "image_sighting", columns, sightings())
    ids = _ids(draw, crowd.clusters)
    made = ((one, own, first + n, pipeline, BEGAN) for n, one in enumerate(ids))
    _copy(connection, "image_cluster", "id, organisation_id, founder_id, pipeline_id, opened_at", made)
    members = ((first + n, one, own, pipeline, "representative") for n, one in enumerate(ids))
    _copy(connection, "image_member", "image_id, cluster_id, organisation_id, pipeline_id, role", members)


def _ids(draw: random.Random, count: int) -> list[uuid.UUID]:
    return [uuid.UUID(bytes=draw.randbytes(16), version=4) for _ in range(count)]


def _near(one: uuid.UUID, step: int) -> uuid.UUID:
    """Another id that follows from this one."""
    return uuid.UUID(int=one.int ^ (step << 70))


def _searched(texts: Sequence[str], facets: Any) -> tuple[str, str]:
    said, vector = said_and_words(texts, facets)
    return said, vector.literal
