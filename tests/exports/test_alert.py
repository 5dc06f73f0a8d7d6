"""The alert: one A4 page, five full blocks, every letter there, the same object in PDF, HTML and JSON."""

import hashlib
import io
import json
import re
from datetime import UTC, datetime
from typing import Any

import pypdf
import pytest
import typst
import zxingcpp
from PIL import Image

from server.exports.documents.alert import (
    BLOCKS,
    Alert,
    AlertDraft,
    Evidence,
    Facet,
    Figure,
    TechniqueUsed,
    alert_files,
    paper_data,
)
from server.exports.documents.letters import RANGES, printable_in
from server.exports.documents.paper import FOLDER, _compiled
from server.exports.documents.values import canonical
from server.exports.errors import ExportRefused
from server.visible import visible

WORDS = "Stačilo! Călin Georgescu Подписка ă ț ł č"
VERIFY = "https://holdstill.example/alerts/00000000-0000-5000-8000-00000000a1e7"
AT = datetime(2024, 7, 6, 10, 0, tzinfo=UTC)
SAID: dict[str, Any] = {
    "number": "2024-07",
    "title": "Calls to vote on the eve",
    "network": "A network",
    "overview": f"Accounts posted calls to vote. {WORDS} #strong[x] $x$",
    "narratives": ["The vote is bought"],
    "impact": ["5 to 9 million views per week, as the platform's own page says"],
    "actions": ["2024-07-06: notice to the platform"],
    "recommendations": ["Look at the accounts again <b>after</b> the vote"],
    "contact": "desk@network.example",
}
TECHNIQUE = TechniqueUsed(framework="DISARM", version="1.6", id="T0114", name="Deliver Ads", findings=2)
FIGURE = Figure(
    statistic="S-3", statistic_id="0", label="Posts in the silence period", unit="posts", n=131, n_low=120, n_high=140,
    as_of=AT, ids_sha256="ab" * 32,
)  # fmt: skip


def alert(techniques: tuple[TechniqueUsed, ...] = (TECHNIQUE,), figures: tuple[Figure, ...] = (FIGURE,), **said: Any) -> str:
    counted = Evidence(findings=3, posts=2, accounts=1, captures=4)
    return canonical(
        Alert(
            alert_id="A-1", version=2, at=AT, tlp="TLP:AMBER", case="C-1", election="An election",
            said=AlertDraft.model_validate(SAID | said), techniques=techniques, figures=figures, evidence=counted,
            facets=(Facet(content_type="AI content", member_state="FR", platform="x", language="ro"),), verify_url=VERIFY,
            bundle_sha256="cd" * 32,
        )
    )  # fmt: skip


def picture(text: str) -> bytes:
    """The page as a PNG: the template with the same words."""
    words = json.dumps(paper_data(Alert.model_validate_json(text)))
    made = typst.compile(FOLDER / "alert.typ", sys_inputs={"data": words}, ignore_system_fonts=True, format="png", ppi=144)
    assert isinstance(made, bytes)
    return made


def printed(files: dict[str, bytes]) -> str:
    reader = pypdf.PdfReader(io.BytesIO(files["alert.pdf"]))
    assert len(reader.pages) == 1
    page = reader.pages[0]
    assert (round(page.mediabox.width), round(page.mediabox.height)) == (595, 842), "A4"
    return " ".join(page.extract_text().split())


def test_it_is_one_page_with_every_letter_and_the_same_words_everywhere() -> None:
    text = alert()
    files = alert_files(text)
    page, web = printed(files), files["alert.html"].decode()
    shown = ("#strong[x] $x$", "T0114 Deliver Ads", "120 to 140 posts", "5 to 9 million", "TLP:AMBER", "version 2")
    for words in (WORDS, *shown, "3 confirmed findings"):
        assert words in page and words in web, words
    assert "&lt;b&gt;after" in web and "<script" not in web and not re.search(r"(src|href)=|url\(", web)
    assert files["alert.json"] == text.encode()
    assert alert_files(text) == files, "the same object gives the same bytes"


def test_the_footer_leads_to_the_versions_and_names_the_hashes_and_the_authors() -> None:
    text = alert(authors="The desk of a network")
    files = alert_files(text)
    object_sha256 = hashlib.sha256(files["alert.json"]).hexdigest()
    for shown in (printed(files), " ".join(files["alert.html"].decode().split())):
        for words in ("Authors: The desk of a network", object_sha256, "cd" * 32, VERIFY, "2 posts"):
            assert words in shown, words
    assert "1 account, 4 captures" in printed(files)
    assert "Authors: A network." in printed(alert_files(alert())), "no name is filled in"
    with Image.open(io.BytesIO(picture(text))) as image:
        [read] = zxingcpp.read_barcodes(image)
    assert read.text == VERIFY


EMPTY: dict[str, dict[str, Any]] = {
    "overview": {"overview": "  "},
    "techniques_and_narratives": {"techniques": (), "narratives": ["", " "]},
    "impact": {"figures": (), "impact": []},
    "actions": {"actions": [""]},
    "recommendations": {"recommendations": []},
}


