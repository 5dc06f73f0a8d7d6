"""Two at once, a hostile page, an end at the worst moment: nothing lost, nothing doubled, nobody waits for ever."""

import asyncio
import contextlib
import hashlib
from types import SimpleNamespace
from typing import Any

import pytest

from server.db import Database, run_sql
from server.images import indexing
from server.images.clustering import Clustering
from server.images.found import Finding, FoundPicture, ImageBox
from tests.images.pages import capture_page, indexed
from tests.images.test_clusters import FILES, cluster_of, send, state
from tests.images.test_killed import _TWICE
from tests.media.pictures import encoded, scene
from tests.web.site import Site


async def test_two_workers_read_one_capture_at_once(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    capture_id = await capture_page(await site.pair(), {"https://a.example/1.jpg": encoded(scene(3), "JPEG")})
    both, add = asyncio.Barrier(2), indexing.add_sightings

    async def together(*arguments: Any) -> None:
        await both.wait()  # neither sees that the other has a record of the run
        await add(*arguments)

    monkeypatch.setattr(indexing, "add_sightings", together)
    run = site.services.images.indexer.run
    assert await asyncio.gather(run(capture_id), run(capture_id)) == [True, True]
    await indexed(site)
    async with site.services.database.session() as session:
        assert await run_sql(session, _TWICE) == []
        assert (await run_sql(session, "SELECT count(*) FROM image_indexing"))[0][0] == 1
    await site.sound()


async def test_an_end_after_a_decision_leaves_clusters_that_follow_it(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    operator, images = await site.services.operators.ensure_default_operator(), site.services.images
    await send(site, ["one", "two"], operator)
    digest = {name: hashlib.sha256(FILES[name]).hexdigest() for name in ("one", "two")}
    first, second = [await cluster_of(site, operator, digest[name]) for name in ("one", "two")]

    async def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Clustering, "settle", killed)
        with pytest.raises(KeyboardInterrupt):
            await images.decisions.merge(operator, first, second, "one harbour")
    assert await cluster_of(site, operator, digest["two"]) == second, "decided, and not yet done"
    worker = asyncio.create_task(site.services.jobs.run_worker())
    try:
        async with asyncio.timeout(240):
            while {row[1] for row in await state(site, operator)} != {str(first)}:
                await asyncio.sleep(0.05)
    finally:
        worker.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await worker
    await site.sound()


async def test_who_waits_for_the_partition_holds_no_connection(site: Site, database_url: str) -> None:
    operator = await site.services.operators.ensure_default_operator()
    await send(site, ["one"], operator)
    clustering, small = site.services.images.clustering, Database(database_url, pool_size=1)
    parts = SimpleNamespace(**{**vars(clustering._parts), "database": small})
    few = Clustering(parts, clustering._rows, clustering._matcher)  # type: ignore[arg-type]
    async with site.services.database.session() as session:
        [[image_id]] = await run_sql(session, "SELECT image_id FROM image_member")
    try:
        async with asyncio.timeout(120):
            await asyncio.gather(*(few.settle(operator.organisation_id, [image_id]) for _ in range(4)))
    finally:
        await small.close()


def test_a_page_that_says_thousands_of_boxes_of_thousands_of_bodies_has_bounded_places(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(indexing, "PLACES_LIMIT", 50)
    url, found = "https://a.example/1.jpg", Finding()
    body = FoundPicture("0" * 64, 1, "file", "page.wacz", "network", url, None)
    capture: Any = SimpleNamespace(organisation_id=None, capture_id="c", captured_at=None, received_at=None)
    seen = [indexing._Seen(body, number, "read") for number in range(40)]
    subject: Any = SimpleNamespace(capture=capture, predicate={}, seen=seen, found=found)
    monkeypatch.setattr(indexing, "bounded_claim", lambda *_: None)
    rows = indexing._sightings(subject, [ImageBox(url, "", (0, 0, 9, 9))] * 30, {})
    assert len(rows) == 50 and found.problems == ["more than 50 places of pictures: the rest is not listed"]


async def test_addresses_that_no_database_can_hold_keep_no_capture_from_being_read(site: Site) -> None:
    box = {"x": 0, "y": 0, "width": 300, "height": 300}
    held, lost = "https://a.example/1.jpg", "https://a.example/\udfff\x00.jpg"
    images = [{"url": held, "frameUrl": "https://a.example/\ud800\x00", "box": box}, {"url": lost, "box": box}]
    capture_id = await capture_page(await site.pair(), {held: encoded(scene(3), "JPEG")}, images=images)
    await indexed(site, capture_id)
    operator = await site.services.operators.ensure_default_operator()
    found = await site.services.images.reads.capture(operator, capture_id)
    assert found.state == "COMPLETE"
    assert {
        one.url: one.frame_url for picture in found.pictures for one in picture.sightings if picture.image.kind != "screenshot"
    } == {
        held: "https://a.example/?",
        "https://a.example/?.jpg": "",
    }
    await site.sound()
