"""When hashes alone decide, what is told of the placement really lays one picture over the other, whichever way it was turned."""

import cv2
import numpy as np
import pytest
from PIL import Image

from server.media.gallery import Judgement, judge
from server.media.look import Look, look_at
from server.media.turns import Turned
from tests.media.pictures import captioned, encoded, scene


def laid_over(query: Look, known: Look, way: Turned) -> float:
    """The mean difference of the query, placed as told, to the known picture, in grey levels."""
    asked, given = query.frame(), known.frame()
    if way.mirrored:
        asked = np.ascontiguousarray(asked[:, ::-1])
    shares = np.vstack((np.reshape(way.matrix, (2, 3)), [0, 0, 1]))
    centre = np.array([[1, 0, -0.5], [0, 1, -0.5], [0, 0, 1.0]])
    asked_pixels, given_pixels = (centre @ np.diag([max(one.shape)] * 2 + [1.0]) for one in (asked, given))
    to_pixels = given_pixels @ shares @ np.linalg.inv(asked_pixels)
    placed = cv2.warpAffine(asked, to_pixels[:2], given.shape[::-1], borderMode=cv2.BORDER_REPLICATE)
    return float(np.abs(placed.astype(np.float32) - given).mean())


@pytest.mark.parametrize("mirrored", [False, True])
def test_every_turn_is_told(mirrored: bool) -> None:
    picture = scene(61, 640, 400)
    known = look_at(encoded(picture, "JPEG", quality=80))
    for quarters in range(4):
        way = picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if mirrored else picture
        found = judge(look_at(encoded(way.rotate(90 * quarters, expand=True), "JPEG", quality=60)), known)
        assert isinstance(found, Judgement) and found.turned is not None and found.overlay is None
        assert found.turned.mirrored == mirrored
        query = look_at(encoded(way.rotate(90 * quarters, expand=True), "JPEG", quality=60))
        assert laid_over(query, known, found.turned) < 6
        assert laid_over(query, known, Turned((1, 0, 0, 0, 1, 0), not mirrored)) > 12


def test_what_was_measured_says_no_turn_of_its_own() -> None:
    found = judge(look_at(encoded(captioned(scene(62)), "JPEG")), look_at(encoded(scene(62))))
    assert found is not None and found.overlay is not None and found.turned is None
