"""Boxes on pictures: what is under one is gone from the copy, and nothing but pixels is in the copy."""

import hashlib
import io
import json
import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from server.captures.masking import BoxesRefused, MaskBox, masked_picture, parse_boxes, suggested_boxes


def chunks(png: bytes) -> list[bytes]:
    found, place = [], 8
    while place < len(png):
        length, kind = struct.unpack_from(">I4s", png, place)
        found.append(kind)
        place += 12 + length
    return found


def saved(image: Image.Image, **more: Any) -> io.BytesIO:
    out = io.BytesIO()
    image.save(out, "PNG", **more)
    out.seek(0)
    return out


def test_what_is_under_a_box_is_gone_and_every_other_pixel_is_the_same() -> None:
    image = Image.effect_noise((40, 30), 90).convert("RGB")
    made = masked_picture(saved(image), [MaskBox(5, 6, 10, 7), MaskBox(-5, 28, 20, 50)])
    copy = Image.open(io.BytesIO(made.data))
    assert made.boxes == (MaskBox(5, 6, 10, 7), MaskBox(0, 28, 15, 2)), "cut at the edges, as drawn"
    covered = {(x, y) for box in made.boxes for x in range(box.x, box.x + box.width) for y in range(box.y, box.y + box.height)}
    for x in range(40):
        for y in range(30):
            assert copy.getpixel((x, y)) == ((0, 0, 0) if (x, y) in covered else image.getpixel((x, y)))
    assert made.sha256 == hashlib.sha256(made.data).hexdigest()


def test_nothing_but_pixels_is_in_the_copy() -> None:
    info = PngInfo()
    info.add_text("Author", "CANARY of the collector")
    image = Image.new("RGB", (20, 20), (9, 9, 9))
    source = saved(image, pnginfo=info, exif=b"Exif\x00\x00CANARY", dpi=(300, 300), icc_profile=b"CANARY profile")
    made = masked_picture(source, [])
    assert set(chunks(made.data)) == {b"IHDR", b"IDAT", b"IEND"} and b"CANARY" not in made.data


def test_what_lay_hidden_under_transparency_stays_hidden() -> None:
    image = Image.new("RGBA", (4, 4), (200, 10, 10, 0))
    assert Image.open(io.BytesIO(masked_picture(saved(image), []).data)).getpixel((1, 1)) == (255, 255, 255)


def test_a_jpeg_is_read_whole_so_boxes_are_where_they_were_set() -> None:
    out = io.BytesIO()
    Image.new("RGB", (3000, 60), (250, 250, 250)).save(out, "JPEG")
    out.seek(0)
    made = masked_picture(out, [MaskBox(2990, 0, 10, 60)])
    assert (made.width, made.height) == (3000, 60)
    assert Image.open(io.BytesIO(made.data)).getpixel((2995, 30)) == (0, 0, 0)


def test_a_box_outside_the_picture_is_refused_by_its_number() -> None:
    with pytest.raises(BoxesRefused, match="box 2"):
        masked_picture(saved(Image.new("RGB", (10, 10))), [MaskBox(0, 0, 5, 5), MaskBox(10, 0, 5, 5)])


def test_rows_of_the_form_round_outwards_and_empty_ones_are_none() -> None:
    assert parse_boxes([("1.5", "2.2", "3", "4"), ("", " ", "", ""), ("0", "0", "1", "1")]) == (
        MaskBox(1, 2, 4, 5),
        MaskBox(0, 0, 1, 1),
    )
    for row in (("1", "", "3", "4"), ("1", "2", "0", "4"), ("1", "2", "nan", "4"), ("1", "2", "3", "1e99"), ("a", "b", "c", "d")):
        with pytest.raises(BoxesRefused, match="box 1"):
            parse_boxes([row])
    with pytest.raises(BoxesRefused, match="at most 64"):
        parse_boxes([("1", "1", "1", "1")] * 65)


@given(st.lists(st.tuples(*[st.text(max_size=25)] * 4), max_size=4))
def test_any_typed_rows_give_boxes_or_the_one_error(rows: list[tuple[str, ...]]) -> None:
    try:
        boxes = parse_boxes(rows)
    except BoxesRefused:
        return
    assert all(box.width >= 1 and box.height >= 1 for box in boxes)


def test_what_the_browser_marked_becomes_pixels_of_its_own_picture_only() -> None:
    marks = [
        {"artifact": "screenshot.viewport.png", "box": {"x": 10, "y": 8.5, "width": 80, "height": 40}, "reason": "own_account"},
        {"artifact": "screenshot.full.png", "box": {"x": 1, "y": 1, "width": 1, "height": 1}},
        {"artifact": "screenshot.viewport.png", "box": {"x": "a", "y": 1, "width": 1, "height": 1}},
        "nonsense",
    ]
    payload = json.dumps({"predicate": {"viewport": {"devicePixelRatio": 2}, "masks": marks}}).encode()
    assert suggested_boxes(payload, "screenshot.viewport.png") == (MaskBox(20, 17, 160, 80),)
    for broken in ({"predicate": None}, {"predicate": {"masks": 3}}, {"predicate": {"masks": [{}], "viewport": 1}}):
        assert suggested_boxes(json.dumps(broken).encode(), "screenshot.viewport.png") == ()
