"""Truth checks on real archives: what was edited comes out, what scripts build passes, what cannot be known is not checked."""

import base64
import io
import json
import os
import stat
import time
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

import pytest
from PIL import Image

from server.captures.checks.container import Verdict
from server.captures.checks.truth import TruthQuestion, truth_verdicts
from server.captures.models import CheckOutcome
from server.trust.statement import parse_statement
from storage.errors import StorageError
from tests.trust.archive import PAGE
from tests.trust.parties import statement_payload
from tests.web.archives import Page

DOCUMENT = b"""<!doctype html><html><head><title>Council</title><script src="/app.js"></script></head><body>
<h1>Night ferry to run all winter, council told</h1>
<p>The trial, begun in August, carried more than <b>eleven thousand</b> passengers &mdash; twice the number expected, the harbour
office&nbsp;said.</p><p>They spent <b>your</b> bridge on a boat.</p><ol id="posts"></ol></body></html>"""
SCRIPT = b"""render(p=>`${p.name}: ${p.text} \\u00b7 ${n.format(p.likes)} likes`);label("Load more comments from readers")"""
POSTS = {
    "posts": [
        {"name": "Mara of Stone Quay", "text": 'It was "home" after the shift.\nWarm, on time, nobody shouted', "likes": 1234567},
        {"name": "Stra\u00dfenbahn fan", "text": "So where did the bridge money go then?", "likes": 41},
    ]
}
SHOWN = """NIGHT FERRY TO RUN ALL WINTER, COUNCIL TOLD
The trial, begun in August, carried more than eleven thousand passengers \u2014 twice the number expected, \
the harbour office said.
They spent your bridge on a boat.
Mara of Stone Quay: It was \u201chome\u201d after the shift.
Warm, on time, nobody shouted \u00b7 1,234,567 likes
STRASSENBAHN FAN: So where did the bridge money go then? \u00b7 41 likes
Load more comments from readers
21 November 2026, 18:40 \u00b7 3 hours ago \u00b7 1.2M"""
API = f"{PAGE}/api"


def page(text: str = SHOWN, *, api: bool = True, **changes: object) -> Page:
    """The article with everything captured, or with the answer of its API missing."""
    bodies = [(PAGE, "text/html; charset=utf-8", DOCUMENT), (f"{PAGE}/app.js", "text/javascript", SCRIPT)]
    omitted = [] if api else [(API, "Fetch", "asked for by a script")]
    made = Page([*bodies, (API, "application/json", json.dumps(POSTS).encode())] if api else bodies, text, omitted)
    return replace(made, **changes)


def look(made: Page, *, shot: bytes | None = None, wacz: bytes | None = None, **predicate: object) -> dict[str, Verdict]:
    """The verdicts by name."""
    data = wacz if wacz is not None else made.wacz()
    payload = statement_payload({"page.wacz": data}, {"pageinfo": made.counts, **predicate})
    asked = TruthQuestion(
        parse_statement(payload),
        payload,
        ("page.wacz", lambda: io.BytesIO(data)),
        None if shot is None else ("screenshot.viewport.png", lambda: io.BytesIO(shot)),
    )
    return {verdict.name: verdict for verdict in truth_verdicts(asked)}


def test_text_that_scripts_build_from_captured_json_passes() -> None:
    verdict = look(page())["page_text"]
    assert verdict.outcome == CheckOutcome.PASSED, verdict.reason
    assert verdict.reason.startswith("8 lines")


@pytest.mark.parametrize(
    ("sent", "forged"),
    [
        ("eleven thousand", "ninety thousand"),
        ("nobody shouted", "everybody shouted"),
        ("Mara of Stone Quay", "Senator of the Realm"),
        ("So where did the bridge money go then?", "The mayor took the bridge money home!"),
        ("your bridge", "mayoral villas"),
    ],
)
def test_a_post_edited_with_developer_tools_fails_with_the_text_that_differs(sent: str, forged: str) -> None:
    verdict = look(page(SHOWN.replace(sent, forged)))["page_text"]
    assert verdict.outcome == CheckOutcome.FAILED
    assert forged in verdict.reason
    assert all(len(quote) <= 300 for quote in verdict.reason.split("\u201c")[1:])


def test_an_altered_passage_of_the_document_fails_even_when_other_bodies_are_missing() -> None:
    verdict = look(page(SHOWN.replace("twice the number", "half the number"), api=False))["page_text"]
    assert verdict.outcome == CheckOutcome.FAILED
    assert "half the number" in verdict.reason
    assert "twice the number" in verdict.reason


def test_text_that_a_missing_body_may_have_brought_is_not_checked_and_the_body_is_named() -> None:
    verdict = look(page(api=False))["page_text"]
    assert verdict.outcome == CheckOutcome.NOT_CHECKED
    assert f"{API} (Fetch)" in verdict.reason


