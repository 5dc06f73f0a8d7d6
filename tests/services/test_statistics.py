"""A number is a question over confirmed findings, frozen with its list: the units differ, the recount finds every change."""

import asyncio
import hashlib
import json
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from typer.testing import CliRunner

from server.cli import app
from server.db import run_sql
from server.errors import BadInput, Forbidden, NotFound
from server.findings.recount import question_of, recount
from server.findings.statistics import MULTI_LABEL, UNITS, Question
from tests.postgres import as_superuser
from tests.services.casework import Casework, subject
from tests.web.site import Site


@pytest.fixture
async def work(site: Site) -> Casework:
    """Five confirmed findings: four posts of one picture's cluster (one seen twice), one of another; a draft and a rejected
    one."""
    made = await Casework.begin(site)
    for number, cluster in ((1, "IC-1@v3"), (2, "IC-1@v3"), (3, "IC-1@v4"), (3, "IC-1@v3"), (4, "IC-2@v3")):
        await made.confirmed(subject=subject(number, cluster=cluster))
    await made.draft(subject=subject(90))
    await made.judge(await made.confirmed(subject=subject(91)), "rejected")
    return made


async def test_each_unit_counts_its_own_things(work: Casework) -> None:
    counted = {unit: len((await work.counted(unit, Question())).keys) for unit in UNITS}
    assert counted == {"findings": 5, "posts": 4, "ads": 0, "images": 2, "instances": 4, "accounts": 4, "channels": 0}
    ads = await work.counted("ads", Question())
    assert ads.without_key == 5, "what has no key in the unit is said, not hidden"


async def test_a_frozen_number_equals_an_independent_count_in_sql(work: Casework, database_url: str) -> None:
    statistic = await work.site.services.findings.statistics.freeze(
        work.author, "Posts in the silence period", "posts", Question()
    )
    with psycopg.connect(database_url) as connection:
        [rows] = connection.execute(
            """SELECT count(DISTINCT (v.body::json->'subject'->>'platform', v.body::json->'subject'->>'post_id'))
               FROM finding f JOIN finding_version v ON v.finding_id = f.id AND v.version = f.version
               WHERE f.state = 'confirmed'"""
        ).fetchall()
    assert statistic.n == rows[0] == 4
    _, items = await work.site.services.findings.statistics.read(work.author, statistic.id)
    listed = "".join(f"{key}\n" for key in sorted({item.key for item in items}))
    assert hashlib.sha256(listed.encode()).hexdigest() == statistic.ids_sha256
    assert all("17357655215958" in item.key for item in items), "19 digits are text"
    result = await recount(work.site.services.database, statistic.id)
    assert result.is_sound and result.counted == 4 and len(result.checks) == 3


async def test_a_later_change_moves_no_frozen_number(work: Casework) -> None:
    services = work.site.services
    statistic = await services.findings.statistics.freeze(work.author, "Instances", "instances", Question())
    work.site.clock.move(60)
    last = (await services.findings.lists.page(work.author, work.case.id, 1, state="confirmed"))[0].finding
    await services.findings.revise(work.author, last.id, 1, (work.body(subject=subject(5, cluster="IC-9@v1")), "another post"))
    await work.confirmed(subject=subject(6, cluster="IC-6@v1"))
    assert (await recount(services.database, statistic.id)).is_sound
    now = await work.counted("instances", Question())
    assert len(now.keys) == 5, "the confirmed version counts until it is rejected"


async def test_a_rejected_finding_leaves_new_numbers_and_stays_in_old_ones(work: Casework) -> None:
    services = work.site.services
    statistic = await services.findings.statistics.freeze(work.author, "Findings", "findings", Question())
    work.site.clock.move(60)
    first = (await services.findings.lists.page(work.author, work.case.id, 100))[-1].finding
    await work.judge(first, "rejected")
    assert len((await work.counted("findings", Question())).keys) == 4
    assert (await recount(services.database, statistic.id)).is_sound


@pytest.mark.parametrize(
    ("change", "check"),
    [
        ("UPDATE statistic SET n = 9, n_low = 9, n_high = 9", "list"),
        ("UPDATE statistic SET ids_sha256 = repeat('0', 64)", "list"),
        ("DELETE FROM statistic_item WHERE position = 0", "list"),
        ("UPDATE finding_version SET body = replace(body, 'call', 'cal1')", "versions"),
        (
            "DELETE FROM finding_version WHERE version = 1 AND finding_id = (SELECT finding_id FROM statistic_item LIMIT 1)",
            "versions",
        ),
        ("DELETE FROM finding_review WHERE finding_id = (SELECT finding_id FROM statistic_item LIMIT 1)", "question"),
        ("UPDATE finding SET type = 'impersonation' WHERE number = 1", "question"),
    ],
)
async def test_the_recount_finds_every_change_behind_the_services_back(
    site: Site, database_url: str, change: str, check: str
) -> None:
    work = await Casework.begin(site)
    await work.confirmed()
    asked = Question(types=("silence_violation",))
    statistic = await work.site.services.findings.statistics.freeze(work.author, "Findings", "findings", asked)
    with psycopg.connect(database_url) as connection, pytest.raises(psycopg.errors.CheckViolation):
        connection.execute("DELETE FROM statistic_item")
    with as_superuser(database_url) as connection:
        connection.execute(change)
    result = await recount(work.site.services.database, statistic.id)
    assert not result.is_sound and check in [one.name for one in result.checks if one.outcome == "FAILED"]


