"""Every picture of a capture is read once, with an outcome; where it stood is kept; nothing of it holds up the seal."""

import asyncio
import contextlib
import hashlib
import io

import psycopg
import pytest
from PIL import Image

from server.db import run_sql
from server.images.reader import PictureReader
from tests.images.pages import capture_page, indexed
from tests.media.pictures import cropped, encoded, scene
from tests.trust.archive import PAGE
from tests.web.site import Site


async def test_pictures_of_a_page_are_read_and_grouped(site: Site) -> None:
    device = await site.pair()
    one, small = encoded(scene(1), "JPEG", quality=92), encoded(scene(1).resize((320, 240)), "JPEG")
    first = await capture_page(device, {"https://a.example/1.jpg": one, "https://a.example/2.jpg": encoded(scene(2))})
    second = await capture_page(device, {"https://b.example/1.jpg": small})
    await indexed(site, first, second)
    operator = await site.services.operators.ensure_default_operator()
    found = await site.services.images.reads.capture(operator, first)
    assert found.state == "COMPLETE"
    assert [(one.image.kind, one.image.outcome) for one in found.pictures] == [("file", "read")] * 2 + [("screenshot", "read")]
    assert [one.other_captures for one in found.pictures] == [1, 0, 0]
    alike = await site.services.images.reads.cluster(operator, found.pictures[0].cluster_ids[0])
    assert [one.role for one in alike.members] == ["representative", "same"]
    assert (alike.counts.images, alike.counts.instances, alike.counts.captures) == (2, 2, 2)
    answer = await site.services.images.search.by_bytes(operator, encoded(cropped(scene(1))))
    assert {one.kind for one in answer.matches} == {"contains"}
    assert {one.cluster_id for one in answer.matches} == {alike.cluster_id}
    assert found.pictures[0].image.sha256 == hashlib.sha256(one).hexdigest(), "the file as the page had it"
    await site.sound()