def test_an_inflated_count_does_not_pass() -> None:
    verdict = look(page(SHOWN.replace("1,234,567 likes", "9,234,567 likes")))["page_text"]
    assert verdict.outcome == CheckOutcome.NOT_CHECKED
    assert "9,234,567" in verdict.reason


def test_a_cached_document_that_may_be_a_later_one_accuses_nobody() -> None:
    note = "may be a later response: 2 later request(s) for this address"
    verdict = look(page(SHOWN.replace("eleven thousand", "ninety thousand"), note=note))["page_text"]
    assert verdict.outcome == CheckOutcome.NOT_CHECKED
    assert "later response" in verdict.reason


def test_without_any_body_or_any_text_nothing_is_checked() -> None:
    assert look(Page([], SHOWN, [(PAGE, "Document", "no-store")]))["page_text"].outcome == CheckOutcome.NOT_CHECKED
    assert look(page(" \n"))["page_text"].outcome == CheckOutcome.NOT_CHECKED


def test_texts_in_escaped_json_and_in_other_encodings_are_found() -> None:
    inner = json.dumps({"desc": "Głosuj na „uczciwych” ludzi z naszej gminy"})
    hydration = f"<script>self.push([1,{json.dumps(inner)}])</script>".encode()
    latin = "<p>Wähler in München hören die Nachricht später als andere</p>".encode("latin-1")
    made = Page(
        [(PAGE, "text/html", hydration), (f"{PAGE}/b", "text/html; charset=iso-8859-1", latin)],
        "Głosuj na „uczciwych” ludzi z naszej gminy\nWähler in München hören die Nachricht später als andere",
    )
    verdict = look(made)["page_text"]
    assert verdict.outcome == CheckOutcome.PASSED, verdict.reason


def test_a_sentence_put_together_from_single_words_of_scripts_does_not_pass() -> None:
    words = "the mayor stole every bridge in this town last night"
    script = ("x=[" + ",".join(f'"{word}"' for word in words.split()) + "]").encode()
    made = Page([(PAGE, "text/html", DOCUMENT), (f"{PAGE}/w.js", "text/javascript", script)], words)
    assert look(made)["page_text"].outcome == CheckOutcome.FAILED


def test_a_hostile_page_costs_little_time() -> None:
    nasty = [
        b"<!--" * 300_000,
        b"<script>" * 150_000,
        b'"' * 1_000_000,
        b"\\" * 1_000_000,
        b"<a " + b'="' * 500_000,
        b"{" * 1_000_000,
        b"12," * 400_000,
    ]
    bodies = [(f"{PAGE}/{number}", "text/html" if number % 2 else "application/json", body) for number, body in enumerate(nasty)]
    lines = "\n".join(f"{number} " + "aab " * 200 for number in range(300))
    started = time.process_time()
    look(Page(bodies, lines))
    assert time.process_time() - started < 30


def test_text_that_a_script_unpacks_is_found() -> None:
    packed = base64.b64encode(b'{"text": "The council kept the ferry and closed the bridge"}').decode()
    quoted = quote("Fährverkehr: die Brücke bleibt länger gesperrt")
    script = f'show(JSON.parse(atob("{packed}")).text, decodeURIComponent("{quoted}"))'.encode()
    shown = "The council kept the ferry and closed the bridge\nFährverkehr: die Brücke bleibt länger gesperrt"
    made = Page([(PAGE, "text/html", DOCUMENT), (f"{PAGE}/p.js", "text/javascript", script)], shown)
    verdict = look(made)["page_text"]
    assert verdict.outcome == CheckOutcome.PASSED, verdict.reason
    forged = look(replace(made, text=shown.replace("kept the ferry", "sold the ferry")))["page_text"]
    assert forged.outcome == CheckOutcome.FAILED


def test_dates_in_figures_are_not_taken_for_counts() -> None:
    verdict = look(page(SHOWN + "\nThey spent your bridge on a boat. 28.5.2026\nThey spent your bridge on a boat. 2026-05-28"))
    assert verdict["page_text"].outcome == CheckOutcome.PASSED, verdict["page_text"].reason


def test_a_page_whose_whole_text_is_in_no_body_is_not_checked() -> None:
    words = ["le", "conseil", "du", "port", "a", "dit", "que", "la", "route", "reste", "fermee", "pour", "les", "bateaux", "gens"]
    lines = [" ".join(words[(at * 4 + place * 7) % len(words)] for place in range(len(words))) for at in range(12)]
    verdict = look(page("\n".join(lines)))["page_text"]
    assert verdict.outcome == CheckOutcome.NOT_CHECKED
    assert "translated in the browser" in verdict.reason


