"""Pictures of files made elsewhere: read, matched and searched like captured ones, and marked and counted apart everywhere."""

import gzip
import hashlib
import io
from datetime import UTC, datetime
from pathlib import Path

import pytest

from server.errors import NotFound
from server.images.elsewhere import ElsewherePlace, ElsewhereRun
from server.images.found import Finding
from server.images.models import Sighting
from server.imports.archives import read_archive
from server.imports.checking import DepositChecker
from server.imports.contents import TooMuch, dated_pictures, records_of
from server.imports.deposits import DepositOrder
from server.imports.models import Deposit, DepositRecord
from tests.images.pages import capture_page, indexed
from tests.imports.desk import Desk
from tests.media.pictures import encoded, scene
from tests.trust.archive import make_wacz, make_warc
from tests.web.archives import Page

PICTURE = encoded(scene(31), "JPEG", quality=90)
SMALLER = encoded(scene(31).resize((400, 300)), "JPEG", quality=85)
DIGEST = hashlib.sha256(PICTURE).hexdigest()
HTML = b"<script>alert(1)</script><h1>A story</h1>"
ADDRESS = "https://cdn.example/a.jpg"


def archive(*bodies: tuple[str, str, bytes]) -> bytes:
    return Page(bodies or ((ADDRESS, "image/jpeg", PICTURE), ("https://a.example/", "text/html", HTML)), "A story").wacz()


async def taken(desk: Desk, data: bytes, name: str, **said: str) -> Deposit:
    order = DepositOrder(**{"said_by": "a colleague"} | said)
    found: Deposit = await desk.imports.deposits.take(desk.actor, desk.case.id, (io.BytesIO(data), name), order, queued=False)
    await desk.imports.checker.run(found.id)
    await desk.site.services.images.clustering.run(desk.case.organisation_id)
    return found


async def test_a_picture_in_a_deposit_is_found_grouped_and_counted_apart(desk: Desk) -> None:
    images, actor = desk.site.services.images, desk.actor
    captured = await capture_page(await desk.site.pair(), {"https://a.example/1.jpg": PICTURE})
    await indexed(desk.site, captured)
    deposit = await taken(desk, archive((ADDRESS, "image/jpeg", SMALLER), (ADDRESS, "image/jpeg", SMALLER)), "a.wacz")
    [place] = await desk.rows(ElsewherePlace)
    assert (place.url, place.source, place.file_name, place.said_by) == (ADDRESS, "archive", "a.wacz", "a colleague")
    answer = await images.search.by_bytes(actor, SMALLER)
    kinds = {one.kind: one for one in answer.matches}
    assert kinds["exact"].sightings == () and [one.deposit_id for one in kinds["exact"].elsewhere] == [deposit.id]
    assert [one.capture_id for one in kinds["same"].sightings] == [captured] and kinds["same"].elsewhere == ()
    assert kinds["exact"].cluster_id == kinds["same"].cluster_id
    cluster = await images.reads.cluster(actor, kinds["exact"].cluster_id)
    assert (cluster.counts.images, cluster.counts.instances, cluster.counts.captures) == (1, 1, 1), "of captures alone"
    assert vars(cluster.elsewhere) == {"images": 1, "places": 1, "files": 1}
    assert [summary.elsewhere for summary in await images.reads.clusters(actor)] == [cluster.elsewhere]
    frozen = await images.counting.freeze(actor, cluster.cluster_id)
    assert frozen.members == (DIGEST,) and frozen.counts.images == 1
    signals = await images.origins.of(actor, place_digest := hashlib.sha256(SMALLER).hexdigest())
    assert signals.state == "read" and all(one.tool and one.tool_version for one in signals.signals)
    person = await desk.site.person()
    for path in (f"/images/{place_digest}", f"/images/clusters/{cluster.cluster_id}", "/images"):
        assert "Made elsewhere" in (await person.get(path)).text, path
    sheet = (await person.get(f"/images/clusters/{cluster.cluster_id}/sheet")).text
    assert "Made elsewhere" in sheet, "also on what leaves the house"
    told = (await person.get(f"/api/v1/images/{place_digest}/sightings")).json()
    assert told["sightings"] == [] and [one["number"] for one in told["elsewhere"]] == [1]
    assert not await desk.imports.checker.run(deposit.id), "once"
    await desk.imports.deposits.withdraw(actor, deposit.id, "the wrong one")
    gone = await images.reads.cluster(actor, cluster.cluster_id)
    assert gone.elsewhere.places == 0 and (await images.reads.elsewhere(actor, place_digest)).shown[0].withdrawn
    assert len(await desk.rows(Sighting, Sighting.capture_id != captured)) == 0
    await desk.site.sound()


