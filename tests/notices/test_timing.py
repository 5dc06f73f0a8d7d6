"""Times to action are bounds: what was not seen is not known, and an edge of the window is never guessed away."""

import uuid
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.errors import BadInput
from server.notices.admission import Facts, admit
from server.notices.bodies import Corrected, Drafted, Looked, Sent
from server.notices.errors import NoticeRefused
from server.notices.rechecks import due_times
from server.notices.state import Entry, standing_of
from server.notices.table import rule_of
from server.notices.timing import TIMING_RULE, Timed, time_item, time_notice
from server.notices.vocabulary import CHECKS
from server.rules.catalogue import shipped
from tests.notices.said import END, OTHER, URL, at, decided, looked, near_end, sent

REMOVED = "DECISION_VISIBILITY_CONTENT_REMOVED"
LABELLED = "DECISION_VISIBILITY_CONTENT_LABELLED"
HOUR = 3600.0


def timed(*events: Any, of: Sent | None = None, url: str = URL) -> Timed:
    looks = [one for one in events if isinstance(one, Looked)]
    return time_item(url, of or sent(), looks, [one for one in events if not isinstance(one, Looked)])


def test_two_looks_bracket_the_action_and_give_two_times() -> None:
    found = timed(looked("07-06 13:00", "online"), looked("07-07 12:00", "removed_by_platform"))
    assert (found.outcome, found.basis, found.in_window) == ("acted", "seen", "in")
    assert found.seconds == (1 * HOUR, 24 * HOUR)


def test_what_the_first_look_found_gone_may_have_been_gone_before_the_notice() -> None:
    found = timed(looked("07-06 13:00", "account_suspended"))
    assert (found.outcome, found.reason, found.seconds, found.in_window) == ("unknown", "gone_at_first_look", None, "unknown")
    there = timed(looked("07-06 11:30", "online"), looked("07-06 13:00", "account_suspended"))
    assert (there.outcome, there.reason, there.seconds) == ("acted", "", (0, HOUR)), "it was there when the notice was sent"
    told = timed(looked("07-06 13:00", "removed_by_platform"), decided("07-07 09:00", REMOVED))
    assert (told.outcome, told.basis, told.seconds) == ("acted", "stated_and_seen", (0, HOUR)), "the platform says it did it"
    back = timed(looked("07-06 13:00", "removed_by_platform"), looked("07-08 12:00", "online"))
    assert (back.outcome, back.in_window) == ("unknown", "unknown"), "taken away on the notice and put back, or before it"
    twice = timed(looked("07-06 13:00", "geo_blocked"), looked("07-06 14:00", "online"), looked("07-06 15:00", "geo_blocked"))
    assert (twice.outcome, twice.seconds) == ("acted", (0, HOUR)), "it was there after the sending, and gone after that"
    whole = sent(urls=(URL, OTHER))
    first = timed(looked("07-06 13:00", "account_suspended"), of=whole)
    assert time_notice(whole, [first, timed(of=whole, url=OTHER)]).reason == "gone_at_first_look"


@pytest.mark.parametrize(
    ("found", "precision_s", "reason"),
    [
        ("07-06 12:00:30", 30, "look_straddles_sending"),
        ("07-06 12:00:30", 29, ""),
        ("07-06 12:00", 0, "look_straddles_sending"),
    ],
)
def test_a_look_that_may_have_been_before_the_sending_tells_of_no_action(found: str, precision_s: float, reason: str) -> None:
    before = looked("07-06 11:00", "online")
    gone = looked(found, "removed_by_platform", precision_s=precision_s)
    of = sent() if found != "07-06 12:00" else sent(precision_s=60)
    told = timed(before, gone, of=of)
    assert (told.reason, told.outcome) == (reason, "unknown" if reason else "acted")
    later = timed(before, gone, looked("07-06 15:00", "removed_by_platform"), of=of)
    assert later.outcome == told.outcome, "a later look does not say when it went"
    again = timed(before, gone, looked("07-06 14:00", "online"), looked("07-06 15:00", "removed_by_platform"), of=of)
    assert again.outcome == "acted", "it was there again, and went after that"


