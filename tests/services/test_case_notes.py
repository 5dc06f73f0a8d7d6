"""Notes, timeline and search of a case."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from server.captures.folding import fold
from server.cases.notes import MomentOrder
from server.cases.service import CaseOrder
from server.errors import BadInput, NotFound
from tests.web.site import Site

NOW = datetime(2024, 7, 6, 12, 0, tzinfo=UTC)


async def lead_of(site: Site) -> Any:
    return await site.services.operators.ensure_default_operator()


@pytest.mark.parametrize(
    ("kept", "asked"),
    [
        ("Știri false despre alegeri", "stiri ALEGERI"),
        ("Łódź głosuje", "lodz glosuje"),
        ("Новогодняя ёлка", "елка"),
        ("Вынікі выбараў", "вынікі выбарау"),
        ("Подписка на канал", "подписк"),
        ("Straße", "strasse"),
        ("100% sure_thing", "100% sure_"),
        ("ﬁnal İstanbul", "final istanbul"),
    ],
)
async def test_the_search_forgives_case_marks_and_letters(site: Site, kept: str, asked: str) -> None:
    cases, lead = site.services.cases, await lead_of(site)
    case = await cases.open(lead, CaseOrder("A case"))
    note = await cases.notes.write(lead, case.id, kept)
    await cases.notes.write(lead, case.id, "something else")
    assert [hit.ref for hit in await cases.search.search(lead, case.id, asked)] == [str(note.id)]
    assert await cases.search.search(lead, case.id, f"{asked} zebra") == []
    assert await cases.search.search(lead, case.id, " ") == [] and fold(fold(kept)) == fold(kept)


async def test_a_note_is_corrected_by_another_and_stays(site: Site) -> None:
    cases, lead = site.services.cases, await lead_of(site)
    case, other = await cases.open(lead, CaseOrder("A")), await cases.open(lead, CaseOrder("B"))
    first = await cases.notes.write(lead, case.id, "22 posts")
    await cases.notes.write(lead, case.id, "23 posts", corrects=first.id)
    assert {(view.note.text, view.corrected) for view in await cases.notes.written(lead, case.id)} == {
        ("22 posts", True),
        ("23 posts", False),
    }
    with pytest.raises(NotFound):
        await cases.notes.write(lead, other.id, "x", corrects=first.id)


async def test_the_timeline_has_vote_windows_orders_and_captures(site: Site) -> None:
    cases, lead = site.services.cases, await lead_of(site)
    case = await cases.open(lead, CaseOrder("A", election_id="FR-2024-AN-R2"))
    capture_id = await (await site.pair()).capture()
    await cases.exhibits.add(lead, case.id, capture_id)
    await cases.notes.add_moment(lead, case.id, MomentOrder("order", "Retention order", NOW, NOW + timedelta(days=9)))
    entries = await cases.notes.timeline(lead, case.id)
    assert {entry.kind for entry in entries} == {"vote", "window", "order", "capture"}
    assert [entry.at for entry in entries] == sorted(entry.at for entry in entries)
    drafts = {entry.title: entry.draft for entry in entries if entry.kind == "window"}
    assert drafts["FR-L49 Mainland France"] is False and any(drafts.values())
    for wrong in (
        MomentOrder("party", "t", NOW),
        MomentOrder("order", "t", NOW, NOW - timedelta(1)),
        MomentOrder("order", "", NOW),
    ):
        with pytest.raises(BadInput):
            await cases.notes.add_moment(lead, case.id, wrong)


async def test_a_case_of_an_annulled_vote_says_so(site: Site) -> None:
    cases, lead = site.services.cases, await lead_of(site)
    case = await cases.open(lead, CaseOrder("A", election_id="RO-2024-PRES-R1"))
    assert any("annulled" in entry.title for entry in await cases.notes.timeline(lead, case.id))
    for wrong in (CaseOrder(""), CaseOrder("A", tlp="TLP:WHITE"), CaseOrder("A", election_id="XX")):
        with pytest.raises(BadInput):
            await cases.open(lead, wrong)