def test_headers_that_contradict_the_bytes_fail() -> None:
    good = look(page())["page_headers"]
    assert good.outcome == CheckOutcome.PASSED, good.reason
    for headers, said in (
        ([("Content-Length", "7")], "Content-Length 7"),
        ([("Content-Encoding", "gzip")], "said to be gzip"),
    ):
        verdict = look(page(headers={PAGE: headers}))["page_headers"]
        assert verdict.outcome == CheckOutcome.FAILED
        assert said in verdict.reason
    picture = Page([(f"{PAGE}/a.png", "image/png", b"<!doctype html><p>gone")], "x")
    assert look(picture)["page_headers"].reason.endswith("said to be image, begins like html")


def test_what_is_missing_is_listed_by_reason_and_must_fit_the_statement() -> None:
    made = page(api=False)
    verdict = look(made)["page_missing"]
    assert verdict.outcome == CheckOutcome.PASSED, verdict.reason
    assert verdict.reason == "2 captured, 1 missing: 1 × asked for by a script"
    short = look(made, pageinfo={"captured": 2, "omitted": 0, "failedSteps": []})["page_missing"]
    assert short.outcome == CheckOutcome.FAILED
    assert "omitted: 0 in the statement, 1 in the archive" in short.reason


def test_a_record_that_the_list_hides_or_invents_fails() -> None:
    made = page()
    listed = made.pageinfo
    resources = listed["resources"]
    assert isinstance(resources, list)
    hidden = look(made, wacz=made.wacz(pageinfo={**listed, "resources": resources[:2]}))["page_missing"]
    assert hidden.outcome == CheckOutcome.FAILED
    assert "in the archive and not listed" in hidden.reason
    invented = look(made, wacz=made.wacz(pageinfo={**listed, "resources": [*resources, {**resources[0], "sha256": "0" * 64}]}))
    assert "listed and not in the archive" in invented["page_missing"].reason


def test_a_shot_of_another_size_than_the_stated_viewport_fails() -> None:
    viewport = {"width": 300, "height": 200, "devicePixelRatio": 1.5, "scrollX": 0, "scrollY": 0}
    fits = look(page(), shot=png(450, 300), viewport=viewport)
    assert fits["screenshot_size"].outcome == CheckOutcome.PASSED
    assert look(page(), shot=png(300, 200), viewport=viewport)["screenshot_size"].outcome == CheckOutcome.FAILED
    assert look(page(), shot=png(9, 9), viewport={"width": "x"})["screenshot_size"].outcome == CheckOutcome.NOT_CHECKED


def test_without_ocr_the_words_of_the_shot_are_not_checked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    verdict = look(page(), shot=png(30, 20))["screenshot_words"]
    assert (verdict.outcome, verdict.reason) == (CheckOutcome.NOT_CHECKED, "no OCR installed")


def test_words_in_the_shot_that_the_page_does_not_have_fail(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    seen = [
        "harbour",
        "winter",
        "council",
        "August",
        "passengers",
        "twice",
        "number",
        "expected",
        "shift",
        "bridge",
        "boat.",
        "comments",
    ]
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    for words, outcome in ((seen, CheckOutcome.PASSED), ([f"{word}xyz" for word in seen], CheckOutcome.FAILED)):
        install_ocr(tmp_path, words)
        assert look(page(), shot=png(30, 20))["screenshot_words"].outcome == outcome
    install_ocr(tmp_path, seen[:3])
    assert look(page(), shot=png(30, 20))["screenshot_words"].outcome == CheckOutcome.NOT_CHECKED


def test_an_archive_that_cannot_be_read_is_not_checked() -> None:
    verdicts = look(page(), wacz=b"PK\x03\x04 not a zip")
    assert {verdict.outcome for verdict in verdicts.values()} == {CheckOutcome.NOT_CHECKED}


def test_a_store_that_does_not_answer_leaves_everything_not_checked() -> None:
    def silent() -> io.BytesIO:
        raise StorageError("no answer")

    payload = statement_payload({"page.wacz": b""}, {})
    asked = TruthQuestion(parse_statement(payload), payload, ("page.wacz", silent), ("screenshot.viewport.png", silent))
    verdicts = truth_verdicts(asked)
    assert len(verdicts) == 5
    assert {verdict.outcome for verdict in verdicts} == {CheckOutcome.NOT_CHECKED}


def png(width: int, height: int) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (width, height), "white").save(out, "PNG")
    return out.getvalue()


def install_ocr(folder: Path, words: list[str]) -> None:
    """A `tesseract` that always reads these words, as tesseract's TSV tells them."""
    rows = ["\t".join(map(str, range(12)))] + ["\t".join(["5"] * 10 + ["96.5", word]) for word in words]
    (folder / "words.tsv").write_text("\n".join(rows), "utf-8")
    program = folder / "tesseract"
    program.write_text(f"#!/bin/sh\ncat >/dev/null\ncat '{folder / 'words.tsv'}'\n", "utf-8")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
