"""`holdstill images check`: memory, PostgreSQL's index, decisions and the log say the same, and it is said when they do not."""

import asyncio
import hashlib
import json
from pathlib import Path

from typer.testing import CliRunner

from server.cli import app
from server.db import run_sql
from tests.images.test_clusters import FILES, cluster_of, send
from tests.web.site import Site

DIGEST = {name: hashlib.sha256(data).hexdigest() for name, data in FILES.items()}
SEARCHED, DECIDED, REPLAYED = (
    "pictures searched for in memory and in PostgreSQL",
    "decisions compared with their events",
    "clusters replayed from the log",
)
OF = "(SELECT id FROM image WHERE sha256 = :image)"
BROKEN = (  # each on top of those before it: what is done to the tables, and the words that were not said until then
    (f"UPDATE image_code SET slots = NULL WHERE id IN (SELECT code_id FROM image_code_use WHERE image_id = {OF})", "PostgreSQL"),
    (f"UPDATE image_member SET role = 'contains' WHERE image_id = {OF}", "clusters around it"),
    ("UPDATE image_decision SET kind = 'reject'", "not what its event says"),
    ("DELETE FROM image_decision", "not the same"),
    (f"DELETE FROM image_code_use WHERE image_id = {OF}", "codes are gone"),
    (f"DELETE FROM image_copy WHERE reading_id IN (SELECT id FROM image_reading WHERE image_id = {OF})", "working copy is gone"),
)


async def test_what_fits_is_counted_and_what_does_not_is_found(site: Site) -> None:
    operator, images = await site.services.operators.ensure_default_operator(), site.services.images
    await send(site, ["one", "one small", "two"], operator)
    homes = [await cluster_of(site, operator, DIGEST[name]) for name in ("one", "two")]
    await images.decisions.merge(operator, *homes, "one harbour")
    async with site.services.database.transaction() as session:
        await run_sql(session, "DELETE FROM procrastinate_jobs WHERE task_name = 'group_images'")  # as if a worker had done them
        for table in ("image_code", "image_code_use", "image_decision"):
            await run_sql(session, f"ALTER TABLE {table} DISABLE TRIGGER USER")
    report = await images.checking.run()
    assert report.is_sound and report.findings == []
    assert report.counts == {SEARCHED: 6, DECIDED: 1, REPLAYED: 1}
    said = ""
    for sql, words in BROKEN:
        async with site.services.database.transaction() as session:
            await run_sql(session, sql, **({"image": DIGEST["two"]} if OF in sql else {}))
        assert words not in said
        report = await images.checking.run()
        said = " ".join(one.reason for one in report.failures)
        assert words in said, report.findings


async def test_what_is_still_being_placed_is_not_called_wrong(site: Site) -> None:
    operator, images = await site.services.operators.ensure_default_operator(), site.services.images
    await send(site, ["one", "two"], operator)
    homes = [await cluster_of(site, operator, DIGEST[name]) for name in ("one", "two")]
    await images.decisions.merge(operator, *homes, "one harbour")
    async with site.services.database.transaction() as session:
        await run_sql(session, "DELETE FROM image_member")
    report = await images.checking.run()
    assert report.is_sound and [one.outcome for one in report.findings] == ["NOT_CHECKED"]


async def test_groups_that_do_not_fit_are_made_again_by_the_command(site: Site, database_url: str, tmp_path: Path) -> None:
    operator, images = await site.services.operators.ensure_default_operator(), site.services.images
    await send(site, ["one", "one small", "two"], operator)
    homes = [await cluster_of(site, operator, DIGEST[name]) for name in ("one", "two")]
    await images.decisions.merge(operator, *homes, "one harbour")
    async with site.services.database.transaction() as session:
        await run_sql(session, "DELETE FROM procrastinate_jobs WHERE task_name = 'group_images'")
        await run_sql(session, f"UPDATE image_member SET role = 'contains' WHERE image_id = {OF}", image=DIGEST["two"])
    assert not (await images.checking.run()).is_sound

    def rebuild() -> tuple[int, str]:
        env = {"HOLDSTILL_DATABASE_URL": database_url, "HOLDSTILL_DATA_DIR": str(tmp_path / "data")}
        done = CliRunner().invoke(app, ["images", "rebuild", "--json"], env=env)
        return done.exit_code, done.stdout

    code, said = await asyncio.to_thread(rebuild)
    assert code == 0 and json.loads(said) == {"organisations": 1, "pairs_without_record": 0}
    assert (await images.checking.run()).is_sound
