"""What a device says was pointed at is drawn only when it is a place that can be drawn."""

import json
from typing import Any

import pytest

from server.web.pages.selection_view import Box, Selection, selection_of
from server.web.pages.statement_view import Shot

SHOTS = (Shot("screenshot.viewport.png", "screenshot.viewport", 10, True, True, 1280, 720, False),)
VIEWPORT = {"width": 1280, "height": 720, "devicePixelRatio": 2}
BOX = {"x": 10, "y": 20.456, "width": 300, "height": 40}


def read(selection: Any, *, viewport: Any = VIEWPORT, shots: tuple[Shot, ...] = SHOTS) -> Selection | None:
    return selection_of(json.dumps({"predicate": {"viewport": viewport, "selection": selection}}).encode(), shots)


def test_a_region_is_drawn_in_css_pixels_of_the_shot() -> None:
    found = read({"kind": "region", "box": BOX})
    assert found is not None
    assert (found.kind, found.box, found.view) == ("region", Box(10, 20.46, 300, 40), Box(0, 0, 1280, 720))


def test_an_image_says_where_its_bytes_came_from() -> None:
    found = read(
        {"kind": "image", "box": None, "srcUrl": "https://a.test/i.png", "artifact": "image.1.png", "source": "refetched"}
    )
    assert found is not None
    assert (found.box, found.artifact, found.source, found.exact) == (None, "image.1.png", "refetched", False)


@pytest.mark.parametrize(
    "box",
    [
        {**BOX, "x": "10"},
        {**BOX, "x": True},
        {**BOX, "width": 0},
        {**BOX, "height": -1},
        {**BOX, "y": 1e9},
        {**BOX, "y": float("nan")},
        {**BOX, "width": float("inf")},
        {"x": 1},
        [1, 2, 3, 4],
        "<svg onload=alert(1)>",
        None,
    ],
)
def test_a_place_that_is_none_is_not_drawn(box: Any) -> None:
    found = read({"kind": "region", "box": box})
    assert found is not None and found.box is None


@pytest.mark.parametrize("selection", [None, [], "region", {}, {"kind": "page", "box": BOX}])
def test_what_is_no_selection_is_not_shown(selection: Any) -> None:
    assert read(selection) is None


@pytest.mark.parametrize("viewport", [None, {}, {"width": 0, "height": 10}, {"width": "1", "height": 1}])
def test_without_the_size_of_the_shot_nothing_is_drawn(viewport: Any) -> None:
    assert read({"kind": "region", "box": BOX}, viewport=viewport) is None


def test_without_a_working_copy_of_the_shot_nothing_is_drawn() -> None:
    found = read({"kind": "region", "box": BOX}, shots=())
    assert found is not None and found.box is None
