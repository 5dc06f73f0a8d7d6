"""Bodies without their content coding: every gzip member is read, within limits; what has no end is not passed off as read."""

import gzip
import io
import zlib

import pytest

from server.captures.checks.coding import MEMBERS_LIMIT, decoded_body
from server.captures.models import Artifact, CheckOutcome
from server.images import found as finding
from server.images.found import Finding, pictures_of
from tests.services.test_truth_checks import look
from tests.trust.archive import PAGE
from tests.web.archives import Page

PARTS = ("Night ferry to run all winter", "The minister opened the bridge on Monday")
LIMIT = 1 << 20


def members(*texts: str) -> bytes:
    return b"".join(gzip.compress(text.encode(), mtime=0) for text in texts)


def coded(body: bytes, shown: str, coding: str = "gzip") -> Page:
    """A page of one document that was kept in its content coding."""
    lines = [("Content-Encoding", coding), ("Content-Length", str(len(body)))]
    return Page([(PAGE, "text/html; charset=utf-8", body)], shown, headers={PAGE: lines})


def test_text_behind_the_first_gzip_member_is_read() -> None:
    body = members(*(f"<p>{one}</p>" for one in PARTS))
    verdict = look(coded(body, "\n".join(PARTS)))["page_text"]
    assert verdict.outcome == CheckOutcome.PASSED, verdict.reason
    forged = look(coded(body, "\n".join(PARTS).replace("opened", "blew up")))["page_text"]
    assert forged.outcome == CheckOutcome.FAILED


@pytest.mark.parametrize("spoil", [lambda body: body[:-12], lambda body: body[:-4] + b"\1\2\3\4"], ids=["cut off", "broken"])
@pytest.mark.parametrize("count", [1, 2])
def test_a_body_that_cannot_be_decoded_to_its_end_accuses_nobody(spoil, count: int) -> None:  # type: ignore[no-untyped-def]
    body = spoil(members(*(f"<p>{one}</p>" for one in PARTS[:count])))
    verdict = look(coded(body, "\n".join(PARTS)))["page_text"]
    assert verdict.outcome == CheckOutcome.NOT_CHECKED
    assert "broken or cut off" in verdict.reason or "no body that holds text" in verdict.reason


def test_codings_and_limits() -> None:
    text = b"one and two"
    assert decoded_body(members("one", " and", " two"), "x-gzip", LIMIT) == text
    assert decoded_body(members("one and two") + bytes(512), "gzip", LIMIT) == text, "padding is no member"
    assert decoded_body(zlib.compress(text), "deflate", LIMIT) == text
    assert decoded_body(zlib.compress(text)[:-3], "deflate", LIMIT) is None
    assert decoded_body(text, "gzip", LIMIT) == text and decoded_body(text, "", LIMIT) == text
    assert decoded_body(text, "br", LIMIT) is None and decoded_body(b"\x1f\x8bno", "gzip", LIMIT) is None
    bomb = gzip.compress(bytes(5 * LIMIT))
    for body in (bomb, members("x") + bomb, bomb + bomb):
        assert len(decoded_body(body, "gzip", LIMIT) or b"") == LIMIT


def test_a_body_of_very_many_members_is_not_read() -> None:
    tiny = members("")
    assert decoded_body(tiny * (MEMBERS_LIMIT - 1) + members("end"), "gzip", LIMIT) is not None
    assert decoded_body(tiny * (8 * LIMIT // len(tiny)), "gzip", LIMIT) is None


PIXEL = b"\x89PNG\r\n\x1a\n" + bytes(2_000)


def pictures(bodies: dict[str, tuple[bytes, str]]) -> tuple[list[str], Finding]:
    """The addresses whose pictures are read out of an archive of these bodies and codings, and what is said of the rest."""
    made = Page([(url, "image/png", body) for url, (body, _) in bodies.items()], "",
                headers={url: [("Content-Encoding", coding)] for url, (_, coding) in bodies.items() if coding})  # fmt: skip
    data = made.wacz()
    artifact = Artifact(
        name="page.wacz", role="page.wacz", media_type="application/wacz+zip", sha256="0" * 64, size_bytes=len(data)
    )
    found = Finding()
    read = [one.url for one in pictures_of((artifact,), PAGE, lambda _: io.BytesIO(data), found)]
    return read, found


def test_the_sum_of_pictures_is_of_decoded_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(finding, "TOTAL_LIMIT_BYTES", 3 * len(PIXEL))
    small = gzip.compress(PIXEL)
    assert len(small) * 5 < len(PIXEL)
    read, found = pictures({f"https://a.test/{at}.png": (small, "gzip") for at in range(5)})
    assert len(read) == 3
    assert any("the rest was not read" in one for one in found.problems)


def test_a_picture_in_two_members_is_whole_and_one_that_grows_too_large_is_named() -> None:
    two = gzip.compress(PIXEL[:900]) + gzip.compress(PIXEL[900:])
    bomb = gzip.compress(PIXEL + bytes(finding.CODED_LIMIT_BYTES))
    read, found = pictures({"https://a.test/two.png": (two, "gzip"), "https://a.test/bomb.png": (bomb, "gzip")})
    assert read == ["https://a.test/two.png"]
    assert found.total_bytes == len(PIXEL) + finding.CODED_LIMIT_BYTES + 1
    assert found.problems == [f"https://a.test/bomb.png: more than {finding.CODED_LIMIT_BYTES} bytes when decoded"]
