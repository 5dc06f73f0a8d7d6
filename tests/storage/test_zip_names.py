"""Names in zip files that leave their folder, deceive a reader or become one file on another system: each refused."""

import io
import os
import zipfile

import pytest

from storage.errors import BadContainer
from storage.zipreader import ZipReader
from tests.storage.archives import zip_of


def refused(data: bytes) -> BadContainer:
    with pytest.raises(BadContainer) as error:
        ZipReader(io.BytesIO(data))
    return error.value


@pytest.mark.parametrize(
    "name",
    [
        *("/etc/passwd", "../up", "data/../../up", "data/./x", "data//x", "C:/x", "c:x", "data\\x", "..\\up", "."),
        *(
            "a\nb",
            "a\x7fb",
            "a\x1b[2Jb",
            "a\u202egnp.exe",
            "a\u200bb",
            "a\u2028b",
            "data/x.",
            "data/x ",
            "data/NUL",
            "data/con.txt",
        ),
        "x" * 600,
    ],
)
def test_a_name_that_leaves_deceives_or_differs_between_systems_is_refused(name: str) -> None:
    assert "name" in refused(zip_of({name: b"x"})).detail or "segment" in refused(zip_of({name: b"x"})).detail


def test_a_name_with_a_nul_is_refused() -> None:
    data = zip_of({"aXb": b"x"}).replace(b"aXb", b"a\0b")
    assert "character" in refused(data).detail


def test_a_name_in_an_unknown_encoding_is_refused() -> None:
    data = zip_of({"aXb": b"x"}).replace(b"aXb", b"a\xe9b")
    assert "UTF-8" in refused(data).detail


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("data/x", "data/x"),
        ("data/x", "data/X"),
        ("data/ß", "data/SS"),
        ("data/é", "data/e\u0301"),
        ("data/ﬁ", "data/fi"),
        ("Data/x", "data/y"),
        ("data", "data/x"),
        ("data/x/y", "data/x"),
    ],
)
def test_two_names_that_become_one_file_are_refused(first: str, second: str) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive, pytest.warns() if first == second else open(os.devnull):
        archive.writestr(first, b"1")
        archive.writestr(second, b"2")
    assert refused(out.getvalue()).where in (first, second)
