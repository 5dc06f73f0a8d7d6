"""Untrusted bytes give a frame or a recorded outcome, within memory caps."""

import struct
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from server.media.decode import MAX_PIXELS, OUTCOMES, UnreadablePicture, decode_picture
from tests.media.pictures import encoded, scene

ROOT = Path(__file__).resolve().parents[2]
RSS_LIMIT_MB = 700
ALL_KINDS_LIMIT_MB = 1000


def png(width: int, height: int, body: bytes, colour: int = 0) -> bytes:
    """A PNG of 8-bit grey (colour 2: RGB) with this header, whatever the body holds."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, colour, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def black(width: int, height: int) -> bytes:
    """A black RGB picture of this size in a thousandth of its bytes, made without ever holding them."""
    packer = zlib.compressobj(1)
    row = bytes(1 + 3 * width)
    return png(width, height, b"".join(packer.compress(row) for _ in range(height)) + packer.flush(), colour=2)


def code_of(data: bytes) -> str:
    with pytest.raises(UnreadablePicture) as caught:
        decode_picture(data)
    assert caught.value.reason
    return caught.value.code


def test_each_refusal_has_its_own_outcome() -> None:
    whole = encoded(scene(1), "JPEG")
    refused = {
        "empty": b"",
        "svg": b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>',
        "heic": b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(200),
        "not_a_picture": b"<!doctype html><p>not a picture</p>",
        "too_many_pixels": png(100_000, 100_000, zlib.compress(bytes(1000))),
        "too_small": encoded(Image.new("RGB", (4, 900))),
        "broken": whole[: len(whole) // 3],
    }
    assert {name: code_of(data) for name, data in refused.items()} == {name: name for name in refused}
    assert set(refused) <= set(OUTCOMES)
    assert {code_of(head) for head in (b"<svg/>", b"<SVG>", b'<svg:svg xmlns:svg="http://www.w3.org/2000/svg"/>')} == {"svg"}
    assert code_of(b"<svgfont/>") == "not_a_picture"


def test_a_damaged_avif_is_broken_and_ends_no_decoder() -> None:
    whole = encoded(scene(3), "AVIF", speed=10)
    pixels = whole.index(b"mdat") + 4
    assert decode_picture(whole).format == "AVIF"
    assert code_of(whole[:pixels] + bytes(len(whole) - pixels)) == "broken"
    for box in (b"iloc", b"ispe", b"pitm", b"iprp"):
        assert code_of(whole.replace(box, b"free", 1)) == "broken", box


def test_a_picture_just_above_the_cap_is_refused_before_its_pixels_are_read() -> None:
    assert code_of(png(MAX_PIXELS // 1000 + 1, 1000, zlib.compress(bytes(1000)))) == "too_many_pixels"


MEASURED = """
import re, struct, sys
from server.media.decode import UnreadablePicture, decode_picture

def peak_mb():
    return int(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1]) // 1024

print(peak_mb())
while size := sys.stdin.buffer.read(8):
    data = sys.stdin.buffer.read(struct.unpack(">Q", size)[0])
    try:
        print(*decode_picture(data).grey.shape, peak_mb())
    except UnreadablePicture as error:
        print(error.code, peak_mb())
