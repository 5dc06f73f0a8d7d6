"""The fault table: {blob put, row commit, checkpoint publish, TSA answer} × {failed, happened but the answer was lost}.

After each fault the stored bytes are sound; the device then does what the extension does, says everything again, and the
capture is sealed exactly once.
"""

import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2
import pytest
from sqlalchemy import event as sql_events
from sqlalchemy.exc import OperationalError

from server.errors import LogRefused
from storage.memory import Faults, MemoryBlobStore
from tests.tsa import LocalTsa
from tests.web.site import Device, Site, open_site, pinned_tsa, settings_of

WHEN = ("failed", "happened, answer lost")


@asynccontextmanager
async def site_of(database_url: str, folder: Path, tsa: LocalTsa, faults: Faults) -> AsyncIterator[Site]:
    settings = settings_of(folder, database_url, tsas=[pinned_tsa(tsa)], tsa_timeout_s=60)
    async with open_site(settings, blobs=MemoryBlobStore(faults)) as site:
        yield site


async def say_everything_again(device: Device, envelope: bytes, artifacts: dict[str, bytes]) -> str:
    """What the extension's queue does after any failure: commit, send what is missing, seal."""
    answer = await device.commit(envelope)
    assert answer.status_code in (200, 201), answer.text
    capture_id = str(answer.json()["capture_id"])
    for data in artifacts.values():
        if hashlib.sha256(data).hexdigest() in answer.json()["missing"]:
            assert (await device.put(capture_id, data)).status_code == 204
    sealed = await device.seal(capture_id)
    assert sealed.status_code == 200, sealed.text
    return capture_id


async def assert_sealed_once(site: Site, device: Device, capture_id: str) -> None:
    """One committed and one sealed event, whatever was repeated; and everything follows from the stored bytes."""
    answer = await site.http.get(f"/api/v1/captures/{capture_id}/events", headers=device.headers)
    types = [event["type"] for event in answer.json()["events"]]
    assert types.count("capture.committed") == types.count("capture.sealed") == 1
    await site.sound()


@pytest.mark.parametrize("when", WHEN)
async def test_blob_put(database_url: str, tmp_path: Path, tsa: LocalTsa, when: str) -> None:
    faults = Faults()
    async with site_of(database_url, tmp_path, tsa, faults) as site:
        device = await site.pair()
        artifacts = device.artifacts()
        envelope = await device.statement(artifacts)
        capture_id = (await device.commit(envelope)).json()["capture_id"]
        (faults.fail_before if when == "failed" else faults.fail_after)("put")
        assert (await device.put(capture_id, artifacts["page.wacz"])).status_code == 503
        await site.sound()
        assert (await device.seal(capture_id)).status_code == 409, "what may not be durable is not sealed"
        await say_everything_again(device, envelope, artifacts)
        await assert_sealed_once(site, device, capture_id)


@pytest.mark.parametrize("when", WHEN)
async def test_blob_put_of_a_resumable_upload(database_url: str, tmp_path: Path, tsa: LocalTsa, when: str) -> None:
    """The last byte came, the blob did not: a HEAD must not read as done before the blob is durable."""
    faults = Faults()
    async with site_of(database_url, tmp_path, tsa, faults) as site:
        device = await site.pair()
        data = bytes(100_000)
        committed = (await device.commit(await device.statement({"upload.0.bin": data}))).json()
        tus = device.headers | {"Tus-Resumable": "1.0.0"}
        url = f"/api/v1/captures/{committed['capture_id']}/artifacts/{hashlib.sha256(data).hexdigest()}"
        place = (await site.http.post(url, headers=tus | {"Upload-Length": str(len(data))})).headers["location"]
        piece = tus | {"Upload-Offset": "0", "Content-Type": "application/offset+octet-stream"}
        (faults.fail_before if when == "failed" else faults.fail_after)("put", 2)
        assert (await site.http.patch(place, content=data, headers=piece)).status_code == 503
        assert (await site.http.head(place, headers=tus)).status_code == 503
        await site.sound()
        assert (await site.http.head(place, headers=tus)).headers["upload-offset"] == str(len(data))
        assert (await device.seal(committed["capture_id"])).status_code == 200
        await assert_sealed_once(site, device, committed["capture_id"])


