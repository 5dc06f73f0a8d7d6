"""What turns or hides text is written out where evidence meets a page or a document; data files and forms keep all of it."""

import csv
import io
import json
import uuid
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pypdf
import pytest

from server.exports.authority.papers import Head, Part, paper
from server.exports.documents.notice import Notice, notice_files
from server.exports.documents.paper import html
from server.exports.index_page import IndexEntry, index_page
from server.exports.models import Export
from server.exports.profiles import Profile
from server.exports.tables.writer import TableWriter
from server.visible import visible, visible_in
from server.web.pages.render import ENVIRONMENT
from server.web.pages.sheet import Sheet, SheetSighting, sheet_pdf
from server.web.pages.sheet_view import SHEET_WORDS
from tests.exports.rows import confirmed, plain_text
from tests.exports.test_notice import ITEM, notice

TURNING = "harmless\u202egpj.exe"
SHOWN = "harmless⟨U+202E⟩gpj.exe"
SPELT = [
    "می‌خواهم",  # Persian with a zero-width non-joiner
    "👩‍💻 🏴\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f ❤️",
    "\u200fעברית\u200e, العربية\u061c",
    "Stačilo! Подписка ă ț ł č",
    "long\u00adword\u200bbreaks\tTAB\r\nline",
]


@pytest.mark.parametrize(
    "number",
    [*range(0x202A, 0x202F), *range(0x2066, 0x206A), 0x00, 0x1B, 0x85, 0x2028, 0x2060, 0xFEFF, 0x3164, 0xE0041, 0xD800, 0xDFFF],
)
def test_each_character_that_turns_or_hides_is_written_out(number: int) -> None:
    assert visible(f"a{chr(number)}b") == f"a⟨U+{number:04X}⟩b"


@pytest.mark.parametrize("text", SPELT, ids=range(len(SPELT)))
def test_what_languages_are_spelt_with_stays(text: str) -> None:
    assert visible(text) == text and visible_in({"a": [text, 1, None]}) == {"a": [text, 1, None]}


def test_pages_show_it_and_forms_send_back_what_they_were_given() -> None:
    source = (
        '<p title="{{ x }}">{{ x }}</p><a href="/{{ x }}">{{ x ~ "!" }}</a><a href="{{ x }}"></a><input value="{{ x }}">'
        '<textarea rows="2"{% if x %} a="b"{% endif %}>\n{{ x }}</textarea>'
    )
    page = ENVIRONMENT.from_string(source).render(x=f"<b>{TURNING}")
    kept = f"&lt;b&gt;{TURNING}"
    assert page.count(f"&lt;b&gt;{SHOWN}") == 4 and "<b>" not in page
    for one in (f'href="{kept}"', f'value="{kept}"', f">{kept}</textarea>"):
        assert one in page.replace("\n", ""), one


def test_printed_documents_show_it_and_the_objects_keep_it() -> None:
    files = notice_files(notice(items=(ITEM.model_copy(update={"facts": TURNING}),), explanation=f"Because {TURNING}"))
    page = "".join(one.extract_text() for one in pypdf.PdfReader(io.BytesIO(files["notice.pdf"])).pages)
    for text in (page, files["notice.txt"].decode()):
        assert "\u202e" not in text and text.count(SHOWN) == 2
    assert Notice.model_validate_json(files["notice.json"]).items[0].facts == TURNING


def test_a_report_of_titles_with_emoji_and_chinese_letters_can_be_made() -> None:
    at = datetime(2024, 7, 6, tzinfo=UTC)
    words = "🗳️ 选举 การ"
    made = paper(
        Head(words, words, words, "TLP:RED", at),
        [Part(words, (words,), columns=(words,), widths=("1fr",), rows=((words,),), mono=(0,))],
    )
    text = "".join(one.extract_text() for one in pypdf.PdfReader(io.BytesIO(made)).pages)
    assert text.count("⟨U+9009⟩⟨U+4E3E⟩") == text.count("⟨U+1F5F3⟩") == 7, "in head, title, part, line, table and foot"
    sheet = Sheet(
        words, words, (words,), words, at, ((words, "1"),), b"", (), (SheetSighting(words, words, words, words, words, words),)
    )
    assert sheet_pdf(sheet, dict.fromkeys(SHEET_WORDS, words)).startswith(b"%PDF-")


def test_a_digit_in_a_frame_costs_no_other_letter_of_a_document() -> None:
    kept = "Выборы मतदान ελευθερία о\u0308"
    made = notice_files(notice(explanation=f"{kept} 1\ufe0f\u20e3"))["notice.pdf"]
    text = "".join(one.extract_text() for one in pypdf.PdfReader(io.BytesIO(made)).pages)
    assert "Выборы" in text and "ελευθερία" in text and text.count("⟨U+") == text.count("1⟨U+20E3⟩") == 1


def test_the_pages_of_files_show_it() -> None:
    alert = SimpleNamespace(figures=())
    lines = {"title": TURNING, "head": "h", "tlp": "TLP:RED", "case": "", "blocks": [], "foot": [TURNING], "qr": ""}
    made = html("alert.html", alert=alert, lines=lines).decode()
    assert "\u202e" not in made and made.count(SHOWN) == 3
    at = datetime(2024, 7, 6, tzinfo=UTC)
    statement: Any = SimpleNamespace(final_url="", url="https://x.example/", title=TURNING, captured_at=at, mode="as_seen")
    artifact: Any = SimpleNamespace(name=TURNING, role="upload", media_type="x/y", size_bytes=1, sha256="0" * 64)
    export = Export(id=uuid.uuid4(), recipient=TURNING, purpose="p", requested_at=at)
    page = index_page(export, [IndexEntry("0" * 64, statement, at, (artifact,))]).decode()
    assert page.count(SHOWN) == 3 and page.count("\u202e") == 1, "the file's name in its address stays"


def test_tables_keep_every_character(tmp_path: Any) -> None:
    with TableWriter(tmp_path, Profile.INTERNAL) as writer:
        writer.add([confirmed(1, facts=f"={TURNING}")])
    [row] = list(csv.DictReader(io.StringIO((tmp_path / "findings.csv").read_text("utf-8"), newline="")))
    assert plain_text(row["facts"]) == f"={TURNING}"
    assert json.loads((tmp_path / "findings.jsonl").read_text("utf-8"))["facts"] == f"={TURNING}"
