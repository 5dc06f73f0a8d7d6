"""The rapid notification: everything a duty desk needs, one platform, no claim of a law, every gap refused by its name."""

import csv
import io
import json
from datetime import UTC, date, datetime
from typing import Any

import pypdf
import pytest

from server.exports.documents.notice import Ground
from server.exports.documents.rapid import Rapid, RapidDraft, RapidItem, rapid_files
from server.exports.documents.values import canonical
from server.exports.errors import ExportRefused
from tests.exports.rows import plain_text

WORDS = "Stačilo! Călin Georgescu Подписка ă ț ł č"
AT = datetime(2024, 7, 6, 10, 0, tzinfo=UTC)
SAID: dict[str, Any] = {
    "platform": "facebook", "organisation": "A network", "signatory_status": "signatory", "contact_name": "The desk",
    "contact_email": "desk@network.example", "urgency": "immediate", "why_now": f"The vote is tomorrow. {WORDS}",
    "findings": [1], "policy_clause": "No impersonation of candidates.",
    "requested_action": "Look at it before the vote", "reach": ["5 to 9 million views per week"],
}  # fmt: skip
ITEM = RapidItem(
    finding="F-1", finding_id="0", url="https://x.example/a/1", platform="facebook", platform_content_id="1735765521595875777",
    facts="A call to vote.", posted_at=AT, captured_at=None, captures=("ab" * 32,), account_id="=1+1", type="impersonation",
    language="ro",
)  # fmt: skip
GROUND = Ground(id="p", jurisdiction="any", instrument="A platform's rule", article="", title="Impersonation")


def rapid(said: dict[str, Any] | None = None, **changes: Any) -> str:
    values: dict[str, Any] = {
        "notification_id": "N-1", "created_at": AT, "tlp": "TLP:AMBER", "election": "An election",
        "poll_day": date(2024, 7, 7), "channel": "facebook-rrs", "channel_status": "draft", "provider": "Meta",
        "said": RapidDraft.model_validate(SAID | {"policy_capture": "ef" * 32} | (said or {})),
        "items": (ITEM,), "grounds": (GROUND,),
    }  # fmt: skip
    return canonical(Rapid.model_validate(values | changes))


def test_the_same_words_stand_in_every_file_and_no_law_is_alleged() -> None:
    files = rapid_files(rapid())
    assert set(files) == {"notification.pdf", "notification.txt", "notification.json", "urls.csv"}
    pages = pypdf.PdfReader(io.BytesIO(files["notification.pdf"])).pages
    paper = " ".join(" ".join(page.extract_text() for page in pages).split())
    text = " ".join(files["notification.txt"].decode().split())
    shown = ("https://x.example/a/1", "1735765521595875777", "The desk", "signatory", "2024-07-07", "5 to 9 million", "TLP:AMBER")
    for words in (
        WORDS,
        *shown,
        "No impersonation of candidates.",
        "A platform's rule",
        "immediate",
        "Look at it before the vote",
    ):
        assert words in paper and words in text, words
    assert "ef" * 32 in text and "ab" * 32 in text and "illegal" not in text.lower()
    [row] = csv.DictReader(io.StringIO(files["urls.csv"].decode()))
    assert plain_text(row["account_id"]) == "=1+1" != row["account_id"] and row["content_id"] == "1735765521595875777"
    assert json.loads(files["notification.json"]) == json.loads(rapid())
    assert rapid_files(rapid()) == files


def test_the_table_of_addresses_says_how_exact_a_time_of_posting_is() -> None:
    day = ITEM.model_copy(update={"posted_at_precision_s": 43_200.0})
    guessed = ITEM.model_copy(update={"posted_at_compared": False})
    table = rapid_files(rapid(items=(ITEM, day, guessed)))["urls.csv"].decode()
    rows = list(csv.DictReader(io.StringIO(table)))
    assert [(one["posted_at_precision_s"], one["posted_at_compared"]) for one in rows] == [("", ""), ("43200.0", ""), ("", "no")]
    gone = ITEM.model_copy(update={"captures_withdrawn": ITEM.captures[:1], "deposits_withdrawn": 2})
    [told] = list(csv.DictReader(io.StringIO(rapid_files(rapid(items=(gone,)))["urls.csv"].decode())))
    assert json.loads(told["captures_withdrawn"]) == [ITEM.captures[0]] and rows[0]["captures_withdrawn"] == ""
    assert (told["deposits_withdrawn"], rows[0]["deposits_withdrawn"]) == ("2", "")
    assert table.startswith("finding,url,platform,account_id,content_id,type,posted_at,language,captures,"), "nothing moved"


REFUSED: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    *((name, {name: ""}, {}) for name in ("organisation", "signatory_status", "urgency", "why_now", "requested_action")),
    ("contact_on_duty", {"contact_name": " "}, {}),
    ("email", {"contact_email": "desk at network"}, {}),
    ("election", {}, {"election": ""}),
    ("no_channel", {}, {"channel": ""}),
    ("policy_clause", {"policy_clause": ""}, {"grounds": ()}),
    ("items", {}, {"items": ()}),
    ("too_many_items", {}, {"items": (ITEM,) * 51}),
    ("other_platform", {}, {"items": (ITEM.model_copy(update={"platform": "x"}),)}),
    ("exact_url", {}, {"items": (ITEM.model_copy(update={"url": "https://x.example/hashtag/a"}),)}),
    ("why_now_too_long", {"why_now": "é" * 2001}, {}),
]


@pytest.mark.parametrize(("code", "said", "changes"), REFUSED)
def test_what_is_missing_is_refused_by_its_name(code: str, said: dict[str, Any], changes: dict[str, Any]) -> None:
    with pytest.raises(ExportRefused) as refused:
        rapid_files(rapid(said, **changes))
    assert [one.partition(":")[0] for one in refused.value.data["missing"]] == [code]


def test_2000_characters_are_taken_and_a_clause_or_a_ground_is_enough() -> None:
    assert rapid_files(rapid({"why_now": "é" * 2000, "policy_clause": ""}))
    assert rapid_files(rapid(grounds=()))
