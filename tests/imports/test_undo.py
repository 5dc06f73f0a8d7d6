"""Undoing takes back what the import alone made, keeps what somebody has worked on since, and says what and why."""

import uuid

import pytest
from sqlmodel import col

from server.cases.entities import EntityOrder, MetricOrder, RelationOrder
from server.cases.models import Entity, Metric, Relation
from server.errors import Forbidden
from server.imports.errors import ImportRefused
from server.imports.models import ImportMade, Observation
from tests.imports.desk import Desk, table
from tests.services.casework import Casework

HEADER = ("post id", "platform", "handle", "views")


def posts(*numbers: int, views: str = "10") -> bytes:
    return table(HEADER, *((f"180953000000000000{number}", "x", f"account{number}", views) for number in numbers))


async def named(desk: Desk, external_id: str) -> Entity:
    [found] = await desk.rows(Entity, Entity.external_id == external_id)
    return found


async def test_nothing_is_left_of_an_import_that_nobody_touched(desk: Desk) -> None:
    view = await desk.taken(posts(1, 2, 3))
    assert len(await desk.rows(Entity)) == 6 and len(await desk.rows(Metric)) == 3
    undone = await desk.undone(view.table.id)
    assert undone.table.state == "undone" and undone.kept == [] and undone.table.rows_taken == 3
    assert set(undone.outcomes) == {("entity", "removed", 6), ("metric", "removed", 3), ("relation", "removed", 3)}
    for model in (Entity, Relation, Metric, Observation):
        assert await desk.rows(model) == []
    with pytest.raises(ImportRefused):
        await desk.imports.undo(desk.actor, view.table.id)
    again = await desk.taken(posts(1))
    assert again.table.rows_taken == 1, "it can be imported again"


async def test_what_somebody_worked_on_since_stays_and_why_is_said(desk: Desk) -> None:
    view = await desk.taken(posts(1, 2, 3, 4))
    entities, actor, case = desk.site.services.cases.entities, desk.actor, desk.case.id
    first, second = await named(desk, "1809530000000000001"), await named(desk, "1809530000000000002")
    network = await entities.keep(actor, case, EntityOrder("network", "n", "a network"))
    await entities.relate(actor, case, RelationOrder("part_of_network", first.id, network.id, "seen", "likely"))
    now = desk.site.services.clock.now()
    await entities.measure(actor, case, MetricOrder(second.id, "likes", 1, 2, "likes", "at once", "counted", now))
    third = await named(desk, "1809530000000000003")
    [relation] = await desk.rows(Relation, Relation.from_id == third.id)
    await entities.withdraw_relation(actor, case, relation.id)
    undone = await desk.undone(view.table.id)
    why = {one.name: one.why for one in undone.kept}
    assert why == {
        "1809530000000000001": "relation", "1809530000000000002": "metric", "1809530000000000003": "relation",
        "account3": "relation", "1809530000000000003 → account3": "withdrawn",
    }  # fmt: skip
    assert ("relation", "withdrawn", 1) in undone.outcomes
    assert {one.external_id for one in await desk.rows(Entity)} == {
        "n", "1809530000000000001", "1809530000000000002", "1809530000000000003", "@account3",
    }  # fmt: skip


async def test_what_a_finding_cites_stays(site: object) -> None:
    work = await Casework.begin(site)  # type: ignore[arg-type]
    desk = Desk(work.site, work.author, work.case)
    view = await desk.taken(table(HEADER, ("1735765521595875777", "facebook", "", ""), ("999999", "facebook", "", "")))
    await work.confirmed()
    undone = await desk.undone(view.table.id)
    assert [(one.name, one.why) for one in undone.kept] == [("1735765521595875777", "finding")]


async def test_what_a_confirmed_finding_saw_or_was_led_by_stays(site: object) -> None:
    work = await Casework.begin(site)  # type: ignore[arg-type]
    desk = Desk(work.site, work.author, work.case)
    seen, led, other = (f"https://www.facebook.com/a/posts/{number}" for number in (17357655215958001, 17357655215958002, 17))
    view = await desk.taken(table(("post url",), (seen,), (led,), (other,)))
    sighting = {"at": "2024-07-06T10:00:00Z", "url": seen, "by": "somebody"}
    finding = await work.confirmed(sightings=[sighting], redirect_chain=[led, "https://a.example"])
    undone = await desk.undone(view.table.id)
    assert {one.why for one in undone.kept} == {"finding"} and len(undone.kept) == 2, undone.kept
    opened = await work.site.services.findings.read(work.author, finding.id)
    assert opened.finding.state == "confirmed" and opened.gaps == ()


