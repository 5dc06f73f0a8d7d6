"""How long something stood without its label: bounds, whatever was looked at and in whatever order."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.findings.labels import Look, unlabelled_time

LATER = datetime(2026, 9, 1, 9, 0, tzinfo=UTC)


def at(minute: float) -> datetime:
    return LATER + timedelta(minutes=minute)


def bounds(*found: tuple[float, str], began: float | None = None) -> tuple[int, int | None] | None:
    time = unlabelled_time([Look(at(minute), state) for minute, state in found], began=None if began is None else at(began))
    return None if time is None else (time.lower_minutes, time.upper_minutes)


def test_minutes_without_a_label_are_two_bounds() -> None:
    assert bounds((10, "absent"), (70, "absent"), (100, "present"), began=0) == (60, 100)


def test_without_a_beginning_or_an_end_there_is_no_upper_bound() -> None:
    assert bounds((10, "absent"), (100, "present")) == (0, None)
    assert bounds((10, "absent"), (70, "absent"), began=0) == (60, None)


def test_a_look_that_did_not_look_says_nothing() -> None:
    assert bounds((10, "not_checked"), (20, "not_applicable")) is None
    assert bounds((5, "present")) is None
    assert bounds((10, "absent"), (50, "not_checked"), (60, "present"), began=0) == (0, 60)


def test_a_label_that_came_and_went_adds_its_spans() -> None:
    assert bounds((0, "absent"), (10, "absent"), (20, "present"), (30, "absent"), (40, "absent"), (50, "present"), began=0) == (
        20,
        50,
    )


@pytest.mark.parametrize("order", [("present", "absent"), ("absent", "present")])
def test_looks_of_one_moment_that_contradict_bound_the_time_both_ways(order: tuple[str, str]) -> None:
    """As if it was labelled at minute 30 for the least, as if it was not for the most, in whatever order they came."""
    both = [Look(LATER + timedelta(minutes=30), state) for state in order]
    around = [
        Look(LATER + timedelta(minutes=minute), state) for minute, state in ((0, "absent"), (60, "absent"), (90, "present"))
    ]
    time = unlabelled_time([*around, *both], began=LATER - timedelta(minutes=5))
    assert time is not None and (time.lower_minutes, time.upper_minutes) == (0, 95)
    open_end = unlabelled_time([around[0], *both], began=LATER)
    assert open_end is not None and (open_end.lower_minutes, open_end.upper_minutes) == (0, None)
    alone = unlabelled_time(both, began=LATER)
    assert alone is not None and (alone.lower_s, alone.upper_s) == (0, None)


def test_the_lower_bound_is_rounded_down_and_the_upper_up() -> None:
    assert bounds((0.5, "absent"), (1.9, "absent"), (3.2, "present"), began=0) == (1, 4)


@given(st.lists(st.tuples(st.integers(0, 10_000), st.sampled_from(["present", "absent", "not_checked"])), max_size=12))
def test_the_lower_bound_never_exceeds_the_upper(found: list[tuple[int, str]]) -> None:
    result = bounds(*found, began=0)
    assert result is None or result[1] is None or 0 <= result[0] <= result[1]
