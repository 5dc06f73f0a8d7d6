"""Bags: the same input gives the same bytes, and tools that are not ours accept them."""

import hashlib
import io
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storage import zipwriter
from storage.bundle import BAGIT_TXT, BagFile, BagSource, manifest_text, measure, open_bag, write_bag
from storage.errors import BadContainer, StorageError
from storage.hashing import hash_bytes


def bag_of(data: dict[str, BagSource]) -> list[BagFile]:
    """A complete bag: data files, declaration, both manifests."""
    files = [measure(name, source) for name, source in data.items()]
    tags = [
        measure("bagit.txt", BAGIT_TXT),
        measure("bag-info.txt", b"Payload-Oxum: %d.%d\n" % (sum(file.size_bytes for file in files), len(files))),
        measure("manifest-sha256.txt", manifest_text(files)),
    ]
    return [*files, *tags, measure("tagmanifest-sha256.txt", manifest_text(tags))]


def written(files: list[BagFile]) -> bytes:
    out = io.BytesIO()
    assert write_bag(files, out) == len(out.getvalue())
    return out.getvalue()


@pytest.fixture
def bag(tmp_path: Path) -> bytes:
    large = tmp_path / "large"
    large.write_bytes(os.urandom(3_000_000))
    opener = lambda: io.BytesIO(b"from a store" * 1000)  # noqa: E731
    return written(
        bag_of({"data/captures/ab/page.wacz": large, "data/captures/ab/events/0000.dsse.json": b"{}", "data/z.bin": opener})
    )


def test_the_bag_passes_bagit_and_sha256sum(bag: bytes, tmp_path: Path) -> None:
    folder = tmp_path / "unpacked"
    (tmp_path / "bag.zip").write_bytes(bag)
    with zipfile.ZipFile(tmp_path / "bag.zip") as archive:
        assert archive.testzip() is None
        archive.extractall(folder)
    for manifest in ("manifest-sha256.txt", "tagmanifest-sha256.txt"):
        subprocess.run(["sha256sum", "--strict", "-c", manifest], cwd=folder, check=True, capture_output=True)
    subprocess.run([sys.executable, "-m", "bagit", "--validate", str(folder)], check=True, capture_output=True)
    (folder / "data" / "z.bin").write_bytes(b"changed")
    assert (
        subprocess.run([sys.executable, "-m", "bagit", "--validate", str(folder)], capture_output=True, check=False).returncode
        == 1
    )


def test_the_same_input_gives_the_same_bytes_in_any_order(tmp_path: Path) -> None:
    file = tmp_path / "b"
    file.write_bytes(b"b" * 100)
    entries: list[tuple[str, BagSource]] = [("data/b", file), ("data/a", b"a"), ("bagit.txt", BAGIT_TXT)]
    first, second = io.BytesIO(), io.BytesIO()
    write_bag(entries, first)
    os.utime(file, (0, 0))
    write_bag([measure(*entry) for entry in reversed(entries)], second)
    assert first.getvalue() == second.getvalue()
    assert hash_bytes(first.getvalue()) == "687629e18119ef3d2853e84aa094af12b07de373db12af0574778da125aa2bac"


def test_entries_are_stored_sorted_and_dateless(bag: bytes) -> None:
    with zipfile.ZipFile(io.BytesIO(bag)) as archive:
        entries = archive.infolist()
    assert [entry.filename for entry in entries] == sorted(entry.filename for entry in entries)
    assert {(entry.compress_type, entry.date_time, entry.external_attr >> 16, entry.extra) for entry in entries} == {
        (zipfile.ZIP_STORED, (1980, 1, 1, 0, 0, 0), 0o100644, b"")
    }


def test_what_was_written_is_read_back(bag: bytes, tmp_path: Path) -> None:
    (tmp_path / "bag.zip").write_bytes(bag)
    for source in (tmp_path / "bag.zip", io.BytesIO(bag)):
        with open_bag(source) as reader:
            digests = reader.sha256_all()
            assert manifest_text_of(digests) == reader.read("manifest-sha256.txt", 10_000)
            with reader.open("data/captures/ab/page.wacz") as stream:
                assert hashlib.sha256(stream.read()).hexdigest() == digests["data/captures/ab/page.wacz"]


