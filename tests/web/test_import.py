"""Importing the file of an unsent capture: the same commit, upload and seal; anything else is refused and leaves nothing."""

import io
import json
import zipfile
from pathlib import Path

import pytest
from sqlmodel import select

from server.captures.errors import DeviceUnknown, SignatureRefused, StatementRefused
from server.captures.importing import ImportedCapture
from server.captures.models import Capture, CaptureState
from server.trust.dsse import parse_envelope, sign_envelope
from storage.errors import BadContainer
from tests.trust.parties import Device as Keys
from tests.web.site import Device, Site


def pack(path: Path, files: dict[str, bytes], *, method: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(path, "w", method) as packed:
        for name, data in files.items():
            packed.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), data, compress_type=method)
    return path


async def unsent(device: Device, **changes: object) -> dict[str, bytes]:
    """The files of a capture that was taken offline and never sent."""
    artifacts = device.artifacts()
    return {"statement.dsse.json": await device.statement(artifacts, online=False, **changes), **artifacts}


async def take(site: Site, path: Path) -> ImportedCapture:
    imports = site.services.captures.imports
    read = await imports.read(path)
    return await imports.take(await imports.signer(read), path, read)


async def captures(site: Site) -> list[Capture]:
    async with site.services.database.session() as session:
        return list((await session.exec(select(Capture))).all())


async def test_an_exported_capture_is_sealed_like_one_that_was_sent(site: Site, tmp_path: Path) -> None:
    device = await site.pair()
    files = await unsent(device)
    taken = await take(site, pack(tmp_path / "one.holdstill.zip", files))
    assert (taken.known, taken.files) == (False, 2)
    [row] = await captures(site)
    assert (row.capture_id, row.state, row.nonce_state) == (taken.capture_id, CaptureState.SEALED, "none")
    assert row.statement == files["statement.dsse.json"]
    person = await site.person()
    stored = await person.get(f"/api/v1/captures/{taken.capture_id}/artifacts/page.wacz")
    assert stored.content == files["page.wacz"]
    await site.sound()


async def test_importing_again_or_after_a_broken_upload_changes_nothing(site: Site, tmp_path: Path) -> None:
    device = await site.pair()
    files = await unsent(device)
    path = pack(tmp_path / "one.holdstill.zip", files)
    assert (await device.commit(files["statement.dsse.json"])).status_code == 201  # the extension had begun
    first, second = await take(site, path), await take(site, path)
    assert (first.capture_id, first.known, second.known) == (second.capture_id, False, True)
    assert len(await captures(site)) == 1
    await site.sound()


@pytest.mark.parametrize("wrong", ["changed", "missing", "extra", "cut", "deflated name", "no statement"])
async def test_a_file_that_is_not_what_its_statement_says_leaves_nothing(site: Site, tmp_path: Path, wrong: str) -> None:
    device = await site.pair()
    files = await unsent(device)
    name = "screenshot.viewport.png"
    if wrong == "changed":
        files[name] = files[name][:-1] + bytes([files[name][-1] ^ 1])
    elif wrong == "missing":
        del files[name]
    elif wrong == "extra":
        files["run-me.js"] = b"alert(1)"
    elif wrong == "cut":
        files[name] = files[name][:-1]
    elif wrong == "deflated name":
        files["../../escape"] = b"x"
    else:
        del files["statement.dsse.json"]
    with pytest.raises(BadContainer):
        await take(site, pack(tmp_path / "bad.holdstill.zip", files))
    assert await captures(site) == []


async def test_a_zip_bomb_is_refused_before_it_is_unpacked(site: Site, tmp_path: Path) -> None:
    device = await site.pair()
    files = await unsent(device) | {"page.wacz": bytes(64 << 20)}
    with pytest.raises(BadContainer):
        await take(site, pack(tmp_path / "bomb.holdstill.zip", files, method=zipfile.ZIP_DEFLATED))
    assert await captures(site) == []


async def test_only_an_enrolled_device_that_signed_it_can_be_imported(site: Site, tmp_path: Path) -> None:
    device = await site.pair()
    files = await unsent(device)
    payload = parse_envelope(files["statement.dsse.json"]).payload
    stranger = {**files, "statement.dsse.json": sign_envelope(payload, Keys())}
    with pytest.raises(DeviceUnknown):
        await take(site, pack(tmp_path / "stranger.zip", stranger))
    forged = json.loads(files["statement.dsse.json"])
    forged["signatures"][0]["sig"] = json.loads(sign_envelope(payload + b" ", device.keys))["signatures"][0]["sig"]
    with pytest.raises(SignatureRefused):
        await take(site, pack(tmp_path / "forged.zip", {**files, "statement.dsse.json": json.dumps(forged).encode()}))
    with pytest.raises(StatementRefused):
        await take(site, pack(tmp_path / "noise.zip", {**files, "statement.dsse.json": b"{}"}))
    assert await captures(site) == []


async def test_any_bytes_are_refused_as_a_file(site: Site, tmp_path: Path) -> None:
    for number, data in enumerate((b"", b"PK\x05\x06" + bytes(18), io.BytesIO(b"\x00" * 4096).getvalue())):
        path = tmp_path / f"{number}.zip"
        path.write_bytes(data)
        with pytest.raises(BadContainer):
            await take(site, path)
