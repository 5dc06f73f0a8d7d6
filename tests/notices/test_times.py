"""Two platforms, forty notices each: the table of times to action, counted again in SQL that knows nothing of the program."""

import asyncio
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from typer.testing import CliRunner

from server.cli import app
from server.errors import BadInput
from server.findings.body import canonical
from server.notices.bodies import Body, Drafted
from server.notices.models import Notice, NoticeEvent
from server.notices.table import rows_of
from server.notices.tables import recount_table
from tests.notices.said import END, at, decided, looked, sent
from tests.postgres import as_superuser
from tests.services.casework import Casework
from tests.web.site import Site

IN_SQL = """
WITH event AS (SELECT n.platform, n.id, e.kind, e.body::jsonb AS b FROM notice n JOIN notice_event e ON e.notice_id = n.id),
     sending AS (SELECT platform, id, (b #>> '{at,value}')::timestamptz AS sent, (b #>> '{window,end,0}')::timestamptz AS ends
                 FROM event WHERE kind = 'sent'),
     look AS (SELECT id, (b #>> '{at,value}')::timestamptz AS at, b #>> '{seen,0,availability}' AS state
              FROM event WHERE kind = 'looked'),
     judged AS (SELECT s.*, (SELECT min(at) FROM look l WHERE l.id = s.id AND state = 'removed_by_platform') AS gone,
                       (SELECT max(at) FROM look l WHERE l.id = s.id AND state = 'online') AS online FROM sending s)
SELECT platform, count(*), count(gone), count(*) FILTER (WHERE gone < ends), count(*) FILTER (WHERE online >= ends),
       percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM coalesce(online, sent) - sent))
           FILTER (WHERE gone IS NOT NULL),
       percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM gone - sent)) FILTER (WHERE gone IS NOT NULL),
       min(extract(epoch FROM coalesce(online, sent) - sent)) FILTER (WHERE gone IS NOT NULL),
       max(extract(epoch FROM gone - sent))
FROM judged GROUP BY platform ORDER BY platform
"""


def events_of(number: int, edges: tuple[int, int, int]) -> list[Body]:
    """A notice's story by its number: gone in time, online at the end, gone some time around it, or never looked at."""
    url = f"https://platform.example/post/17357655215958{number:05}"
    start = f"07-06 12:{number:02}"
    events: list[Body] = [
        Drafted.model_validate({"title": f"Post {number}", "items": [{"url": url}]}),
        sent(start, urls=(url,)),
    ]
    if number < edges[0]:
        minutes = 30 + 7 * number
        gone = at(start).value + timedelta(minutes=60 + 2 * minutes)
        events.append(looked((at(start).value + timedelta(minutes=minutes)).strftime("%m-%d %H:%M"), "online", url=url))
        events.append(looked(gone.strftime("%m-%d %H:%M"), "removed_by_platform", url=url))
    elif number < edges[1]:
        events.append(looked((END + timedelta(seconds=number % 2)).strftime("%m-%d %H:%M:%S"), "online", url=url))
    elif number < edges[2]:
        events.append(looked((END - timedelta(seconds=1)).strftime("%m-%d %H:%M:%S"), "online", url=url))
        events.append(looked((END + timedelta(hours=9)).strftime("%m-%d %H:%M:%S"), "removed_by_platform", url=url))
    return events


@pytest.fixture
async def work(site: Site) -> Casework:
    """`tiktok` took most of it down in time, `x` little; rows as the service writes them, without the chain of custody."""
    made = await Casework.begin(site)
    async with site.services.database.transaction() as session:
        for platform, first, edges in (("tiktok", 1, (30, 36, 38)), ("x", 41, (8, 30, 36))):
            for number in range(40):
                await keep_notice(session, made, (platform, first + number), events_of(number, edges))
    return made


async def keep_notice(session: Any, work: Casework, what: tuple[str, int], events: list[Body]) -> None:
    platform, number = what
    now, me = work.site.services.clock.now(), work.author.operator_id
    notice = Notice(case_id=work.case.id, number=number, platform=platform, route="rrs", created_by=me, created_at=now)
    session.add(notice)
    await session.flush()
    for seq, body in enumerate(events, 1):
        text, sha256 = canonical(body)
        said = {"kind": body.kind, "body": text, "body_sha256": sha256}
        session.add(NoticeEvent(notice_id=notice.id, seq=seq, author_id=me, recorded_at=now, **said))


