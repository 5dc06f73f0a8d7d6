"""A bundle, layer by layer, under tools that are not ours."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import load_der_public_key
from securesystemslib.dsse import Envelope
from securesystemslib.signer import SSlibKey

from server.trust import dsse, events
from tests.simulator import Device, Files, SimCapture, World, pack

BIN = Path(sys.executable).parent


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, authorities: dict[str, object]) -> World:
    return World(tmp_path_factory.mktemp("world"), {name: authorities[name] for name in ("alpha", "beta")})  # type: ignore[misc]


@pytest.fixture(scope="module")
def taken(world: World) -> SimCapture:
    device = Device()
    world.enrol(device)
    return world.capture(device)


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory, world: World, taken: SimCapture) -> Path:
    folder = tmp_path_factory.mktemp("bundle")
    (folder / "bundle.zip").write_bytes(pack(world.export([taken])))
    with zipfile.ZipFile(folder / "bundle.zip") as archive:
        assert archive.testzip() is None
        archive.extractall(folder / "bag")
    return folder / "bag"


def run(*command: object, cwd: Path, code: int = 0) -> str:
    done = subprocess.run([str(part) for part in command], cwd=cwd, capture_output=True, text=True, timeout=120)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.mark.parametrize("manifest", ["manifest-sha256.txt", "tagmanifest-sha256.txt"])
def test_sha256sum_agrees_with_both_manifests(unpacked: Path, manifest: str) -> None:
    printed = run("sha256sum", "--check", "--strict", manifest, cwd=unpacked)
    assert printed.count(": OK\n") == len((unpacked / manifest).read_text().splitlines())


def test_bagit_py_validates_the_bag_and_sees_a_changed_file(unpacked: Path, tmp_path: Path) -> None:
    assert "is valid" in run(BIN / "bagit.py", "--validate", unpacked, cwd=tmp_path)
    index = unpacked / "data" / "index.html"
    kept = index.read_bytes()
    index.write_bytes(kept[:-1] + b"?")
    try:
        run(BIN / "bagit.py", "--validate", unpacked, cwd=tmp_path, code=1)
    finally:
        index.write_bytes(kept)


def test_openssl_verifies_every_timestamp_and_refuses_other_bytes(unpacked: Path, world: World, taken: SimCapture) -> None:
    stamped = ["proofs/checkpoint", f"proofs/{taken.capture_id}.checkpoint", f"{taken.folder}/notbefore.checkpoint"]
    for path in stamped:
        for name, authority in world.authorities.items():
            command = ("openssl", "ts", "-verify", "-in", f"{path}.{name}.tsr", "-CAfile", authority.folder / "root.pem", "-data")
            assert "Verification: OK" in run(*command, path, cwd=unpacked)
            run(*command, "bagit.txt", cwd=unpacked, code=1)


def test_openssl_verifies_the_statement_over_its_pae(unpacked: Path, taken: SimCapture, tmp_path: Path) -> None:
    envelope = dsse.parse_envelope((unpacked / taken.folder / "statement.dsse.json").read_bytes())
    (tmp_path / "pae.bin").write_bytes(b"DSSEv1 28 application/vnd.in-toto+json %d " % len(envelope.payload) + envelope.payload)
    (tmp_path / "sig.bin").write_bytes(envelope.signature)
    pem = unpacked / "trust" / f"device-{taken.device.key_id}.pem"
    assert "Verified OK" in run("openssl", "dgst", "-sha384", "-verify", pem, "-signature", "sig.bin", "pae.bin", cwd=tmp_path)


def test_openssl_verifies_the_export_event_over_its_pae(unpacked: Path, world: World, tmp_path: Path) -> None:
    envelope = dsse.parse_envelope((unpacked / "proofs" / "export.dsse.json").read_bytes())
    (tmp_path / "pae.bin").write_bytes(dsse.pae(envelope.payload_type, envelope.payload))
    (tmp_path / "sig.bin").write_bytes(envelope.signature)
    (tmp_path / "service.der").write_bytes(world.service.spki_der)
    run(
        *("openssl", "pkeyutl", "-verify", "-pubin", "-keyform", "DER", "-inkey", "service.der", "-rawin"),
        *("-in", "pae.bin", "-sigfile", "sig.bin"),
        cwd=tmp_path,
    )


def sslib_verifies(envelope: bytes, spki_der: bytes, keyid: str) -> bytes:
    key = SSlibKey.from_crypto(load_der_public_key(spki_der), keyid=keyid)  # type: ignore[arg-type]
    parsed = Envelope.from_dict(json.loads(envelope))
    assert set(parsed.verify([key], 1)) == {keyid}
    return bytes(parsed.payload)


def test_securesystemslib_verifies_the_devices_envelope(taken: SimCapture) -> None:
    payload = sslib_verifies(taken.statement, taken.device.spki_der, taken.device.key_id)
    assert json.loads(payload)["predicateType"] == "https://holdstill.local/capture/v1"


def test_securesystemslib_verifies_the_services_envelopes(world: World, taken: SimCapture) -> None:
    for event in world.chains[events.capture_item(taken.capture_id)]:
        assert json.loads(sslib_verifies(event, world.service.spki_der, world.service.key_id))["_type"].endswith("Statement/v1")


def test_wacz_validate_accepts_the_page_archive(unpacked: Path, taken: SimCapture, tmp_path: Path) -> None:
    printed = run(BIN / "wacz", "validate", "-f", unpacked / taken.folder / "page.wacz", cwd=tmp_path)
    assert "Validation succeeded" in printed


def test_warcio_check_passes_every_record(unpacked: Path, taken: SimCapture, tmp_path: Path) -> None:
    with zipfile.ZipFile(unpacked / taken.folder / "page.wacz") as archive:
        archive.extract("archive/data.warc.gz", tmp_path)
    printed = run(BIN / "warcio", "check", "-v", "archive/data.warc.gz", cwd=tmp_path)
    assert "digest pass" in printed and "fail" not in printed


def test_checkpoint_is_a_signed_note_of_three_lines(unpacked: Path) -> None:
    origin, size, root, blank, log_line, witness_line = (unpacked / "proofs" / "checkpoint").read_text().rstrip("\n").split("\n")
    assert size.isdigit() and len(root) == 44 and blank == ""
    assert log_line.startswith(f"\u2014 {origin} ") and witness_line.startswith("\u2014 witness.example/w1 ")


def test_no_program_is_inside(unpacked: Path) -> None:
    files: Files = {path.name: path.read_bytes() for path in unpacked.rglob("*") if path.is_file()}
    assert not [name for name in files if name.endswith((".py", ".sh", ".js", ".exe", ".pyz"))]
    assert b"<script" not in files["index.html"]
