"""Web archives: digests recomputed over the recorded bytes, bombs capped, shapes that can be read in two ways refused."""

import gzip
import io
import os
import subprocess
import sys
import zlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from warcio.archiveiterator import ArchiveIterator
from warcio.statusandheaders import StatusAndHeaders
from warcio.warcwriter import WARCWriter

from storage.decoding import DecodingLimits
from storage.errors import BadContainer, StorageError
from storage.warc import WarcLimits, digest_verdicts, iter_records
from tests.storage.archives import Record, base32_digest, digest, good_warc, http, response

ROOT = Path(__file__).parents[2]


def judged(*records: Record) -> list[tuple[str, str]]:
    """Outcome and reason of each record, in one file of gzip members; plain bytes must be judged the same."""
    zipped = digest_verdicts(io.BytesIO(b"".join(record.warc_gz() for record in records)))
    plain = digest_verdicts(io.BytesIO(b"".join(record.warc() for record in records)))
    assert zipped == plain
    return [(verdict.outcome, verdict.reason) for verdict in zipped]


def refused(data: bytes, limits: WarcLimits | None = None) -> BadContainer:
    with pytest.raises(BadContainer) as error:
        digest_verdicts(io.BytesIO(data), limits=limits)
    assert error.value.what == "warc"
    return error.value


def test_true_digests_pass() -> None:
    verdicts = digest_verdicts(io.BytesIO(good_warc()))
    assert [(verdict.type, verdict.target_uri, verdict.outcome, verdict.reason) for verdict in verdicts] == [
        ("response", "https://example.org/", "PASSED", ""),
        ("request", "https://example.org/", "PASSED", ""),
        ("resource", "urn:text:https://example.org/", "PASSED", ""),
    ]


def test_a_changed_body_fails_both_digests() -> None:
    good = response(b"<p>He was there.</p>")
    head, body = http(b"<p>He wasn't ther</p>", "Content-Type: text/html")
    forged = Record(head=head, body=body, block_digest=digest(good.head + good.body), payload_digest=digest(good.body))
    assert judged(forged) == [("FAILED", "block digest does not match; payload digest does not match")]


def test_a_changed_http_header_fails_the_block_digest_although_the_payload_fits() -> None:
    good = response(b"x", "Date: Mon, 05 Jan 2026 10:00:00 GMT")
    head, body = http(b"x", "Content-Type: text/html", "Date: Mon, 05 Jan 2026 11:00:00 GMT")
    assert judged(Record(head=head, body=body, block_digest=digest(good.head + good.body))) == [
        ("FAILED", "block digest does not match")
    ]


def test_a_wrong_payload_digest_fails_although_the_block_fits() -> None:
    assert judged(response(b"x", payload_digest=digest(b"y"))) == [("FAILED", "payload digest does not match")]
    assert judged(Record("resource", body=b"x", payload_digest=digest(b"y"))) == [("FAILED", "payload digest does not match")]


@pytest.mark.parametrize("algorithm", ["sha256", "sha1", "sha512"])
@pytest.mark.parametrize("spelling", [digest, base32_digest])
def test_digests_of_other_tools_are_recomputed_too(algorithm: str, spelling: object) -> None:
    record = response(b"body")
    record.block_digest = spelling(record.head + record.body, algorithm)  # type: ignore[operator]
    record.payload_digest = spelling(b"body", algorithm)  # type: ignore[operator]
    assert judged(record) == [("PASSED", "")]
    record.payload_digest = spelling(b"Body", algorithm)  # type: ignore[operator]
    assert judged(record) == [("FAILED", "payload digest does not match")]


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        (response(b"x", block_digest=None, payload_digest=None), "no digest"),
        (response(b"x", payload_digest="md5:" + "0" * 32), "payload digest: algorithm 'md5' is not supported"),
        (response(b"x", block_digest="sha256:zz"), "block digest: malformed"),
        (response(b"x", block_digest="sha256:" + "0" * 63), "block digest: malformed"),
        (
            Record("revisit", head=http(b"")[0], payload_digest=digest(b"elsewhere")),
            "payload digest: it is of another record, which this one refers to",
        ),
        (response(b"x", headers=["WARC-Segment-Number: 1"]), "payload digest: the record is segmented"),
        (
            response(b"1\r\nx\r\n0\r\n\r\n", "Transfer-Encoding: chunked", payload_digest=digest(b"x")),
            "payload digest: not of the recorded bytes, maybe of the body without its transfer coding",
        ),
    ],
)
def test_what_could_not_be_recomputed_is_not_passed(record: Record, reason: str) -> None:
    assert judged(record) == [("NOT_CHECKED", reason)]


def test_a_digest_that_is_not_checked_does_not_hide_one_that_fails() -> None:
    assert judged(response(b"x", block_digest=digest(b"y"), payload_digest="md5:00")) == [
        ("FAILED", "block digest does not match")
    ]


