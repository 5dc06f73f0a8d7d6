"""A WACZ under the eyes of readers that are not ours."""

import base64
import gzip
import hashlib
import json
import subprocess
import sys
import zipfile
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key

from storage.wacz import inspect_wacz

TOOLS = Path(sys.executable).parent


def assert_wacz_is_sound(path: Path, folder: Path) -> None:
    """`warcio check`, `wacz validate`, zipfile's CRCs, the index against the file, the signature, this project's reader."""
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        assert {entry.compress_type for entry in archive.infolist()} == {zipfile.ZIP_STORED}
        files = {name: archive.read(name) for name in archive.namelist()}
    warc = folder / "data.warc.gz"
    warc.write_bytes(files["archive/data.warc.gz"])
    checked = subprocess.run([TOOLS / "warcio", "check", "-v", warc], capture_output=True, text=True, timeout=240)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert "digest pass" in checked.stdout
    validated = subprocess.run([TOOLS / "wacz", "validate", "-f", path], capture_output=True, text=True, timeout=240)
    assert "Validation succeeded" in validated.stdout, validated.stdout + validated.stderr
    _assert_index_points_at_records(files)
    _assert_signature(files)
    with path.open("rb") as source:
        facts = inspect_wacz(source)
    assert facts.undeclared == ()
    assert facts.missing == ()
    assert facts.signed_hash == facts.digest_hash == f"sha256:{facts.datapackage_sha256}"
    assert {verdict.outcome for verdict in (*facts.resource_verdicts, *facts.record_verdicts)} == {"PASSED"}


def _assert_index_points_at_records(files: dict[str, bytes]) -> None:
    warc, packed = files["archive/data.warc.gz"], files["indexes/index.cdx.gz"]
    lines = gzip.decompress(packed).decode().splitlines()
    assert lines == sorted(lines)
    for line in lines:
        _key, timestamp, text = line.split(" ", 2)
        entry = json.loads(text)
        record = gzip.decompress(warc[int(entry["offset"]) :][: int(entry["length"])])
        assert f"WARC-Target-URI: {entry['url']}\r\n".encode() in record
        assert len(timestamp) == 14
        assert f"WARC-Payload-Digest: {entry['digest']}\r\n".encode() in record
    blocks = [json.loads(line.split(" ", 2)[2]) for line in files["indexes/index.idx"].decode().splitlines()[1:]]
    unpacked = b"".join(gzip.decompress(packed[block["offset"] :][: block["length"]]) for block in blocks)
    assert unpacked.decode().splitlines() == lines


def _assert_signature(files: dict[str, bytes]) -> None:
    signed = json.loads(files["datapackage-digest.json"])["signedData"]
    assert signed["hash"] == "sha256:" + hashlib.sha256(files["datapackage.json"]).hexdigest()
    raw = base64.b64decode(signed["signature"])
    der = utils.encode_dss_signature(int.from_bytes(raw[:48], "big"), int.from_bytes(raw[48:], "big"))
    key = load_der_public_key(base64.b64decode(signed["publicKey"]))
    assert isinstance(key, ec.EllipticCurvePublicKey)
    key.verify(der, signed["hash"].encode(), ec.ECDSA(SHA256()))
