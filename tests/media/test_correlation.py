"""The same pixels score high even when placed a little off; the same outlines with other pixels never make one picture."""

import cv2
import numpy as np
import pytest
from PIL import Image, ImageDraw

from server.media.correlation import COARSE_ALONE, SAME_SCORE, correlation
from server.media.gallery import judge
from server.media.look import look_at
from server.media.verify import VARIANT_SCORE, Relation
from tests.media.pictures import captioned, encoded, mirrored, scene, screenshot

WHOLE = np.array([[0, 0], [1, 0], [1, 0.75], [0, 0.75]], np.float64)
IN_PLACE = np.array([[1, 0, 0], [0, 1, 0]], np.float64)


def frame(seed: int) -> np.ndarray:
    return np.asarray(scene(seed).convert("L").resize((384, 288)), np.uint8)


def regenerated(seed: int) -> np.ndarray:
    """The scene's shading and outlines, with fine marks of another one: what a generator makes of one edge map."""
    coarse = cv2.GaussianBlur(frame(seed), (0, 0), 3.5).astype(np.float32)
    other = frame(seed + 1).astype(np.float32)
    detail = other - cv2.GaussianBlur(other, (0, 0), 3.5)
    return np.clip(coarse + 0.5 * detail, 0, 255).astype(np.uint8)


def recompressed(picture: np.ndarray, quality: int) -> np.ndarray:
    _, packed = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.asarray(cv2.imdecode(packed, cv2.IMREAD_GRAYSCALE), np.uint8)


def test_a_placement_some_pixels_off_is_aligned_and_its_matrix_told() -> None:
    picture = frame(90)
    off = np.array([[1.004, 0.003, 0.008], [-0.003, 1.004, -0.006]])
    found = correlation((recompressed(picture, 60), picture), off, WHOLE)
    assert found is not None and found.score > 0.9
    assert np.abs(found.matrix - IN_PLACE).max() < 0.003 < np.abs(off - IN_PLACE).max()


def test_same_outlines_with_other_detail_make_a_variant_at_most() -> None:
    for seed in (90, 92, 94, 96):
        found = correlation((regenerated(seed), frame(seed)), IN_PLACE, WHOLE)
        assert found is not None and VARIANT_SCORE <= found.score <= COARSE_ALONE < SAME_SCORE, seed


def test_strong_recompression_and_blur_stay_the_same_picture() -> None:
    picture = frame(91)
    for made in (recompressed(picture, 12), cv2.GaussianBlur(picture, (0, 0), 2.0)):
        found = correlation((made, picture), IN_PLACE, WHOLE)
        assert found is not None and found.score > SAME_SCORE


def test_unrelated_and_plain_frames_do_not_correlate() -> None:
    unrelated = correlation((frame(93), frame(95)), IN_PLACE, WHOLE)
    assert unrelated is not None and unrelated.score < 0.3
    plain = np.full((288, 384), 128, np.uint8)
    assert correlation((plain, plain), IN_PLACE, WHOLE) is None


def test_judgements_of_known_pictures_do_not_drift() -> None:
    """A library that matches or aligns otherwise is seen here; then RULES in server.media.pipeline gets a new number."""
    base = look_at(encoded(scene(97), "JPEG", quality=80))
    edits = {"mirrored": mirrored(scene(97)), "captioned": captioned(scene(97)), "shot": screenshot(scene(97))}
    judged = {name: judge(look_at(encoded(image, "JPEG", quality=70)), base) for name, image in edits.items()}
    relations = {name: found and found.relation for name, found in judged.items()}
    assert relations == {"mirrored": Relation.SAME, "captioned": Relation.SAME, "shot": Relation.CONTAINS}
    scores = {name: found.overlay.score for name, found in judged.items() if found is not None and found.overlay is not None}
    assert scores == pytest.approx({"captioned": 0.992, "shot": 0.948}, abs=0.015)


