"""Notices: each thing that the law asks for refused by its name, the JSON held to the published schema, every letter printed."""

import io
import json
import uuid
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import jsonschema
import pypdf
import pytest

from server.exports.documents.notice import (
    BONA_FIDE,
    CATEGORY,
    SCHEMA,
    TITLES,
    Ground,
    Item,
    Notice,
    is_exact,
    item_lines,
    notice_files,
)
from server.exports.documents.values import canonical
from server.exports.errors import ExportRefused
from server.exports.notices import item_of
from tests.exports.rows import confirmed

WORDS = "Stačilo! Călin Georgescu Подписка ă ț ł č"
AT = datetime(2024, 7, 6, 10, 0, tzinfo=UTC)
ITEM = Item(
    finding="F-1", finding_id="00000000-0000-4000-8000-000000000001", url="https://x.example/a/status/1735765521595875777",
    platform="x", platform_content_id="1735765521595875777", facts="A call to vote.", posted_at=AT, captured_at=None,
    captures=("ab" * 32,),
)  # fmt: skip
GROUND = Ground(id="fr/l49", jurisdiction="FR", instrument="Code électoral", article="L49 al. 2", title="No propaganda")


def notice(**changes: Any) -> str:
    values: dict[str, Any] = {
        "kind": "dsa_notice", "title": TITLES["dsa_notice"], "notice_id": "00000000-0000-4000-8000-000000000002",
        "created_at": AT,
        "provider": "A platform", "service": "", "items": (ITEM,), "content_type": "CONTENT_TYPE_TEXT", "category": CATEGORY,
        "notifier": {"name": "A person", "email": "desk@network.example", "organisation": ""}, "grounds": (GROUND,),
        "category_specification": ("KEYWORD_VIOLATION_NATIONAL_LAW",), "explanation": f"It was posted on the eve. {WORDS}",
        "requested_action": "", "territorial_scope": ("FR",), "bona_fide": True, "bona_fide_text": BONA_FIDE,
    }  # fmt: skip
    return canonical(Notice(**(values | changes)))


def validator() -> jsonschema.Draft202012Validator:
    schema = json.loads(SCHEMA.read_bytes())
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def test_the_notice_is_whole_in_pdf_text_and_json() -> None:
    files = notice_files(notice())
    assert set(files) == {"notice.pdf", "notice.txt", "notice.json", "notice.schema.json"}
    page = " ".join("".join(one.extract_text() + " " for one in pypdf.PdfReader(io.BytesIO(files["notice.pdf"])).pages).split())
    text = " ".join(files["notice.txt"].decode().split())
    for words in (WORDS, "Article 16", "desk@network.example", "L49 al. 2", "good-faith belief", "1735765521595875777"):
        assert words in page and words in text, words
    validator().validate(json.loads(files["notice.json"]))
    assert notice_files(notice()) == files


def test_an_address_longer_than_a_line_is_printed_to_its_end() -> None:
    url = "https://x.example/" + "z" * 600 + "END"
    files = notice_files(notice(items=(ITEM.model_copy(update={"url": url}),)))
    lines = pypdf.PdfReader(io.BytesIO(files["notice.pdf"])).pages[0].extract_text().splitlines()
    assert max(len(line) for line in lines) < 130, "no line is wider than the paper"
    assert url in "".join(lines).replace("\u200b", "")


def test_the_policy_report_claims_no_law() -> None:
    policy = GROUND.model_copy(update={"instrument": "A platform's rule on impersonation", "article": "", "jurisdiction": "any"})
    files = notice_files(notice(kind="policy_report", title=TITLES["policy_report"], grounds=(policy,)))
    text = files["policy-report.txt"].decode()
    assert "Article 16" not in text and "illegal" not in text.lower() and "platform's own rules" in text
    validator().validate(json.loads(files["policy-report.json"]))


