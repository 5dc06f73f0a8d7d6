"""One picture in its many shapes is one cluster; two pictures in one frame stay two."""

import random

import numpy as np
from PIL import Image, ImageFilter

from server.media.clusters import Direction, Partition, _member_edges, partition
from server.media.gallery import Judgement, judge
from server.media.look import from_bytes, look_at, to_bytes
from server.media.verify import Overlay, Relation
from tests.media.looks import look
from tests.media.pictures import encoded, scene


def clusters_of(found: Partition, names: list[str]) -> dict[str, set[str]]:
    """For each picture the representatives in whose clusters it is seen, by name."""
    seen = {name: set() for name in names}
    for number in found.representatives:
        seen[names[number]].add(names[number])
    for edge in found.edges:
        if edge.relation is not Relation.VARIANT:
            seen[names[edge.number]].add(names[edge.cluster])
    return seen


EDITS = ["", "mirrored", "cropped", "half", "captioned", "screenshot", "brighter", "small", "turned"]


def test_every_shape_of_a_picture_is_found() -> None:
    for edit in EDITS[1:]:
        found = judge(look(f"40 {edit}"), look("40"))
        assert found is not None and found.relation in (Relation.SAME, Relation.CONTAINS), edit
        assert judge(look(f"40 {edit}"), look("42")) is None, edit


def test_the_overlay_says_where_the_picture_lies() -> None:
    found = judge(look("40 screenshot"), look("40"))
    assert found is not None and found.overlay is not None
    x, y = found.overlay.matrix @ np.array([330 / 1180, 90 / 1180, 1.0])
    assert abs(x) < 0.02 and abs(y) < 0.02
    assert found.overlay.visible_known > 0.95 and found.overlay.visible_query < 0.5
    assert found.query_holds and not found.known_holds


def test_the_same_clusters_come_out_of_five_orders() -> None:
    names = [f"{seed} {edit}".strip() for seed in (40, 42) for edit in EDITS] + ["44", "46 screenshot", "42 collage", "43"]
    results = []
    for order in range(5):
        shuffled = sorted(names)
        random.Random(order).shuffle(shuffled)
        results.append(clusters_of(partition([look(name) for name in shuffled], shuffled), shuffled))
    assert all(result == results[0] for result in results)
    groups = {frozenset(name for name in names if head in results[0][name]) for head in set().union(*results[0].values())}
    assert len(groups) == 5
    assert {name for group in groups if "40" in group for name in group} == {f"40 {edit}".strip() for edit in EDITS}


def test_neither_a_grainy_nor_a_blurred_copy_leads_a_cluster() -> None:
    """Both are as near to all copies by their hashes as the picture is, but worse to compare with."""
    for seed in (49, 51):
        base = scene(seed)
        grain = np.random.default_rng(seed).normal(0, 14, (480, 640, 3))
        grainy = Image.fromarray(np.clip(np.asarray(base) + grain, 0, 255).astype(np.uint8))
        copies = [(grainy, 85), (base.filter(ImageFilter.GaussianBlur(2.5)), 85), (base, 85), (base, 60), (base, 75)]
        looks = [look_at(encoded(copy, "JPEG", quality=quality)) for copy, quality in copies]
        assert partition(looks, [f"{number}" for number in range(len(looks))]).representatives == (2,), seed


def test_a_collage_is_seen_in_two_clusters_and_joins_none() -> None:
    names = ["42", "43", "42 collage"]
    found = partition([look(name) for name in names], names)
    assert sorted(found.representatives) == [0, 1]
    edges = [(edge.number, edge.cluster, edge.relation, edge.direction) for edge in found.edges]
    assert edges == [(2, 0, Relation.CONTAINS, Direction.HOLDS), (2, 1, Relation.CONTAINS, Direction.HOLDS)]


def test_unrelated_pictures_stay_apart() -> None:
    names = [str(seed) for seed in range(60, 72)]
    found = partition([look(name) for name in names], names)
    assert len(found.representatives) == len(names) and found.edges == ()


def test_plain_pictures_are_never_merged_by_their_hashes() -> None:
    plain = [look_at(encoded(Image.new("RGB", (300, 200), colour))) for colour in ("white", "#eeeeee", "black")]
    assert len(partition(plain, ["a", "b", "c"]).representatives) == 3


def test_a_stored_look_comes_back_whole() -> None:
    made = look("40 screenshot")
    again = from_bytes(to_bytes(made))
    assert (again.picture.format, again.picture.width, again.picture.height) == ("JPEG", 1180, 860)
    assert np.array_equal(again.hashes.pdq.codes, made.hashes.pdq.codes) and again.thumb == made.thumb
    assert [found.region for found in again.regions] == [found.region for found in made.regions]
    assert judge(again, look("40")) is not None


def test_an_altered_copy_that_leads_itself_draws_no_nearly_equal_picture_away() -> None:
    def same(score: float) -> Judgement:
        return Judgement(Relation.SAME, 60, Overlay(np.eye(2, 3), False, 40, score, 0.9, 1.0))

    by_hash = Judgement(Relation.SAME, 4, None)
    for first, second, cluster in ((same(0.95), same(0.99), 7), (same(0.95), by_hash, 7), (same(0.82), same(0.99), 9)):
        (edge,) = _member_edges(3, [(7, first), (9, second)], {})
        assert (edge.cluster, edge.to, edge.relation) == (cluster, cluster, Relation.SAME)