async def test_what_two_imports_say_goes_with_the_second_undo(desk: Desk) -> None:
    first, second = await desk.taken(posts(1, 2)), await desk.taken(posts(2, 3))
    undone = await desk.undone(first.table.id)
    assert {(one.name, one.why) for one in undone.kept} == {
        ("1809530000000000002", "another_import"), ("account2", "another_import"),
        ("1809530000000000002 → account2", "another_import"),
    }  # fmt: skip
    assert {one.import_id for one in await desk.rows(Observation)} == {second.table.id}
    assert len(await desk.rows(Relation)) == 2
    handed = await desk.rows(ImportMade, ImportMade.import_id == second.table.id, col(ImportMade.outcome) == "")
    assert sorted(one.kind for one in handed) == ["entity"] * 4 + ["metric"] * 2 + ["relation"] * 2
    assert (await desk.undone(second.table.id)).kept == []
    assert await desk.rows(Entity) == [] and await desk.rows(Relation) == []


async def test_another_record_that_refers_to_it_keeps_one_and_lets_the_others_go(desk: Desk) -> None:
    """Found by halving: whatever table may come to refer to entities, an undo neither fails nor tears it."""
    view = await desk.taken(posts(1, 2, 3, 4, 5))
    kept = await named(desk, "1809530000000000004")
    async with desk.site.services.database.transaction() as session:
        connection = await session.connection()
        await connection.exec_driver_sql("CREATE TABLE elsewhere (id uuid REFERENCES entity (id))")
        await connection.exec_driver_sql("INSERT INTO elsewhere VALUES (%s)", (kept.id,))
    undone = await desk.undone(view.table.id)
    assert [(one.name, one.why) for one in undone.kept] == [("1809530000000000004", "referred_to")]
    assert [one.id for one in await desk.rows(Entity)] == [kept.id]


async def test_a_guest_undoes_no_work_of_others_and_a_closed_case_keeps_all(desk: Desk) -> None:
    members, guest = desk.site.services.cases.members, await desk.site.other_organisation()
    await members.redeem(guest, await members.invite(desk.actor, desk.case.id, "contributor"))
    view = await desk.taken(posts(1))
    theirs = Desk(desk.site, guest, desk.case)
    own = await theirs.taken(posts(2))
    with pytest.raises(Forbidden):
        await theirs.undone(view.table.id)
    assert (await theirs.undone(own.table.id)).table.state == "undone"
    await desk.imports.undo(desk.actor, view.table.id, queued=False)
    await desk.site.services.cases.close(desk.actor, desk.case.id)
    await desk.imports.undoer.run(view.table.id)
    kept = await desk.imports.read(desk.actor, view.table.id)
    assert (kept.table.state, kept.table.reason) == ("undoing", "the case was closed")
    assert len(await desk.rows(Entity)) == 2


async def test_what_somebody_entered_by_hand_as_well_stays(desk: Desk) -> None:
    view = await desk.taken(posts(1))
    entered = EntityOrder("post", "1809530000000000001", "the first post", "x")
    again = await desk.site.services.cases.entities.keep(desk.actor, desk.case.id, entered)
    undone = await desk.undone(view.table.id)
    assert [one.id for one in await desk.rows(Entity)] == [again.id]
    assert [(one.name, one.why) for one in undone.kept] == [("1809530000000000001", "referred_to")]


async def test_an_unknown_import_is_told_like_one_of_somebody_else(desk: Desk) -> None:
    from server.errors import NotFound

    view = await desk.taken(posts(1))
    stranger = await desk.site.other_organisation()
    for import_id in (view.table.id, uuid.uuid4()):
        for act in (desk.imports.read, desk.imports.undo, desk.imports.cancel, desk.imports.preview, desk.imports.problems):
            with pytest.raises(NotFound) as refused:
                await act(stranger, import_id)
            assert refused.value.data == {"kind": "import", "id": str(import_id)}
