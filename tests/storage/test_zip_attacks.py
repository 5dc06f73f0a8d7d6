"""Zip files made to be read in two ways, to leave their folder or to fill the disk: each refused, naming the entry."""

import io
import resource
import stat
import struct
import subprocess
import sys
import zipfile
import zlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storage.bundle import open_bag
from storage.errors import BadContainer, StorageError
from storage.hashing import hash_bytes
from storage.zipdirectory import ZipLimits
from storage.zipreader import ZipReader
from tests.storage.archives import zip_of


def refused(data: bytes, limits: ZipLimits | None = None) -> BadContainer:
    """The refusal of the container when it is opened, or else when its entries are read."""
    with pytest.raises(BadContainer) as error, ZipReader(io.BytesIO(data), limits=limits) as reader:
        reader.sha256_all()
    return error.value


def names_of(data: bytes) -> tuple[str, ...]:
    with open_bag(io.BytesIO(data)) as bag:
        return bag.names()


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFSOCK, stat.S_IFBLK, stat.S_IFDIR])
def test_a_symlink_or_special_file_is_refused(kind: int) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        link = zipfile.ZipInfo("data/link")
        link.external_attr = (kind | 0o777) << 16
        archive.writestr(link, b"/etc/passwd")
    assert refused(out.getvalue()).where == "data/link"


def patched(data: bytes, *, local: tuple[int, bytes] | None = None, central: tuple[int, bytes] | None = None) -> bytes:
    """`data` with bytes replaced at an offset into its first local header or first directory entry."""
    changed = bytearray(data)
    for base, patch in ((0, local), (data.index(b"PK\x01\x02"), central)):
        if patch is not None:
            changed[base + patch[0] : base + patch[0] + len(patch[1])] = patch[1]
    return bytes(changed)


@pytest.mark.parametrize("flag", [0x0001, 0x0040, 0x2000])
def test_an_encrypted_entry_is_refused(flag: int) -> None:
    data = patched(zip_of({"data/x": b"x"}), central=(8, struct.pack("<H", flag)), local=(6, struct.pack("<H", flag)))
    assert refused(data).detail == "encrypted"


@pytest.mark.parametrize("method", [1, 12, 14, 93, 99])
def test_another_compression_is_refused(method: int) -> None:
    data = patched(zip_of({"data/x": b"x"}), central=(10, struct.pack("<H", method)), local=(8, struct.pack("<H", method)))
    assert "method" in refused(data).detail


@pytest.mark.parametrize(
    ("offset", "value"),
    [(6, b"\x02\x00"), (8, b"\x08\x00"), (14, b"\0\0\0\1"), (18, b"\2\0\0\0"), (22, b"\2\0\0\0"), (30, b"D")],
    ids=["flags", "method", "crc", "stored size", "size", "name"],
)
def test_a_local_header_that_contradicts_the_directory_is_refused(offset: int, value: bytes) -> None:
    """One reader shows the local header's file, another the directory's."""
    assert "local header" in refused(patched(zip_of({"data/x": b"x"}), local=(offset, value))).detail


def test_a_wrong_crc_in_both_headers_is_refused_on_reading() -> None:
    data = patched(zip_of({"data/x": b"x"}), central=(16, b"\0\0\0\1"), local=(14, b"\0\0\0\1"))
    assert names_of(data) == ("data/x",)
    assert refused(data).detail == "CRC does not match"


@pytest.mark.parametrize("junk", [b"\0", b"PK", b"<script>" * 9])
def test_trailing_bytes_are_refused(junk: bytes) -> None:
    assert "end record" in refused(zip_of({"data/x": b"x"}) + junk).detail


def test_a_comment_is_refused_because_a_second_archive_can_hide_in_it() -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("data/x", b"x")
        archive.comment = zip_of({"data/y": b"y"})
    error = refused(out.getvalue())
    assert "end record" in error.detail or "directory" in error.detail or "bytes" in error.detail


def test_bytes_in_front_are_refused() -> None:
    out = io.BytesIO(b"#!/bin/sh\n")
    out.seek(0, io.SEEK_END)
    with zipfile.ZipFile(out, "a") as archive:
        archive.writestr("data/x", b"x")
    assert "between" in refused(out.getvalue()).detail


def test_bytes_between_entries_are_refused() -> None:
    """A deleted entry that is still there, as appending tools leave it."""
    whole = zip_of({"data/a": b"hidden", "data/b": b"shown"})
    start = whole.index(b"PK\x01\x02")
    second = whole.index(b"PK\x01\x02", start + 4)
    end = whole.rindex(b"PK\x05\x06")
    directory = whole[second:end]
    tail = struct.pack("<4sHHHHIIH", b"PK\x05\x06", 0, 0, 1, 1, len(directory), start, 0)
    assert "between" in refused(whole[:start] + directory + tail).detail


def test_overlapping_entries_are_refused() -> None:
    """Many entries that share one deflated kernel: the bomb without nesting."""
    whole = zip_of({"data/a": b"\0" * 1_000_000}, zipfile.ZIP_DEFLATED)
    start, end = whole.index(b"PK\x01\x02"), whole.rindex(b"PK\x05\x06")
    entry = whole[start:end]
    directory = b"".join(entry.replace(b"data/a", b"data/%c" % letter) for letter in b"abcdefgh")
    tail = struct.pack("<4sHHHHIIH", b"PK\x05\x06", 0, 0, 8, 8, len(directory), start, 0)
    assert refused(whole[:start] + directory + tail).where.startswith("data/")


