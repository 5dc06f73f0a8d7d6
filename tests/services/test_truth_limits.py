"""Truth checks at their limits: what is too long, too much or built to cost is NOT_CHECKED, and accuses or acquits nobody."""

import gzip
import io
import json
import random

import pytest

from server.captures.checks import corpus, records
from server.captures.checks import lines as comparing
from server.captures.checks.container import Verdict
from server.captures.checks.lines import LINES_LIMIT, OVERLAP_CHARS
from server.captures.checks.passages import LINE_CHARS, Effort
from server.captures.checks.records import BODY_LIMIT_BYTES
from server.captures.models import CheckOutcome
from tests.services.test_truth_checks import look
from tests.trust.archive import PAGE
from tests.web.archives import Page

AD = "https://ads.example/notice"
FORGED = " the minister confessed to taking a bribe of nine millions "


def sentences(count: int, words: int = 9) -> list[str]:
    """Different sentences out of made-up words, the same on every run."""
    chance = random.Random(7)
    known = ["".join(chance.choices("abcdefghijklmnoprstuvz", k=chance.randint(4, 9))) for _ in range(3_000)]
    return [" ".join(chance.choices(known, k=words)) for _ in range(count)]


def of_html(markup: str, text: str, **more: object) -> dict[str, Verdict]:
    """The verdicts on a page of one document."""
    return look(Page([(PAGE, "text/html; charset=utf-8", markup.encode())], text, **more))  # type: ignore[arg-type]


@pytest.mark.parametrize("place", [LINE_CHARS - 30, LINE_CHARS + 90, 2 * LINE_CHARS - OVERLAP_CHARS, 3 * LINE_CHARS])
def test_words_put_behind_the_beginning_of_a_long_line_do_not_pass(place: int) -> None:
    line = " ".join(sentences(400))
    cut = line.index(" ", place)
    assert of_html(f"<p>{line}</p>", line)["page_text"].outcome == CheckOutcome.PASSED
    verdict = of_html(f"<p>{line}</p>", line[:cut] + FORGED + line[cut:])["page_text"]
    assert verdict.outcome == CheckOutcome.FAILED
    assert "confessed" in verdict.reason
    before = of_html(f"<p>{line}</p>", line, before=line[:cut] + FORGED + line[cut:])["page_text_before"]
    assert before.outcome == CheckOutcome.FAILED


def test_a_long_line_of_several_strings_accuses_nobody_and_is_not_said_to_be_compared_whole() -> None:
    known = sentences(400)
    strings = [" ".join(known[at : at + 10]) for at in range(0, 400, 10)]
    document = f"<script>{json.dumps(strings)}</script>"
    forged = [*strings[:5], "".join(sentences(1, 700)), *strings[5:]]
    for shown in (" ".join(strings), " ".join(forged)):
        verdict = of_html(document, shown)["page_text"]
        assert verdict.outcome == CheckOutcome.NOT_CHECKED, verdict.reason
        assert "parts of long lines" in verdict.reason


def test_words_behind_a_long_row_of_signs_are_compared() -> None:
    verdict = of_html("<p>Something harmless was written here</p>", "-" * (LINE_CHARS + 1) + FORGED)["page_text"]
    assert verdict.outcome != CheckOutcome.PASSED


@pytest.mark.parametrize("kind", ["html", "text", "json", "json of html"])
def test_an_honest_long_text_is_not_accused_of_what_a_cap_left_out(kind: str) -> None:
    lines = sentences(1_800)
    text = "\n".join(lines)
    bodies = {
        "html": ("text/html; charset=utf-8", f"<pre>{text}</pre>"),
        "text": ("text/plain", text),
        "json": ("application/json", json.dumps({"it's": text})),
        "json of html": ("application/json", json.dumps({"it's": "".join(f'<p class="a">{one}</p>' for one in lines)})),
    }
    mime, body = bodies[kind]
    assert len(body) > 115_000
    verdict = look(Page([(PAGE, mime, body.encode())], text))["page_text"]
    assert verdict.outcome == CheckOutcome.PASSED, verdict.reason
    forged = look(Page([(PAGE, mime, body.encode())], text.replace(lines[1_700], FORGED)))["page_text"]
    assert forged.outcome == CheckOutcome.FAILED


