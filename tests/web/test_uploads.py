"""Bytes on their way in: nothing wrong is kept, nothing right is lost, nobody gets in the way of anybody."""

import asyncio
import hashlib
import secrets
from collections.abc import AsyncIterator

from storage.blobs import StoredBlob
from storage.errors import StorageError
from storage.hashing import Sha256
from tests.web.site import Device, Site

MIB = 1024 * 1024
TUS = {"Tus-Resumable": "1.0.0"}
PIECE = {"Content-Type": "application/offset+octet-stream"}


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


async def committed(device: Device, artifacts: dict[str, bytes]) -> str:
    answer = await device.commit(await device.statement(artifacts))
    assert answer.status_code == 201, answer.text
    return str(answer.json()["capture_id"])


async def create(device: Device, capture_id: str, data: bytes) -> str:
    headers = device.headers | TUS | {"Upload-Length": str(len(data))}
    answer = await device.site.http.post(f"/api/v1/captures/{capture_id}/artifacts/{sha(data)}", headers=headers)
    assert answer.status_code == 201, answer.text
    return str(answer.headers["location"])


async def patch(device: Device, place: str, offset: int, data: bytes):
    headers = device.headers | TUS | PIECE | {"Upload-Offset": str(offset)}
    return await device.site.http.patch(place, content=data, headers=headers)


async def missing(device: Device, capture_id: str) -> list[str]:
    answer = await device.seal(capture_id)
    return list(answer.json().get("missing", []))


async def test_a_wrong_digest_is_refused_and_nothing_is_kept(site: Site) -> None:
    device = await site.pair()
    right = secrets.token_bytes(5000)
    capture_id = await committed(device, {"upload.0.bin": right})
    wrong = bytes([right[0] ^ 1]) + right[1:]
    answer = await device.put(capture_id, wrong, sha256=sha(right))
    assert answer.status_code == 422 and answer.json()["code"] == "digest_mismatch"
    assert await missing(device, capture_id) == [sha(right)]
    assert not site.services.captures.uploads._parts.spool.upload_ids()
    assert (await device.put(capture_id, right)).status_code == 204
    assert (await device.put(capture_id, right)).status_code == 204, "repeating is success"
    assert (await device.seal(capture_id)).status_code == 200
    await site.sound()


async def test_one_put_takes_no_more_than_16_mib_and_no_other_length(site: Site) -> None:
    device = await site.pair()
    large = bytes(16 * MIB + 1)
    capture_id = await committed(device, {"upload.0.bin": large, "upload.1.bin": b"four"})
    assert (await device.put(capture_id, large)).status_code == 413
    assert (await device.put(capture_id, b"four!", sha256=sha(b"four"))).status_code == 422
    unnamed = await device.put(capture_id, b"unnamed")
    assert unnamed.status_code == 404

    async def chunks() -> AsyncIterator[bytes]:
        yield b"four"

    url = f"/api/v1/captures/{capture_id}/artifacts/{sha(b'four')}"
    assert (await site.http.put(url, content=chunks(), headers=device.headers)).status_code == 411
    await site.sound()


async def test_a_resumable_upload_goes_on_where_it_stopped(site: Site) -> None:
    device = await site.pair()
    data = secrets.token_bytes(3 * MIB + 17)
    capture_id = await committed(device, {"upload.0.bin": data})
    place = await create(device, capture_id, data)
    assert await create(device, capture_id, data) == place, "a lost answer gives the same upload again"
    first = await patch(device, place, 0, data[: 2 * MIB])
    assert first.status_code == 204 and first.headers["upload-offset"] == str(2 * MIB)
    found = await site.http.head(place, headers=device.headers | TUS)
    assert found.headers["upload-offset"] == str(2 * MIB) and found.headers["upload-length"] == str(len(data))
    behind = await patch(device, place, 0, data)
    assert behind.status_code == 409 and behind.headers["upload-offset"] == str(2 * MIB)
    beyond = await patch(device, place, 2 * MIB, data[2 * MIB :] + b"!")
    assert beyond.status_code == 413
    last = await patch(device, place, 2 * MIB, data[2 * MIB :])
    assert last.status_code == 204 and last.headers["upload-offset"] == str(len(data))
    assert (await device.seal(capture_id)).status_code == 200
    await site.sound()


async def test_a_resumable_upload_with_a_wrong_digest_ends_and_keeps_nothing(site: Site) -> None:
    device = await site.pair()
    data = secrets.token_bytes(MIB)
    capture_id = await committed(device, {"upload.0.bin": data})
    place = await create(device, capture_id, data)
    answer = await patch(device, place, 0, data[:-1] + bytes([data[-1] ^ 1]))
    assert answer.status_code == 422 and answer.json()["code"] == "digest_mismatch"
    assert (await site.http.head(place, headers=device.headers | TUS)).status_code == 410
    assert await missing(device, capture_id) == [sha(data)]
    again = await create(device, capture_id, data)
    assert again != place
    assert (await patch(device, again, 0, data)).status_code == 204
    assert (await device.seal(capture_id)).status_code == 200
    await site.sound()