def test_under_the_first_rule_it_counted_as_acted_and_old_tables_are_counted_by_it() -> None:
    old = time_item(URL, sent(), [looked("07-06 13:00", "account_suspended")], [], rule=1)
    assert (old.outcome, old.reason, old.seconds) == ("acted", "", (0, HOUR))
    assert rule_of('{"in_window":"in"}\n') == 1 and rule_of('{"rule":2}\n') == TIMING_RULE


def test_what_was_stated_sharpens_what_was_seen_and_says_so() -> None:
    seen = (looked("07-06 13:00", "online"), looked("07-07 12:00", "removed_by_platform"))
    found = timed(*seen, decided("07-07 09:00", REMOVED, applied="07-06 18:00"))
    assert (found.basis, found.seconds) == ("stated_and_seen", (6 * HOUR, 6 * HOUR))
    alone = timed(decided("07-07 09:00", REMOVED, applied="07-06 18:00", precision_s=60))
    assert (alone.basis, alone.seconds) == ("stated", (6 * HOUR - 60, 6 * HOUR + 60))
    undated = timed(looked("07-06 13:00", "online"), decided("07-07 09:00", REMOVED))
    assert undated.seconds == (1 * HOUR, 21 * HOUR), "told without a date: somewhere before it was told"


def test_a_platforms_word_against_what_was_seen_later_does_not_count() -> None:
    found = timed(decided("07-06 14:00", REMOVED, applied="07-06 13:00"), looked("07-07 12:00", "online"))
    assert (found.outcome, found.contradiction, found.seconds) == ("online", True, None)
    label = timed(decided("07-06 14:00", LABELLED, applied="07-06 13:00"), looked("07-07 12:00", "online"))
    assert (label.outcome, label.contradiction, label.seconds) == ("acted", False, (HOUR, HOUR)), "a label leaves it online"
    back = timed(
        decided("07-06 14:00", REMOVED, applied="07-06 13:00"),
        looked("07-06 14:00", "removed_by_platform"),
        looked("07-08 12:00", "online"),
    )
    assert (back.outcome, back.contradiction) == ("acted", False), "put back later is no contradiction"


@pytest.mark.parametrize("word", ["login_wall", "age_gate", "unknown"])
def test_a_wall_is_never_a_removal_and_never_proof_that_it_is_there(word: str) -> None:
    found = timed(looked("07-07 19:00", word))
    assert (found.outcome, found.seconds, found.in_window) == ("unknown", None, "unknown")


def test_what_its_author_removed_no_platform_did() -> None:
    found = timed(looked("07-06 13:00", "online"), looked("07-06 14:00", "removed_by_author"))
    assert (found.outcome, found.seconds) == ("removed_by_author", None)


def test_what_was_gone_before_the_notice_is_no_answer_to_it() -> None:
    assert (
        timed(looked("07-06 11:00", "removed_by_platform"), looked("07-06 13:00", "removed_by_platform")).outcome == "gone_before"
    )
    again = timed(
        looked("07-05 11:00", "removed_by_platform"),
        looked("07-06 11:30", "online"),
        looked("07-06 13:00", "removed_by_platform"),
    )
    assert (again.outcome, again.seconds) == ("acted", (0, HOUR))
    early = timed(decided("07-06 11:00", REMOVED, applied="07-06 10:00"))
    assert early.outcome == "unknown"


def test_no_violation_is_an_answer_and_no_reply_is_not() -> None:
    said = timed(decided("07-06 15:00", "NO_VIOLATION"))
    assert (said.outcome, said.in_window, said.action.low) == ("declined", "unknown", at("07-06 15:00").value)
    assert timed(decided("07-08 15:00", "NO_VIOLATION")).in_window == "out"
    assert timed(decided("07-08 15:00", "NO_REPLY")).outcome == "unknown"