def test_a_bomb_is_refused_before_it_is_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    data = zip_of({"data/bomb": b"\0" * 60_000_000}, zipfile.ZIP_DEFLATED)
    monkeypatch.setattr(zlib, "decompressobj", lambda *_: pytest.fail("it was decoded"))
    assert "grows" in refused(data).detail


def test_a_bomb_that_lies_about_its_size_is_stopped_at_the_size_it_announced() -> None:
    data = zip_of({"data/bomb": b"\0" * 50_000_000}, zipfile.ZIP_DEFLATED)
    small = struct.pack("<I", 1000)
    error = refused(patched(data, central=(24, small), local=(22, small)))
    assert (error.where, error.detail) == ("data/bomb", "decodes to more bytes than announced")


def test_a_bomb_costs_neither_time_nor_memory(tmp_path: Path) -> None:
    """180 MB in a process of its own with 140 MiB of address space."""
    path = tmp_path / "bomb.zip"
    entries = {f"data/{number}": b"\0" * 60_000_000 for number in range(3)}
    path.write_bytes(zip_of(entries, zipfile.ZIP_DEFLATED))
    script = f"""
import resource
resource.setrlimit(resource.RLIMIT_AS, (140 << 20, 140 << 20))
from pathlib import Path
from storage.bundle import open_bag
from storage.errors import BadContainer
from storage.zipdirectory import ZipLimits
try:
    open_bag(Path({str(path)!r}))
except BadContainer as error:
    print(error.detail)
with open_bag(Path({str(path)!r}), limits=ZipLimits(ratio=2000)) as bag:
    print(bag.sha256("data/0"))
"""
    before_s = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    run = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, timeout=60, cwd=Path(__file__).parents[2], check=True
    )
    grows, sha256 = run.stdout.decode().splitlines()
    assert "grows" in grows and sha256 == hash_bytes(b"\0" * 60_000_000)
    assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before_s < 10


@pytest.mark.parametrize(
    ("limits", "finding"),
    [
        (ZipLimits(entries=2), "entries"),
        (ZipLimits(entry_bytes=99), "larger"),
        (ZipLimits(total_bytes=299), "when decoded"),
        (ZipLimits(directory_bytes=100), "directory"),
    ],
)
def test_limits_hold(limits: ZipLimits, finding: str) -> None:
    data = zip_of({f"data/{number}": b"x" * 100 for number in range(3)})
    assert finding in refused(data, limits).detail


def test_a_second_name_in_an_extra_field_is_refused() -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        entry = zipfile.ZipInfo("data/x")
        entry.extra = struct.pack("<HHBI", 0x7075, 5 + 4, 1, 0) + b"evil"
        archive.writestr(entry, b"x")
    assert "second name" in refused(out.getvalue()).detail


def test_what_ordinary_tools_write_is_read(tmp_path: Path) -> None:
    """Deflated, folders, data descriptors, UTF-8 names, Info-ZIP's extra fields."""
    tree = tmp_path / "bag" / "data" / "sub"
    tree.mkdir(parents=True)
    (tree / "żółć.txt").write_bytes(b"text " * 1000)
    streamed = io.BytesIO()
    with zipfile.ZipFile(Unseekable(streamed), "w", zipfile.ZIP_DEFLATED) as archive:  # type: ignore[arg-type]
        archive.write(tree, "data/sub")
        archive.write(tree / "żółć.txt", "data/sub/żółć.txt")
    with open_bag(streamed) as bag:
        assert bag.names() == ("data/sub/żółć.txt",)
        assert bag.read("data/sub/żółć.txt", 10_000) == b"text " * 1000
        with bag.open("data/sub/żółć.txt") as stream:
            stream.seek(5)
            assert stream.read(4) == b"text"


class Unseekable(io.RawIOBase):
    """A pipe: the writer must use data descriptors."""

    def __init__(self, out: io.BytesIO) -> None:
        self._out = out

    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        return self._out.write(data)  # type: ignore[arg-type]


@pytest.mark.parametrize("cut", [1, 10, 22, 60, 100, 130])
def test_a_cut_file_is_refused(cut: int) -> None:
    assert refused(zip_of({"data/x": b"x" * 20, "data/y": b"y"})[:-cut])


def test_an_entry_that_is_not_there_is_named() -> None:
    with open_bag(io.BytesIO(zip_of({"data/x": b"x"}))) as bag:
        for call in (bag.open, bag.size, bag.sha256, lambda name: bag.read(name, 10)):
            with pytest.raises(BadContainer) as error:
                call("data/y")
            assert error.value.where == "data/y"
        with pytest.raises(BadContainer):
            bag.read("data/x", 0)


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes_give_a_bag_or_bad_container(data: bytes) -> None:
    try:
        with open_bag(io.BytesIO(data)) as bag:
            bag.sha256_all()
    except StorageError as error:
        assert isinstance(error, BadContainer)


@settings(max_examples=400, deadline=None)
@given(st.integers(0, 399), st.integers(0, 255))
def test_any_changed_byte_gives_a_bag_or_bad_container(position: int, value: int) -> None:
    data = bytearray(zip_of({"data/x": b"x" * 20, "data/y": b"y" * 99}, zipfile.ZIP_DEFLATED))
    data[position % len(data)] = value
    try:
        with open_bag(io.BytesIO(bytes(data))) as bag:
            bag.sha256_all()
    except StorageError as error:
        assert isinstance(error, BadContainer)
