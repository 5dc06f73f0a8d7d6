"""The search as programs use it: the page's own hits, in pages that nothing new moves; and whose words a look-up meets."""

import base64
from typing import Any

import httpx2
from sqlalchemy import func
from sqlmodel import select

from server.captures.textquery import lexemes_of, parse_query
from server.captures.texts import CaptureText
from server.captures.wordindex import indexed_words
from server.cases.entities import EntityOrder
from server.cases.models import CaseText
from server.db import run_sql
from tests.services.casework import Casework
from tests.web.site import Site
from tests.web.test_search import found, read_capture
from tests.web.test_statements import counted


async def pages_of(person: httpx2.AsyncClient, **asked: Any) -> list[dict[str, Any]]:
    """The hits of all pages of a search, as programs get them."""
    found: list[dict[str, Any]] = []
    while True:
        answer = await person.get("/api/v1/search", params=asked)
        assert answer.status_code == 200, answer.text
        found += answer.json()["hits"]
        if answer.json()["next_cursor"] is None:
            return found
        asked["cursor"] = answer.json()["next_cursor"]


async def test_a_program_gets_what_the_page_shows_page_by_page(site: Site) -> None:
    work = await Casework.begin(site)
    device = await site.pair()
    capture_id = await read_capture(site, device, "numbat <b>seen</b> here", title="Numbat")
    for number in range(4):
        await site.services.cases.notes.write(work.author, work.case.id, f"numbat note {number}")
    await work.draft(facts="numbat facts")
    person = await site.person()
    hits = await pages_of(person, q="numbat", limit=2)
    assert [one["path"] for one in hits] == await found(person, q="numbat") and len(hits) == 6, "none twice, none left out"
    capture = next(one for one in hits if one["kind"] == "capture")
    assert capture["id"] == capture_id and capture["parts"] == ["title", "shown"] and capture["case_id"] is None
    assert {"text": "numbat", "is_hit": True} in capture["pieces"] and "<b>" in capture["pieces"][-1]["text"], "text, no markup"
    first = (await person.get("/api/v1/search", params={"q": "numbat", "kind": "note", "limit": 3})).json()
    assert first["total"] == 4 and first["more_than_ranked"] is False and first["not_searched"] == {"captures": 1, "texts": 0}
    await site.services.cases.notes.write(work.author, work.case.id, "numbat note 9")
    rest = (await person.get("/api/v1/search", params={"q": "numbat", "kind": "note", "cursor": first["next_cursor"]})).json()
    assert not {one["id"] for one in rest["hits"]} & {one["id"] for one in first["hits"]}, "what is new moves no page"
    for bad in ({}, {"q": "!!!"}, {"q": "a", "kind": "picture"}, {"q": "a", "state": "x"}, {"q": "a", "platfrom": "x"},
                {"q": "a", "limit": 0}, {"q": "a", "limit": 101}, {"q": "a" * 201}, {"q": "a", "case": "x"}):  # fmt: skip
        assert (await person.get("/api/v1/search", params=bad)).status_code == 422, bad
    assert (await site.http.get("/api/v1/search", params={"q": "a"}, headers=device.headers)).status_code == 403


async def test_a_cursor_is_a_place_in_a_search_and_gives_nobody_what_is_not_theirs(site: Site) -> None:
    work = await Casework.begin(site)
    for number in range(3):
        await site.services.cases.notes.write(work.author, work.case.id, f"numbat note {number}")
    person, stranger = await site.person(), await site.person(await site.other_organisation())
    asked = {"q": "numbat", "limit": "1"}
    cursor = (await person.get("/api/v1/search", params=asked)).json()["next_cursor"]
    theirs = await stranger.get("/api/v1/search", params=asked | {"cursor": cursor})
    assert theirs.json() == {"hits": [], "total": 0, "more_than_ranked": False, "not_searched": {"captures": 0, "texts": 0},
                             "next_cursor": None}  # fmt: skip
    said = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
    mark, rank, at, kind, ref = said.split("|")
    made = [f"{mark}|nan|{at}|{kind}|{ref}", f"{mark}|{rank}|1e999|{kind}|{ref}", f"{mark}|{rank}|{at}|{kind}", f"|{said}", "|",
            f"{mark}|{rank}|{at}|{kind}|\u00e9"]  # fmt: skip
    for text in made:
        tampered = base64.urlsafe_b64encode(text.encode()).decode().rstrip("=") or "="
        assert (await person.get("/api/v1/search", params=asked | {"cursor": tampered})).status_code == 422, text
    for other in ({"q": "note"}, {"q": "numbat", "kind": "note"}, {"q": "numbat", "whose": "own"}):
        answer = await person.get("/api/v1/search", params=other | {"cursor": cursor})
        assert answer.status_code == 422 and "of another search" in answer.text, other
    for junk in ("%", "\x00", "=" * 400, "A" * 401, "é"):
        assert (await person.get("/api/v1/search", params=asked | {"cursor": junk})).status_code == 422, junk


async def test_a_look_up_meets_no_word_of_another_organisation(site: Site) -> None:
    """Whose words they are stands in the index: how much another organisation holds, and what, changes no search."""
    work = await Casework.begin(site)
    device = await site.pair()
    await read_capture(site, device, "numbat everywhere")
    await site.services.cases.notes.write(work.author, work.case.id, "numbat everywhere")
    stranger = await site.other_organisation()
    asked = lexemes_of(parse_query('numb "everywhere"'), {})
    assert asked is not None
    async with site.services.database.session() as session:
        for table in (CaptureText, CaseText):
            for whose, count in ((work.author, 1), (stranger, 0)):
                wanted = select(func.count()).where(indexed_words(table, whose.organisation_id, asked))
                await run_sql(session, "SET LOCAL enable_seqscan = off")
                assert (await session.exec(wanted)).one() == count, (table, whose)
            name = str(table.__tablename__)
            shown = f"EXPLAIN SELECT 1 FROM {name} WHERE words_of(organisation_id, words) @@ CAST('a' AS tsquery)"
            assert f"ix_{name}_words" in str(await run_sql(session, shown))


async def test_for_a_guest_a_case_is_read_along_and_no_index_of_its_owners_words_asked(site: Site) -> None:
    work, guest = await Casework.begin(site), await site.other_organisation()
    kept = await site.services.cases.entities.keep(work.author, work.case.id, EntityOrder("account", "17", "Numbat Club", "x"))
    token = await site.services.cases.members.invite(work.author, work.case.id, "reader")
    await site.services.cases.members.redeem(guest, token)
    lists = site.services.cases.entities.lists
    for person, asks_index in ((work.author, True), (guest, False)):
        with counted(site) as sent:
            page = await lists.page(person, work.case.id, words="club")
            named = await lists.named(person, work.case.id, "numb club")
        assert [one.id for one in page.entities] == [one.id for one in named] == [kept.id]
        assert any("words_of" in one for one in sent) is asks_index
