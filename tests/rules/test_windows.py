"""Silence windows: the published French values, each edge to the second, clock changes, overseas, draft rules."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from server.rules.catalogue import shipped
from server.rules.elections import Election
from server.rules.errors import RuleError
from server.rules.packs import parse_pack
from server.rules.posttimes import PostTime, best_time
from server.rules.windows import SilenceWindow, instants, judge, silence_rules

SECOND_ROUND = date(2024, 7, 7)
START = datetime(2024, 7, 5, 22, 0, tzinfo=UTC)
END = datetime(2024, 7, 7, 18, 0, tzinfo=UTC)


def french(territory: str = "FR-MET") -> SilenceWindow:
    return shipped().silence["FR-L49"].window(territory, SECOND_ROUND)


def at(moment: datetime, precision_s: float = 0.001) -> PostTime:
    return PostTime(moment, "platform_id", precision_s)


def test_the_french_window_of_7_july_2024() -> None:
    window = french()
    assert (window.start, window.end, window.verified) == ((START, START), (END, END), True)


def test_martinique_votes_on_saturday_and_is_a_draft() -> None:
    window = french("FR-MQ")
    assert window.start[0] == datetime(2024, 7, 5, 4, 0, tzinfo=UTC)
    verdict = judge(window, at(datetime(2024, 7, 5, 12, 0, tzinfo=UTC)))
    assert verdict.place == "in" and not verdict.can_confirm and "draft" in verdict.reason
    assert judge(french(), at(datetime(2024, 7, 5, 12, 0, tzinfo=UTC))).place == "out"


@pytest.mark.parametrize(
    ("moment", "place"),
    [
        (START - timedelta(seconds=1), "out"),
        (START, "unknown"),
        (START + timedelta(seconds=1), "in"),
        (END - timedelta(seconds=1), "in"),
        (END, "unknown"),
        (END + timedelta(seconds=1), "out"),
    ],
)
def test_the_edges_to_the_second(moment: datetime, place: str) -> None:
    verdict = judge(french(), at(moment))
    assert verdict.place == place
    assert verdict.margin_s == pytest.approx(0.999 if place != "unknown" else 0)
    assert verdict.can_confirm == (place != "unknown")


def test_an_exact_time_on_an_edge_is_decided_start_in_end_out() -> None:
    assert judge(french(), at(START, 0)).place == "in"
    assert judge(french(), at(END, 0)).place == "out"


def test_a_day_that_ends_where_a_window_begins_or_ends_is_unknown() -> None:
    for edge in (START, END):
        assert judge(french(), at(edge - timedelta(hours=12), 43_200)).place == "unknown"
        assert judge(french(), at(edge - timedelta(hours=12), 43_199)).place == ("out" if edge == START else "in")


@pytest.mark.parametrize(
    ("edge", "inwards"), [(datetime(2024, 7, 5, 4, 0, tzinfo=UTC), 1), (datetime(2024, 7, 7, 0, 0, tzinfo=UTC), -1)]
)
def test_martinique_to_the_second_on_saturday_by_its_own_clock(edge: datetime, inwards: int) -> None:
    """It votes on Saturday the 6th until 20:00 local time, four hours behind UTC: the mainland's window begins inside its."""
    window = french("FR-MQ")
    assert edge in (window.start[0], window.end[0])
    for seconds, place in ((inwards, "in"), (-inwards, "out")):
        verdict = judge(window, at(edge + timedelta(seconds=seconds)))
        assert (verdict.place, verdict.can_confirm) == (place, False) and "draft" in verdict.reason
    assert judge(french(), at(edge + timedelta(seconds=inwards))).place == ("out" if inwards > 0 else "in")


@pytest.mark.parametrize("precision_s", [2, 60, 3600, 86_400])
def test_a_precision_that_straddles_an_edge_is_unknown(precision_s: float) -> None:
    for edge in (START, END):
        for away in (-precision_s + 1, 0, precision_s - 1):
            verdict = judge(french(), at(edge + timedelta(seconds=away), precision_s))
            assert verdict.place == "unknown" and not verdict.can_confirm


