"""Golden vectors: an update of Pillow, imagehash, OpenCV or numpy that changes a code is seen here, not in a count."""

import json
from pathlib import Path

import imagehash
import numpy as np
from PIL import Image
from typer.testing import CliRunner

from server.cli import app
from server.media.decode import decode_picture
from server.media.hashes import distance_bits, exchange_pdq, hash_set, short_hashes
from server.media.pdq import DIHEDRAL, hex_of, pdq
from server.media.pipeline import PIPELINE, pipeline_id
from tests.media.pictures import encoded, mirrored, scene

GOLDEN = {
    (512, 512): [
        "1119b9f9e1e1e1e1",
        "8fcda18341304423",
        "110f11079948f970c010c110410440276067617f813bb0ffb8fff0fffcfffcff",
        "fdfefffefffeffdc7fd8ffd089007fa033b0032003a00e600860607c201c0388",
    ],
    (384, 512): [
        "1119f9f1e161e1e5",
        "9f4ca9939307b122",
        "110f1107b970c010c11440066067013ba0ffb0fffcfffcfffcdb7cc01cc01eff",
        "ffcefa0ee00e703eedfefffefffc7fd8dfd0190033b0022006e00060b05c0308",
    ],
    (300, 401): [
        "c9c93821b0f1f4fc",
        "7f389b5aaa62066a",
        "c901098028822180a081908ed0b7f8bffcfffcbf1c980eb8ceffe6b766b036fe",
        "03997f1b40335ff37fe75c07440e5ffefffecffcdbe0c648c0d0c0108014c004",
    ],
}
REFERENCE_PDQ = {
    (512, 512): (
        100,
        [
            "fdfefffefffeffdc7fd8ffd089007fa033b0032003a00e600860607c201c0388",
            "e60003ffb802827fe51083ff7c210a7efc2103e3e03003fff0031fffc000ffff",
            "b82b7554aaa95d722385756ad555b3aa4455a88a57f5a2ca5515aaea755da922",
            "b355a955ed5728d5b04529552df4a0d4a974a949b565a955a556b55595555555",
            "e9fe2001fffc882776d0222f8000e6ff1300ffff02a0f79f0040ffbf2008fc77",
            "bcab8aabaaa9228d23858a85d5554c554455555557f55d3555155515755d56dd",
            "f600fd04fd86fd80ff18fd107df1ffe1fda1fc1ce1fcfc86f807f006e0000000",
            "a35556aaed57d72ab04556aa29345f2b297456b6b52552aaa5564aaa9555aaaa",
        ],
    ),
    (300, 401): (
        100,
        [
            "03997f1b40335ff37fe75c07440e5ffefffecffcdbe0c648c0d0c0108014c004",
            "00ff80024800a2df5de0b73fd9f0261f99e0e66731e00e7bc3c0f03f7f808fff",
            "56cdd5b11566f3592a92f2ac115bf1541aa965068c7568ea95156abad5556aae",
            "55aa2aa81d5508f518f51f959ca58cb5cd954ccd64b5a4d396955a952ad5ad55",
            "039980e44033ae0c7fc7a7f9440ea481dffe3853db203dbfc0403fef80103fff",
            "56cd2a4e15660ea62a930d53155b0eab9aab9af98ef5971595159545d5559555",
            "00ff7ffd48805da05de05fd0d9f0d9e099e819f839e0f1cec3d00fc37f80fc00",
            "552ad5571d55f78a08b5e06a9c85734acc95b33264b55b2e9695a56b2a55d2aa",
        ],
    ),
    (1024, 700): (
        100,
        [
            "dae25a987aa43eaca2acbba8a3d081d1c7d0d55c81755375467cfc38ec387e28",
            "00c03fe634031feef003fff8a200fc1ffb80ff0f0005ff830003ffdf0000ffff",
            "0fd5f22a6fd5820a55d588aa56d5ab2ad4952bfa5401faea1545ae9a795d9682",
            "5595954c6156b544a5565552f35556b5aed555a5455255395556557555555555",
            "5a80a77f3a80d75f0080ddff0380fe7f81c07eaf0154afbf4010fbcf2c2883d7",
            "0fd50dd56fd57dd555d5755556d554d5d495d4055401050515455165795d297d",
            "8fe6e0df3e07f455f40710cffe9907f0ff8083f8bc3f43fe5c4f387880000130",
            "55956ab261564abba556aaadf355a94aaed5aa5a4550aac65556aa8a5555aaaa",
        ],
    ),
}


