"""Boxes of pictures out of the archive's account, and what of a screenshot lies in them. Archives are hostile."""

from collections.abc import Sequence
from typing import Any

import pytest
from PIL import Image

from server.images.boxes import CROPS_LIMIT, crops_of
from server.images.found import BOXES_LIMIT, ImageBox, image_boxes
from server.images.reader import Box, PictureReader
from tests.images.pages import capture_page, indexed
from tests.media.pictures import encoded, scene
from tests.web.site import Site

VIEW = {"scrollX": 0, "scrollY": 100, "devicePixelRatio": 2, "width": 1000, "height": 800}
BOX = {"x": 10, "y": 120, "width": 200, "height": 100}


class Cutter(PictureReader):
    """Remembers what was to be cut out; nothing is decoded."""

    def __init__(self, problem: str = "") -> None:
        self.asked: list[Box] = []
        self.noted: list[str] = []
        self.problem = problem

    def crops(self, data: bytes, boxes: Sequence[Box]) -> tuple[list[bytes], str]:
        self.asked = list(boxes)
        return ([], self.problem) if self.problem else ([b"png"] * len(boxes), "")

    def cut(self, *boxes: ImageBox) -> int:
        return len(crops_of(self, ("shot", b"shot"), boxes, {"viewport": VIEW}, self.noted.append))


def cut(*boxes: ImageBox) -> list[Box]:
    cutter = Cutter()
    assert cutter.cut(*boxes) == len(cutter.asked) and cutter.noted == []
    return cutter.asked


def box(x: float, y: float, width: float, height: float, **more: Any) -> ImageBox:
    return ImageBox(more.pop("url", ""), more.pop("frame_url", ""), (x, y, width, height), **more)


def test_kinds_frames_and_pictures_without_an_address_are_read() -> None:
    listed = [
        {"url": "", "kind": "canvas", "box": BOX, "natural": None},
        {"url": "https://a.example/b.png", "kind": "background", "box": BOX, "frameUrl": "https://a.example/", "at": BOX},
        {"url": "https://a.example/old.png", "box": BOX},
        {"url": "https://a.example/odd.png", "kind": "<b>", "box": BOX, "at": {"x": 1}},
    ]
    read = image_boxes({"images": listed})
    assert [(one.url, one.kind, one.at is not None) for one in read] == [
        ("", "canvas", False),
        ("https://a.example/b.png", "background", True),
        ("https://a.example/old.png", "", False),
        ("https://a.example/odd.png", "", False),
    ]


@pytest.mark.parametrize(
    "bad", [None, 7, {}, {**BOX, "width": 0}, {**BOX, "x": True}, {**BOX, "y": 1e300}, {**BOX, "height": float("nan")}]
)
def test_a_malformed_box_is_left_out_and_the_others_stay(bad: object) -> None:
    assert [one.url for one in image_boxes({"images": [{"url": "a", "box": bad}, 7, {"url": "b", "box": BOX}]})] == ["b"]


def test_a_page_cannot_flood_the_index() -> None:
    many = [{"url": f"https://a.example/{number}", "box": {**BOX, "x": number % 700}} for number in range(5 * BOXES_LIMIT)]
    boxes = image_boxes({"images": many})
    assert len(boxes) == BOXES_LIMIT
    cutter = Cutter()
    assert cutter.cut(*boxes) == CROPS_LIMIT
    places = len({one.box for one in boxes})
    assert cutter.noted == [
        f"shot: {places - CROPS_LIMIT} of {places} pictures that only it shows were not cut out, the smallest"
    ]


def test_a_shot_that_cannot_be_cut_is_said() -> None:
    cutter = Cutter("the decoder ended")
    assert cutter.cut(box(10, 120, 60, 60)) == 0
    assert cutter.noted == ["shot: no picture could be cut out of it: the decoder ended"]


def test_boxes_become_pixels_of_the_shot_the_largest_first() -> None:
    assert cut(box(10, 120, 60, 60), box(10, 200, 200, 100)) == [(20, 200, 420, 400), (20, 40, 140, 160)]


def test_layers_in_one_place_are_cut_once() -> None:
    assert cut(box(10, 120, 60, 60, url="a"), box(10, 120, 60, 60, url="b")) == [(20, 40, 140, 160)]


@pytest.mark.parametrize(
    "left_out",
    [
        box(10, 120, 60, 60, is_loaded=False),
        box(10, 900, 60, 60),
        box(10, 80, 60, 39),
        box(10, 120, 20, 20),
        box(0, 100, 1000, 790),
        box(10, 120, 60, 60, frame_url="https://ads.example/"),
    ],
    ids=["not loaded", "below", "hardly seen", "tiny", "the page itself", "in a frame somewhere"],
)
def test_what_the_shot_does_not_show_well_is_not_cut(left_out: ImageBox) -> None:
    assert cut(left_out) == []


def test_a_picture_in_a_frame_is_cut_where_the_frame_stands() -> None:
    framed = box(0, 0, 200, 100, frame_url="about:srcdoc", at=(100, 200, 200, 100))
    assert cut(framed) == [(200, 200, 600, 400)]
    hidden = box(0, 0, 200, 100, frame_url="about:srcdoc", at=(100, 200, 200, 40))
    assert cut(hidden) == [], "most of it lies outside the frame"


async def test_a_canvas_is_found_by_its_picture_and_claims_no_address(site: Site) -> None:
    shot = Image.new("RGB", (640, 400), "white")
    shot.paste(scene(5).resize((320, 240)), (200, 100))
    drawn = {"url": "", "kind": "canvas", "box": {"x": 200, "y": 100, "width": 320, "height": 240}, "natural": None}
    await indexed(site, await capture_page(await site.pair(), {}, images=[drawn], shot=encoded(shot)))
    operator = await site.services.operators.ensure_default_operator()
    (match,) = [
        one
        for one in (await site.services.images.search.by_bytes(operator, encoded(scene(5)))).matches
        if one.image.kind == "crop"
    ]
    assert match.kind == "same", "never identical: a crop is no file"
    assert [(one.source, one.url, one.box) for one in match.sightings] == [("box", "", (200, 100, 320, 240))]
    await site.sound()