REFUSED: list[tuple[str, dict[str, Any]]] = [
    ("legal_basis", {"grounds": ()}),
    ("policy_basis", {"grounds": (), "kind": "policy_report"}),
    ("ground_too_long", {"grounds": (GROUND.model_copy(update={"title": "x" * 500}),)}),
    ("name", {"notifier": {"name": "", "email": "desk@network.example", "organisation": ""}}),
    ("email", {"notifier": {"name": "n", "email": "", "organisation": ""}}),
    ("email", {"notifier": {"name": "n", "email": "desk at network", "organisation": ""}}),
    ("email", {"notifier": {"name": "n", "email": "desk@network", "organisation": ""}}),
    ("email", {"notifier": {"name": "n", "email": "a@b.example, c@d.example", "organisation": ""}}),
    ("name", {"notifier": {"name": "  ", "email": "desk@network.example", "organisation": ""}}),
    ("explanation", {"explanation": ""}),
    ("explanation", {"explanation": " \n\t "}),
    ("explanation_too_long", {"explanation": "é" * 2001}),
    ("items", {"items": ()}),
    ("too_many_items", {"items": (ITEM,) * 51}),
    ("exact_url", {"items": (ITEM.model_copy(update={"url": "https://x.example/search?q=vote"}),)}),
    ("exact_url", {"items": (ITEM.model_copy(update={"url": ""}),)}),
    ("bona_fide", {"bona_fide": False}),
]


@pytest.mark.parametrize(("code", "changes"), REFUSED)
def test_what_is_missing_is_refused_by_its_name(code: str, changes: dict[str, Any]) -> None:
    with pytest.raises(ExportRefused) as refused:
        notice_files(notice(**changes))
    assert [one.partition(":")[0] for one in refused.value.data["missing"]] == [code]
    if code != "ground_too_long" and changes.get("notifier", {}).get("email") not in ("desk at network", "desk@network"):
        said = [error.json_path for error in validator().iter_errors(json.loads(notice(**changes)))]
        assert said or code == "exact_url", "the schema refuses it too"


def test_what_lies_on_each_limit_is_taken() -> None:
    taken = GROUND.model_copy(update={"title": "x" * (500 - len(GROUND.words) + len(GROUND.title))})
    assert len(taken.words) == 500
    for changes in ({"grounds": (taken,)}, {"items": (ITEM,) * 50}, {"explanation": "é" * 2000}):
        assert notice_files(notice(**changes)), changes.keys()
    over = taken.model_copy(update={"title": taken.title + "x"})
    for changes, code in (({"grounds": (over,)}, "ground_too_long"), ({"items": (ITEM,) * 51}, "too_many_items"),
                          ({"explanation": "é" * 2001}, "explanation_too_long")):  # fmt: skip
        with pytest.raises(ExportRefused) as refused:
            notice_files(notice(**changes))
        assert [one.partition(":")[0] for one in refused.value.data["missing"]] == [code]


def test_one_address_that_is_not_exact_is_named_among_many() -> None:
    items = [ITEM.model_copy(update={"finding": f"F-{number}"}) for number in range(1, 4)]
    items[1] = items[1].model_copy(update={"url": "https://x.example/explore"})
    with pytest.raises(ExportRefused) as refused:
        notice_files(notice(items=tuple(items)))
    assert refused.value.data["missing"] == ["exact_url: F-2"]


def test_everything_missing_is_said_at_once() -> None:
    with pytest.raises(ExportRefused) as refused:
        notice_files(notice(grounds=(), explanation="", bona_fide=False))
    assert refused.value.data["missing"] == ["legal_basis", "explanation", "bona_fide"]