def poster(seed: int) -> Image.Image:
    """Little texture: a small scene in the middle of a calm sky."""
    sky = np.repeat(np.linspace(120, 200, 480).astype(np.uint8)[:, None], 640, axis=1)
    out = Image.merge("RGB", [Image.fromarray(sky)] * 3)
    out.paste(scene(seed).resize((360, 270)), (140, 105))
    return out


def test_large_words_across_calm_parts_do_not_make_another_picture() -> None:
    for seed in (140, 141):
        plain, worded = poster(seed), poster(seed)
        draw = ImageDraw.Draw(worded)
        for y in (30, 410):
            draw.text((40, y), "NOBODY SHOWS YOU", fill="white", font_size=40, stroke_width=4, stroke_fill="black")
        found = judge(look_at(encoded(worded, "JPEG", quality=80)), look_at(encoded(plain, "JPEG", quality=90)))
        assert found is not None and found.relation is Relation.SAME


def filtered(picture: Image.Image) -> Image.Image:
    """Darkened towards the corners, as filters of phones do."""
    y, x = np.mgrid[-1:1:480j, -1:1:640j]
    light = 1 - 0.45 * np.clip(np.hypot(x, y) / 1.2, 0, 1)
    return Image.fromarray((np.asarray(picture) * light[..., None]).astype(np.uint8))


def test_light_that_falls_off_over_a_calm_background_is_not_another_picture() -> None:
    for seed in (150, 153):
        plain = Image.new("RGB", (640, 480), (238, 238, 238))
        plain.paste(scene(seed).resize((230, 300)), (205, 100))
        found = judge(look_at(encoded(filtered(plain), "JPEG", quality=80)), look_at(encoded(plain, "JPEG", quality=90)))
        assert found is not None and found.relation is Relation.SAME, seed


def woven(seed: int) -> np.ndarray:
    """Many tones everywhere, as cloth and leaves have."""
    marks = cv2.GaussianBlur(np.random.default_rng(seed).normal(0, 1, (288, 384)).astype(np.float32), (0, 0), 2.5)
    return np.clip(110 + marks / marks.std() * 45, 0, 255).astype(np.uint8)


def test_a_small_sticker_is_not_another_picture_but_a_picture_in_its_place_is() -> None:
    plain = woven(2)
    stuck, replaced = plain.copy(), plain.copy()
    cv2.circle(stuck, (120, 150), 38, 205, -1)
    for eye in (110, 130):
        cv2.circle(stuck, (eye, 140), 4, 60, -1)
    replaced[108:192, 78:162] = woven(52)[:84, :84]
    sticker, picture = (correlation((frame, plain), IN_PLACE, WHOLE) for frame in (stuck, replaced))
    assert sticker is not None and not sticker.another and sticker.score > 0.9
    assert picture is not None and picture.another and picture.score <= COARSE_ALONE


def page(picture: Image.Image, words: int = 26) -> Image.Image:
    """A page full of the site's own words, and the picture in a box."""
    out = Image.new("RGB", (900, 900), "white")
    draw = ImageDraw.Draw(out)
    for row in range(words):
        draw.text((20, 14 + row * 34), "About  Terms  Follow  Popular  Newest  Help", fill="black", font_size=22)
    draw.rectangle((500, 40, 890, 890), fill="white")
    out.paste(picture.resize((340, 255)), (520, 300))
    return out


def test_two_pages_of_one_site_with_other_pictures_are_not_one_picture() -> None:
    """Most of both agrees: the site. What they show does not."""
    known = look_at(encoded(page(scene(150)), "JPEG", quality=85))
    assert known.regions, "the picture is found in the page"
    other = judge(look_at(encoded(page(scene(151)), "JPEG", quality=85)), known)
    assert other is None or other.relation is not Relation.SAME
    again = judge(look_at(encoded(page(scene(150).resize((300, 225))), "JPEG", quality=50)), known)
    assert again is not None and again.relation is Relation.SAME