@pytest.mark.parametrize("block", BLOCKS)
def test_an_empty_block_is_refused_by_its_name(block: str) -> None:
    with pytest.raises(ExportRefused) as refused:
        alert_files(alert(**EMPTY[block]))
    assert refused.value.data == {"reason": f"empty: {block}", "blocks": [block]}


def test_more_than_a_page_is_refused_and_a_full_page_is_not() -> None:
    full = ["A line of text that goes on for about as long as a line of the page is wide, and a little more than that"] * 7
    assert printed(alert_files(alert(impact=full, actions=full, recommendations=full)))
    longer = [full[0] * 2] * 12
    with pytest.raises(ExportRefused) as refused:
        alert_files(alert(impact=longer, actions=longer, recommendations=longer))
    assert "one page" in str(refused.value.data["reason"])


def test_a_footer_that_would_be_cut_off_is_refused_and_a_run_of_letters_stays_on_the_paper() -> None:
    with pytest.raises(ExportRefused, match="one page"):
        alert_files(alert(authors="Some Author, " * 23, contact="mail and more " * 21))
    reader = pypdf.PdfReader(io.BytesIO(alert_files(alert(narratives=["x" * 250]))["alert.pdf"]))
    runs = [line.count("x") for line in reader.pages[0].extract_text().splitlines() if "xxx" in line]
    assert len(runs) > 2 and max(runs) < 130


def test_more_techniques_than_fit_are_said_to_be_more() -> None:
    many = tuple(TECHNIQUE.model_copy(update={"id": f"T{number:04}"}) for number in range(11))
    files = alert_files(alert(techniques=many))
    assert "and 3 more techniques" in printed(files) and len(json.loads(files["alert.json"])["techniques"]) == 11


SCRIPTS = {
    "latin": "Ștăčíł ",
    "cyrillic": "Подписка ",
    "greek": "Ψηφοφορία ",
    "hebrew": "בחירות ",
    "arabic": "انتخابات ",
    "georgian": "არჩევნები ",
    "chinese": "选举",
    "thai": "การเลือกตั้ง",
    "hindi": "चुनाव ",
    "emoji": "🗳️👩‍💻",
    "marks": "Z\u0351\u036b\u0343\u0e31",
    "turning": "a\u202eb",
}


@pytest.mark.parametrize("script", SCRIPTS)
def test_the_longest_texts_in_any_script_are_one_page_or_refused_and_no_letter_is_lost(script: str) -> None:
    """A letter without a glyph is printed as its number: PDF/A takes none, and one left out would say something else."""
    text, most = SCRIPTS[script] * 600, {"impact": 12, "actions": 12, "recommendations": 12, "narratives": 12}
    page = printed(alert_files(alert(overview=SCRIPTS[script].strip(), title=SCRIPTS[script].strip())))
    written_out = [letter for letter in SCRIPTS[script] if printable_in(letter) != letter]
    assert all(f"⟨U+{ord(letter):04X}⟩" in page for letter in written_out)
    assert bool(written_out) == (script in ("chinese", "thai", "emoji", "marks", "turning"))
    if script in ("latin", "cyrillic", "greek", "hebrew", "georgian"):
        assert SCRIPTS[script].strip() in page
    longest = {name: [text[:300].strip()] * count for name, count in most.items()}
    with pytest.raises(ExportRefused, match="one page"):
        alert_files(alert(overview=text[:600].strip(), **longest))


def test_every_letter_that_is_said_to_have_a_glyph_has_one() -> None:
    spans = [one.partition("-") for one in RANGES.split()]
    letters = [chr(number) for first, _, last in spans for number in range(int(first, 16), int(last or first, 16) + 1)]
    parts = [{"title": "All", "lines": [" ".join(letters)]}]
    data = {"title": "t", "date": {"year": 2024, "month": 7, "day": 6}, "parts": parts}
    assert len(letters) > 7000 and printable_in(letters) == [visible(one) for one in letters]
    assert _compiled(FOLDER / "notice.typ", FOLDER, data, datetime(2024, 7, 6, tzinfo=UTC)).startswith(b"%PDF-")


@pytest.mark.parametrize("blank", ["\u200b", "\u2060\u3164", "\u2800", "\u200f\u00ad"], ids=range(4))
def test_a_block_in_which_nothing_is_seen_is_empty(blank: str) -> None:
    for block, member in (("overview", blank), ("impact", [blank]), ("actions", [blank]), ("recommendations", [blank])):
        with pytest.raises(ExportRefused) as refused:
            alert_files(alert(**({block: member} | ({"figures": ()} if block == "impact" else {}))))
        assert refused.value.data["blocks"] == [block]


def test_600_characters_and_not_one_more() -> None:
    assert alert(overview="é" * 600)
    with pytest.raises(ValueError, match="overview"):
        alert(overview="é" * 601)