@pytest.mark.parametrize(
    ("markup", "shown"),
    [
        (
            "<style-guide><p>Words inside an element called style guide</p></style-guide>",
            "Words inside an element called style guide",
        ),
        ("<script-note>Words inside an element called script note</script-note>", "Words inside an element called script note"),
        ("<p>if a < b then nothing works as it should do</p>", "if a < b then nothing works as it should do"),
        ("<!--><p>The visible words after a short comment</p>-->", "The visible words after a short comment"),
        ("<!-- x --!><p>The visible words after an odd end</p><p>more</p>", "The visible words after an odd end\nmore"),
        ("<script>var a='</scripty>'</script><p>Words that come after the script</p>", "Words that come after the script"),
        ("<style>p{}</STYLE\n><p>Words that come after the style sheet</p>", "Words that come after the style sheet"),
    ],
)
def test_markup_as_browsers_read_it_accuses_nobody(markup: str, shown: str) -> None:
    verdict = of_html(f"<title>t</title>{markup}", shown)["page_text"]
    assert verdict.outcome == CheckOutcome.PASSED, verdict.reason


def test_what_a_full_cap_may_have_left_out_accuses_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    said = "These words stand in a captured body"
    body = f"<p>{'</p><p>'.join(sentences(50))}</p>"
    shown = "Words that may have been in what was left out"
    assert of_html(body, shown)["page_text"].outcome == CheckOutcome.FAILED
    for limit, document in (
        ("ATOMS_LIMIT", body + "".join(f"<script>x='{one}'</script>" for one in sentences(50))),
        ("LONG_SEGMENTS_CHARS", f"{body}<script>x='{said * 3_000}'</script>"),
    ):
        with monkeypatch.context() as patched:
            patched.setattr(corpus, limit, 40)
            verdict = of_html(document, shown)["page_text"]
        assert verdict.outcome == CheckOutcome.NOT_CHECKED
        assert "more than 40" in verdict.reason