def test_a_payload_digest_alone_passes_and_says_so() -> None:
    assert judged(response(b"x", block_digest=None)) == [("PASSED", "payload digest only: the headers have none")]


def test_warcio_and_we_agree_on_what_warcio_writes(tmp_path: Path) -> None:
    path = tmp_path / "warcio.warc.gz"
    bodies = [os.urandom(200_000), b"<p>text</p>" * 50_000, b"", b"\r\n\r\n" * 5]
    with path.open("wb") as out:
        writer = WARCWriter(out, gzip=True, warc_version="1.1")
        for number, body in enumerate(bodies):
            headers = StatusAndHeaders("200 OK", [("Content-Length", str(len(body)))], protocol="HTTP/1.1")
            writer.write_record(
                writer.create_warc_record(
                    f"https://example.org/{number}", "response", payload=io.BytesIO(body), http_headers=headers
                )
            )
    assert {(verdict.outcome, verdict.reason) for verdict in digest_verdicts(path)} == {("PASSED", "")}
    ours = [(r.record_id, r.http_start(), r.offset, r.read(10_000_000)) for r in iter_records(path)]
    theirs = []
    with path.open("rb") as stream:
        records = ArchiveIterator(stream)
        for record in records:
            raw = record.raw_stream.read()
            theirs.append((record.rec_headers["WARC-Record-ID"], "HTTP/1.1 200 OK", records.get_record_offset(), raw))
    assert ours == theirs


def test_warcio_check_accepts_what_our_test_archives_hold(tmp_path: Path) -> None:
    path = tmp_path / "good.warc.gz"
    path.write_bytes(good_warc())
    warcio = Path(sys.executable).parent / "warcio"
    assert subprocess.run([warcio, "check", path], check=False, capture_output=True).returncode == 0
    path.write_bytes(response(b"x", payload_digest=digest(b"y")).warc_gz())
    assert subprocess.run([warcio, "check", path], check=False, capture_output=True).returncode == 1


def test_records_can_be_read_alone_from_their_offset() -> None:
    data = good_warc()
    for record in iter_records(io.BytesIO(data)):
        assert record.offset is not None
        again = next(iter_records(io.BytesIO(data[record.offset :])))
        assert again.record_id == record.record_id


def test_a_body_left_unread_does_not_disturb_the_next_record() -> None:
    data = b"".join(response(os.urandom(3_000_000), uri=f"https://example.org/{n}").warc_gz(1) for n in range(3))
    uris = []
    for number, record in enumerate(iter_records(io.BytesIO(data))):
        if number == 1:
            next(record.chunks())
        uris.append(record.target_uri)
    assert uris == [f"https://example.org/{n}" for n in range(3)]


def test_http_fields_are_read_without_regard_to_case() -> None:
    record = next(iter_records(io.BytesIO(response(b"x", "X-Archive-Orig-Content-Encoding: br", "broken line").warc())))
    assert record.http_headers().get("x-archive-orig-content-encoding") == "br"
    assert record.http_headers().get("absent") is None
    assert record.http_start() == "HTTP/1.1 200 OK"


@pytest.mark.parametrize(
    ("change", "finding"),
    [
        (lambda data: data[:-1], "does not end"),
        (lambda data: data[:-20], "ends inside"),
        (lambda data: data + b"x", "header does not end"),
        (lambda data: b"\n" + data, "no WARC record"),
        (lambda data: data.replace(b"WARC/1.1", b"WARC/9.9"), "no WARC record"),
        (lambda data: data.replace(b"Content-Length: ", b"Content-Length: -"), "Content-Length"),
        (lambda data: data.replace(b"Content-Length: ", b"Content-Length: 1_"), "Content-Length"),
        (lambda data: data.replace(b"Content-Length: ", b"Content-Lengthy: "), "Content-Length"),
        (lambda data: data.replace(b"WARC-Type: ", b"X-Type: "), "WARC-Type"),
        (lambda data: data.replace(b"WARC-Type: ", b"WARC-Record-Id: x\r\nWARC-Type: "), "twice"),
        (lambda data: data.replace(b"WARC-Type: ", b"content-length: 3\r\nWARC-Type: "), "twice"),
        (lambda data: data.replace(b"WARC-Type: ", b"no colon\r\nWARC-Type: "), "malformed"),
        (lambda data: data.replace(b"WARC-Type: ", b"WARC Type : "), "malformed"),
    ],
)
def test_a_broken_or_ambiguous_record_is_refused(change: object, finding: str) -> None:
    assert finding in refused(change(response(b"body").warc())).detail  # type: ignore[operator]


def test_a_damaged_gzip_stream_is_refused() -> None:
    data = good_warc()
    assert "cut off" in refused(data[:-5]).detail
    assert "gzip" in refused(data[:-6] + b"\0\0" + data[-4:]).detail, "the CRC of the last member"
    assert "gzip" in refused(data + b"trailing").detail


