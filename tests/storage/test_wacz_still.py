"""The archive with its documents as they stood: every reader of zip files finds it, the old bytes are untouched, limits hold."""

import gzip
import io
import json
import zipfile
from itertools import count

import pytest
from warcio.archiveiterator import ArchiveIterator
from warcio.warcwriter import WARCWriter

from storage.errors import BadContainer
from storage.source import StreamSource
from storage.wacz import inspect_wacz
from storage.waczstill import DOCUMENT_LIMIT_BYTES, sort_key, still_wacz
from storage.zipappend import append_to_zip
from storage.zipdirectory import ZipEntry

PAGE, FRAME, PICTURE = "http://News.example:8080/story?b=2&a=1", "https://ads.example/notice", "http://news.example:8080/a.png"
DOM = (
    b'<html><head><meta http-equiv="refresh" content="0;url=x"></head><body><p>Stood</p>'
    b"<script>gone()</script ><SCRIPT src=x></SCRIPT>"
)


def archive(documents: dict[str, bytes], *, index: str | None = None) -> bytes:
    """A WACZ with a served page, a picture and the DOM of some addresses, its index written by hand."""
    out, lines, times = io.BytesIO(), [], count()
    writer = WARCWriter(out, gzip=True, warc_version="1.1")
    records = {PAGE: b"<p>Served</p>", PICTURE: b"PNG"} | {f"urn:dom:{url}": body for url, body in documents.items()}
    for url, body in records.items():
        start, second = out.tell(), next(times)
        kind = "resource" if url.startswith("urn:") else "response"
        http = None
        if kind == "response":
            from warcio.statusandheaders import StatusAndHeaders

            http = StatusAndHeaders("200 OK", [("Content-Type", "text/html")], protocol="HTTP/1.1")
        writer.write_record(
            writer.create_warc_record(
                url,
                kind,
                payload=io.BytesIO(body),
                length=len(body),
                http_headers=http,
                warc_content_type="" if http else "text/html",
            )
        )
        place = {
            "url": url,
            "mime": "text/html",
            "filename": "data.warc.gz",
            "offset": str(start),
            "length": str(out.tell() - start),
        }
        lines.append(f"{sort_key(url) if http else url} 202601020304{second:02d} {json.dumps(place)}\n")
    files = {
        "archive/data.warc.gz": out.getvalue(),
        "indexes/index.cdx.gz": gzip.compress((index or "".join(sorted(lines))).encode()),
        "pages/pages.jsonl": b"{}\n",
        "datapackage.json": json.dumps({"resources": []}).encode(),
    }
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as zipped:
        for name, data in files.items():
            zipped.writestr(name, data)
    return packed.getvalue()


def joined(whole: bytes) -> bytes:
    """The still archive as a reader gets it, by ranges of odd sizes."""
    appended = still_wacz(io.BytesIO(whole))
    assert appended is not None and appended.start == len(whole)
    out = bytearray()
    while len(out) < appended.size_bytes:
        with appended.open_range(StreamSource(io.BytesIO(whole)), len(out), 997) as stream:
            while piece := stream.read(100):
                out += piece
    assert len(out) == appended.size_bytes
    return bytes(out)


def test_the_documents_stand_and_everything_else_is_the_archives_own() -> None:
    whole = archive({PAGE: DOM, FRAME: b"<p>Frame</p>"})
    still = joined(whole)
    assert still[: len(whole)] == whole
    with zipfile.ZipFile(io.BytesIO(still)) as packed:
        assert packed.testzip() is None
        assert set(packed.namelist()) == {
            "archive/data.warc.gz", "archive/still.warc.gz", "pages/pages.jsonl",
            "datapackage.json", "indexes/index.cdx.gz", "indexes/index.idx",
        }  # fmt: skip
        lines = gzip.decompress(packed.read("indexes/index.cdx.gz")).decode().splitlines()
        facts = [json.loads(line.split(" ", 2)[2]) for line in lines]
        warcs = {name: packed.read(f"archive/{name}") for name in ("data.warc.gz", "still.warc.gz")}
    assert lines == sorted(lines)
    found = {}
    for one in facts:
        data = warcs[one["filename"]][int(one["offset"]) : int(one["offset"]) + int(one["length"])]
        record = next(iter(ArchiveIterator(io.BytesIO(data), check_digests="raise")))
        assert record.rec_headers.get_header("WARC-Target-URI") == one["url"]
        found[one["url"], one["filename"]] = record.content_stream().read()
    assert found[FRAME, "still.warc.gz"] == b"<p>Frame</p>" and (PICTURE, "data.warc.gz") in found
    assert found[PAGE, "still.warc.gz"] == b"<html><head></head><body><p>Stood</p>"
    assert (PAGE, "data.warc.gz") not in found, "two documents for one address"


def test_the_same_archive_gives_the_same_bytes_and_the_checks_still_judge_the_original() -> None:
    whole = archive({PAGE: DOM})
    assert joined(whole) == joined(whole)
    assert [one.outcome for one in inspect_wacz(io.BytesIO(whole)).record_verdicts]


def test_an_archive_without_a_dom_gives_none() -> None:
    assert still_wacz(io.BytesIO(archive({}))) is None
    assert still_wacz(io.BytesIO(archive({"about:blank": b"x"}))) is None


def test_what_breaks_a_limit_or_lies_about_places_is_refused() -> None:
    with pytest.raises(BadContainer):
        still_wacz(io.BytesIO(archive({PAGE: b"x" * (DOCUMENT_LIMIT_BYTES + 1)})))
    for place in (
        '"offset":"-5","length":"9"',
        '"offset":"x","length":"9"',
        '"offset":"0","length":"9"',
        '"offset":"99999999","length":"9"',
    ):
        line = f'urn:dom:{PAGE} 20260102030405 {{"url":"urn:dom:{PAGE}","filename":"data.warc.gz",{place}}}\n'
        with pytest.raises(BadContainer):
            still_wacz(io.BytesIO(archive({}, index=line)))
    line = (
        f'urn:dom:{PAGE} 20260102030405 {{"url":"urn:dom:{PAGE}","filename":"../datapackage.json","offset":"0","length":"9"}}\n'
    )
    with pytest.raises(BadContainer):
        still_wacz(io.BytesIO(archive({}, index=line)))
    with pytest.raises(BadContainer):
        append_to_zip(StreamSource(io.BytesIO(b"x" * 100)), [ZipEntry("a", 0, 0, 1, 1, 50)], {})


def test_sort_keys_are_those_of_the_extension() -> None:
    assert sort_key("https://www.News.Example/A?b=2&a=1") == "example,news)/a?a=1&b=2"
    assert sort_key("http://127.0.0.1:8080") == "1,0,0,127:8080)/"
