"""Posts of tables judged by every time that any row gives, however many rows there are."""

import json
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from uuid import uuid4

import pytest

from server.findings.body import SilenceChoice
from server.findings.errors import StatisticRefused
from server.findings.judged import tally_judged
from server.findings.models import JudgedPost, Judging
from server.findings.recount import recount
from server.findings.tallies import freeze_tally
from server.imports.errors import ImportRefused
from server.imports.judging import _judged
from server.imports.writing import time_json
from server.rules.catalogue import shipped
from server.rules.posttimes import FIRST_RULE, PostTime, can_all_be_true
from tests.imports.desk import Desk, table
from tests.postgres import as_superuser
from tests.services.casework import SILENCE
from tests.web.site import Site

INSIDE = datetime(2024, 7, 6, 10, 0, tzinfo=UTC)


def displayed(at: datetime, precision_s: float = 60.0) -> PostTime:
    return PostTime(at, "displayed", precision_s)


@pytest.mark.parametrize("agreeing", [1, 19, 20, 40])
def test_one_row_that_contradicts_many_makes_a_post_unknown(agreeing: int) -> None:
    window = shipped().silence["FR-L49"].window("FR-MET", shipped().elections["FR-2024-AN-R2"].poll_day)
    many = [displayed(INSIDE + timedelta(seconds=number)) for number in range(agreeing)]
    odd = displayed(INSIDE - timedelta(days=6), 1.0)
    row = SimpleNamespace(
        id=uuid4(), platform="facebook", external_id="1", sightings=agreeing, times=[[time_json(one)] for one in [*many, odd]]
    )
    assert _judged(row, window)["place"] == "unknown"
    row.times.pop()
    assert _judged(row, window)["place"] == "in"


def test_times_that_agree_two_by_two_have_a_moment_in_common() -> None:
    near, far = displayed(INSIDE), displayed(INSIDE + timedelta(seconds=121))
    assert can_all_be_true([]) and can_all_be_true([near, displayed(INSIDE + timedelta(seconds=120))])
    assert not can_all_be_true([near, far, displayed(INSIDE, 3600)])


def flake(at: datetime) -> str:
    return str(int(at.timestamp() * 1000) - 1_288_834_974_657 << 22)


def tiktok(at: datetime) -> str:
    return str(int(at.timestamp()) << 32)


BEFORE, LATE = INSIDE - timedelta(days=9), datetime(2024, 7, 7, 17, 0, tzinfo=UTC)
ROWS = [
    ("post id", "platform", "posted at"),
    (flake(INSIDE), "x", ""),
    (flake(BEFORE), "x", ""),
    (tiktok(INSIDE), "tiktok", ""),  # by its id alone: in, never compared
    (tiktok(BEFORE), "tiktok", ""),  # out, never compared
    (tiktok(INSIDE + timedelta(seconds=9)), "tiktok", "2024-07-06"),  # the whole day lies in the window
    (tiktok(LATE), "tiktok", "2024-07-07"),  # the day reaches over the end
    (tiktok(BEFORE + timedelta(seconds=9)), "tiktok", "2024-06-27"),  # the day lies outside
]


async def test_what_a_formula_never_compared_says_is_in_no_lower_and_in_every_upper_end(site: Site) -> None:
    desk = await Desk.begin(site)
    await desk.taken(table(*ROWS), zone="Europe/Paris", time_source="displayed")
    services = desk.site.services
    asked = await desk.imports.judgings.ask(desk.actor, desk.case.id, SilenceChoice(**SILENCE), queued=False)
    assert await desk.imports.judgings.run(asked.id) == "done"
    kept = {one.post_id: one for one in await desk.rows(JudgedPost)}
    told = [(kept[row[0]].place, kept[row[0]].compared, kept[row[0]].source, kept[row[0]].beside != "") for row in ROWS[1:]]
    assert told == [
        ("in", True, "platform_id", False), ("out", True, "platform_id", False),
        ("in", False, "platform_id", False), ("out", False, "platform_id", False),
        ("in", True, "displayed", True), ("unknown", True, "displayed", True), ("out", True, "displayed", True),
    ]  # fmt: skip
    late = kept[tiktok(LATE)]
    assert late.margin_s == 3599 and "it lies in it" in late.reason and "2024-07-07T17:00:00+00:00 ± 1 s" in late.beside
    frozen = await services.findings.tallies.freeze_judged(desk.actor, "Posts in the silence", asked.id)
    assert (frozen.n, frozen.n_low, frozen.n_high) == (None, 2, 5), "of seven, two surely in and two surely out"
    assert (await recount(services.database, frozen.id)).is_sound
    _, keys = await services.findings.statistics.keys(desk.actor, frozen.id)
    assert {json.loads(one)[1] for one in keys} == {ROWS[place][0] for place in (1, 3, 4, 5, 6)}, "all but those surely out"