def test_a_frame_whose_text_is_too_long_is_not_acquitted_by_an_advertisement() -> None:
    said = "Hello world of advertising"
    long = FORGED * (BODY_LIMIT_BYTES // len(FORGED) + 1)
    verdict = of_html(f"<p>{said}</p>", long, frames={AD: said})["page_text"]
    assert verdict.outcome == CheckOutcome.NOT_CHECKED
    assert PAGE in verdict.reason
    before = of_html(f"<p>{said}</p>", said, before=long)
    assert before["page_text"].outcome == CheckOutcome.PASSED
    assert "page_text_before" not in before or before["page_text_before"].outcome != CheckOutcome.PASSED


def test_gzip_bombs_are_not_held_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    limit = 1 << 20
    monkeypatch.setattr(records, "TOTAL_LIMIT_BYTES", limit)
    packed = gzip.compress(b"a " * limit)
    bodies = [(f"{PAGE}/{number}", "text/html", packed) for number in range(20)]
    coded = {url: [("Content-Encoding", "gzip")] for url, _mime, _body in bodies}
    found = records.gather(io.BytesIO(Page(bodies, "Words shown", headers=coded).wacz()))
    assert sum(len(one.text) for one in found.texts) <= limit and found.shown and len(found.exchanges) == 20
    assert [one.reason for one in found.unread][:1] == ["more bytes when decoded than are read"]
    assert len(found.unread) == 20, "what is left out is named"


def test_a_body_that_is_cut_when_decoded_accuses_nobody() -> None:
    packed = gzip.compress(b"<p>" + b"x " * (BODY_LIMIT_BYTES // 2) + b"The last words of a long page</p>")
    coded = {f"{PAGE}/long": [("Content-Encoding", "gzip")]}
    bodies = [(PAGE, "text/html", b"<p>Something else</p>"), (f"{PAGE}/long", "text/html", packed)]
    verdict = look(Page(bodies, "The last words of a long page", headers=coded))["page_text"]
    assert verdict.outcome == CheckOutcome.NOT_CHECKED
    assert "more bytes when decoded" in verdict.reason


def test_texts_of_many_frames_are_not_held_beyond_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records, "SHOWN_LIMIT_BYTES", 10_000)
    frames = {f"{AD}/{number}": "Something was said. " * 50 for number in range(50)}
    made = Page([(PAGE, "text/html", b"<p>Something was said.</p>")], "Something was said.", frames=frames)
    found = records.gather(io.BytesIO(made.wacz()))
    assert sum(len(text) for _url, text in found.shown) <= 10_000
    assert look(made)["page_text"].outcome == CheckOutcome.NOT_CHECKED


def test_headers_and_addresses_are_not_held_beyond_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    bodies = [(f"{PAGE}/{number}", "image/png", b"x") for number in range(20)]
    made = Page(bodies, "x", headers={url: [("X-Long", "y" * 60_000)] for url, _mime, _body in bodies})
    found = records.gather(io.BytesIO(made.wacz()))
    assert {tuple(one.headers) for one in found.exchanges} == {("content-type",)} and not found.full
    monkeypatch.setattr(records, "FACTS_LIMIT_CHARS", 1_000)
    found = records.gather(io.BytesIO(made.wacz()))
    assert found.full and len(found.exchanges) < 20


def test_an_encoding_that_no_browser_knows_is_not_used() -> None:
    assert records.body_text(b"abc-def", "text/html; charset=punycode") == "abc-def"
    assert records.body_text(b"+AGE-", "text/html; charset=utf-7") == "+AGE-"


def test_texts_of_one_repeated_letter_cost_no_more_than_the_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    """Counted: the characters that were compared, not the time."""
    spent: list[int] = []

    def counting(self: Effort, chars: int) -> None:
        spent.append(chars)
        spend(self, chars)

    spend = Effort.spend
    monkeypatch.setattr(Effort, "spend", counting)
    monkeypatch.setattr(comparing, "EFFORT_CHARS", 30_000_000)
    body = "".join(f"<p>{'a' * length}</p>" for length in [12, *range(1_600, 2_000)])
    shown = "\n".join(f"{'a' * 3_900}b{number}q" for number in range(200))
    verdict = of_html(body, shown)["page_text"]
    assert verdict.outcome == CheckOutcome.NOT_CHECKED, verdict.reason
    assert "of 200 lines were compared" in verdict.reason
    assert 30_000_000 < sum(spent) < 32_000_000


def test_lines_behind_the_last_one_that_is_read_do_not_pass() -> None:
    lines = [f"{number} {one}" for number, one in enumerate(sentences(LINES_LIMIT + 1, 4))]
    verdict = of_html("".join(f"<p>{one}</p>" for one in lines), "\n".join(lines))["page_text"]
    assert verdict.outcome == CheckOutcome.NOT_CHECKED
    assert f"first {LINES_LIMIT} of {LINES_LIMIT + 1}" in verdict.reason


CODE = "if a in b do:\n\tgo up\n\tor down\nend it all\nNight ferry to run all winter"
COLOURED = (
    CODE.replace("if a in b do", "<b>if</b> a <b>in</b> b <b>do</b>")
    .replace("go up", "<i>go</i> up")
    .replace("all", "<u>all</u>")
)


@pytest.mark.parametrize(
    ("mime", "body"),
    [
        ("text/html", f"<pre>{CODE}</pre>"),
        ("text/html", f"<pre>{COLOURED}</pre>"),
        ("text/html", f"<p style='white-space: pre-wrap'>Posted by\n{CODE}</p>"),
        ("text/plain", CODE),
        ("application/json", json.dumps({"text": CODE})),
    ],
    ids=["pre", "coloured code", "a post that keeps its lines", "plain text", "json"],
)
def test_short_lines_of_text_that_keeps_its_lines_are_not_taken_for_edited(mime: str, body: str) -> None:
    verdict = look(Page([(PAGE, mime, body.encode())], CODE))["page_text"]
    assert verdict.outcome == CheckOutcome.PASSED, verdict.reason
    for shown, forged in (("go up", "sunk it"), ("end it all", "burn it all")):
        verdict = look(Page([(PAGE, mime, body.encode())], CODE.replace(shown, forged)))["page_text"]
        assert verdict.outcome == CheckOutcome.FAILED, f"{forged}: {verdict.reason}"
