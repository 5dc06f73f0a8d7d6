"""Content Credentials: valid, trusted and invalid kept apart; nothing fetched; hostile manifests end as an outcome."""

import random
import socket

import pytest

from server.media.provenance.c2pa import MAX_MANIFESTS, _signals, c2pa_signals, may_hold_credentials
from server.media.provenance.reader import provenance_signals
from server.media.provenance.signals import Signal, SignalOutcome
from tests.media.credentials import Camera, make_camera, signed
from tests.media.pictures import encoded, scene


@pytest.fixture(scope="module")
def camera() -> Camera:
    return make_camera()


@pytest.fixture(scope="module")
def jpeg(camera: Camera) -> bytes:
    return signed(encoded(scene(1), "JPEG"), "image/jpeg", camera)


def of(signals: list[Signal], kind: str) -> list[Signal]:
    return [one for one in signals if one.kind == kind]


def state(signals: list[Signal]) -> Signal:
    (one,) = of(signals, "c2pa")
    return one


@pytest.mark.parametrize(("kind", "media_type"), [("JPEG", "image/jpeg"), ("PNG", "image/png"), ("WEBP", "image/webp")])
def test_a_whole_signature_under_a_listed_root_is_trusted(camera: Camera, kind: str, media_type: str) -> None:
    found = c2pa_signals(signed(encoded(scene(2), kind), media_type, camera), camera.root)
    assert (state(found).outcome, state(found).value) == (SignalOutcome.FOUND, "trusted")
    assert of(found, "c2pa.signer")[0].value.startswith("Test camera")
    assert of(found, "c2pa.claim_generator")[0].value == "test-camera 7"
    assert "trainedAlgorithmicMedia" in of(found, "c2pa.source_type")[0].value
    assert all(one.tool == "c2pa-python" and one.tool_version for one in found)


def test_a_whole_signature_under_an_unknown_root_is_valid_and_not_trusted(jpeg: bytes) -> None:
    found = state(c2pa_signals(jpeg, make_camera("Another maker").root))
    assert found.value == "valid"
    assert "not on the operator's list" in found.reason


def test_without_a_list_of_roots_trust_is_not_checked_and_says_so(jpeg: bytes) -> None:
    found = state(c2pa_signals(jpeg, None))
    assert found.value == "valid"
    assert "was not checked: no list of trusted roots is set" in found.reason


def test_a_changed_picture_is_invalid_even_when_the_signer_is_trusted(jpeg: bytes, camera: Camera) -> None:
    tampered = bytearray(jpeg)
    tampered[-300] ^= 0xFF
    found = c2pa_signals(bytes(tampered), camera.root)
    assert state(found).value == "invalid"
    assert "assertion.dataHash.mismatch" in state(found).reason
    assert all("invalid" in one.reason for one in found if one.kind != "c2pa"), "what it states is not passed on as held"


def test_the_manifest_that_holds_now_is_read_first_wherever_the_library_lists_it() -> None:
    """Of more manifests than are read, the active one is never left out."""
    listed = {f"m{number}": {"claim_generator": f"program {number}"} for number in range(MAX_MANIFESTS + 5)}
    last = f"m{MAX_MANIFESTS + 4}"
    found = _signals({"active_manifest": last, "manifests": listed}, "valid", with_list=False)
    named = [(one.value, one.where.rsplit(", ", 1)[1]) for one in of(found, "c2pa.claim_generator")]
    assert named[0] == (f"program {MAX_MANIFESTS + 4}", "active")
    assert named[1:] == [(f"program {number}", "ingredient") for number in range(MAX_MANIFESTS - 1)]


def test_a_picture_without_credentials_is_not_found_and_never_a_verdict() -> None:
    found = c2pa_signals(encoded(scene(3), "JPEG"), None)
    assert [(one.kind, one.outcome) for one in found] == [("c2pa", SignalOutcome.NOT_FOUND)]


def test_damaged_manifests_end_as_an_outcome(jpeg: bytes, camera: Camera) -> None:
    """Every byte may be anything. The library forgives a few box headers: what is stated then is still what was signed."""
    chance, start, whole = random.Random(7), jpeg.index(b"jumb") - 8, c2pa_signals(jpeg, camera.root)
    seen = set()
    for _ in range(120):
        broken = bytearray(jpeg)
        for _ in range(chance.randint(1, 6)):
            broken[start + chance.randrange(9_000)] ^= chance.randint(1, 255)
        found = c2pa_signals(bytes(broken), camera.root)
        seen.add(state(found).value or state(found).outcome.value)
        assert state(found).value != "trusted" or found == whole
        assert state(found).reason
    assert "invalid" in seen


def test_a_cut_manifest_and_mere_marks_are_outcomes(jpeg: bytes) -> None:
    start = jpeg.index(b"jumb")
    for some in (jpeg[: start + 100], b"\xff\xd8\xff\xe0 c2pa jumb", b"c2pa jumb", encoded(scene(4), "JPEG") + b"c2pa jumb"):
        assert may_hold_credentials(some)
        assert state(c2pa_signals(some, None)).value == ""


def test_remote_credentials_are_named_and_never_fetched(camera: Camera) -> None:
    xmp = (
        b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        b'<rdf:Description xmlns:dcterms="http://purl.org/dc/terms/" dcterms:provenance="http://127.0.0.1:%d/m.c2pa"/>'
        b"</rdf:RDF></x:xmpmeta>"
    )
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.setblocking(False)
        data = encoded(scene(5), "JPEG", xmp=xmp % listening.getsockname()[1])
        found = list(provenance_signals(data + b"c2pa jumb", anchors=camera.root))
        with pytest.raises(BlockingIOError):
            listening.accept()
    assert of(found, "c2pa.remote")[0].value.startswith("http://127.0.0.1:")
    assert "never fetched" in of(found, "c2pa.remote")[0].reason
    assert state(found).outcome is SignalOutcome.NOT_CHECKED
    assert "kept elsewhere" in state(found).reason
