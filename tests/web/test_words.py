"""Times, rules and units as pages say them: as exact as they are known, in words, one thing not called by its plural."""

import math
from datetime import UTC, datetime

import pytest

from server.rules.catalogue import shipped
from server.web.pages.render import exact_time, human_span, stored_time
from server.web.pages.rule_words import election_name, territory_name
from server.web.texts import Texts


def test_a_time_beside_its_precision_is_not_cut_to_seconds() -> None:
    at = datetime(2023, 12, 15, 20, 55, 23, 969_000, tzinfo=UTC)
    assert exact_time(at) == "2023-12-15 20:55:23.969 UTC"
    assert exact_time(at.replace(microsecond=0)) == "2023-12-15 20:55:23 UTC"


@pytest.mark.parametrize(
    ("stored", "shown"),
    [
        ("2023-12-15T20:55:23.969000+00:00", "2023-12-15 20:55:23.969 UTC"),
        ("2024-07-08T09:00:00Z", "2024-07-08 09:00:00 UTC"),
        ("2024-07-08T11:00:00+02:00", "2024-07-08 09:00:00 UTC"),
        ("2024-07-08T09:00:00", "2024-07-08T09:00:00"),
        ("on the eve", "on the eve"),
    ],
    ids=["thousandths", "utc", "another zone", "no zone: nobody guesses one", "no time"],
)
def test_a_stored_time_is_shown_in_utc_or_as_it_was_written(stored: str, shown: str) -> None:
    assert stored_time(stored) == shown


def test_a_stored_time_can_be_shown_to_the_second() -> None:
    assert stored_time("2024-07-08T09:00:00.379Z", exact=False) == "2024-07-08 09:00:00 UTC"


def test_a_rule_s_places_and_elections_have_names_and_unknown_ids_stay() -> None:
    assert territory_name("FR-MET", "FR-L49") == "Mainland France"
    assert (territory_name("FR-XX", "FR-L49"), territory_name("FR-MET", "FR-0")) == ("FR-XX", "FR-MET")
    known = next(iter(shipped().elections.values()))
    assert (election_name(known.id), election_name("XX-1")) == (known.title, "XX-1")


def test_every_unit_that_is_counted_has_a_word_for_one() -> None:
    texts = Texts("en")
    for unit in ("findings", "posts", "ads", "images", "instances", "accounts", "channels"):
        assert texts.get(f"unit_one.{unit}") not in (f"unit_one.{unit}", texts.get(f"unit.{unit}"))


@pytest.mark.parametrize(
    ("seconds", "least", "most"),
    [
        (0, "0 s", "0 s"),
        (0.0004, "< 0.001 s", "0.001 s"),
        (0.001, "0.001 s", "0.001 s"),
        (2.3, "2.3 s", "2.3 s"),
        (13.85547, "13.855 s", "13.856 s"),
        (59.9996, "59.999 s", "1 min"),
        (60, "1 min", "1 min"),
        (13_813.85547, "3 h 50 min 13 s", "3 h 50 min 14 s"),
        (43_200.0, "12 h", "12 h"),
        (3_600_000, "1,000 h", "1,000 h"),
    ],
)
def test_a_span_reads_as_people_say_it_and_no_bound_says_more_than_is_known(seconds: float, least: str, most: str) -> None:
    assert (human_span(seconds, math.floor), human_span(seconds, math.ceil)) == (least, most)
    assert human_span(seconds) in (least, most)