async def with_commit_fault(
    site: Site, when: str, act: Callable[[], Awaitable[httpx2.Response]], *, skip: int
) -> httpx2.Response:
    """Runs `act` while one COMMIT fails: before it reaches PostgreSQL, or after it was done. `skip`: commits let through."""
    engine = site.services.database.engine.sync_engine
    left = skip

    def fail(connection: object) -> None:
        nonlocal left
        left -= 1
        if left >= 0:
            return
        sql_events.remove(engine, "commit", fail)
        if when != "failed":
            connection.connection.commit()  # type: ignore[attr-defined]
        raise OperationalError("COMMIT", None, ConnectionError("the connection broke"))

    sql_events.listen(engine, "commit", fail)
    answer = await act()
    assert left < 0, "the fault was never reached"
    return answer


@pytest.mark.parametrize("when", WHEN)
@pytest.mark.parametrize("act", ["commit", "put", "seal"])
async def test_row_commit(database_url: str, tmp_path: Path, tsa: LocalTsa, when: str, act: str) -> None:
    async with site_of(database_url, tmp_path, tsa, Faults()) as site:
        device = await site.pair()
        artifacts = {"upload.0.bin": b"some bytes"}
        envelope = await device.statement(artifacts)
        if act == "commit":
            assert (await with_commit_fault(site, when, lambda: device.commit(envelope), skip=0)).status_code == 503
        else:
            capture_id = (await device.commit(envelope)).json()["capture_id"]
            if act == "put":
                faulty = await with_commit_fault(site, when, lambda: device.put(capture_id, b"some bytes"), skip=0)
            else:
                await device.put(capture_id, b"some bytes")
                faulty = await with_commit_fault(site, when, lambda: device.seal(capture_id), skip=0)
            assert faulty.status_code == 503
        await site.sound()
        capture_id = await say_everything_again(device, envelope, artifacts)
        await assert_sealed_once(site, device, capture_id)


@pytest.mark.parametrize("when", WHEN)
@pytest.mark.parametrize("step", ["leaves_durable", "head_durable"])
async def test_checkpoint_publish(database_url: str, tmp_path: Path, tsa: LocalTsa, when: str, step: str) -> None:
    """The process dies inside a round of the sequencer; `happened, answer lost`: another process ends the round first."""
    async with site_of(database_url, tmp_path, tsa, Faults()) as site:
        device = await site.pair()
        artifacts = {"upload.0.bin": b"some bytes"}
        envelope = await device.statement(artifacts)
        sequencer = site.services.log.sequencer

        def die(reached: str) -> None:
            if reached == step:
                sequencer.reached = lambda _step: None
                raise LogRefused(reason="the process died here", size=0)

        sequencer.reached = die
        assert (await device.commit(envelope)).status_code == 503
        await site.sound()
        if when != "failed":
            await site.services.log.sequence()
            await site.sound()
        capture_id = await say_everything_again(device, envelope, artifacts)
        await assert_sealed_once(site, device, capture_id)


@pytest.mark.parametrize("when", WHEN)
async def test_tsa_answer(database_url: str, tmp_path: Path, tsa: LocalTsa, when: str) -> None:
    """A silent authority leaves the time pending, in words; one whose answer was lost is simply asked again."""
    async with site_of(database_url, tmp_path, tsa, Faults()) as site:
        device = await site.pair()
        capture_id = await device.capture()
        asked = tsa.requests
        if when == "failed":
            tsa.mode = "down"
            outcomes = await site.services.stamps.stamp()
        else:
            client = site.services.stamps.client
            original = client._fetch

            async def lost(*arguments: object) -> bytes:
                await original(*arguments)  # type: ignore[arg-type]
                raise httpx2.ReadError("the connection broke")

            client._fetch = lost  # type: ignore[method-assign,assignment]
            outcomes = await site.services.stamps.stamp()
            client._fetch = original  # type: ignore[method-assign]
            assert tsa.requests == asked + 1
        assert [outcome.state for outcome in outcomes] == ["pending"]
        shown = (await site.http.get(f"/api/v1/captures/{capture_id}", headers=device.headers)).json()["bracket"]
        assert shown["not_after"] is None and shown["not_after_reason"] == "pending"
        await site.sound()
        tsa.mode = "good"
        assert [outcome.state for outcome in await site.services.stamps.stamp()] == ["stamped"]
        shown = (await site.http.get(f"/api/v1/captures/{capture_id}", headers=device.headers)).json()["bracket"]
        assert shown["not_after"]["tsas"] == ["local"]
        await assert_sealed_once(site, device, capture_id)
