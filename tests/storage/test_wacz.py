"""Page archives: what tolerant readers skip is told as a fact; hostile ones are refused."""

import io
import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from storage.bundle import measure, open_bag, write_bag
from storage.errors import BadContainer, StorageError
from storage.wacz import WaczFacts, WaczLimits, inspect_wacz, open_wacz
from storage.zipdirectory import ZipLimits
from tests.storage.archives import Record, digest, good_warc, response, wacz, zip_of


def facts(data: bytes) -> WaczFacts:
    return inspect_wacz(io.BytesIO(data))


def refused(data: bytes, limits: WaczLimits | None = None) -> BadContainer:
    with pytest.raises(BadContainer) as error:
        inspect_wacz(io.BytesIO(data), limits=limits)
    assert error.value.what == "wacz"
    return error.value


def test_a_good_archive_has_no_open_question() -> None:
    seen = facts(wacz())
    assert seen.digest_hash == seen.signed_hash == f"sha256:{seen.datapackage_sha256}"
    assert (seen.signature, seen.public_key) == ("c2ln", "a2V5")
    assert (seen.undeclared, seen.missing) == ((), ())
    assert {verdict.outcome for verdict in (*seen.resource_verdicts, *seen.record_verdicts)} == {"PASSED"}
    assert [verdict.path for verdict in seen.resource_verdicts] == ["archive/data.warc.gz", "pages/pages.jsonl"]
    assert len(seen.record_verdicts) == 3


def test_a_path_a_stream_and_an_entry_of_a_bag_give_the_same_facts(tmp_path: Path) -> None:
    data = wacz()
    path = tmp_path / "page.wacz"
    path.write_bytes(data)
    bag = tmp_path / "bag.zip"
    with bag.open("wb") as out:
        write_bag([measure("data/page.wacz", path)], out)
    deflated = zip_of({"data/page.wacz": data}, zipfile.ZIP_DEFLATED)
    expected = facts(data)
    assert inspect_wacz(path) == expected
    for source in (bag, io.BytesIO(deflated)):
        with open_bag(source) as reader, reader.open("data/page.wacz") as stream:
            assert inspect_wacz(stream) == expected


def test_the_wacz_tool_accepts_the_same_archive(tmp_path: Path) -> None:
    path = tmp_path / "page.wacz"
    path.write_bytes(wacz())
    tool = Path(sys.executable).parent / "wacz"
    run = subprocess.run([tool, "validate", "-f", path], capture_output=True, check=False, text=True)
    assert run.returncode == 0, run.stdout + run.stderr


@pytest.mark.parametrize("name", ["archive/evil.warc.gz", "evil", "pages/extraPages.jsonl", "archive/data.warc.gz.bak"])
def test_an_undeclared_file_is_told(name: str) -> None:
    data = good_warc() if name.endswith(".warc.gz") else b"hidden"
    assert facts(wacz(undeclared={name: data})).undeclared == (name,)


def test_a_signature_transplanted_from_another_archive_is_visible() -> None:
    other = digest(b"the datapackage of another archive")
    seen = facts(wacz(signed_hash=other))
    assert seen.signed_hash == other
    assert seen.digest_hash == f"sha256:{seen.datapackage_sha256}" != seen.signed_hash


def test_a_digest_transplanted_from_another_archive_is_visible() -> None:
    with zipfile.ZipFile(io.BytesIO(wacz({"archive/data.warc.gz": response(b"other").warc_gz()}))) as archive:
        other = archive.read("datapackage-digest.json")
    with zipfile.ZipFile(io.BytesIO(wacz())) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    seen = facts(zip_of({**entries, "datapackage-digest.json": other}))
    assert seen.digest_hash == seen.signed_hash != f"sha256:{seen.datapackage_sha256}"


def test_an_archive_without_digest_has_no_hash_instead_of_an_agreeing_one() -> None:
    seen = facts(wacz(with_digest=False))
    assert (seen.digest_hash, seen.signed_hash, seen.signature, seen.public_key) == (None, None, None, None)


def test_a_changed_file_fails_its_hash_and_a_missing_one_is_told() -> None:
    resources = [
        {"name": "a", "path": "pages/pages.jsonl", "hash": digest(b"before"), "bytes": 6},
        {"name": "b", "path": "pages/size.jsonl", "hash": digest(b"longer"), "bytes": 99},
        {"name": "c", "path": "archive/gone.warc.gz", "hash": digest(b""), "bytes": 0},
        {"name": "d", "path": "pages/md5.jsonl", "hash": "md5:00", "bytes": 1},
        {"name": "e", "path": "pages/none.jsonl"},
    ]
    files = {"pages/pages.jsonl": b"after.", "pages/size.jsonl": b"longer", "pages/md5.jsonl": b"x", "pages/none.jsonl": b"x"}
    seen = facts(wacz(files, datapackage={"resources": resources}))
    assert [(verdict.path, verdict.outcome) for verdict in seen.resource_verdicts] == [
        ("pages/pages.jsonl", "FAILED"),
        ("pages/size.jsonl", "FAILED"),
        ("archive/gone.warc.gz", "FAILED"),
        ("pages/md5.jsonl", "NOT_CHECKED"),
        ("pages/none.jsonl", "NOT_CHECKED"),
    ]
    assert seen.missing == ("archive/gone.warc.gz",)


