"""Every language is complete: the same texts and places for numbers, nothing left in English, nothing too wide."""

import json
import re
from typing import Any

import pytest

from tests.e2e.chromium import Chromium
from tests.e2e.processes import REPOSITORY
from tests.extension.ui.pages import PROOF, expect_drawn, item, opened, show

LOCALES = REPOSITORY / "extension" / "_locales"
LANGUAGES = ["cs", "de", "fr", "pl", "ro", "ru", "uk"]
CYRILLIC = {"ru", "uk"}
CHROME_DESCRIPTION_CHARS = 132
#: Texts that may read the same in another language: names, and words that languages share.
SHARED = {"extensionName", "popup_title", "region_size", "about_version", "about_build", "label_political_ad_sponsor"}
SHORT_WORDS = 2

PRETEND = """(messages) => {
  chrome.i18n.getMessage = (key, values = []) => {
    const found = messages[key];
    if (found === undefined) return "";
    return found.message.replace(/\\$A(\\d)\\$/g, (_, at) => [values].flat()[at - 1] ?? "");
  };
}"""

OVER_LIMIT = """() => chrome.storage.local.set({
  autoBegun: { "busy.example": Array(60).fill(Date.now() - 60_000) },
  autoOver: { "busy.example": { missed: 7, lastAt: Date.now() } },
})"""

TOO_WIDE = """() => {
  const wide = [...document.querySelectorAll("body *")].filter((node) => node.checkVisibility() && !node.closest("select")
    && getComputedStyle(node).display !== "inline" && getComputedStyle(node).overflowX === "visible"
    && node.clientWidth > 0 && node.scrollWidth > node.clientWidth + 1)
    .map((node) => `${node.localName}#${node.id}: ${node.textContent.trim().slice(0, 60)}`);
  return document.documentElement.scrollWidth > innerWidth ? [...wide, "the page"] : wide;
}"""


def messages(language: str) -> dict[str, dict[str, Any]]:
    return dict(json.loads((LOCALES / language / "messages.json").read_text("utf-8")))


def used_places(message: dict[str, Any]) -> set[str]:
    return {name.lower() for name in re.findall(r"\$(\w+)\$", message["message"])}


def test_these_are_all_languages() -> None:
    assert sorted(path.name for path in LOCALES.iterdir()) == sorted([*LANGUAGES, "en"])


@pytest.mark.parametrize("language", [*LANGUAGES, "en"])
def test_a_language_has_the_texts_and_places_of_english(language: str) -> None:
    english, other = messages("en"), messages(language)
    assert sorted(set(english) ^ set(other)) == []
    for key, message in other.items():
        assert message["message"].strip() == message["message"] != "", key
        assert used_places(message) == used_places(english[key]), key
        assert message.get("placeholders", {}) == english[key].get("placeholders", {}), key
        assert set(message.get("placeholders", {})) == used_places(message), key
        assert not re.search(r"\$(?!\w+\$)", re.sub(r"\$\w+\$", "", message["message"])), f"{key}: a stray dollar sign"
    assert len(other["extensionDescription"]["message"]) <= CHROME_DESCRIPTION_CHARS


@pytest.mark.parametrize("language", LANGUAGES)
def test_nothing_is_left_in_english(language: str) -> None:
    english, other = messages("en"), messages(language)
    left = [
        key
        for key, message in other.items()
        if key not in SHARED and message["message"] == english[key]["message"] and len(message["message"].split()) > SHORT_WORDS
    ]
    assert left == []
    if language in CYRILLIC:
        without = [
            key for key, message in other.items() if key not in SHARED and not re.search("[а-яіїєґё]", message["message"].lower())
        ]
        assert without == []


@pytest.mark.browser
@pytest.mark.parametrize("language", LANGUAGES)
def test_no_text_runs_out_of_its_place(browser: Chromium, language: str) -> None:
    """In the popup, which is narrow, with its forms open; and in the queue and the settings on a narrow screen."""
    items = [
        item("1", state="sealed", committed=PROOF, sealed=PROOF),
        item("2", state="uploading", committed=PROOF, retryAt=4_000_000_000_000, reason="unreachable"),
        item("3", state="failed", reason="former_key"),
    ]
    for page_name in ("popup.html?start=0", "queue.html", "options.html", "seen.html?ask=none"):
        for page in opened(browser, page_name):
            page.evaluate(OVER_LIMIT)
            page.add_init_script(f"({PRETEND})({json.dumps(messages(language))})")
            page.set_viewport_size({"width": 380, "height": 700})
            if page_name.startswith(("options", "seen")):
                page.reload()
                expect_drawn(page)
            else:
                show(page, *items)
            page.evaluate("document.querySelectorAll('details').forEach((part) => { part.open = true; })")
            title = page.title()
            assert title in {
                messages(language)[key]["message"] for key in ("popup_title", "queue_page_title", "options_title", "seen_title")
            }
            assert page.evaluate(TOO_WIDE) == []
            page.evaluate("chrome.storage.local.remove('askLabels')")