"""


def peaks(files: list[bytes]) -> list[str]:
    """What a fresh process said of each file, with its peak memory in MB so far; before them its memory at the start."""
    told = b"".join(struct.pack(">Q", len(data)) + data for data in files)
    done = subprocess.run([sys.executable, "-c", MEASURED], input=told, cwd=ROOT, capture_output=True, timeout=200, check=True)
    return done.stdout.decode().splitlines()


def test_decompression_bombs_stay_below_the_memory_cap() -> None:
    """The largest accepted picture has 80 million pixels of three channels; its peak memory is read from the process itself."""
    start, *told = peaks([png(100_000, 100_000, bytes(1000)), black(8900, 8900)])
    assert [line.rsplit(" ", 1)[0] for line in told] == ["too_many_pixels", "512 512"]
    assert int(start) < int(told[-1].split()[-1]) < RSS_LIMIT_MB


def test_no_kind_of_picture_needs_more_memory_than_the_largest_may_take() -> None:
    """Six million pixels of each kind, in one process: bytes a pixel at most those that fit the cap at its format's limit."""
    size, frames = (3000, 2000), [Image.new("RGB", (3000, 2000), colour) for colour in ("red", "blue")]
    exif = Image.Exif()
    exif[0x0112] = 6
    plain = {
        "deep": encoded(Image.new("I;16", size)),
        "float": encoded(Image.new("F", size), "TIFF", compression="tiff_deflate"),
        "cmyk": encoded(Image.new("CMYK", size), "TIFF", compression="tiff_deflate"),
        "turned": encoded(frames[0], exif=exif),
        "transparent": encoded(Image.new("RGBA", size)),
        "animated gif": encoded(frames[0], "GIF", save_all=True, append_images=frames[1:] * 4),
        "progressive": encoded(frames[0], "JPEG", progressive=True),
    }
    hungry = {
        "webp": encoded(Image.new("RGBA", size), "WEBP", lossless=True, method=0),
        "animated webp": encoded(frames[0], "WEBP", save_all=True, append_images=frames[1:], method=0),
        "avif": encoded(frames[0], "AVIF", speed=10),
    }
    for files, pixels in ((plain, MAX_PIXELS), (hungry, MAX_PIXELS // 2)):
        start, *told = peaks(list(files.values()))
        for name, line in zip(files, told, strict=True):
            height, width, peak = (int(word) for word in line.split())
            assert max(height, width) == 512, name
            at_the_limit = int(start) + (int(peak) - int(start)) * pixels / (size[0] * size[1])
            assert at_the_limit < ALL_KINDS_LIMIT_MB, name


def test_a_turned_photograph_is_read_upright() -> None:
    upright = scene(3)
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = encoded(upright.transpose(Image.Transpose.ROTATE_90), "JPEG", exif=exif, quality=95)
    picture = decode_picture(turned)
    assert (picture.width, picture.height) == upright.size
    plain = decode_picture(encoded(upright, "JPEG", quality=95))
    assert np.abs(picture.grey.astype(int) - plain.grey.astype(int)).mean() < 2
    assert any("turned upright" in note for note in picture.notes)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16", "F"])
def test_every_mode_gives_the_same_scene(mode: str) -> None:
    source = scene(5).convert("L")
    if mode == "I;16":
        image = Image.fromarray(np.asarray(source, np.uint16) * 257)
    elif mode == "F":
        image = Image.fromarray(np.asarray(source, np.float32) / 255)
    else:
        image = source.convert("RGB").convert(mode) if mode in ("CMYK", "P", "RGBA") else source.convert(mode)
    kind = "TIFF" if mode in ("CMYK", "F") else "PNG"
    picture = decode_picture(encoded(image, kind))
    reference = decode_picture(encoded(source)).grey.astype(float)
    assert np.corrcoef(reference.ravel(), picture.grey.astype(float).ravel())[0, 1] > (0.7 if mode == "1" else 0.97)


def test_only_the_first_frame_of_an_animation_is_compared_and_it_says_so() -> None:
    frames = [scene(seed, 200, 160) for seed in (7, 8)]
    data = encoded(frames[0], "WEBP", save_all=True, append_images=frames[1:], lossless=True)
    picture = decode_picture(data)
    assert picture.notes == ("animated: only the first frame is compared",)
    assert np.array_equal(picture.grey, np.asarray(frames[0].convert("L")))


def test_transparent_parts_are_shown_on_white() -> None:
    picture = decode_picture(encoded(Image.new("RGBA", (64, 64), (0, 0, 0, 0))))
    assert picture.grey.min() == 255


def test_avif_and_webp_are_read() -> None:
    for kind in ("AVIF", "WEBP"):
        assert decode_picture(encoded(scene(9, 160, 120), kind)).format == kind


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=300), st.integers(0, 4000), st.sampled_from(["PNG", "JPEG", "GIF", "WEBP"]))
def test_any_bytes_give_a_picture_or_an_outcome(noise: bytes, place: int, kind: str) -> None:
    whole = bytearray(encoded(scene(2, 96, 80), kind))
    whole[place % len(whole) : place % len(whole) + len(noise)] = noise
    for data in (bytes(whole), noise):
        try:
            picture = decode_picture(data)
        except UnreadablePicture as error:
            assert error.code in OUTCOMES
        else:
            assert picture.grey.dtype == np.uint8 and max(picture.grey.shape) <= 512


def test_the_frame_is_at_most_512_pixels_and_never_enlarged() -> None:
    assert max(decode_picture(encoded(scene(4, 1500, 700), "JPEG")).grey.shape) == 512
    assert decode_picture(encoded(scene(4, 96, 80))).grey.shape == (80, 96)