def test_a_forged_record_behind_true_file_hashes_fails() -> None:
    """The attacker recomputed the datapackage; the record's own digest still tells."""
    forged = response(b"forged", payload_digest=digest(b"original"), block_digest=digest(b"original block")).warc_gz()
    seen = facts(wacz({"archive/data.warc.gz": good_warc() + forged}))
    assert [verdict.outcome for verdict in seen.resource_verdicts] == ["PASSED"]
    assert [verdict.outcome for verdict in seen.record_verdicts] == ["PASSED", "PASSED", "PASSED", "FAILED"]


def test_every_warc_is_read_plain_or_zipped_declared_or_not() -> None:
    one = Record("resource", "urn:x", body=b"1")
    files = {"archive/a.warc": one.warc(), "archive/b.warc.gz": one.warc_gz()}
    seen = facts(wacz(files, undeclared={"archive/c.warc.gz": response(b"x", payload_digest=digest(b"y")).warc_gz()}))
    assert [verdict.outcome for verdict in seen.record_verdicts] == ["PASSED", "PASSED", "FAILED"]


def test_a_broken_warc_is_named_with_its_file() -> None:
    error = refused(wacz({"archive/data.warc.gz": good_warc()[:-9]}))
    assert error.where.startswith("archive/data.warc.gz") and "cut off" in error.detail


@pytest.mark.parametrize("name", ["../evil", "/evil", "archive\\evil", "Archive/data.warc.gz"])
def test_traversal_and_collision_are_refused(name: str) -> None:
    refused(wacz(undeclared={name: b"x"}))


def test_a_compressed_bomb_is_refused_without_decoding_it() -> None:
    with zipfile.ZipFile(io.BytesIO(wacz())) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    assert "grows" in refused(zip_of({**entries, "archive/bomb": b"\0" * 60_000_000}, zipfile.ZIP_DEFLATED)).detail
    assert "larger" in refused(wacz(), WaczLimits(zip=ZipLimits(entry_bytes=100))).detail
    assert refused(wacz(), WaczLimits(json_bytes=10)).where == "datapackage.json"


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"[]",
        b"null",
        b"{",
        b"\xff",
        b'{"resources": {}}',
        b'{"resources": [1]}',
        b'{"resources": [{"path": 1}]}',
        b'{"resources": [{"path": "../x"}]}',
        b'{"resources": [{"path": "\\ud800"}]}',
        b'{"resources": [{"path": "datapackage.json"}]}',
        b'{"resources": [{"path": "a"}, {"path": "a"}]}',
        b'{"resources": [], "resources": []}',
        b'{"resources": [], "x": NaN}',
        b'{"resources": [], "x": ' + b"9" * 5000 + b"}",
        b'{"resources": [], "x": ' + b"[" * 50 + b"]" * 50 + b"}",
        b'{"resources": [], "x": ' + b"[" * 900 + b"]" * 900 + b"}",
        b'{"resources": [], "x": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    ],
)
def test_a_datapackage_that_is_not_strict_json_of_its_shape_is_refused(text: bytes) -> None:
    assert refused(zip_of({"datapackage.json": text})).where == "datapackage.json"


def test_an_archive_without_datapackage_is_refused() -> None:
    assert refused(zip_of({"archive/data.warc.gz": good_warc()})).where == "datapackage.json"


def test_members_of_other_kinds_are_absent_not_trusted() -> None:
    with zipfile.ZipFile(io.BytesIO(wacz())) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    for signed in ([], "x", {"hash": 1, "signature": None, "publicKey": {}}):
        entries["datapackage-digest.json"] = json.dumps({"hash": 5, "signedData": signed}).encode()
        seen = facts(zip_of(entries))
        assert (seen.digest_hash, seen.signed_hash, seen.signature, seen.public_key) == (None, None, None, None)


def test_an_open_archive_lists_and_opens_its_files() -> None:
    with open_wacz(io.BytesIO(wacz())) as archive:
        assert archive.datapackage["wacz_version"] == "1.1.1"
        assert archive.warc_paths() == ("archive/data.warc.gz",)
        assert [resource.size_bytes for resource in archive.resources()] == [len(good_warc()), 28]
        with archive.open("pages/pages.jsonl") as stream:
            assert stream.read().startswith(b"{")
        with pytest.raises(BadContainer):
            archive.open("absent")


@settings(max_examples=300, deadline=None)
@given(st.integers(0, 5000), st.integers(0, 255))
@example(1872, 64)  # the version that an entry asks for: no reader has it
def test_any_changed_byte_is_noticed_or_harmless(position: int, value: int) -> None:
    """A byte changed anywhere: refused, or told by a verdict or a hash that disagrees, or no byte of any file changed."""
    good = wacz()
    data = bytearray(good)
    data[position % len(data)] = value
    try:
        seen = facts(bytes(data))
    except StorageError as error:
        assert isinstance(error, BadContainer)
        return
    if seen == facts(good):
        with zipfile.ZipFile(io.BytesIO(bytes(data))) as archive, zipfile.ZipFile(io.BytesIO(good)) as original:
            same = [name for name in original.namelist() if name != "datapackage-digest.json"]
            assert all(archive.read(name) == original.read(name) for name in same)