async def test_two_writers_of_one_upload_never_mix(site: Site) -> None:
    device = await site.pair()
    data = secrets.token_bytes(2 * MIB)
    capture_id = await committed(device, {"upload.0.bin": data})
    place = await create(device, capture_id, data)
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def slow() -> AsyncIterator[bytes]:
        yield data[:1000]
        begun.set()
        await go_on.wait()
        yield data[1000:]

    headers = device.headers | TUS | PIECE | {"Upload-Offset": "0"}
    first = asyncio.create_task(site.http.patch(place, content=slow(), headers=headers))
    await asyncio.wait([asyncio.create_task(begun.wait()), first], return_when=asyncio.FIRST_COMPLETED)
    second = await patch(device, place, 0, data)
    assert second.status_code == 423, second.text
    go_on.set()
    assert (await first).status_code == 204
    assert (await device.seal(capture_id)).status_code == 200
    await site.sound()


async def test_termination_forgets_the_bytes(site: Site) -> None:
    device = await site.pair()
    data = secrets.token_bytes(MIB)
    capture_id = await committed(device, {"upload.0.bin": data})
    place = await create(device, capture_id, data)
    await patch(device, place, 0, data[:1000])
    for _ in range(2):
        assert (await site.http.delete(place, headers=device.headers | TUS)).status_code == 204
    assert not site.services.captures.uploads._parts.spool.upload_ids()
    assert (await patch(device, place, 1000, data[1000:])).status_code == 410


async def test_abandoned_uploads_are_forgotten_and_living_ones_are_not(site: Site) -> None:
    device = await site.pair()
    old, young = secrets.token_bytes(2000), secrets.token_bytes(3000)
    capture_id = await committed(device, {"upload.0.bin": old, "upload.1.bin": young})
    left_behind = await create(device, capture_id, old)
    await patch(device, left_behind, 0, old[:10])
    spool, uploads = site.services.captures.uploads._parts.spool, site.services.captures.uploads
    spool.create("put-killed", 5)
    spool.create("0" * 32, 5)
    site.clock.move(8 * 24 * 3600)
    going_on = await create(device, capture_id, young)
    await patch(device, going_on, 0, young[:10])
    assert await uploads.clear_abandoned() == 3
    assert spool.upload_ids() == [going_on.rsplit("/", 1)[1]]
    assert (await site.http.head(left_behind, headers=device.headers | TUS)).status_code == 410
    assert (await patch(device, going_on, 10, young[10:])).status_code == 204
    assert (await device.put(capture_id, old)).status_code == 204
    assert (await device.seal(capture_id)).status_code == 200
    await site.sound()


async def test_the_protocol_is_said_and_asked_for(site: Site) -> None:
    device = await site.pair()
    capture_id = await committed(device, {"upload.0.bin": b"data"})
    url = f"/api/v1/captures/{capture_id}/artifacts/{sha(b'data')}"
    said = await site.http.options(url)
    assert said.status_code == 204 and said.headers["tus-extension"] == "creation,termination"
    assert (await site.http.post(url, headers=device.headers | {"Upload-Length": "4"})).status_code == 412
    place = await create(device, capture_id, b"data")
    headers = device.headers | TUS | {"Upload-Offset": "0", "Content-Type": "text/plain"}
    assert (await site.http.patch(place, content=b"data", headers=headers)).status_code == 415
    for length in ("", "-1", "1e3", "1" * 40):
        answer = await site.http.post(url, headers=device.headers | TUS | {"Upload-Length": length})
        assert answer.status_code == 422, length


async def test_two_captures_share_a_blob_and_both_are_sealed(site: Site) -> None:
    device = await site.pair()
    shared = secrets.token_bytes(4000)
    first = await committed(device, {"upload.0.bin": shared})
    assert (await device.put(first, shared)).status_code == 204
    answer = (await device.commit(await device.statement({"upload.0.bin": shared}))).json()
    assert answer["missing"] == [], "the organisation has these bytes"
    for capture_id in (first, answer["capture_id"]):
        assert (await device.seal(capture_id)).status_code == 200
    await site.sound()


async def test_a_blob_the_store_lost_is_asked_for_again_and_not_sealed_without(site: Site, tmp_path) -> None:
    device = await site.pair()
    data = secrets.token_bytes(4000)
    capture_id = await committed(device, {"upload.0.bin": data})
    await device.put(capture_id, data)
    stored = next((tmp_path / "data" / "blobs").rglob(sha(data)))
    stored.unlink()
    assert await missing(device, capture_id) == [sha(data)]
    assert (await device.put(capture_id, data)).status_code == 204
    assert (await device.seal(capture_id)).status_code == 200
    await site.sound()


