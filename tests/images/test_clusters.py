"""Clusters of the service: the same for every order of arrival, made again from records, decided by people, ids given once."""

import hashlib
import random
from uuid import UUID

import pytest

from server.db import run_sql
from server.errors import NotFound
from server.images import clustering
from server.images.errors import ClusterEnded, DecisionRefused
from server.operators.actors import OperatorActor
from server.trust.dsse import parse_envelope
from server.trust.events import parse_event
from tests.images.pages import capture_page, indexed
from tests.media.pictures import captioned, collage, cropped, encoded, mirrored, scene
from tests.web.site import Site

SHOTS = {
    "one": scene(11),
    "one small": scene(11).resize((320, 240)),
    "one captioned": captioned(scene(11)),
    "one mirrored": mirrored(scene(11)),
    "one cut": cropped(scene(11), 0.9),
    "two": scene(12),
    "two small": scene(12).resize((400, 300)),
    "both": collage(scene(11), scene(12)),
    "three": scene(13),
}
FILES = {name: encoded(image, "JPEG", quality=90) for name, image in SHOTS.items()}


async def send(site: Site, names: list[str], operator: OperatorActor) -> None:
    """One capture for each picture, grouped one after the other."""
    device = await site.pair("Browser", operator=operator)
    for name in names:
        bodies = {f"https://a.example/{name.replace(' ', '-')}.jpg": FILES[name]}
        await indexed(site, await capture_page(device, bodies), operator=operator)


async def state(site: Site, operator: OperatorActor) -> list[tuple[str, str, str, int | None]]:
    """The partition as it is stored: picture, cluster, role, edge."""
    async with site.services.database.session() as session:
        rows = await run_sql(
            session,
            "SELECT image.sha256, member.cluster_id, member.role, member.edge_id FROM image_member member "
            "JOIN image ON image.id = member.image_id WHERE member.organisation_id = :own ORDER BY 1, 2",
            own=operator.organisation_id,
        )
    return [(row[0], str(row[1]), row[2], row[3]) for row in rows]


async def rebuilt(site: Site, operator: OperatorActor, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str, str, int | None]]:
    """The partition made again after its loss, from records alone: comparing a picture fails the test."""

    def never(*_: object) -> None:
        raise AssertionError("a picture was compared again")

    with monkeypatch.context() as patch:
        patch.setattr(clustering, "judge", never)
        async with site.services.database.transaction() as session:
            await run_sql(session, "DELETE FROM image_member")
        assert await site.services.images.clustering.rebuild(operator.organisation_id) == 0
    return await state(site, operator)


def groups(rows: list[tuple[str, str, str, int | None]]) -> set[frozenset[tuple[str, bool]]]:
    """The partition without ids: sets of pictures, each with whether it only contains the picture."""
    clusters: dict[str, set[tuple[str, bool]]] = {}
    for sha256, cluster, role, _ in rows:
        clusters.setdefault(cluster, set()).add((sha256, role == "contains"))
    return {frozenset(one) for one in clusters.values()}


async def cluster_of(site: Site, actor: OperatorActor, sha256: str) -> UUID:
    homes = await site.services.images.reads.clusters_with(actor, sha256)
    return homes[0].cluster_id


async def test_the_order_of_arrival_plays_no_part(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    told = []
    first = await site.services.operators.ensure_default_operator()
    for order, operator in enumerate((first, await site.other_organisation())):
        names = list(FILES)
        random.Random(order).shuffle(names)
        await send(site, names, operator)
        told.append(groups(await state(site, operator)))
    assert told[0] == told[1]
    sizes = sorted(sum(not contains for _, contains in group) for group in told[0])
    assert len(told[0]) == 3 and sizes[-1] >= 4, "the collage is seen in two clusters and joins neither"
    before = await state(site, first)
    assert await rebuilt(site, first, monkeypatch) == before, "members, ids and edges are those that were there"
    await site.sound()


async def test_people_merge_split_and_reject_and_no_id_comes_back(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    operator = await site.services.operators.ensure_default_operator()
    await send(site, ["one", "one small", "two"], operator)
    images = site.services.images
    digest = {name: hashlib.sha256(data).hexdigest() for name, data in FILES.items()}
    first, second = [await cluster_of(site, operator, digest[name]) for name in ("one", "two")]

    with pytest.raises(DecisionRefused):
        await images.decisions.merge(operator, first, first, "the same")
    assert await images.decisions.merge(operator, second, first, "both show the harbour") == first
    with pytest.raises(ClusterEnded) as ended:
        await images.reads.cluster(operator, second)
    assert ended.value.data["into_id"] == str(first)
    merged = await images.reads.cluster(operator, first)
    assert {one.image.sha256 for one in merged.members} == {digest[name] for name in ("one", "one small", "two")}
    counted = await images.counting.freeze(operator, first)
    assert counted.counts.images == 3

    with pytest.raises(DecisionRefused):
        await images.decisions.split(operator, first, [digest["two"] + "0"], "a digest of 65 letters is nobody's")
    await images.decisions.split(operator, first, [digest["two"]], "another harbour")
    apart = await cluster_of(site, operator, digest["two"])
    assert apart not in (first, second), "an id that ended is never given again"
    await images.decisions.reject(operator, first, digest["one small"], "retouched")
    alone = await cluster_of(site, operator, digest["one small"])
    assert alone not in (first, second, apart)
    again = await images.counting.frozen(operator, counted.id)
    assert again.is_same and again.counts.images == 3 and again.now is not None and again.now.images == 1
    assert again.counts.pipeline.startswith("holdstill-image")

    await send(site, ["one captioned"], operator)
    for one, other in (("one", "two"), ("one", "one small")):
        assert await cluster_of(site, operator, digest[one]) != await cluster_of(site, operator, digest[other]), "stays decided"
    before = await state(site, operator)
    assert await rebuilt(site, operator, monkeypatch) == before

    chain = await site.services.custody.chain(f"cluster:{first}", organisation_id=operator.organisation_id)
    said = [parse_event(parse_envelope(one.envelope).payload) for one in chain]
    assert [one.type for one in said] == ["cluster.split", "cluster.rejected"]
    assert said[0].details["left"] == [digest["two"]] and said[0].details["reason"] == "another harbour"
    told = await images.reads.cluster(operator, first)
    assert [one.kind for one in told.decisions] == ["merge", "split", "reject"]
    stranger = await site.other_organisation()
    for act in (
        images.reads.cluster(stranger, first),
        images.decisions.merge(stranger, first, apart, "mine now"),
        images.decisions.reject(stranger, first, digest["one"], "no"),
        images.counting.frozen(stranger, counted.id),
    ):
        with pytest.raises(NotFound):
            await act
    await site.sound()