async def test_only_who_may_see_the_case_is_told_of_its_pictures(desk: Desk) -> None:
    await taken(desk, PICTURE, "shot.jpg")
    checker = await desk.site.colleague(desk.case.organisation_id, "fact_checker")
    stranger, images = await desk.site.other_organisation(), desk.site.services.images
    for actor in (checker, stranger):
        assert (await images.search.by_bytes(actor, PICTURE)).matches == ()
        assert await images.reads.clusters(actor) == ()
        with pytest.raises(NotFound):
            await images.reads.image(actor, DIGEST)
    device = await desk.site.pair()
    found = await desk.site.http.post("/api/v1/images/search", content=PICTURE, headers=device.headers)
    assert found.json()["matches"] == [] and found.json()["clusters"] == []
    await desk.site.services.cases.members.redeem(
        checker, await desk.site.services.cases.members.invite(desk.actor, desk.case.id, "contributor")
    )
    [match] = (await images.search.by_bytes(checker, PICTURE)).matches
    assert match.kind == "exact" and match.elsewhere[0].file_name == "shot.jpg"


async def test_a_group_names_no_digest_of_what_stands_only_in_a_case_one_may_not_see(desk: Desk) -> None:
    images, device = desk.site.services.images, await desk.site.pair()
    await taken(desk, PICTURE, "shot.jpg")
    await indexed(desk.site, await capture_page(device, {"https://a.example/1.jpg": SMALLER}))
    [cluster] = await images.reads.clusters(desk.actor)
    whole = (await (await desk.site.person()).get(f"/api/v1/clusters/{cluster.cluster_id}")).json()
    assert DIGEST in str(whole)
    checker = await desk.site.person(await desk.site.colleague(desk.case.organisation_id, "fact_checker"))
    for path in (f"/api/v1/clusters/{cluster.cluster_id}", f"/images/clusters/{cluster.cluster_id}"):
        told = await checker.get(path)
        assert told.status_code == 200 and DIGEST not in told.text, path


async def test_what_is_in_an_archive_is_listed_and_opens_as_text_only(desk: Desk) -> None:
    deposit = await taken(desk, archive(), "a.wacz")
    person = await desk.site.person()
    page = await person.get(f"/deposits/{deposit.id}")
    assert "a claim of the file" in page.text and "1 picture<" in page.text
    assert f"/deposits/{deposit.id}/pictures/{DIGEST}" in page.text
    small = await person.get(f"/deposits/{deposit.id}/pictures/{DIGEST}")
    assert small.headers["content-type"] == "image/webp" and small.content != PICTURE
    assert (await person.get(f"/deposits/{deposit.id}/pictures/{'0' * 64}")).status_code == 404
    html = next(one for one in await desk.rows(DepositRecord) if one.media_type == "text/html")
    opened = await person.get(f"/deposits/{deposit.id}/records/{html.position}")
    assert opened.headers["content-type"].startswith("text/html") and "&lt;script&gt;alert(1)" in opened.text
    assert "<script" not in opened.text and "<h1>A story" not in opened.text
    binary = next(one for one in await desk.rows(DepositRecord) if one.media_type == "image/jpeg")
    assert "Not shown: no text" in (await person.get(f"/deposits/{deposit.id}/records/{binary.position}")).text
    assert (await person.get(f"/deposits/{deposit.id}/records/99")).status_code == 404
    chain = await desk.site.services.custody.chain(f"case:{desk.case.id}", organisation_id=desk.actor.organisation_id)
    assert [one.type for one in chain].count("case.deposit_opened") == 2
    guest = await desk.site.other_organisation()
    await desk.site.services.cases.members.redeem(
        guest, await desk.site.services.cases.members.invite(desk.actor, desk.case.id, "contributor")
    )
    theirs = await (await desk.site.person(guest)).get(f"/deposits/{deposit.id}")
    assert f"/deposits/{deposit.id}/pictures/{DIGEST}" in theirs.text and f"/images/{DIGEST}" not in theirs.text


