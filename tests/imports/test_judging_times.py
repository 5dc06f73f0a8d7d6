"""Posts of tables judged by every time that any row gives, however many rows there are."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from uuid import uuid4

import pytest

from server.findings.body import SilenceChoice
from server.imports.errors import ImportRefused
from server.imports.judging import _judged
from server.imports.writing import time_json
from server.rules.catalogue import shipped
from server.rules.posttimes import PostTime, can_all_be_true
from tests.imports.desk import Desk, table
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
