"""Numbers over readings: ranges stay ranges, claims stand apart, what is not known is counted apart, every change is found."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from server.cases.entities import EntityOrder, MetricOrder
from server.cases.service import CaseOrder
from server.errors import BadInput, Forbidden, NotFound
from server.findings.errors import StatisticRefused
from server.findings.ranges import RangeQuestion, bounds_of, range_question
from server.findings.recount import recount
from server.findings.sampling import sample_of
from server.findings.service import LookOrder
from server.findings.statistics import own_cases
from server.findings.tallies import Bounds, freeze_tally, key_text
from server.findings.unlabelled import tally_unlabelled
from server.rules.posttimes import FIRST_RULE
from tests.postgres import as_superuser
from tests.services.casework import Casework
from tests.web.site import Site

AT = datetime(2024, 7, 1, tzinfo=UTC)
WEEKLY = RangeQuestion("views", "views", "week", "account")


async def read(work: Casework, name: str, low: int, high: int, **said: Any) -> Any:
    entities, case_id = work.site.services.cases.entities, said.pop("case_id", work.case.id)
    found = await entities.keep(work.author, case_id, EntityOrder("account", name, name, "tiktok"))
    values: dict[str, Any] = {
        "name": "views", "unit": "views", "window": "week", "method": "read on the profile", "as_of": AT,
    }  # fmt: skip
    return await entities.measure(work.author, case_id, MetricOrder(found.id, low=low, high=high, **values | said))


@pytest.fixture
async def work(site: Site) -> Casework:
    """Three accounts with readings (one of them in two cases, one with two readings of one time), one without."""
    made = await Casework.begin(site)
    await read(made, "a", 1, 9)
    await read(made, "a", 5, 9, as_of=AT + timedelta(days=1))
    await read(made, "b", 10, 10)
    await read(made, "b", 12, 14)
    other = await site.services.cases.open(made.author, CaseOrder("Another case"))
    await read(made, "a", 6, 6, as_of=AT + timedelta(hours=1), case_id=other.id)
    await read(made, "c", 100, 200, claimed_by="tiktok")
    await read(made, "d", 1, 1, window="day")
    return made


def test_ends_are_put_together_and_never_averaged() -> None:
    keys = [key_text(["account", "x", name, low, high, "t"]) for name, low, high in (("a", 5, 9), ("b", 10, 14), ("b", 8, 10))]
    assert [bounds_of(how, keys) for how in ("sum", "least", "most")] == [Bounds(13, 23), Bounds(5, 9), Bounds(8, 14)]
    assert (Bounds(5, 9).exact, Bounds(5, 5).exact) == (None, 5)


async def test_the_newest_reading_counts_and_claims_and_unknowns_stand_apart(work: Casework) -> None:
    found = await work.tallied(WEEKLY)
    assert (found.bounds, found.without_key, len(found.lines)) == (Bounds(15, 23), 2, 3)
    assert "Our own readings" in found.rule and "1 readings of another origin are left out" in found.rule
    claims = await work.tallied(RangeQuestion("views", "views", "week", "account", claimed_by="tiktok"))
    assert (claims.bounds, claims.without_key) == (Bounds(100, 200), 3) and "Claims of tiktok" in claims.rule
    early = RangeQuestion("views", "views", "week", "account", read_to=AT + timedelta(minutes=1))
    assert (await work.tallied(early)).bounds == Bounds(11, 23)
    own = RangeQuestion("views", "views", "week", "account", case_id=work.case.id, aggregate="most")
    assert (await work.tallied(own)).bounds == Bounds(10, 14)
    for question in (WEEKLY, early, own):
        assert range_question(question.text()) == question
    for wrong, error in (
        (RangeQuestion("views", "views", "month", "account"), StatisticRefused),
        (RangeQuestion("", "views", "week", "account"), BadInput),
        (RangeQuestion("views", "views", "week", "rumour"), BadInput),
        (RangeQuestion("views", "views", "week", "account", aggregate="mean"), BadInput),
    ):
        with pytest.raises(error):
            await work.tallied(wrong)


@pytest.mark.parametrize(
    ("change", "check"),
    [
        ("UPDATE statistic SET n_low = 16", "list"),
        ("UPDATE statistic_line SET key = replace(key, ',9,', ',7,')", "list"),
        ("UPDATE metric SET high = 99 WHERE low = 5", "rows"),
        ("DELETE FROM metric WHERE low = 12", "rows"),
        ("UPDATE metric SET claimed_by = '' WHERE low = 100", "question"),
    ],
)
async def test_the_recount_finds_every_change_of_a_range(work: Casework, database_url: str, change: str, check: str) -> None:
    services = work.site.services
    frozen = await services.findings.tallies.freeze_readings(work.author, "Weekly views", WEEKLY)
    assert (frozen.n, frozen.n_low, frozen.n_high, frozen.unit) == (None, 15, 23, "views")
    work.site.clock.move(60)  # type: ignore[union-attr]
    await read(work, "a", 1_000, 1_000, as_of=AT + timedelta(days=9))
    sound = await recount(services.database, frozen.id)
    assert sound.is_sound and (sound.counted, sound.bounds) == (3, Bounds(15, 23)), "a later reading moves no frozen number"
    with psycopg.connect(database_url) as connection, pytest.raises(psycopg.errors.CheckViolation):
        connection.execute("DELETE FROM statistic_line")
    with as_superuser(database_url) as connection:
        connection.execute(change)
    found = await recount(services.database, frozen.id)
    assert check in [one.name for one in found.checks if one.outcome == "FAILED"]


async def test_a_question_that_has_no_answer_any_more_fails_and_names_what_is_gone(work: Casework, database_url: str) -> None:
    services = work.site.services
    frozen = await services.findings.tallies.freeze_readings(work.author, "Weekly views", WEEKLY)
    with as_superuser(database_url) as connection:
        refs = [str(ref) for [ref] in connection.execute("SELECT ref FROM statistic_line ORDER BY ref")]
        connection.execute("DELETE FROM metric")
    checks = {one.name: one for one in (await recount(services.database, frozen.id)).checks}
    assert [checks[name].outcome for name in ("list", "rows", "question")] == ["PASSED", "FAILED", "FAILED"]
    assert all(ref in checks["rows"].reason for ref in refs) and "there is no answer" in checks["question"].reason


@pytest.mark.parametrize("corrupted", ["DELETE FROM statistic_line WHERE position = 0", "UPDATE statistic_line SET key = '[]'"])
async def test_a_list_of_readings_that_was_changed_fails_and_says_what_differs(
    work: Casework, database_url: str, corrupted: str
) -> None:
    services = work.site.services
    frozen = await services.findings.tallies.freeze_readings(work.author, "Weekly views", WEEKLY)
    _, [first, *_] = await services.findings.statistics.keys(work.author, frozen.id)
    with as_superuser(database_url) as connection:
        connection.execute(corrupted)
    checks = {one.name: one for one in (await recount(services.database, frozen.id)).checks}
    assert checks["list"].outcome == "FAILED" and frozen.ids_sha256 in checks["list"].reason
    assert checks["question"].outcome == "FAILED" and f"+{first}" in checks["question"].reason


async def test_a_beginning_that_only_an_id_tells_bounds_no_minutes_and_old_numbers_keep_theirs(work: Casework) -> None:
    services, now = work.site.services, work.site.clock.now()
    began = now - timedelta(minutes=90)
    subject = {"platform": "tiktok", "post_id": str(int(began.timestamp()) << 32), "ad_id": "9"}
    stated = {"value": began.isoformat(), "source": "platform_id", "precision_s": 1, "compared": False}
    said = {"bases": ["platform-policy/aigc-label"], "subject": subject, "ad_library_capture": work.capture_id, "silence": None}
    finding = await work.draft("ad_unlabelled", posted_at=[stated], **said)
    for minutes, state in ((60, "absent"), (30, "absent"), (10, "present")):
        order = LookOrder(2, "paid_for_by", state, now - timedelta(minutes=minutes), "header", "", work.capture_id)
        await services.findings.look(work.author, finding.id, order)
    await work.judge(finding, "reviewed", "confirmed")
    frozen = await services.findings.tallies.freeze_unlabelled(work.author, "Minutes", work.case.id)
    assert (frozen.n_low, frozen.n_high, frozen.without_key) == (0, 0, 1) and json.loads(frozen.query)["times"] == 2
    async with services.database.transaction() as session:
        cases, as_of = own_cases(work.author), services.clock.now()
        tally = await tally_unlabelled(session, cases, work.case.id, as_of, time_rule=FIRST_RULE)
        former = await freeze_tally(session, work.author, "Of before", (tally, as_of))
    assert (former.n_low, former.n_high, former.without_key) == (30, 81, 0)
    for one in (frozen, former):
        assert (await recount(services.database, one.id)).is_sound


async def test_nothing_of_it_is_another_organisations_and_pages_show_both_ends(work: Casework) -> None:
    services, stranger = work.site.services, await work.site.other_organisation()
    with pytest.raises(StatisticRefused):
        await work.tallied(WEEKLY, by=stranger)
    for refused in (services.findings.tallies.freeze_judged(stranger, "x", uuid4()),):
        with pytest.raises(NotFound):
            await refused
    checker = await work.site.colleague(work.author.organisation_id, "fact_checker")
    with pytest.raises(Forbidden):
        await services.findings.tallies.freeze_readings(checker, "x", WEEKLY)
    with pytest.raises(StatisticRefused):
        await services.findings.tallies.freeze_unlabelled(work.author, "x")
    person = await work.site.person(work.author)
    sent = {"label": "Weekly", "name": "views", "unit": "views", "window": "week", "kind": "account"}
    made = await person.post("/statistics/readings", data=sent)
    page = (await person.get(made.headers["location"])).text
    assert made.status_code == 303 and "15 – 23" in page and "A range" in page
    assert "15 – 23" in (await person.get("/statistics")).text
    listed = (await person.get(f"{made.headers['location']}/ids")).text
    assert listed.count("\n") == 3 and '["account","tiktok","a",5,9,' in listed


def test_a_sample_is_the_same_for_the_same_seed_and_a_larger_one_begins_with_it() -> None:
    keys = tuple(f"key {number}" for number in range(1_000))
    one, larger = sample_of(keys, "seed", 10, "S-1", "0" * 64), sample_of(keys[::-1], "seed", 20, "S-1", "0" * 64)
    assert one.keys == larger.keys[:10] and len(set(larger.keys)) == 20
    assert sample_of(keys, "other", 10, "S-1", "0" * 64).keys != one.keys
    assert sample_of(keys[:3], "seed", 10, "S-1", "0" * 64).file().decode().splitlines()[0] == "# sample of S-1: 3 of 3 keys"
    for seed, size in (("", 1), ("a\nb", 1), ("s", 0), ("s", 5_001)):
        with pytest.raises(BadInput):
            sample_of(keys, seed, size, "S-1", "0" * 64)


@pytest.mark.parametrize("statement", ["INSERT", "DELETE"])
async def test_a_number_waits_for_what_is_being_written_and_stays_what_it_was(
    work: Casework, database_url: str, statement: str
) -> None:
    """A reading that a transaction under way adds, or an undo takes away, is in the list or not; never one now and one later."""
    services = work.site.services
    case, change = await psycopg.AsyncConnection.connect(database_url), ""
    async with case:
        await case.execute("SELECT id FROM case_file WHERE id = %s FOR UPDATE", [work.case.id])
        if statement == "DELETE":
            change = "DELETE FROM metric WHERE low = 12"
        else:
            change = """INSERT INTO metric (id, case_id, entity_id, name, low, high, unit, "window", method, claimed_by, as_of,
                        author_id, created_at) SELECT gen_random_uuid(), case_id, entity_id, name, 70, 80, unit, "window", method,
                        '', as_of + interval '9 days', author_id, created_at FROM metric WHERE low = 12"""
        await case.execute(change)
        freezing = asyncio.create_task(services.findings.tallies.freeze_readings(work.author, "Weekly views", WEEKLY))
        await asyncio.wait([freezing], timeout=0.5)
        await case.commit()
    frozen = await freezing
    found = await recount(services.database, frozen.id)
    assert found.is_sound, found.checks