def test_a_precision_wider_than_the_window_is_unknown_even_in_its_middle() -> None:
    assert judge(french(), at(START + (END - START) / 2, 7 * 86_400)).place == "unknown"


def test_a_formula_that_was_never_compared_does_not_confirm() -> None:
    posted = PostTime(START + timedelta(hours=1), "platform_id", 1, "…", compared=False)
    verdict = judge(french(), posted)
    assert verdict.place == "in" and not verdict.can_confirm


def of_a_day(day: date, hour_utc: int) -> PostTime:
    """A post whose id, by a formula never compared, says an hour of a day that its page shows in Paris."""
    noon = datetime(day.year, day.month, day.day, 10, 0, tzinfo=UTC)
    said = PostTime(noon.replace(hour=hour_utc), "platform_id", 1, "…", compared=False)
    found = best_time([said, PostTime(noon, "displayed", 43_200)])
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("day", "hour_utc", "place", "margin_h"),
    [
        (date(2024, 7, 4), 10, "out", 24),  # the day says so by itself
        (date(2024, 7, 5), 21, "unknown", 1),  # an hour before the start by the id: the day ends on the edge
        (date(2024, 7, 6), 10, "in", 0),  # the whole day lies in it
        (date(2024, 7, 7), 17, "unknown", 1),  # an hour before the end by the id
        (date(2024, 7, 7), 19, "unknown", 1),  # an hour after it
        (date(2024, 7, 8), 10, "out", 4),
    ],
)
def test_a_day_that_agrees_with_an_id_decides_no_more_than_the_day(day: date, hour_utc: int, place: str, margin_h: int) -> None:
    verdict = judge(french(), of_a_day(day, hour_utc))
    assert (verdict.place, verdict.can_confirm) == (place, place != "unknown")
    assert verdict.margin_s == pytest.approx(margin_h * 3600, abs=1), "of an unknown: how far from the edge the id puts it"
    assert (verdict.source, verdict.precision_s) == ("displayed", 43_200) and verdict.beside.startswith("platform_id 2024-07-0")
    if place == "unknown":
        assert verdict.reason.endswith("it lies in it" if day.day == 7 and hour_utc == 17 else "it lies outside")


def rule(
    tz: str, *, starts_at: str = "00:00", ends_at: str = "20:00", day: date = date(2024, 10, 27), status: str = "verified"
) -> SilenceWindow:
    text = f"""
pack: silence
version: "1"
rules:
  - id: X
    jurisdiction: X
    election_type: any
    start_days: 1
    starts_at: "{starts_at}"
    source: s
    status: verified
    verified_by: v
    verified_on: 2024-01-01
    territories:
      - {{code: X, name: X, tz: {tz}, ends_at: "{ends_at}", status: {status}}}
"""
    return silence_rules(parse_pack(text.encode()))[0].window("X", day)


def test_the_night_the_clocks_are_set_back_makes_the_window_an_hour_longer() -> None:
    window = rule("Europe/Warsaw")
    assert window.end[0] - window.start[0] == timedelta(hours=24 + 20 + 1)


def test_the_night_the_clocks_are_set_forward_makes_the_window_an_hour_shorter_and_its_edges_hold() -> None:
    window = rule("Europe/Warsaw", day=date(2024, 3, 31))
    assert window.end[0] - window.start[0] == timedelta(hours=24 + 20 - 1)
    for edge, inwards in ((datetime(2024, 3, 29, 23, 0, tzinfo=UTC), 1), (datetime(2024, 3, 31, 18, 0, tzinfo=UTC), -1)):
        places = [judge(window, at(edge + timedelta(seconds=seconds))).place for seconds in (inwards, -inwards)]
        assert places == ["in", "out"], "20:00 is by summer time, the start by winter time"


