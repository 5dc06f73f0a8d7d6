"""A worker killed (-9) while it reads a capture's pictures: another one takes the job up, nothing is lost or there twice."""

import asyncio
import contextlib
import signal
import sys
from pathlib import Path

import pytest

from server.db import run_sql
from server.images import reader
from tests.images.pages import capture_page
from tests.media.pictures import encoded, scene
from tests.web.site import Site

PICTURES = 5
KEPT = 2
_COUNT = "SELECT count(*) FROM image_reading"
_TWICE = """
SELECT url FROM image_sighting GROUP BY organisation_id, capture_id, image_id, url, ordinal HAVING count(*) > 1
UNION ALL SELECT sha256 FROM image GROUP BY organisation_id, sha256 HAVING count(*) > 1
UNION ALL SELECT CAST(image_id AS text) FROM image_reading GROUP BY image_id, pipeline_id HAVING count(*) > 1
"""


async def test_a_killed_worker_loses_no_picture_and_doubles_none(
    site: Site, tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader, "NICENESS", 0)  # on a busy machine decoders that yield take minutes to start
    command = (sys.executable, "-m", "tests.images.worker_process", str(tmp_path), database_url, str(KEPT))
    worker = await asyncio.create_subprocess_exec(*command)  # it takes seconds to load: meanwhile there is work to do here
    bodies = {f"https://a.example/{number}.jpg": encoded(scene(200 + number), "JPEG") for number in range(PICTURES)}
    capture_id = await capture_page(await site.pair(), bodies)
    async with asyncio.timeout(400):
        assert await worker.wait() == -signal.SIGKILL
    operator = await site.services.operators.ensure_default_operator()
    assert await _number(site, _COUNT) == KEPT, "the worker was killed before it had read everything"
    assert (await site.services.images.reads.capture(operator, capture_id)).state == "pending"
    site.services.jobs.stalled_after_s = 0.0
    assert await site.services.jobs.retry_stalled() >= 1
    await _worked_off(site, capture_id)
    found = await site.services.images.reads.capture(operator, capture_id)
    files = [one for one in found.pictures if one.image.kind == "file"]
    assert sorted(one.sightings[0].url for one in files) == sorted(bodies)
    assert {one.image.outcome for one in files} == {"read"} and all(len(one.cluster_ids) == 1 for one in files)
    async with site.services.database.session() as session:
        assert await run_sql(session, _TWICE) == []
    await site.sound()


async def _number(site: Site, sql: str) -> int:
    async with site.services.database.session() as session:
        return int((await run_sql(session, sql))[0][0])


async def _worked_off(site: Site, capture_id: str) -> None:
    """A worker of this process runs until every picture of the capture has its place."""
    operator = await site.services.operators.ensure_default_operator()
    worker = asyncio.create_task(site.services.jobs.run_worker())
    try:
        async with asyncio.timeout(400):
            while await _number(site, "SELECT count(DISTINCT image_id) FROM image_member") < PICTURES:
                await asyncio.sleep(0.05)
    finally:
        worker.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await worker
    assert (await site.services.images.reads.capture(operator, capture_id)).state == "COMPLETE"
