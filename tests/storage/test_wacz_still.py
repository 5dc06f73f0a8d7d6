"""The archive with its documents as they stood: every reader of zip files finds it, the old bytes are untouched, limits hold."""

import gzip
import html
import io
import json
import time
import zipfile
from itertools import count

import pytest
from warcio.archiveiterator import ArchiveIterator
from warcio.warcwriter import WARCWriter

from storage.errors import BadContainer
from storage.source import StreamSource
from storage.stillmarkup import without_scripts
from storage.wacz import inspect_wacz
from storage.waczstill import DOCUMENT_LIMIT_BYTES, DOCUMENTS_LIMIT_BYTES, sort_key, still_wacz
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


def test_a_page_of_tags_that_never_end_does_not_freeze_the_service() -> None:
    """Growth, not time: eight times the markup may cost eight times as much, not sixty-four times. A busy machine only ever adds
    to what is measured, so the least of all tries is the nearest to what it costs."""
    for opened in ("<script>", "<meta http-equiv=refresh ", "<!--", "<!", "</", "<style><", "<a b='", '<a b="', "<a " + "/" * 40):
        for before in ("", "<!--", "<script>", "<title>"):
            smalls, larges = [], []
            while len(smalls) < 3 or min(larges) >= 30 * max(min(smalls), 0.0002):
                assert len(smalls) < 60, (before, opened)
                for size, costs in ((40_000, smalls), (320_000, larges)):
                    costs.append(cost(before + opened * (size // len(opened))))


def cost(markup: str) -> float:
    """CPU seconds of this thread that the markup takes."""
    started = time.thread_time()
    without_scripts(markup)
    return time.thread_time() - started


def test_many_large_documents_are_refused_together() -> None:
    each = DOCUMENTS_LIMIT_BYTES // 4 + 1
    with pytest.raises(BadContainer):
        still_wacz(io.BytesIO(archive({f"https://a.example/{number}": b"x" * each for number in range(4)})))


def test_scripts_in_odd_markup_are_found_and_what_stood_around_them_stays() -> None:
    for markup, stays in {
        "<p>if a < b then <b>so</b></p>": "<p>if a &lt; b then <b>so</b></p>",
        "<!-- > <script>x()</script> --><p>Stood": "<p>Stood",
        "<!--><p>Stood</p>--!>": "<p>Stood</p>--!>",
        "<a title='x > \"y\"' data-z>Stood": '<a title="x > &quot;y&quot;" data-z>Stood',
        "<script-note>Stood</script-note><style-guide>": "<script-note>Stood</script-note><style-guide>",
        "<SCRIPT\n>a</scripts></script\t>Stood": "Stood",
        "<svg><script/><text>Stood</text></svg>": "<svg><text>Stood</text></svg>",
        "<style/><p>Stood": "<style></style><p>Stood",
        "<style>a>b{content:'<img>'}</style>": "<style>a>b{content:'\\3c img>'}</style>",
        "<noscript><p>Not shown</p></noscript><title>a<b</title>": "<title>a&lt;b</title>",
        "<svg><![CDATA[><a title=']]><script>x()</script>'>": '<svg><a title="]]><script>x()</script>">',
        "<!DOCTYPE html><META HTTP-EQUIV=' Refresh' content=0><p>Stood": "<!DOCTYPE html><p>Stood",
        "<p>Stood<a b='": "<p>Stood",
    }.items():
        assert without_scripts(markup) == stays


def test_scripts_in_attributes_addresses_and_frames_of_a_kept_page_do_not_run() -> None:
    for markup, stays in {
        '<body onload="a()" class="b"><img src=x ONERROR=a()>': '<body class="b"><img src="x">',
        '<img/onerror="a()"/src=x><p on>': '<img src="x"><p>',
        '<a href="javascript:a()">Stood</a>': "<a>Stood</a>",
        '<a href=" java&#115;c&Tab;ript:a()">Stood</a>': "<a>Stood</a>",
        '<form action="JavaScript:a()"><button formaction="javascript:a()">': "<form><button>",
        '<svg><a xlink:href="javascript:a()"><animate attributeName="href" values="x;javascript:a()">': (
            '<svg><a><animate attributeName="href">'
        ),
        '<iframe src="data:text/html,<script>a()</script>"></iframe>': "<iframe></iframe>",
        '<img src="data:image/svg+xml,<svg/>" alt="javascript: an introduction">': (
            '<img src="data:image/svg+xml,<svg/>" alt="javascript: an introduction">'
        ),
        '<iframe srcdoc="&lt;p title=&quot;&amp;amp;&quot;&gt;Stood&lt;script&gt;a()&lt;/script&gt;"></iframe>': (
            '<iframe srcdoc="<p title=&quot;&amp;amp;&quot;>Stood"></iframe>'
        ),
    }.items():
        assert without_scripts(markup) == stays
    nested = "<p onclick=a()>Stood"
    for _ in range(6):
        nested = f'<iframe srcdoc="{html.escape(nested)}"></iframe>'
    assert "onclick" not in without_scripts(nested) and without_scripts(nested).count("srcdoc") == 4


def test_sort_keys_are_those_of_the_extension() -> None:
    assert sort_key("https://www.News.Example/A?b=2&a=1") == "example,news)/a?a=1&b=2"
    assert sort_key("http://127.0.0.1:8080") == "1,0,0,127:8080)/"