EVERY = {"ad_id": "9", "channel_id": "c-1", "cluster": "IC-1@v1"}


async def test_of_every_unit_a_corrupted_list_fails_and_says_what_differs(site: Site, database_url: str) -> None:
    work = await Casework.begin(site)
    for number in (1, 2):
        await work.confirmed(
            subject=subject(number, **EVERY | {"ad_id": f"9{number}", "channel_id": f"c-{number}", "cluster": f"IC-{number}@v1"})
        )
    services, frozen = work.site.services, {}
    for unit in UNITS:
        frozen[unit] = await services.findings.statistics.freeze(work.author, unit, unit, Question())
        assert (await recount(services.database, frozen[unit].id)).is_sound, unit
    with as_superuser(database_url) as connection:
        connection.execute("UPDATE statistic_item SET key = key || '0' WHERE position = 0")
    for unit, statistic in frozen.items():
        _, items = await services.findings.statistics.read(work.author, statistic.id)
        changed = items[0].key
        checks = {one.name: one for one in (await recount(services.database, statistic.id)).checks}
        assert {one.outcome for one in checks.values()} == {"FAILED"}, unit
        assert statistic.ids_sha256 in checks["list"].reason and checks["versions"].reason.endswith(f"does not give {changed}")
        assert f"+{changed[:-1]}" in checks["question"].reason and f"-{changed}" in checks["question"].reason, unit


async def test_a_finding_that_is_gone_is_named_whatever_is_counted(site: Site, database_url: str) -> None:
    work = await Casework.begin(site)
    gone, _ = [await work.confirmed(subject=subject(number, **EVERY)) for number in (1, 2)]
    services = work.site.services
    frozen = [await services.findings.statistics.freeze(work.author, unit, unit, Question()) for unit in UNITS]
    with as_superuser(database_url) as connection:
        connection.execute("DELETE FROM finding_version WHERE finding_id = %s", [gone.id])
    for statistic in frozen:
        checks = {one.name: one for one in (await recount(services.database, statistic.id)).checks}
        assert checks["versions"].outcome == "FAILED" and f"{gone.id} version 1 is gone" in checks["versions"].reason


async def test_the_question_narrows_by_what_was_pinned(work: Casework) -> None:
    async with work.site.services.database.session() as session:
        reviewed = await run_sql(session, "SELECT at FROM finding_review WHERE verdict = 'confirmed' ORDER BY at LIMIT 5")
    first, last = reviewed[0].at, reviewed[-1].at
    for question, n in (
        (Question(sli_label="silence period violations"), 5), (Question(sli_label="AI content"), 0),
        (Question(platform="facebook"), 5),
        (Question(platform="tiktok"), 0), (Question(member_state="FR"), 5), (Question(types=("ai_unlabelled",)), 0),
        (Question(case_id=work.case.id), 5), (Question(case_id=uuid4()), 0),
        (Question(confirmed_from=first), 5), (Question(confirmed_to=first), 0),
        (Question(confirmed_from=last), 1), (Question(confirmed_to=last), 4),
    ):  # fmt: skip
        assert len((await work.counted("findings", question)).keys) == n, question
        assert question_of(question.text()) == question
    assert "more than the total" in MULTI_LABEL


async def test_another_organisation_learns_no_number(work: Casework) -> None:
    statistics, stranger = work.site.services.findings.statistics, await work.site.other_organisation()
    statistic = await statistics.freeze(work.author, "Findings", "findings", Question())
    assert len((await work.counted("findings", Question(case_id=work.case.id), by=stranger)).keys) == 0
    assert await statistics.list(stranger) == []
    for statistic_id in (statistic.id, uuid4()):
        with pytest.raises(NotFound) as refused:
            await statistics.read(stranger, statistic_id)
        assert refused.value.data == {"kind": "statistic", "id": str(statistic_id)}
    assert (await statistics.freeze(stranger, "None", "findings", Question())).n == 0
    await work.site.services.cases.members.redeem(
        stranger, await work.site.services.cases.members.invite(work.author, work.case.id, "contributor")
    )
    shared = await work.counted("findings", Question(), by=stranger)
    assert shared.keys == (), "a guest reads the case; its numbers are its owner's"
    ida = await work.site.colleague(work.author.organisation_id, "fact_checker")
    with pytest.raises(Forbidden):
        await statistics.freeze(ida, "x", "findings", Question())
    with pytest.raises(BadInput):
        await work.counted("rumours", Question())


async def test_the_command_counts_again_and_says_so_by_its_exit_code(work: Casework, database_url: str, tmp_path: Path) -> None:
    statistic = await work.site.services.findings.statistics.freeze(work.author, "Posts", "posts", Question())

    def ask() -> tuple[int, dict[str, object]]:
        env = {"HOLDSTILL_DATABASE_URL": database_url, "HOLDSTILL_DATA_DIR": str(tmp_path / "data")}
        done = CliRunner().invoke(app, ["recount", str(statistic.id), "--json"], env=env)
        return done.exit_code, json.loads(done.stdout)

    code, said = await asyncio.to_thread(ask)
    assert (code, said["n"], said["counted"], said["unit"]) == (0, 4, 4, "posts")
    with as_superuser(database_url) as connection:
        connection.execute("DELETE FROM statistic_item WHERE position = 0")
    assert (await asyncio.to_thread(ask))[0] == 1