async def test_an_archive_that_decodes_to_too_much_says_how_far_it_was_read(desk: Desk) -> None:
    data = archive((ADDRESS, "image/jpeg", PICTURE), ("https://a.example/big", "text/plain", b"x" * 300_000))
    order = DepositOrder("a colleague")
    found = await desk.imports.deposits.take(desk.actor, desk.case.id, (io.BytesIO(data), "a.wacz"), order, queued=False)
    await DepositChecker(desk.imports._parts, limit_bytes=len(data) + 100_000).run(found.id)
    view = await desk.imports.deposits.read(desk.actor, found.id)
    told = {one.name: (one.outcome, one.reason) for one in view.checks}
    assert told["bytes"][0] == "PASSED" and {told[name][0] for name in told if name != "bytes"} == {"NOT_CHECKED"}
    assert "decode to more than" in told["format"][1] and "records read" in told["format"][1]
    assert view.pictures.state == "PARTIAL" and "decode to more than" in view.pictures.reason
    assert [one.image.sha256 for one in view.pictures.pictures] == [DIGEST], "what came before was read"


def test_the_cap_is_over_all_archives_of_a_file_together(tmp_path: Path) -> None:
    inner = make_warc(b"y" * 60_000)
    path = tmp_path / "two.wacz"
    path.write_bytes(make_wacz(None, warc=inner, undeclared={"archive/second.warc.gz": inner}))
    assert len(list(records_of(path, "wacz", 200_000))) == 2
    with pytest.raises(TooMuch):
        list(records_of(path, "wacz", 100_000))
    bomb = tmp_path / "bomb.warc.gz"
    head = b"WARC/1.1\r\nWARC-Type: resource\r\nWARC-Record-ID: <urn:uuid:12345678-1234-1234-1234-123456789012>\r\n"
    bomb.write_bytes(
        gzip.compress(head + b"WARC-Date: 2024-07-06T10:00:00Z\r\nContent-Length: 70000000000\r\n\r\n" + b"\0" * 10**7)
    )

    verdicts = {one.name: one.outcome for one in read_archive(bomb, "warc", datetime(2026, 3, 1, tzinfo=UTC)).verdicts}
    assert verdicts["format"] == "NOT_CHECKED"
    found = Finding()
    assert list(dated_pictures(bomb, "warc", found)) == [] and "decode to more than" in found.problems[0]


async def test_deposits_of_before_are_read_later_and_a_broken_picture_has_its_outcome(desk: Desk) -> None:
    broken = await taken(desk, PICTURE[: len(PICTURE) // 3], "cut.jpg")
    view = await desk.imports.deposits.read(desk.actor, broken.id)
    assert [(one.image.outcome, one.image.reason != "") for one in view.pictures.pictures] == [("broken", True)]
    order = DepositOrder("a colleague")
    await desk.imports.deposits.take(desk.actor, desk.case.id, (io.BytesIO(PICTURE), "b.jpg"), order, queued=False)
    assert await desk.imports.checker.queue_missing() == 1
    [run] = await desk.rows(ElsewhereRun)
    assert (run.outcome, run.pictures, run.unread) == ("COMPLETE", 1, 1)
    late = await desk.imports.deposits.take(desk.actor, desk.case.id, (io.BytesIO(SMALLER), "c.jpg"), order, queued=False)
    [path] = list((desk.site.services.settings.data_dir / "blobs").rglob(late.sha256))
    path.chmod(0o600)
    path.write_bytes(b"other bytes")
    await desk.imports.checker.run(late.id)
    damaged = await desk.imports.deposits.read(desk.actor, late.id)
    assert [(one.name, one.outcome) for one in damaged.checks] == [("bytes", "FAILED")]
    assert damaged.pictures.state == "PARTIAL" and "bytes" in damaged.pictures.reason, "said, and not tried for ever"
