"""A notice took effect where somebody saw it: list, export and table of times are of the same events."""

import uuid
from collections.abc import Iterable
from itertools import product
from typing import Any

import pytest

from server.notices.bodies import Drafted
from server.notices.state import Entry, standing_of
from tests.notices.said import END, URL, decided, looked, sent
from tests.notices.test_timing import LABELLED, REMOVED, timed

LOOKS: list[tuple[str, list[Any], str]] = [
    ("gone at the first look", [looked("07-06 13:00", "removed_by_platform")], "sent"),
    ("a look that may have been before", [looked("07-06 11:00", "online"), looked("07-06 12:00", "removed_by_platform")], "sent"),
    ("seen there first", [looked("07-06 13:00", "online"), looked("07-06 14:00", "removed_by_platform")], "effective"),
    ("said and seen", [decided("07-06 13:00", REMOVED), looked("07-06 14:00", "removed_by_platform")], "effective"),
    ("said alone", [decided("07-06 13:00", REMOVED)], "decided"),
    (
        "gone in another country",
        [looked("07-06 13:00", "online"), looked("07-06 14:00", "geo_blocked", country="DE")],
        "sent",
    ),
    ("a block said and seen", [decided("07-06 13:00", "GEO_BLOCKED"), looked("07-06 14:00", "geo_blocked")], "effective"),
    (
        "a label said and gone before a look",
        [decided("07-06 13:00", LABELLED), looked("07-06 14:00", "account_suspended")],
        "decided",
    ),
    (
        "a measure from before the notice",
        [decided("07-06 13:00", REMOVED, applied="07-05 12:00"), looked("07-06 14:00", "removed_by_platform")],
        "decided",
    ),
    (
        "gone before the measure that is said",
        [looked("07-06 13:00", "removed_by_platform"), decided("07-06 15:00", REMOVED, applied="07-06 14:00")],
        "decided",
    ),
    (
        "said and contradicted",
        [
            decided("07-06 14:00", REMOVED, applied="07-06 13:00"),
            looked("07-06 15:00", "online", country="DE"),
            looked("07-06 16:00", "geo_blocked"),
        ],
        "decided",
    ),
    (
        "another country between",
        [
            looked("07-06 13:00", "online", country="DE"),
            looked("07-06 14:00", "geo_blocked"),
            looked("07-06 15:00", "removed_by_platform", country="DE"),
        ],
        "effective",
    ),
    (
        "there in one country, said, and gone in another",
        [
            looked("07-06 11:00", "online", country="DE"),
            decided("07-06 13:00", "DECISION_VISIBILITY_CONTENT_DISABLED"),
            looked("07-06 14:00", "geo_blocked"),
        ],
        "effective",
    ),
    ("gone all along", [looked("07-06 11:00", "removed_by_platform"), looked("07-06 13:00", "removed_by_platform")], "sent"),
]


DRAFT = Drafted.model_validate({"title": "t", "items": [{"url": URL}]})
SENT = sent()


def state_of(events: Iterable[Any]) -> str:
    written = [Entry(seq, body, uuid.UUID(int=0), END) for seq, body in enumerate([DRAFT, SENT, *events], 1)]
    return str(standing_of(written).state)


@pytest.mark.parametrize(("events", "state"), [one[1:] for one in LOOKS], ids=[one[0] for one in LOOKS])
def test_a_notice_took_effect_where_the_table_counts_an_action_that_was_seen(events: list[Any], state: str) -> None:
    """The word on the list and the figure in the table are of the same events: neither says more than the other."""
    assert state_of(events) == state
    assert state != "effective" or timed(*events).outcome == "acted"


ANSWERS = (
    decided("07-06 15:30", REMOVED),
    decided("07-06 15:30", REMOVED, applied="07-05 12:00"),
    decided("07-06 15:30", REMOVED, applied="07-06 13:30"),
    decided("07-06 15:30", "GEO_BLOCKED"),
    decided("07-06 15:30", LABELLED, applied="07-06 13:30"),
    decided("07-06 15:30", "NO_VIOLATION"),
)


def test_of_every_order_of_three_looks_list_and_table_say_the_same() -> None:
    """Looks from two countries, the first of them before the sending, at it or after it, with every kind of answer."""
    words = [(word, country) for word in ("online", "removed_by_platform", "geo_blocked") for country in ("FR", "DE")]
    said = {
        (clock, word, country): looked(f"07-06 {clock}", word, country=country)
        for clock in ("11:00", "12:00", "13:00", "14:00", "15:00")
        for word, country in words
    }
    for first in ("11:00", "12:00", "13:00"):
        for found in product(words, repeat=3):
            looks = [said[clock, *one] for clock, one in zip((first, "14:00", "15:00"), found, strict=True)]
            assert (state_of(looks) == "effective") == (timed(*looks).outcome == "acted"), (first, found)
            for answer in ANSWERS:
                if state_of([*looks, answer]) == "effective":
                    assert timed(*looks, answer).outcome == "acted", (first, found, answer.decisions)
