"""One picture in two different posts is found; two pictures in one template are not one picture."""

from functools import partial

import numpy as np
from PIL import Image

from server.media.clusters import Direction, partition
from server.media.frames import find_frames
from server.media.gallery import Judgement, judge
from server.media.verify import Relation
from tests.media import looks

look = partial(looks.look, quality=80)


def judged(query: str, known: str) -> Judgement | None:
    return judge(look(query), look(known))


def test_one_picture_in_two_templates_is_found_though_they_differ_around_it() -> None:
    for query, known in (
        ("160 screenshot", "160 post"),
        ("160 post", "160 light"),
        ("162 studio", "162 screenshot"),
        ("164 light", "164 studio"),
    ):
        found = judged(query, known)
        assert found is not None and found.relation is Relation.CONTAINS, (query, known)
        assert found.query_holds and found.known_holds and found.overlay is not None
        assert max(found.overlay.visible_known, found.overlay.visible_query) < 0.7


def test_the_overlay_of_two_posts_lays_the_picture_on_the_picture() -> None:
    found = judged("160 screenshot", "160 post")
    assert found is not None and found.overlay is not None
    corners = np.array([[330, 90], [850, 480]]) / 1180
    placed = corners @ found.overlay.matrix[:, :2].T + found.overlay.matrix[:, 2]
    assert np.abs(placed - np.array([[0, 190], [540, 595]]) / 1080).max() < 0.01


def test_two_pictures_in_one_template_are_never_one_picture() -> None:
    for template in ("screenshot", "post", "light", "studio"):
        for first, second in ((160, 162), (164, 160)):
            found = judged(f"{first} {template}", f"{second} {template}")
            assert found is None or found.relation is Relation.VARIANT, (template, first, second)
    for query, known in (("160 screenshot", "162 post"), ("160 studio", "164 light")):
        assert judged(query, known) is None


def test_two_broadcasts_on_one_busy_set_are_never_one_picture_though_nearly_all_of_them_agrees() -> None:
    for first, second in ((160, 162), (164, 160), (166, 162)):
        found = judged(f"{first} broadcast", f"{second} broadcast")
        assert found is None or found.relation is Relation.VARIANT, (first, second)


def test_words_and_stickers_laid_over_a_picture_leave_it_the_same() -> None:
    for seed in (160, 162, 164):
        found = judged(f"{seed} worded", f"{seed}")
        assert found is not None and found.relation is Relation.SAME, seed


def test_a_picture_framed_in_a_busy_set_is_found_by_its_edges() -> None:
    made = look("160 studio")
    assert not any(one.region.left > 0.4 for one in made.regions), "the calm around it does not tell"
    drawn = [568 / 1280, 78 / 720, 1101 / 1280, 478 / 720]
    away = [np.abs(np.array([one.left, one.top, one.right, one.bottom]) - drawn).max() for one in find_frames(made.frame())]
    assert min(away) < 0.03
    assert find_frames(np.asarray(Image.new("L", (300, 200), 128))) == ()


def test_a_mirrored_picture_in_a_post_fills_its_frame() -> None:
    found = judged("160 mirrored-post", "160")
    assert found is not None and found.relation is Relation.CONTAINS
    assert found.overlay is not None and found.overlay.mirrored
    assert found.query_holds and not found.known_holds


def test_posts_of_a_picture_that_is_not_there_itself_are_seen_together() -> None:
    names = ["160 screenshot", "160 post", "160 light", "162 post"]
    found = partition([look(name) for name in names], names)
    assert len(found.representatives) == 2
    assert len(found.edges) == 2 and all(edge.relation is Relation.CONTAINS for edge in found.edges)
    assert len({edge.cluster for edge in found.edges}) == 1
    assert Direction.SHARES in {edge.direction for edge in found.edges}


def test_with_the_picture_itself_its_posts_are_seen_in_its_cluster_alone() -> None:
    names = ["160 post", "160", "160 screenshot", "160 light"]
    found = partition([look(name) for name in names], names)
    assert found.representatives == (1,)
    assert {(edge.number, edge.cluster, edge.direction) for edge in found.edges} == {(n, 1, Direction.HOLDS) for n in (0, 2, 3)}
