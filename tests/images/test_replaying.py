"""Clusters follow from the log's events and the pictures alone; ids are given once; a frozen count outlives the rules."""

import hashlib
import random
from collections.abc import Sequence
from uuid import UUID

import pytest

from server.db import run_sql
from server.images import store
from server.images.replaying import DECIDED, ReplayedGroup, replay
from server.media.look import look_at
from server.media.pipeline import rules_id
from server.operators.actors import OperatorActor
from server.trust.dsse import parse_envelope
from server.trust.events import CustodyEvent, parse_event
from tests.images.pages import capture_page, indexed
from tests.images.test_clusters import FILES, cluster_of, send
from tests.media.pictures import encoded, resembling
from tests.web.site import Site

NAMES = ["one", "one small", "one captioned", "two", "two small", "both", "three"]
DIGEST = {name: hashlib.sha256(FILES[name]).hexdigest() for name in NAMES}


async def told_by_the_log(site: Site, operator: OperatorActor) -> list[CustodyEvent]:
    """The decisions in the order of their leaves, whatever order they are found in."""
    found = await site.services.custody.of_types(DECIDED, organisation_id=operator.organisation_id)
    await site.services.log.sequence()
    placed = [(await site.services.log.index_of(one.leaf), one) for one in found]
    assert all(index is not None for index, _ in placed)
    random.Random(5).shuffle(placed)
    return [parse_event(parse_envelope(one.envelope).payload) for _, one in sorted(placed, key=lambda pair: pair[0] or 0)]


async def live(site: Site, operator: OperatorActor) -> dict[UUID, ReplayedGroup]:
    """The partition as it is stored."""
    async with site.services.database.session() as session:
        rows = await run_sql(
            session,
            "SELECT member.cluster_id, member.role, image.sha256 FROM image_member member "
            "JOIN image ON image.id = member.image_id WHERE member.organisation_id = :own",
            own=operator.organisation_id,
        )

    def of(cluster: UUID, *roles: str) -> list[str]:
        return [row.sha256 for row in rows if row.cluster_id == cluster and row.role in roles]

    return {
        one: ReplayedGroup(
            of(one, "representative")[0], frozenset(of(one, "representative", "same")), frozenset(of(one, "contains"))
        )
        for one in {row.cluster_id for row in rows}
    }


async def test_the_log_and_the_pictures_give_the_clusters_and_no_id_comes_back(site: Site) -> None:
    operator = await site.services.operators.ensure_default_operator()
    await send(site, NAMES, operator)
    decide, pictures = site.services.images.decisions, {DIGEST[name]: look_at(FILES[name]) for name in NAMES}
    ever, gone = set(await live(site, operator)), set[UUID]()

    async def home(name: str) -> UUID:
        return await cluster_of(site, operator, DIGEST[name])

    async def merge(name: str, other: str) -> None:
        await decide.merge(operator, await home(name), await home(other), "one picture")

    async def split(name: str, *others: str) -> None:
        await decide.split(operator, await home(name), [DIGEST[one] for one in (name, *others)], "another picture")

    async def reject(name: str, of: str) -> None:
        await decide.reject(operator, await home(of), DIGEST[name], "retouched")

    steps: Sequence[tuple] = (
        (merge, "one", "three"),
        (split, "one small"),
        (merge, "two", "one"),
        (reject, "one captioned", "one"),
        (split, "two", "two small"),
        (merge, "two small", "one small"),
        (reject, "both", "two"),
        (merge, "one captioned", "three"),
    )
    for act, *named in steps:
        await act(*named)
        now = await live(site, operator)
        assert replay(pictures, await told_by_the_log(site, operator)) == set(now.values()), (act.__name__, named)
        assert not gone & set(now), "an id that ended stays ended"
        gone |= ever - set(now)
        ever |= set(now)
    assert len(gone) >= 3 and len(set((await live(site, operator)).values())) >= 2
    engine = replay(pictures, [])
    assert engine != set((await live(site, operator)).values()), "people decided otherwise than the engine"
    before = await live(site, operator)
    async with site.services.database.transaction() as session:
        await run_sql(session, "DELETE FROM image_member")
    assert await site.services.images.clustering.rebuild(operator.organisation_id) == 0
    assert await live(site, operator) == before
    await site.sound()


async def test_a_frozen_count_does_not_change_when_the_rules_do(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    operator = await site.services.operators.ensure_default_operator()
    await send(site, ["one", "one small", "two"], operator)
    images, cluster = site.services.images, await cluster_of(site, operator, DIGEST["one"])
    frozen = await images.counting.freeze(operator, cluster)
    monkeypatch.setattr(store, "rules_id", lambda: "rules of tomorrow")
    assert await images.clustering.run(operator.organisation_id) == 3, "placed again, by the new rules"
    await send(site, ["one captioned"], operator)
    again = await images.counting.frozen(operator, frozen.id)
    assert again.is_same and again.counts == frozen.counts and again.members == frozen.members
    assert again.counts.pipeline == rules_id() and again.counts.images == 2
    assert again.now is not None and (again.now.pipeline, again.now.images) == ("rules of tomorrow", 3)
    assert await cluster_of(site, operator, DIGEST["one"]) == cluster, "the id stays over a change of rules"


async def test_what_resembles_a_picture_is_listed_once_by_the_rules_of_today(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    operator = await site.services.operators.ensure_default_operator()
    known, like_it = (encoded(one) for one in resembling(94))
    bodies = {"https://a.example/1.png": known, "https://a.example/2.png": like_it}
    await indexed(site, await capture_page(await site.pair(), bodies))
    images, digest = site.services.images, hashlib.sha256(known).hexdigest()

    async def variants() -> list[str]:
        cluster = await images.reads.cluster(operator, await cluster_of(site, operator, digest))
        return [one.evidence.pipeline for one in cluster.variants if one.evidence is not None]

    assert await variants() == [rules_id()]
    monkeypatch.setattr(store, "rules_id", lambda: "rules of tomorrow")
    await images.clustering.run(operator.organisation_id)
    assert await variants() == ["rules of tomorrow"]
    await site.sound()
