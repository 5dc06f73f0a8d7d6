"""What the index names: pictures and screenshots apart, and what many copies would hide."""

import numpy as np

from server.images.matcher import Candidates
from server.media.gallery import BY_CODE, BY_VOTES, Gallery
from server.media.look import look_at
from tests.media.pictures import collage, encoded, scene, screenshot

COPIES = BY_CODE + BY_VOTES + 2


def test_neither_copies_nor_shots_of_a_page_hide_a_picture() -> None:
    one, two = scene(51), scene(52)
    gallery = Gallery()
    for number in range(COPIES):
        size = 520 + 6 * number
        gallery.add(look_at(encoded(one.resize((size, size * 3 // 4)), "JPEG", quality=92)))
    for shade in range(COPIES):
        gallery.add(look_at(encoded(screenshot(one), "JPEG", quality=80 + shade % 15)))
    last = gallery.add(look_at(encoded(two, "JPEG", quality=92)))
    ids = np.arange(100, 100 + len(gallery))
    is_shot = (ids >= 100 + COPIES) & (ids < 100 + 2 * COPIES)
    all_told = np.zeros(len(ids), np.bool_)
    found = Candidates(gallery.ranking(look_at(encoded(collage(one, two)))), ids, is_shot, all_told)
    copies, shots = set(ids[:COPIES].tolist()), set(ids[is_shot].tolist())
    assert set(found.pictures()) <= copies | {100 + last} and len(found.pictures()) <= BY_CODE + BY_VOTES
    assert 100 + last in found.pictures(copies), "behind the copies stands the other picture"
    assert found.screenshots() and set(found.screenshots()) <= shots
    ranked = Candidates(gallery.ranking(look_at(encoded(one))), ids, is_shot, all_told)
    near = ranked.near(5)
    assert len(near) == 5 and set(near) <= copies, "of many copies as many as were asked for, the nearest first"
    hidden = ranked.without(set(near))
    assert not set(near) & {*hidden.near(5), *hidden.pictures()} and len(hidden) == len(ids) - 5
    assert Candidates(None, ids[:0], is_shot[:0], all_told[:0]).pictures() == []