async def test_every_picture_has_an_outcome_and_a_run_is_repeated_without_change(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = encoded(scene(3), "JPEG")
    bodies = {
        "https://a.example/good.jpg": whole,
        "https://a.example/cut.jpg": whole[: len(whole) // 3],
        "https://a.example/drawing.svg": b'<svg xmlns="http://www.w3.org/2000/svg"/>',
        "https://a.example/dot.png": encoded(Image.new("RGB", (1, 1))),
    }
    capture_id = await capture_page(await site.pair(), bodies)
    indexer = site.services.images.indexer
    reads: list[int] = []
    read = PictureReader.read

    def killed_at_the_third(self: PictureReader, data: bytes) -> object:
        reads.append(len(data))
        if len(reads) == 3:
            raise KeyboardInterrupt
        return read(self, data)

    monkeypatch.setattr(PictureReader, "read", killed_at_the_third)
    with pytest.raises(KeyboardInterrupt):
        await indexer.run(capture_id)
    assert await indexer.run(capture_id)
    assert len(reads) == 6, "what was read before the end is not read again"
    assert not await indexer.run(capture_id)
    operator = await site.services.operators.ensure_default_operator()
    found = await site.services.images.reads.capture(operator, capture_id)
    outcomes = {one.sightings[0].url: one.image.outcome for one in found.pictures}
    assert outcomes == {
        "https://a.example/good.jpg": "read",
        "https://a.example/cut.jpg": "broken",
        "https://a.example/drawing.svg": "svg",
        "https://a.example/dot.png": "too_small",
        PAGE: "read",
    }
    assert all(one.image.reason for one in found.pictures if one.image.outcome != "read")
    assert await indexer.missing() == []
    await site.sound()


async def test_places_on_the_page_posts_and_pictures_only_a_screenshot_shows(site: Site) -> None:
    shot = Image.new("RGB", (640, 400), "white")
    shot.paste(scene(5).resize((320, 240)), (200, 100))
    held = "https://cdn.example/media/A1.jpg"
    box = {"x": 10, "y": 20, "width": 100, "height": 80}
    images = [
        {"url": held, "box": box, "natural": {"width": 640, "height": 480}},
        {"url": held, "box": {**box, "y": 900}},
        {"url": "https://cdn.example/lost.jpg", "box": {"x": 200, "y": 100, "width": 320, "height": 240}},
        {"url": "https://cdn.example/below.jpg", "box": {"x": 0, "y": 5000, "width": 300, "height": 300}},
        {
            "url": "https://cdn.example/lazy.jpg",
            "box": {"x": 0, "y": 0, "width": 300, "height": 300},
            "natural": {"width": 0, "height": 0},
        },
        {"url": 7, "box": {}},
    ]
    post = {
        "platform": "x",
        "accountId": "1",
        "postId": "99",
        "media": [{"type": "image", "url": "https://cdn.example/media/A1?format=jpg&name=small"}],
    }
    out = io.BytesIO()
    shot.save(out, "PNG")
    capture_id = await capture_page(
        await site.pair(), {held: encoded(scene(4), "JPEG")}, images=images, shot=out.getvalue(), post=post
    )
    await indexed(site, capture_id)
    operator = await site.services.operators.ensure_default_operator()
    found = await site.services.images.reads.capture(operator, capture_id)
    by_kind = {one.image.kind: one for one in found.pictures}
    assert [one.box for one in by_kind["file"].sightings] == [(10, 20, 100, 80), (10, 900, 100, 80)]
    assert {(one.platform, one.account, one.post) for one in by_kind["file"].sightings} == {("x", "1", "99")}
    assert [(one.url, one.post) for one in by_kind["crop"].sightings] == [("https://cdn.example/lost.jpg", None)]
    counts = (await site.services.images.reads.cluster(operator, by_kind["file"].cluster_ids[0])).counts
    assert (counts.images, counts.instances, counts.posts, counts.accounts, counts.without_post) == (1, 2, 1, 1, 0)
    lost = (await site.services.images.search.by_bytes(operator, encoded(scene(5), "JPEG"))).matches
    assert (lost[0].kind, lost[0].image.kind) == ("same", "crop"), "found although its file is nowhere"
    assert by_kind["screenshot"].cluster_ids == ()
    await site.sound()


async def test_a_worker_reads_and_groups_what_was_sealed(site: Site) -> None:
    device = await site.pair()
    captures = [await capture_page(device, {f"https://{host}.example/1.jpg": encoded(scene(7), "JPEG")}) for host in "ab"]
    operator = await site.services.operators.ensure_default_operator()
    worker = asyncio.create_task(site.services.jobs.run_worker())
    try:
        async with asyncio.timeout(400):
            while not (await site.services.images.reads.clusters(operator, repeated=True)):
                await asyncio.sleep(0.1)
    finally:
        worker.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await worker
    (cluster,) = await site.services.images.reads.clusters(operator, repeated=True)
    assert (cluster.counts.images, cluster.counts.instances, cluster.counts.captures) == (1, 2, 2)
    assert [(await site.services.images.reads.capture(operator, one)).state for one in captures] == ["COMPLETE"] * 2
    await site.sound()


async def test_records_of_pictures_cannot_be_changed(site: Site, database_url: str) -> None:
    capture_id = await capture_page(await site.pair(), {"https://a.example/1.png": encoded(scene(6))})
    await indexed(site, capture_id)
    tables = ("image", "image_reading", "image_sighting", "image_code", "image_code_use", "image_cluster", "image_indexing")
    with psycopg.connect(database_url, autocommit=True) as connection:
        for table in tables:
            for statement in (
                f"DELETE FROM {table}",
                f"UPDATE {table} SET organisation_id = organisation_id",
                f"TRUNCATE {table} CASCADE",
            ):
                if table == "image_code_use" and "UPDATE" in statement:
                    continue
                with pytest.raises(psycopg.errors.CheckViolation, match="append-only"):
                    connection.execute(statement)
    async with site.services.database.session() as session:
        assert (await run_sql(session, "SELECT count(*) FROM image_sighting"))[0][0] == 2
