"""The numbers of the field, each counted by the product and by means that share nothing with it."""

import csv
import hashlib
import io
import json
import re
import uuid
from collections import Counter
from datetime import date, timedelta
from typing import Any

import openpyxl
import psycopg
import pytest

from server.cases.entities import EntityOrder, MetricOrder
from server.exports.documents.alert import Alert, Facet
from server.exports.documents.kinds import ALERT
from server.exports.kind import CaseExportOrder, FrozenDocument
from server.exports.models import ExportState
from server.exports.workbook.values import WorkbookDraft
from server.findings.body import SilenceChoice
from server.findings.ranges import RangeQuestion
from server.findings.recount import recount
from server.findings.statistics import Question
from server.imports.service import TableFile
from server.imports.views import Plan
from tests.notices.test_times import events_of, keep_notice
from tests.services.casework import SILENCE
from tests.services.test_alerts import draft as alert_draft
from tests.story import field
from tests.story.conftest import Story

pytestmark = pytest.mark.asyncio(loop_scope="module")
ORDER = CaseExportOrder("internal", "half-year report", "Transparency Centre")
ROWS = 1_200
"""Of the 99,000 of the field: all of them are taken in, judged, counted and drawn from by benchmarks/bench_import.py."""
WEEKLY = RangeQuestion("views", "views", "per week", "account", platform="tiktok")


async def imported(story: Story, data: bytes, **said: str) -> Any:
    """The table, taken in by the way every table takes."""
    imports, work = story.site.services.imports, story.work
    draft = await imports.upload(work.author, work.case.id, TableFile(io.BytesIO(data), "generated.csv"))
    made = await imports.start(work.author, draft.id, Plan(draft.mapping, {"source": "generated"} | said), queued=False)
    await imports.runner.run(made.id)
    view = await imports.read(work.author, made.id)
    assert (view.table.state, view.table.rows_refused) == ("done", 0), view.problems
    return view


def rows_of(found: dict[str, bytes], name: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(found[f"{name}.csv"].decode(), newline="")))


async def test_131_instances_counted_again_by_sql_that_knows_nothing_of_the_program(story: Story) -> None:
    services, work = story.site.services, story.work
    numbers = {}
    for unit in ("instances", "images", "posts", "accounts", "findings"):
        frozen = await services.findings.statistics.freeze(work.author, f"AI {unit}", unit, Question(types=("ai_unlabelled",)))
        assert (await recount(services.database, frozen.id)).is_sound
        numbers[unit] = frozen.n
    with psycopg.connect(story.database_url) as connection:
        [row] = connection.execute(
            """WITH said AS (SELECT v.body::json->'subject' AS s FROM finding f JOIN finding_version v ON v.finding_id = f.id
                             AND v.version = f.version WHERE f.state = 'confirmed' AND f.type = 'ai_unlabelled')
               SELECT count(DISTINCT (split_part(s->>'cluster', '@', 1), s->>'platform', s->>'post_id')),
                      count(DISTINCT split_part(s->>'cluster', '@', 1)), count(DISTINCT s->>'post_id'),
                      count(DISTINCT s->>'account_id'), count(*) FROM said"""
        ).fetchall()
    assert tuple(numbers.values()) == row == (131, 58, 131, 22, 142)


async def test_611_advertisements_stood_without_a_label_at_least_and_at_most_so_long(story: Story) -> None:
    services, work = story.site.services, story.work
    frozen = await services.findings.tallies.freeze_unlabelled(work.author, "Minutes without a label", work.case.id)
    by_hand = {f"9{number:017}": field.minutes_of(field.looks_of(number)) for number in range(field.ADS)}
    bounded = {ad: (least, most) for ad, (least, most) in by_hand.items() if most is not None}
    lines = await services.findings.statistics.lines(work.author, frozen.id, field.ADS)
    told = {ad: (least / 60, most / 60) for _, ad, least, most, _ in (json.loads(one.key) for one in lines)}
    assert told == bounded and len(bounded) == 488
    assert (frozen.n_low, frozen.n_high) == (sum(one for one, _ in bounded.values()), sum(one for _, one in bounded.values()))
    assert frozen.n is None and frozen.n_low < frozen.n_high and frozen.without_key == 611 - 488
    ads = await services.findings.statistics.freeze(work.author, "Ads", "ads", Question(types=("ad_unlabelled",)))
    assert ads.n == 611
    assert (await recount(services.database, frozen.id)).is_sound
    work.site.clock.move(60)  # type: ignore[union-attr]
    with psycopg.connect(story.database_url) as connection:  # a look recorded later moves no frozen number
        connection.execute(
            """INSERT INTO label_look (finding_id, layer, kind, state, place, text, capture_id, seen_at, author_id, recorded_at)
               SELECT finding_id, layer, kind, 'present', place, text, capture_id, seen_at + interval '1 year', author_id, %s
               FROM label_look WHERE layer = 2""",
            [work.site.services.clock.now()],
        )
    assert (await recount(services.database, frozen.id)).is_sound
    later = await services.findings.tallies.freeze_unlabelled(work.author, "Minutes, later", work.case.id)
    assert later.without_key == 0 and later.n_high > frozen.n_high