async def test_damaged_bytes_are_never_sealed(site: Site, tmp_path) -> None:
    device = await site.pair()
    data = secrets.token_bytes(4000)
    capture_id = await committed(device, {"upload.0.bin": data})
    await device.put(capture_id, data)
    stored = next((tmp_path / "data" / "blobs").rglob(sha(data)))
    stored.chmod(0o600)
    stored.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    answer = await device.seal(capture_id)
    assert answer.status_code == 409 and answer.json()["missing"] == [sha(data)], "its browser is asked for them again"
    state = (await site.http.get(f"/api/v1/captures/{capture_id}", headers=device.headers)).json()
    [check] = state["checks"]
    assert (state["state"], check["name"], check["subject"], check["outcome"]) == (
        "committed",
        "stored_bytes",
        "upload.0.bin",
        "FAILED",
    )
    place = await create(device, capture_id, data)
    found = await site.http.head(place, headers=device.headers | TUS)
    assert found.headers["upload-offset"] == "0", "a resumable upload takes them again too"
    assert (await patch(device, place, 0, data)).status_code == 204
    state = (await site.http.get(f"/api/v1/captures/{capture_id}", headers=device.headers)).json()
    assert (state["state"], state["checks"]) == ("committed", []), "what was found is over"
    assert (await device.seal(capture_id)).status_code == 200
    await site.sound()


async def test_a_store_that_keeps_damaged_bytes_is_not_sent_to_again_and_again(site: Site, tmp_path, monkeypatch) -> None:
    """As S3 does: of an object that was put there it says what was announced, and takes no other in its place."""
    device, data = await site.pair(), secrets.token_bytes(4000)
    capture_id = await committed(device, {"upload.0.bin": data})
    await device.put(capture_id, data)
    stored = next((tmp_path / "data" / "blobs").rglob(sha(data)))
    stored.chmod(0o600)
    stored.write_bytes(b"x" * 4000)
    assert (await device.seal(capture_id)).status_code == 409
    kept = StoredBlob(str(stored.name), Sha256(sha(data)), 4000, None, existed=True)
    monkeypatch.setattr(site.services.captures.sealer._parts.blobs, "put_file", lambda *_, **__: kept)
    answer = await device.put(capture_id, data)
    assert answer.status_code == 503, "the browser waits longer each time; 204 would have it ask for the seal at once"
    assert (await site.http.get(f"/api/v1/captures/{capture_id}", headers=device.headers)).json()["checks"]
    stored.write_bytes(data)  # by hand, from a copy of the store
    assert (await device.put(capture_id, data)).status_code == 204
    assert (await site.http.get(f"/api/v1/captures/{capture_id}", headers=device.headers)).json()["checks"] == []
    assert (await device.seal(capture_id)).status_code == 200
    await site.sound()


async def test_bytes_that_two_captures_lack_are_right_for_both_once_they_came_for_one(site: Site, tmp_path) -> None:
    device, data = await site.pair(), secrets.token_bytes(4000)
    first = await committed(device, {"upload.0.bin": data})
    await device.put(first, data)
    second = await committed(device, {"upload.0.bin": data})
    stored = next((tmp_path / "data" / "blobs").rglob(sha(data)))
    stored.chmod(0o600)
    stored.write_bytes(b"x" * 4000)
    for capture_id in (first, second):
        assert (await device.seal(capture_id)).status_code == 409
    person = await site.person()
    assert "A stored file is damaged or gone" in (await person.get(f"/captures/{second}")).text
    assert "once the checks have run" in (await person.get(f"/captures/{second}/replay")).text, "none has run yet"
    assert (await device.put(first, data)).status_code == 204
    assert "A stored file is damaged or gone" not in (await person.get("/")).text
    for capture_id in (first, second):
        assert (await device.seal(capture_id)).status_code == 200
    await site.sound()


async def test_a_file_that_could_not_be_read_is_not_called_damaged_and_sealed_when_it_can_be(
    site: Site, tmp_path, monkeypatch
) -> None:
    device = await site.pair()
    data = secrets.token_bytes(4000)
    capture_id = await committed(device, {"upload.0.bin": data})
    await device.put(capture_id, data)

    def broken(*_: object, **__: object) -> None:
        raise StorageError("the disk does not answer")

    with monkeypatch.context() as patched:
        patched.setattr(site.services.captures.sealer._parts.blobs, "open", broken)
        assert (await device.seal(capture_id)).status_code == 503
    state = (await site.http.get(f"/api/v1/captures/{capture_id}", headers=device.headers)).json()
    assert [(one["outcome"], one["subject"]) for one in state["checks"]] == [("NOT_CHECKED", "upload.0.bin")]
    assert "A stored file could not be read" in (await (await site.person()).get(f"/captures/{capture_id}")).text
    assert (await device.seal(capture_id)).status_code == 200
    state = (await site.http.get(f"/api/v1/captures/{capture_id}", headers=device.headers)).json()
    assert "stored_bytes" not in [one["name"] for one in state["checks"]]
    await site.sound()