def test_a_block_by_country_is_bracketed_by_looks_from_that_country() -> None:
    elsewhere = looked("07-06 20:00", "online", country="DE")
    assert timed(looked("07-06 13:00", "online"), elsewhere, looked("07-07 12:00", "geo_blocked")).seconds == (HOUR, 24 * HOUR)
    assert timed(elsewhere, looked("07-07 12:00", "geo_blocked")).reason == "gone_at_first_look", "it was there somewhere else"


@pytest.mark.parametrize(
    ("looks", "place"),
    [
        ([(-3600, "online"), (-1, "removed_by_platform")], "in"),
        ([(-3600, "online"), (0, "removed_by_platform")], "unknown"),
        ([(-3600, "online"), (1, "removed_by_platform")], "unknown"),
        ([(-1, "online")], "unknown"),
        ([(0, "online")], "out"),
        ([(1, "online")], "out"),
        ([(0, "online"), (1, "removed_by_platform")], "out"),
        ([(1, "login_wall")], "unknown"),
        ([(-3600, "unknown"), (7200, "online")], "out"),
    ],
)
def test_one_second_at_the_windows_end(looks: list[tuple[float, str]], place: str) -> None:
    assert timed(*(near_end(seconds, word) for seconds, word in looks)).in_window == place


def test_a_precision_over_the_edge_is_unknown_and_a_notice_after_the_end_is_not_counted() -> None:
    late = (END - timedelta(seconds=30)).strftime("%m-%d %H:%M:%S")
    there = looked("07-06 13:00", "online")
    assert timed(there, looked(late, "removed_by_platform", precision_s=29)).in_window == "in"
    assert timed(there, looked(late, "removed_by_platform", precision_s=30)).in_window == "unknown"
    assert timed(there, looked("07-08 12:00", "removed_by_platform"), of=sent("07-07 18:00")).in_window == "sent_after"
    edge = sent("07-07 17:59:59", precision_s=1)
    assert timed(there, looked("07-08 12:00", "removed_by_platform"), of=edge).in_window == "unknown"
    assert timed(looked("07-08 12:00", "online"), of=sent(window=False)).in_window == "no_window"


def test_looks_whose_order_is_not_known_bound_nothing_by_each_other() -> None:
    gone, there = looked("07-06 14:00", "removed_by_platform", precision_s=HOUR), looked("07-06 14:15", "online", precision_s=900)
    before = looked("07-06 11:00", "online")
    assert timed(before, gone, there).seconds == (0, 3 * HOUR), "it may have been back when it was seen online"


def test_an_answer_from_before_the_sending_is_no_answer_to_it() -> None:
    assert timed(decided("07-06 11:00")).outcome == "unknown"
    assert timed(decided("07-06 12:00")).outcome == "declined"


def test_what_is_announced_is_no_action_and_a_wide_time_settles_no_re_check_early() -> None:
    now, draft = datetime(2024, 7, 6, 15, tzinfo=UTC), Drafted.model_validate({"title": "t", "items": [{"url": URL}]})
    written = [Entry(seq, body, uuid.uuid4(), now) for seq, body in enumerate((draft, sent(), decided("07-06 14:00")), 1)]
    recheck = uuid.uuid4()
    facts = Facts(standing_of(written), {recheck: now + timedelta(hours=21)}, {}, now)
    with pytest.raises(BadInput):
        admit(decided("07-06 14:00", REMOVED, applied="07-09 13:00"), facts)
    with pytest.raises(NoticeRefused):
        admit(looked("07-06 14:59", "online", precision_s=90_000).model_copy(update={"recheck_id": recheck}), facts)
    struck = [*written, Entry(4, Corrected(of=2, reason="it did not go out"), uuid.uuid4(), now)]
    assert (facts.standing.state, standing_of(struck).state) == ("decided", "drafted")