@pytest.mark.parametrize(
    ("url", "exact"),
    [
        ("https://x.example/a/status/1", True), ("https://video.example/watch?v=abc", True), ("https://x.example/@account", True),
        ("https://www.linkedin.com/feed/update/urn:li:activity:7433805796212744191/", True),
        ("https://www.linkedin.com/feed/update/", False), ("https://www.linkedin.com/feed/", False),
        ("https://www.youtube.com/feed/trending", False), ("https://x.example/i/search?q=a", False),
        ("https://x.example/home.php", False), ("https://x.example/search.php?q=a", False),
        ("https://x.example/", False), ("https://x.example", False), ("https://x.example/search?q=a", False),
        ("https://x.example/hashtag/a", False), ("https://x.example/results?search_query=a", False),
        ("https://x.example/explore", False),
        ("", False), ("x.example/a/1", False), ("javascript:alert(1)", False), ("https://[x/a", False),
        ("https://x.example/a b", False),
    ],
)  # fmt: skip
def test_an_exact_address_is_no_start_page_no_feed_and_no_search(url: str, exact: bool) -> None:
    assert is_exact(url) is exact


def test_a_time_is_printed_as_exact_as_it_is_known() -> None:
    """Noon of a day that is all that is known is no time of posting; a notice frozen before keeps its text."""
    day = {"value": "2024-07-06T12:00:00Z", "source": "displayed", "precision_s": 43_200.0}
    item = Item.model_validate(item_of(confirmed(1, posted_at=[day])))
    assert "posted 2024-07-06 12:00:00 UTC ± 43200 s" in item_lines(item)[1]
    files = notice_files(notice(items=(item,)))
    assert "± 43200 s" in files["notice.txt"].decode()
    validator().validate(json.loads(files["notice.json"]))
    exact = Item.model_validate(item_of(confirmed(1)))
    assert "±" not in item_lines(exact)[1] and "posted_at_precision_s" not in exact.model_dump(mode="json")


def test_a_time_by_a_formula_that_was_never_compared_says_so() -> None:
    guess = {"value": "2024-07-06T12:00:00Z", "source": "platform_id", "precision_s": 1.0, "compared": False}
    subject = {"platform": "tiktok", "url": "https://x.example/a/1"}
    item = Item.model_validate(item_of(confirmed(1, posted_at=[guess], subject=subject)))
    files = notice_files(notice(items=(item,)))
    assert "12:00:00 UTC (by a formula that was never compared with a published time)" in files["notice.txt"].decode()
    validator().validate(json.loads(files["notice.json"]))
    assert "posted_at_compared" not in Item.model_validate(item_of(confirmed(1))).model_dump(mode="json")


def test_a_notice_says_that_captures_behind_it_were_withdrawn() -> None:
    item = Item.model_validate(item_of(replace(confirmed(1), withdrawn={f"{1:064x}": AT})))
    files = notice_files(notice(items=(item,)))
    assert "1 of 1 captures withdrawn from the case" in files["notice.txt"].decode()
    validator().validate(json.loads(files["notice.json"]))
    assert "captures_withdrawn" not in Item.model_validate(item_of(confirmed(1))).model_dump(mode="json")


def test_a_notice_says_that_archives_behind_it_were_withdrawn() -> None:
    """A finding may rest on them alone: its item has no capture that could say so."""
    archive = uuid.UUID(int=7)
    rests = confirmed(1, captures=[], deposits=[str(archive)], sightings=[])
    files = notice_files(notice(items=(Item.model_validate(item_of(replace(rests, withdrawn={str(archive): AT}))),)))
    assert "no capture · archives made elsewhere withdrawn from the case: 1" in files["notice.txt"].decode()
    validator().validate(json.loads(files["notice.json"]))
    assert "deposits_withdrawn" not in Item.model_validate(item_of(rests)).model_dump(mode="json")


def test_a_time_stated_in_another_zone_is_printed_in_the_zone_that_is_named() -> None:
    """The line says UTC, and the schema wants a Z."""
    there = {"value": "2024-07-06T12:00:00+02:00", "source": "embedded_json", "precision_s": 1}
    item = Item.model_validate(
        item_of(confirmed(1, posted_at=[there], subject={"platform": "x", "url": "https://x.example/a/1"}))
    )
    files = notice_files(notice(items=(item,)))
    assert "posted 2024-07-06 10:00:00 UTC" in files["notice.txt"].decode()
    validator().validate(json.loads(files["notice.json"]))
