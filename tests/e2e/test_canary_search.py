"""The search for planted secrets, without a browser: what is packed is opened, and what only begins as if it were is no fault."""

import base64
import gzip
import io
import zipfile
from collections.abc import Callable

import pytest

from tests.e2e.canary import make_canaries, search_everywhere

CANARIES = make_canaries(("cookie",))
SECRET = CANARIES["cookie"].encode()


def zipped(data: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("a.txt", data)
    return out.getvalue()


@pytest.mark.parametrize(
    "start", [b"\x1f\x8b", b"\x1f\x8b\x08", b"PK\x03\x04", b"\x89PNG"], ids=["gzip", "deflate", "zip", "picture"]
)
def test_a_line_of_noise_may_begin_as_anything(start: bytes) -> None:
    """The pictures of a saved page are lines of noise in base64, thousands of them: one in 65,536 begins as a gzip file does."""
    line = base64.b64encode((start + bytes(range(255, 190, -1)))[:57])
    assert search_everywhere(b"Content-Transfer-Encoding: base64\r\n\r\n" + line + b"\r\n", CANARIES) == []


@pytest.mark.parametrize("pack", [gzip.compress, zipped], ids=["gzip", "zip"])
def test_a_secret_that_is_packed_and_coded_is_found(pack: Callable[[bytes], bytes]) -> None:
    hits = search_everywhere(b"state=" + base64.b64encode(pack(b"sid=" + SECRET + b"; path=/")) + b"&x", CANARIES)
    assert {hit.name for hit in hits} == {"cookie"}