async def test_two_platforms_times_forty_notices_counted_again_in_sql(work: Casework, database_url: str) -> None:
    overview = await work.site.services.notice_records.tables.overview(work.author, work.case.id)
    with psycopg.connect(database_url) as connection:
        rows = connection.execute(IN_SQL).fetchall()
    counted = [
        (
            row.platform, row.n, row.outcomes["acted"], row.windows["in"], row.windows["out"], *(row.median_s or ()),
            *(row.range_s or ()),
        )
        for row in overview.rows
    ]  # fmt: skip
    assert counted == [(*row[:5], *(float(one) for one in row[5:])) for row in rows]
    tiktok, x = overview.rows
    assert (tiktok.n, tiktok.in_window.low, tiktok.in_window.high, tiktok.in_window.of) == (40, 30, 34, 40)
    assert (x.n, x.in_window.low, x.in_window.high, x.in_window.of) == (40, 8, 18, 40)
    assert x.outcomes == {"acted": 14, "online": 22, "unknown": 4}
    assert sum(x.outcomes.values()) == x.n == sum(x.windows.values())
    assert x.median_s is not None and x.median_s[0] < x.median_s[1], "brackets stay brackets"
    assert rows_of(overview.tracked, "addresses") == overview.rows, "one address each: the same figures"


async def test_a_frozen_table_is_counted_again_and_every_change_is_found(work: Casework, database_url: str) -> None:
    tables, database = work.site.services.notice_records.tables, work.site.services.database
    frozen = await tables.freeze(work.author, work.case.id, "Second round", "notices")
    found = await recount_table(database, frozen.id)
    assert found.is_sound and (found.n, found.counted) == (80, 80) and len(found.checks) == 3
    overview = await tables.overview(work.author, work.case.id)
    later = next(one for one in overview.tracked if one.whole is not None and one.whole.outcome == "unknown")
    await work.site.services.notice_records.add(work.author, later.notice_id, decided("07-08 12:00", "NO_VIOLATION"))
    assert (await recount_table(database, frozen.id)).is_sound, "what came later moves no frozen table"
    assert (await tables.overview(work.author, work.case.id)).rows != overview.rows
    assert (await tables.read(work.author, frozen.id)).ids == frozen.ids
    first = "WHERE id = (SELECT min(id) FROM notice_event WHERE kind = 'looked')"
    for change, check in (
        (f"UPDATE notice_event SET body = replace(body, 'online', 'unknown') {first}", "bodies"),
        (f"DELETE FROM notice_event {first}", "events"),
        ("UPDATE notice_table SET ids = replace(ids, 'acted', 'online')", "list"),
    ):  # fmt: skip
        with as_superuser(database_url) as connection:
            connection.execute(change)
        failed = [one.name for one in (await recount_table(database, frozen.id)).checks if one.outcome == "FAILED"]
        assert check in failed, change


async def test_the_commands_say_what_the_pages_say(work: Casework, database_url: str, tmp_path: Path) -> None:
    frozen = await work.site.services.notice_records.tables.freeze(work.author, work.case.id, "Second round", "notices")
    env = {"HOLDSTILL_DATABASE_URL": database_url, "HOLDSTILL_DATA_DIR": str(tmp_path / "data")}

    async def ask(*words: str) -> tuple[int, dict[str, Any]]:
        done = await asyncio.to_thread(CliRunner().invoke, app, [*words, "--json"], env=env)
        return done.exit_code, json.loads(done.stdout)

    code, said = await ask("notices", "times", str(work.case.id))
    assert code == 0 and [(row["platform"], row["in_window"]) for row in said["rows"]] == [
        ("tiktok", {"low": 30, "high": 34, "of": 40}),
        ("x", {"low": 8, "high": 18, "of": 40}),
    ]
    assert await ask("notices", "due") == (0, {"rechecks": []})
    code, said = await ask("recount", str(frozen.id))
    assert (code, said["n"], said["counted"], said["unit"]) == (0, 80, 80, "notices")
    with as_superuser(database_url) as connection:
        connection.execute("DELETE FROM notice_event WHERE kind = 'looked'")
    assert (await ask("recount", str(frozen.id)))[0] == 1


async def test_nothing_sent_gives_no_table_and_no_share(site: Site) -> None:
    work = await Casework.begin(site)
    tables = site.services.notice_records.tables
    with pytest.raises(BadInput):
        await tables.freeze(work.author, work.case.id, "x", "notices")
    with pytest.raises(BadInput):
        await tables.overview(work.author, work.case.id, "rumours")
    async with site.services.database.transaction() as session:
        await keep_notice(session, work, ("x", 1), events_of(1, (0, 0, 0))[:1])
    [row] = (await tables.overview(work.author, work.case.id)).rows
    assert (row.n, row.not_sent, row.median_s, row.in_window.of) == (0, 1, None, 0)
    assert await tables.of_case(work.author, work.case.id) == []