async def test_posts_of_the_silence_are_taken_in_judged_counted_and_drawn_from(story: Story) -> None:
    services, work = story.site.services, story.work
    view = await imported(story, field.silence_table(ROWS), time_source="displayed")
    assert view.table.rows_taken == ROWS
    judgings = services.imports.judgings
    asked = await judgings.ask(work.author, work.case.id, SilenceChoice(**SILENCE), queued=False)
    assert await judgings.run(asked.id) == "done" and await judgings.run(asked.id) == "done"
    seen = (await judgings.read(work.author, asked.id, "unknown", limit=ROWS)).judging
    by_hand = Counter(
        "no time" if platform == "facebook" and field.is_timeless(number) else field.place_by_hand(at, precision)
        for number, (platform, at, precision) in enumerate(field.silence_rows(ROWS))
    )
    assert seen.counts == {
        "in": by_hand["in"], "out": by_hand["out"], "unknown": by_hand["unknown"] + by_hand["no time"],
    }  # fmt: skip
    assert seen.reasons["no row gives a time of posting"] == by_hand["no time"] > 0 and by_hand["unknown"] > 20
    assert (seen.rule_id, seen.rule_version, seen.territory) == ("FR-L49", "2026.1", "FR-MET")
    frozen = await services.findings.tallies.freeze_judged(work.author, "Posts in the silence", asked.id)
    assert (frozen.n, frozen.n_low, frozen.n_high) == (None, by_hand["in"], by_hand["in"] + by_hand["unknown"])
    assert frozen.without_key == by_hand["no time"] and (await recount(services.database, frozen.id)).is_sound
    with psycopg.connect(story.database_url) as connection:
        [[inside]] = connection.execute(
            """SELECT count(*) FROM judged_post WHERE posted_at - make_interval(secs => precision_s) >= '2024-07-05T22:00Z'
               AND posted_at + make_interval(secs => precision_s) < '2024-07-07T18:00Z'"""
        ).fetchall()
    assert inside == by_hand["in"]
    drawn = await services.findings.statistics.sample(work.author, frozen.id, "second round", 50)
    _, keys = await services.findings.statistics.keys(work.author, frozen.id)
    again = sorted(keys, key=lambda key: hashlib.sha256(f"second round\n{key}".encode()).digest())[:50]
    assert list(drawn.keys) == again and drawn.file().startswith(
        f"# sample of S-{frozen.number}: 50 of {len(keys)} keys\n".encode()
    )
    assert (await services.findings.statistics.sample(work.author, frozen.id, "another", 50)).keys != drawn.keys
    await services.imports.undo(work.author, view.table.id, queued=False)
    await services.imports.undoer.run(view.table.id)
    assert (await recount(services.database, frozen.id)).is_sound, "what was judged stays, when the import is undone"