def manifest_text_of(digests: dict[str, str]) -> bytes:
    return "".join(f"{digests[name]}  {name}\n" for name in sorted(digests) if name.startswith("data/")).encode()


def test_output_to_a_pipe_gives_the_same_bytes(bag: bytes, tmp_path: Path) -> None:
    read_end, write_end = os.pipe()
    with open_bag(io.BytesIO(bag)) as reader:
        files = [measure(name, reader.read(name, 1 << 22)) for name in reader.names()]
    with subprocess.Popen(["sha256sum"], stdin=read_end, stdout=subprocess.PIPE) as process:
        os.close(read_end)
        with os.fdopen(write_end, "wb", buffering=0) as out:
            write_bag(files, out)
        assert process.communicate()[0].split()[0].decode() == hash_bytes(bag)


def test_a_file_that_changes_while_it_is_bagged_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"measured")
    file = measure("data/x", path)
    for change in (b"replaced", b"grown longer", b""):
        path.write_bytes(change)
        with pytest.raises(StorageError):
            write_bag([file], io.BytesIO())
    path.unlink()
    with pytest.raises(StorageError):
        write_bag([file], io.BytesIO())


@pytest.mark.parametrize("name", ["../x", "/x", "data/%0A", "data\\x", "data/\n", ""])
def test_a_name_we_would_not_read_is_not_written(name: str) -> None:
    with pytest.raises(BadContainer):
        write_bag([(name, b"x")], io.BytesIO())


def test_two_entries_of_one_name_are_not_written() -> None:
    with pytest.raises(BadContainer):
        write_bag([("data/x", b"1"), ("data/X", b"2")], io.BytesIO())


def test_beyond_65535_entries_it_is_zip64_that_others_read() -> None:
    many = {f"data/{number:05}": b"" for number in range(66_000)}
    out = io.BytesIO()
    write_bag(list(many.items()), out)
    with open_bag(out) as reader:
        assert len(reader.names()) == 66_000
    with zipfile.ZipFile(out) as archive:
        assert len(archive.namelist()) == 66_000


def test_a_sparse_5_gib_file_makes_a_zip64_that_others_read(tmp_path: Path) -> None:
    """Headers only: the 5 GiB are never written, the members after them are at 64-bit offsets."""
    size_bytes = 5 << 30
    header = zipwriter._local_header(zipwriter.ZipMember("data/big", size_bytes, 0, lambda: iter(())))
    members = [
        zipwriter.ZipMember("data/big", size_bytes, 0, lambda: iter(())),
        zipwriter.ZipMember("data/c", 1, 0x06B9DF6F, lambda: iter(())),
    ]
    path = tmp_path / "big.zip"
    with path.open("wb") as out:
        out.write(header)
        out.seek(size_bytes, os.SEEK_CUR)
        second = out.tell()
        out.write(zipwriter._local_header(members[1]) + b"c")
        directory = zipwriter._central_entry(members[0], 0) + zipwriter._central_entry(members[1], second)
        start = out.tell()
        out.write(directory + zipwriter._end_records(members, start, len(directory)))
    with open_bag(path) as reader:
        assert reader.size("data/big") == size_bytes
        assert reader.read("data/c", 1) == b"c"
        with reader.open("data/big") as stream:
            stream.seek(size_bytes - 3)
            assert stream.read() == b"\0\0\0"
    with zipfile.ZipFile(path) as archive:
        assert archive.getinfo("data/big").file_size == size_bytes
        assert archive.read("data/c") == b"c"


@settings(max_examples=100, deadline=None)
@given(st.dictionaries(st.from_regex(r"[a-z0-9]{1,8}(\.[a-z]{1,3})?", fullmatch=True), st.binary(max_size=2000), max_size=8))
def test_every_bag_we_write_we_read(files: dict[str, bytes]) -> None:
    entries: list[tuple[str, BagSource]] = [(f"data/{name}", data) for name, data in files.items()]
    out = io.BytesIO()
    try:
        write_bag(entries, out)
    except BadContainer:
        return  # a reserved name such as con.txt
    with open_bag(out) as bag:
        assert {name: bag.read(name, 2000) for name in bag.names()} == dict(entries)