def waves(height: int, width: int) -> np.ndarray:
    """A frame made of arithmetic alone: no library draws it."""
    rows, columns = np.arange(height, dtype=np.int64)[:, None], np.arange(width, dtype=np.int64)[None]
    return ((rows * rows // 97 + columns * 3 + (rows * columns) // 61 + (rows // 40) * 53 + (columns // 56) * 91) % 256).astype(
        np.uint8
    )


def test_the_codes_of_a_known_frame_do_not_drift() -> None:
    for size, expected in GOLDEN.items():
        made = hash_set(waves(*size))
        short = made.short
        codes = [hex_of_words(code) for code in (short.phash64, short.dhash64, short.phash256)]
        assert [*codes, hex_of(made.pdq.codes[0])] == expected, size


def test_the_short_codes_are_those_of_imagehash() -> None:
    chance = np.random.default_rng(9)
    plain = [np.full((64, 64), 128, np.uint8), np.zeros((200, 256), np.uint8), np.tile(np.arange(256, dtype=np.uint8), (90, 1))]
    noise = [chance.integers(0, 256, (int(height), 256), dtype=np.uint8) for height in chance.integers(8, 257, 40)]
    for grey in (*plain, *noise, np.asarray(scene(30, 256, 192).convert("L")), waves(256, 200)):
        image, made = Image.fromarray(grey), short_hashes(grey)
        for code, own in ((made.phash64, imagehash.phash(image, 8)), (made.phash256, imagehash.phash(image, 16))):
            assert np.array_equal(np.unpackbits(code.view(np.uint8), bitorder="little"), own.hash.ravel())


def hex_of_words(code: np.ndarray) -> str:
    return code.tobytes().hex()


def test_pdq_equals_the_reference_program_in_all_eight_turns() -> None:
    """The vectors were made by the published C++ program (through its Python binding) from the same luma."""
    for size, (quality, hashes) in REFERENCE_PDQ.items():
        made = pdq(waves(*size))
        assert made.quality == quality
        assert [hex_of(code) for code in made.codes] == hashes
        assert len(hashes) == len(DIHEDRAL)


def test_the_code_for_exchange_is_that_of_the_full_size_picture() -> None:
    for size, (quality, hashes) in REFERENCE_PDQ.items():
        made = exchange_pdq(encoded(Image.fromarray(waves(*size))))
        assert (made.quality, hex_of(made.codes[0])) == (quality, hashes[0])
    large = encoded(scene(22, 1400, 1000))
    assert not np.array_equal(exchange_pdq(large).codes[0], hash_set(decode_picture(large).grey).pdq.codes[0])


def test_the_code_of_the_mirrored_picture_is_known_before_it_is_seen() -> None:
    picture = scene(21)
    plain, turned = (hash_set(decode_picture(encoded(image)).grey) for image in (picture, mirrored(picture)))
    away = [distance_bits(turned.pdq.codes[0], code) for code in plain.pdq.codes]
    assert min(away) == away[DIHEDRAL.index("flip_y")] <= 31 < away[0]


def test_a_plain_frame_has_no_quality() -> None:
    assert hash_set(np.full((300, 400), 200, np.uint8)).pdq.quality == 0


def test_hexadecimal_codes_begin_with_bit_255() -> None:
    code = hash_set(waves(200, 300)).pdq.codes[0]
    bits = [int(word) >> place & 1 for word in code for place in range(64)]
    assert hex_of(code) == f"{sum(bit << place for place, bit in enumerate(bits)):064x}"


def test_other_pictures_are_far_apart_and_recompression_is_near() -> None:
    first = hash_set(decode_picture(encoded(scene(30))).grey)
    again = hash_set(decode_picture(encoded(scene(30), "JPEG", quality=40)).grey)
    other = hash_set(decode_picture(encoded(scene(31))).grey)
    assert distance_bits(first.pdq.codes[0], again.pdq.codes[0]) <= 31 < distance_bits(first.pdq.codes[0], other.pdq.codes[0])
    assert distance_bits(first.short.phash64, again.short.phash64) <= 6 < distance_bits(first.short.phash64, other.short.phash64)


def test_the_pipeline_names_what_shapes_its_results() -> None:
    assert pipeline_id().startswith(PIPELINE + " ")
    assert all(name in pipeline_id() for name in ("pillow=", "imagehash=", "numpy=", "opencv-python-headless="))


def test_the_code_for_exchange_is_printed_and_a_file_that_is_no_picture_says_so(tmp_path: Path) -> None:
    picture, text = tmp_path / "a.png", tmp_path / "b.txt"
    picture.write_bytes(encoded(Image.fromarray(waves(700, 600))))
    text.write_text("no picture")
    ran = CliRunner().invoke(app, ["images", "pdq", str(picture), str(text), "--json"])
    first, second = json.loads(ran.stdout)
    assert ran.exit_code == 1 and (second["pdq"], bool(second["reason"])) == ("", True)
    assert first["pdq"] == hex_of(exchange_pdq(picture.read_bytes()).codes[0])