async def test_286_accounts_and_their_weekly_views_stay_ranges_in_statistics_and_exports(story: Story) -> None:
    services, work = story.site.services, story.work
    view = await imported(story, field.account_table(), window="per week")
    accounts = field.account_ranges()[: field.ACCOUNTS - 6]
    total = await services.findings.tallies.freeze_readings(work.author, "Weekly views of the accounts", WEEKLY)
    assert (total.n, total.n_low, total.n_high) == (None, sum(one for one, _ in accounts), sum(one for _, one in accounts))
    assert (total.without_key, total.unit) == (6, "views"), "six of 286 gave no number: counted apart"
    network = await services.cases.entities.keep(work.author, work.case.id, EntityOrder("network", "network-1", "286 accounts"))
    now = services.clock.now()
    order = MetricOrder(network.id, "views", *field.WEEKLY, "views", "per week", "stated in a report", now)
    await services.cases.entities.measure(work.author, work.case.id, order)
    claim = MetricOrder(network.id, "views", 7, 7, "views", "per week", "a report of its own", now, "tiktok")
    await services.cases.entities.measure(work.author, work.case.id, claim)
    asked = RangeQuestion("views", "views", "per week", "network")
    weekly = await services.findings.tallies.freeze_readings(work.author, "Views of the network per week", asked)
    assert (weekly.n, weekly.n_low, weekly.n_high) == (
        None,
        *field.WEEKLY,
    ) and "1 readings of another origin" in weekly.dedup_rule
    claimed = await work.tallied(RangeQuestion("views", "views", "per week", "network", claimed_by="tiktok"))
    assert (claimed.bounds.exact, "Claims of tiktok" in claimed.rule) == (7, True)
    await services.imports.undo(work.author, view.table.id, queued=False)
    await services.imports.undoer.run(view.table.id)
    for one in (total, weekly):
        assert (await recount(services.database, one.id)).is_sound, "a reading that a number counts is not undone"
    alert = await services.alerts.request(work.author, work.case.id, ORDER, alert_draft(statistics=[weekly.number]))
    made = await work.files(alert.id)
    assert b"5,000,000 to 9,000,000 views" in made["alert.html"]
    said = WorkbookDraft(
        organisation="Here", period_from=date(2024, 1, 1), period_to=now.date(), statistics=(weekly.number, total.number)
    )
    report = await services.reports.request(work.author, work.case.id, ORDER, said)
    found = await work.files(report.id) | made
    rows = [row for row in rows_of(found, "SLI_16_1_1") if row["unit"] == "views"]
    assert [(row["n"], row["n_low"], row["n_high"]) for row in rows] == [
        ("", "5000000", "9000000"), ("", str(total.n_low), str(total.n_high)),
    ]  # fmt: skip
    assert "5,000,000 to 9,000,000" in found["report.md"].decode()
    sheet = openpyxl.load_workbook(io.BytesIO(found["report.xlsx"]))["SLI_16_1_1"]
    assert [row[10].value for row in sheet.iter_rows() if row[9].value == "views"] == [None, None]
    middle = ("7000000", "7,000,000", str((total.n_low + total.n_high) // 2))
    # Seven digits of a hash are no number.
    spelt = re.compile(rb"(?<![0-9a-f])(" + "|".join(middle).encode() + rb")(?![0-9a-f])")
    assert not [name for name, data in found.items() if spelt.search(data)], "no midpoint anywhere"


async def test_37_alerts_of_six_content_types_are_37_and_the_parts_may_be_more(story: Story) -> None:
    """One alert is made as people make them; the others are rows of the same kind with facets of their own."""
    services, work = story.site.services, story.work
    first = await services.alerts.request(work.author, work.case.id, ORDER, alert_draft(number="one", statistics=[]))
    pattern = Alert.model_validate_json((await work.files(first.id))["alert.json"])
    labels = list(field.LABELS)
    async with services.database.transaction() as session:
        for number in range(field.ALERTS):
            kinds = {labels[number % 6], *([labels[(number + 1) % 6]] if number % 6 == 0 else [])}
            facets = tuple(Facet(content_type=one, member_state="FR", platform="x", language="fr") for one in sorted(kinds))
            alert_id = uuid.uuid5(work.case.id, f"alert:{number}")
            said = pattern.said.model_copy(update={"number": f"{number}"})
            alert = pattern.model_copy(update={"alert_id": str(alert_id), "facets": facets, "said": said})
            made = FrozenDocument(ALERT.name, alert, alert_id)
            row = await services.case_exports.add_document(session, work.author, work.case, ORDER, made)
            row.state, row.requested_at = ExportState.READY, services.clock.now() - timedelta(days=400)
    day = (services.clock.now() - timedelta(days=400)).date()
    report = await services.reports.request(
        work.author, work.case.id, ORDER, WorkbookDraft(organisation="Here", period_from=day, period_to=day)
    )
    found = await work.files(report.id)
    rows = [row for row in rows_of(found, "SLI_16_1_1") if not row["member_state"] and not row["platform"]]
    parts = {row["content_type"]: int(row["n"]) for row in rows if row["content_type"]}
    assert [row["n"] for row in rows if not row["content_type"]] == ["37"] and set(parts) == set(labels)
    assert [parts[one] for one in labels] == [7, 13, 6, 6, 6, 6], "the seven of the first are of the second too"
    assert sum(parts.values()) == 37 + 7 and "counts once in the total and once under each" in found["report.md"].decode()


async def test_two_platforms_times_forty_notices_have_a_share_inside_the_window(story: Story) -> None:
    services, work = story.site.services, story.work
    async with services.database.transaction() as session:
        for platform, first, edges in (("tiktok", 1, (30, 36, 38)), ("x", 41, (8, 30, 36))):
            for number in range(40):
                await keep_notice(session, work, (platform, first + number), events_of(number, edges))
    overview = await services.notice_records.tables.overview(work.author, work.case.id)
    shares = {row.platform: (row.in_window.low, row.in_window.high, row.in_window.of) for row in overview.rows}
    assert shares == {"tiktok": (30, 34, 40), "x": (8, 18, 40)}


async def test_nothing_of_the_story_is_anybody_elses(story: Story) -> None:
    services, stranger = story.site.services, await story.site.other_organisation()
    assert await services.findings.statistics.list(stranger) == []
    assert (await story.work.counted("findings", Question(), by=stranger)).keys == ()
    person = await story.site.person(story.work.author)
    for one in await services.findings.statistics.list(story.work.author):
        page = await person.get(f"/statistics/{one.id}")
        assert page.status_code == 200 and 'break">[' not in page.text, "lines are shown in words"
        assert (await person.get(f"/statistics/{one.id}/sample?seed=1&size=5")).status_code == 200
    assert (await person.get("/statistics")).status_code == 200 and (
        await person.get(f"/cases/{story.work.case.id}")
    ).status_code == 200
