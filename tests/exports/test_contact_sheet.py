"""The contact sheet of a cluster as PDF: ids and addresses are found in it as they are, and nothing is told that is not so."""

import io
from dataclasses import replace
from datetime import UTC, datetime

import pypdf

from server.web.pages.sheet import Sheet, SheetMember, SheetSighting, sheet_pdf
from server.web.pages.sheet_view import SHEET_WORDS
from server.web.texts import Texts

DIGEST, CAPTURE = "0123456789abcdef" * 4, "fedcba9876543210" * 4
ADDRESS = "https://social.example/@anon4471/1893345670000000001?utm_source=" + "x1y2z3" * 30
WORDS = {name: Texts("en").get(key) for name, key in SHEET_WORDS.items()}
SHEET = Sheet(
    title="Contact sheet",
    subtitle="1 image",
    notes=("A note.", "Another one."),
    foot="Working copies.",
    made_at=datetime(2024, 7, 6, tzinfo=UTC),
    counts=(("Images", "1"),),
    thumbnail=b"",
    members=(SheetMember(DIGEST, "Known by this picture", "JPEG, 640 × 480", "", (), b""),),
    sightings=(SheetSighting("2024-07-06 10:00:00 UTC", "A title", ADDRESS, "in the page", "@a · 1735765521595875777", CAPTURE),),
    elsewhere=(SheetSighting("2024-07-07 10:00:00 UTC", "1 · offer.wacz", "", "Made by, according to: a reader", "", ""),),
)


def text_of(sheet: Sheet) -> str:
    return "".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(sheet_pdf(sheet, WORDS))).pages)


def test_hashes_ids_and_addresses_can_be_copied_out_of_the_sheet() -> None:
    text = text_of(SHEET)
    whole = text.replace("\n", "")
    assert DIGEST in text and "\u200b" not in text, "no letter stands between the letters of an id"
    assert CAPTURE in whole and ADDRESS in whole and "1735765521595875777" in text


def test_what_was_made_elsewhere_stands_under_a_heading_of_its_own_and_not_as_captured() -> None:
    captured, _, elsewhere = text_of(SHEET).partition("In files made elsewhere")
    assert "A title" in captured and "offer.wacz" not in captured
    assert "No browser of this service saw the picture there." in elsewhere and "offer.wacz" in elsewhere
    assert "Received" in elsewhere and "Captured" not in elsewhere


def test_a_sheet_without_a_sighting_says_so() -> None:
    text = text_of(replace(SHEET, sightings=(), elsewhere=()))
    assert "Nowhere yet." in text and "In files made elsewhere" not in text and "Captured" not in text