def test_the_first_action_of_a_notice_is_no_later_than_what_nobody_looked_at() -> None:
    whole = sent(urls=(URL, OTHER))
    first = timed(looked("07-06 14:00", "online"), looked("07-06 15:00", "removed_by_platform"), of=whole)
    unseen = timed(of=whole, url=OTHER)
    found = time_notice(whole, [first, unseen])
    assert (found.outcome, found.seconds) == ("acted", (0, 3 * HOUR))
    watched = timed(looked("07-06 16:00", "online", url=OTHER), of=whole, url=OTHER)
    assert time_notice(whole, [first, watched]).seconds == (2 * HOUR, 3 * HOUR)
    assert time_notice(whole, [unseen, watched]).outcome == "online"


def test_re_checks_come_after_an_hour_a_day_and_at_the_windows_end_whatever_the_clocks_do() -> None:
    assert due_times(sent("07-07 16:00"), CHECKS) == [
        ("after_1h", datetime(2024, 7, 7, 17, 0, tzinfo=UTC)),
        ("window_end", END),
        ("after_24h", datetime(2024, 7, 8, 16, 0, tzinfo=UTC)),
    ]
    assert [name for name, _ in due_times(sent("07-07 18:00"), CHECKS)] == ["after_1h", "after_24h"], "the window is over"
    assert due_times(sent(), ()) == []
    night = due_times(sent("2024-10-27 00:30"), ("after_24h",))  # Paris sets its clocks back at 01:00 UTC
    assert night == [("after_24h", datetime(2024, 10, 28, 0, 30, tzinfo=UTC))]


def test_a_window_that_ends_in_the_hour_that_comes_twice_has_two_ends() -> None:
    from dataclasses import replace

    rule = shipped().silence["FR-L49"]
    [mainland, *_] = [one for one in rule.territories if one.code == "FR-MET"]
    twice = replace(rule, territories=(replace(mainland, ends_at=datetime(2024, 10, 27, 2, 30).time()),))
    window = twice.window("FR-MET", date(2024, 10, 27))
    assert window.end == (datetime(2024, 10, 27, 0, 30, tzinfo=UTC), datetime(2024, 10, 27, 1, 30, tzinfo=UTC))
    before = sent("2024-10-26 20:00")
    assert before.window is not None
    doubled = before.model_copy(update={"window": before.window.model_copy(update={"end": window.end})})
    for clock, word, place in (
        ("00:29:59", "removed_by_platform", "in"), ("01:00", "removed_by_platform", "unknown"), ("01:00", "online", "unknown"),
        ("01:30", "online", "out"),
    ):  # fmt: skip
        there = looked("2024-10-26 21:00", "online")
        assert timed(there, looked(f"2024-10-27 {clock}", word), of=doubled).in_window == place, (clock, word)
    assert dict(due_times(doubled, CHECKS))["window_end"] == window.end[1]


@given(
    st.lists(st.tuples(st.integers(0, 200_000), st.sampled_from(["online", "removed_by_platform", "login_wall"])), max_size=6),
    st.integers(1, 200_000),
)
def test_the_bounds_hold_what_happened(looks: list[tuple[int, str]], gone_after_s: int) -> None:
    """Truth: online until `gone_after_s` after the sending, gone from then on; a wall may hide either."""
    start = at("07-06 12:00").value
    told = [
        looked(
            (start + timedelta(seconds=second)).strftime("%m-%d %H:%M:%S"),
            "login_wall" if word == "login_wall" else "online" if second < gone_after_s else "removed_by_platform",
        )
        for second, word in looks
        if second > 0
    ]
    found = timed(*told)
    true = start + timedelta(seconds=gone_after_s)
    assert found.action.low <= true and (found.action.high is None or true <= found.action.high)
    if found.in_window in ("in", "out"):
        assert (found.in_window == "in") == (true < END)