def test_limits_hold() -> None:
    data = good_warc()
    assert "records" in refused(data, WarcLimits(records=2)).detail
    assert "larger" in refused(data, WarcLimits(record_bytes=50)).detail
    assert "header" in refused(data, WarcLimits(header_bytes=100)).detail
    assert "HTTP header" in refused(data, WarcLimits(http_head_bytes=10)).detail
    assert "members" in refused(data, WarcLimits(decoding=DecodingLimits(members=2))).detail
    assert "when decoded" in refused(data, WarcLimits(decoding=DecodingLimits(total_bytes=500))).detail
    endless = b"WARC/1.1\r\n" + b"X-Header: " + b"x" * 10_000_000
    assert "header does not end" in refused(endless).detail


def gzip_zeros(size_bytes: int, head: bytes = b"") -> bytes:
    """`head` and then zeros, as one gzip member: one packed mebibyte of zeros, repeated (its trailer is never reached)."""
    packer = zlib.compressobj(9, 8, 31)
    start = packer.compress(head) + packer.flush(zlib.Z_FULL_FLUSH)
    return start + (packer.compress(b"\0" * (1 << 20)) + packer.flush(zlib.Z_FULL_FLUSH)) * (size_bytes >> 20)


BOMB = """
import resource, sys, time
resource.setrlimit(resource.RLIMIT_AS, (400 << 20, 400 << 20))
from pathlib import Path
from storage.errors import BadContainer
from storage.warc import digest_verdicts
start = resource.getrusage(resource.RUSAGE_SELF).ru_utime
try:
    print([verdict.outcome for verdict in digest_verdicts(Path(sys.argv[1]))])
except BadContainer as error:
    print(error.detail)
peak_kib = next(line.split()[1] for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
print(resource.getrusage(resource.RUSAGE_SELF).ru_utime - start, int(peak_kib) // 1024)
"""


@pytest.mark.parametrize("bomb", ["one record of zeros", "a header of zeros", "gzip in gzip", "many members"])
def test_a_bomb_is_stopped_early_and_in_little_memory(tmp_path: Path, bomb: str) -> None:
    """2 GiB from a few megabytes: at most seconds of processor time and 64 MiB of memory, whatever it says."""
    size_bytes = 2 << 30
    head = f"WARC/1.1\r\nWARC-Type: resource\r\nWARC-Record-ID: <urn:x>\r\nContent-Length: {size_bytes}\r\n\r\n".encode()
    data = {
        "one record of zeros": lambda: gzip_zeros(size_bytes, head),
        "a header of zeros": lambda: gzip_zeros(size_bytes, b"WARC/1.1\r\n"),
        "gzip in gzip": lambda: response(gzip_zeros(size_bytes), "Content-Encoding: gzip").warc_gz(),
        "many members": lambda: gzip.compress(b"", mtime=0) * 200_000,
    }[bomb]()
    path = tmp_path / "bomb.warc.gz"
    path.write_bytes(data)
    run = subprocess.run([sys.executable, "-c", BOMB, str(path)], capture_output=True, timeout=60, cwd=ROOT, check=True)
    finding, cost = run.stdout.decode().strip().splitlines()
    user_s, rss_mib = cost.split()
    expected = {
        "one record of zeros": "grows",
        "a header of zeros": "header does not end",
        "gzip in gzip": "PASSED",
        "many members": "[]",
    }
    assert expected[bomb] in finding, "gzip inside HTTP is not decoded: the digest is of the recorded bytes"
    assert float(user_s) < 5 and int(rss_mib) < 64


@settings(max_examples=300, deadline=None)
@given(st.one_of(st.binary(max_size=300), st.binary(max_size=200).map(lambda data: gzip.compress(data, mtime=0))))
def test_any_bytes_give_verdicts_or_bad_container(data: bytes) -> None:
    try:
        digest_verdicts(io.BytesIO(data))
    except StorageError as error:
        assert isinstance(error, BadContainer)


PLAIN = response(b"body").warc()


@settings(max_examples=400, deadline=None)
@given(st.integers(0, len(PLAIN) - 1), st.integers(0, 255))
def test_a_changed_byte_is_never_passed_when_it_is_in_the_block(position: int, value: int) -> None:
    data = bytearray(PLAIN)
    changed = data[position] != value
    data[position] = value
    try:
        verdicts = digest_verdicts(io.BytesIO(bytes(data)))
    except StorageError as error:
        assert isinstance(error, BadContainer)
        return
    block = PLAIN.index(b"\r\n\r\n") + 4
    if changed and block <= position < len(PLAIN) - 4:
        assert [verdict.outcome for verdict in verdicts] == ["FAILED"]
