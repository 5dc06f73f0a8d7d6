"""What a later file adds, changes and takes away, by hash."""

import io
import json
import zipfile

import pytest

from server.handovers.contents import Changes, Contents, contents_of, difference, difference_json
from server.handovers.errors import HandoverRefused
from tests.handovers.desk import bag

A, B, C = "a" * 64, "b" * 64, "c" * 64


def of(files: dict[str, bytes]) -> Contents:
    return contents_of(io.BytesIO(bag(files)))


def capture(key: str, shot: bytes = b"shot", events: int = 2) -> dict[str, bytes]:
    folder = f"data/captures/{key}"
    return {f"{folder}/screenshot.png": shot} | {f"{folder}/events/{one:04}.dsse.json": b"%d" % one for one in range(events)}


def test_exhibits_are_compared_by_their_evidence_and_not_by_the_events_every_hand_over_adds() -> None:
    earlier = of(capture(A) | capture(B) | {"data/findings.jsonl": b"1"})
    later = of(capture(A, events=5) | capture(B, shot=b"other") | capture(C) | {"data/findings.jsonl": b"1"})
    found = difference(earlier, later)
    assert found.exhibits == Changes(added=(C,), changed=(B,), removed=(), same=1)
    assert found.files == Changes(added=(), changed=(), removed=(), same=1) and later.exhibits[A].events == 5
    assert difference(later, earlier).exhibits == Changes(added=(), changed=(B,), removed=(C,), same=1)
    value = json.loads(difference_json(("e" * 64, earlier), ("f" * 64, later)))
    assert value["earlier"] == "e" * 64 and value["exhibits"]["added"][0]["was"] is None
    assert value["exhibits"]["changed"][0]["was"] != value["exhibits"]["changed"][0]["now"]


def test_a_zip_without_a_manifest_is_compared_file_by_file_and_survives_its_row() -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("findings.csv", "a,b\n" * 9)
    found = contents_of(out)
    assert list(found.files) == ["findings.csv"] and not found.exhibits
    assert Contents.from_json(json.loads(json.dumps(found.as_json()))) == found


@pytest.mark.parametrize("manifest", [b"no hash here\n", b"\xff\xfe", f"{A}  x\n{B}  x\n".encode()])
def test_a_manifest_that_cannot_be_read_is_refused(manifest: bytes) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as packed:
        packed.writestr("manifest-sha256.txt", manifest)
    with pytest.raises(HandoverRefused):
        contents_of(out)


def test_what_is_no_zip_is_refused() -> None:
    with pytest.raises(HandoverRefused):
        contents_of(io.BytesIO(b"not a zip at all"))