async def test_what_was_judged_and_frozen_by_the_first_rule_stays_and_no_new_number_is_made_of_it(
    site: Site, database_url: str
) -> None:
    desk = await Desk.begin(site)
    await desk.taken(table(*ROWS), zone="Europe/Paris", time_source="displayed")
    services, choice = desk.site.services, SilenceChoice(**SILENCE)
    asked = await desk.imports.judgings.ask(desk.actor, desk.case.id, choice, queued=False)
    await desk.imports.judgings.run(asked.id)
    with as_superuser(database_url) as connection:  # as the first rule left them
        connection.execute("UPDATE judging SET time_rule = 1")
        connection.execute(
            """UPDATE judged_post SET place = 'in', compared = true, beside = '', source = 'platform_id', precision_s = 1,
               posted_at = %s WHERE place = 'unknown'""",
            [LATE],
        )
    async with services.database.transaction() as session:
        judging = await session.get_one(Judging, asked.id)
        tally = await tally_judged(session, judging, time_rule=FIRST_RULE)
        frozen = await freeze_tally(session, desk.actor, "Of before", (tally, services.clock.now()))
    assert "times" not in json.loads(frozen.query) and (frozen.n_low, frozen.n_high) == (3, 4)
    found = await recount(services.database, frozen.id)
    assert found.is_sound, found.checks
    with pytest.raises(StatisticRefused, match="judge them again"):
        await services.findings.tallies.freeze_judged(desk.actor, "Of today", asked.id)
    again = await desk.imports.judgings.ask(desk.actor, desk.case.id, choice, queued=False)
    await desk.imports.judgings.run(again.id)
    assert (await services.findings.tallies.freeze_judged(desk.actor, "Of today", again.id)).n_high == 5


def test_a_row_of_before_that_calls_its_ids_time_compared_is_read_by_the_id() -> None:
    window = shipped().silence["FR-L49"].window("FR-MET", shipped().elections["FR-2024-AN-R2"].poll_day)
    former = PostTime(LATE, "platform_id", 1, "agrees with displayed", compared=True)
    shown = PostTime(datetime(2024, 7, 7, 10, 0, tzinfo=UTC), "displayed", 43_200)
    row = SimpleNamespace(id=uuid4(), platform="tiktok", external_id=tiktok(LATE), sightings=1)
    row.times = [[time_json(former), time_json(shown)]]
    assert _judged(row, window)["place"] == "unknown"
    row.times = [[time_json(former)]]
    assert (_judged(row, window)["place"], _judged(row, window)["compared"]) == ("in", False)


async def test_posts_are_not_judged_while_a_table_is_half_taken_in(site: Site) -> None:
    desk = await Desk.begin(site)
    rows = [("post id", "platform", "posted at"), *((f"1234567{n}", "facebook", "2024-07-06T10:00Z") for n in range(3))]
    judgings, choice = desk.imports.judgings, SilenceChoice(**SILENCE)
    early = await judgings.ask(desk.actor, desk.case.id, choice, queued=False)
    made = await desk.started(table(*rows), time_source="displayed")
    with pytest.raises(ImportRefused):
        await judgings.ask(desk.actor, desk.case.id, choice, queued=False)
    assert await judgings.run(early.id) == "failed", "nothing was counted that half of a table says"
    await desk.imports.runner.run(made.id)
    late = await judgings.ask(desk.actor, desk.case.id, choice, queued=False)
    assert await judgings.run(late.id) == "done"
    assert (await judgings.read(desk.actor, late.id)).judging.counts["in"] == 3