def test_the_edges_hold_to_the_second_in_the_night_the_clocks_are_set_back() -> None:
    window = rule("Europe/Warsaw")
    for edge, inwards in ((datetime(2024, 10, 25, 22, 0, tzinfo=UTC), 1), (datetime(2024, 10, 27, 19, 0, tzinfo=UTC), -1)):
        places = [judge(window, at(edge + timedelta(seconds=seconds))).place for seconds in (inwards, -inwards)]
        assert places == ["in", "out"]


def test_a_local_time_that_occurs_twice_is_unknown_between_its_two_moments() -> None:
    window = rule("Europe/Warsaw", ends_at="02:30")
    assert window.end[1] - window.end[0] == timedelta(hours=1)
    assert judge(window, at(window.end[0] + timedelta(minutes=30))).place == "unknown"
    assert judge(window, at(window.end[0] - timedelta(seconds=1))).place == "in"
    assert judge(window, at(window.end[1] + timedelta(seconds=1))).place == "out"


def test_a_local_time_that_is_skipped_is_the_moment_after_the_gap() -> None:
    skipped = instants(datetime(2024, 3, 31, 2, 30), ZoneInfo("Europe/Warsaw"))
    assert skipped == (datetime(2024, 3, 31, 1, 0, tzinfo=UTC),) * 2
    midnight = instants(datetime(2024, 4, 26, 0, 0), ZoneInfo("Africa/Cairo"))
    assert midnight == (datetime(2024, 4, 25, 22, 0, tzinfo=UTC),) * 2


def test_only_the_french_mainland_is_verified() -> None:
    verified = {
        (rule.id, place.code)
        for rule in shipped().silence.values()
        for place in rule.territories
        if rule.provenance.status == place.status == "verified"
    }
    assert verified == {("FR-L49", "FR-MET")}


@pytest.mark.parametrize(("status", "confirms"), [("verified", True), ("draft", False)])
def test_the_same_post_confirms_under_a_verified_rule_and_not_under_a_draft(status: str, confirms: bool) -> None:
    verdict = judge(rule("Europe/Warsaw", status=status), at(datetime(2024, 10, 27, 10, 0, tzinfo=UTC)))
    assert (verdict.place, verdict.can_confirm) == ("in", confirms)


def test_a_rule_holds_from_its_first_day_on() -> None:
    law = shipped().silence["FR-L49"]
    assert law.window("FR-MET", date(2011, 4, 16)).verified
    for territory, day in (("FR-MET", date(2011, 4, 15)), ("FR-MQ", date(2011, 4, 16))):
        with pytest.raises(RuleError, match="in force"):
            law.window(territory, day)


def test_a_rule_that_was_not_in_force_or_lacks_the_territory_gives_no_window() -> None:
    law = shipped().silence["FR-L49"]
    with pytest.raises(RuleError, match="in force"):
        law.window("FR-MET", date(2007, 4, 22))
    with pytest.raises(RuleError, match="territory"):
        law.window("FR-XX", SECOND_ROUND)


def test_an_annulled_election_keeps_its_window_and_its_rerun_has_another() -> None:
    known = shipped().elections
    first, again = known["RO-2024-PRES-R1"], known["RO-2025-PRES-R1"]
    law = shipped().silence["RO-SILENCE"]
    old, new = law.window("RO", first.poll_day), law.window("RO", again.poll_day)
    posted = at(datetime(2024, 11, 24, 10, 0, tzinfo=UTC))
    assert (judge(old, posted).place, judge(new, posted).place) == ("in", "out")
    for window, begins, ends in (
        (old, datetime(2024, 11, 23, 5, 0, tzinfo=UTC), datetime(2024, 11, 24, 19, 0, tzinfo=UTC)),
        (new, datetime(2025, 5, 3, 4, 0, tzinfo=UTC), datetime(2025, 5, 4, 18, 0, tzinfo=UTC)),
    ):
        second = timedelta(seconds=1)
        told = [judge(window, at(one)).place for one in (begins - second, begins + second, ends - second, ends + second)]
        assert told == ["out", "in", "in", "out"]
    assert first.state == "annulled" and first.successor == again.id
    assert isinstance(first, Election)
