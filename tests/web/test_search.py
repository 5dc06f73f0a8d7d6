"""The search as people use it: found by what pages said, whoever may open it; told what was not looked through."""

import io
import re
from typing import Any

import httpx2
import pytest
from warcio.warcwriter import WARCWriter

from server.captures.texts import CaptureText
from server.cases.entities import EntityOrder
from server.cases.searchtexts import index_old_texts
from server.cases.service import CaseOrder
from server.db import run_sql
from server.errors import BadInput
from server.web.search_form import SearchForm
from tests.services.casework import Casework
from tests.trust.archive import PAGE, make_wacz
from tests.web.site import Device, Site, picture
from tests.web.test_case_pages import assert_inert

TEXT = "urn:text:" + PAGE


def archive_of(device: Device, text: str, *, language: str = "pl") -> dict[str, bytes]:
    """The artifacts of a capture whose page showed `text`."""
    out = io.BytesIO()
    writer = WARCWriter(out, gzip=True, warc_version="1.1")
    for url, kind, data in (
        (TEXT, "text/plain", text.encode()),
        (f"urn:metadata:{PAGE}", "application/json", b'{"language": "%s"}' % language.encode()),
    ):
        writer.write_record(writer.create_warc_record(url, "resource", payload=io.BytesIO(data), warc_content_type=kind))
    wacz = make_wacz(device.keys.sign_page_digest, warc=out.getvalue())
    return {"page.wacz": wacz, "screenshot.viewport.png": picture(words=text[:20])}


async def read_capture(site: Site, device: Device, text: str, **stated: Any) -> str:
    """A sealed capture whose text was read."""
    capture_id = await device.capture(archive_of(device, text), **stated)
    assert await site.services.captures.texts.run(capture_id)
    return capture_id


async def found(person: httpx2.AsyncClient, **asked: Any) -> list[str]:
    """Addresses of the hits, in their order."""
    answer = await person.get("/search", params=asked)
    assert answer.status_code == 200, answer.text
    return re.findall(r'row-title"><a href="([^"]+)"', answer.text)


async def test_a_page_is_found_by_what_it_said_and_the_hit_is_marked_as_text(site: Site) -> None:
    device = await site.pair()
    text = "Pierwszy akapit. <script>alert('Stačilo!')</script> Подписка на Навального."
    capture_id = await read_capture(site, device, text, title="<b>A story</b>")
    person = await site.person()
    for words in ("Stacilo", "stačilo", "podpiska navalnogo", "подписка", '"na Navalnogo"', "pierwsz -zebra"):
        assert await found(person, q=words) == [f"/captures/{capture_id}"], words
    for words in ("zebra", "pierwszy -akapit", '"akapit pierwszy"', "ierwszy"):
        assert await found(person, q=words) == [], words
    answer = await person.get("/search", params={"q": "stacilo"})
    assert_inert(answer)
    assert "<mark>Stačilo</mark>" in answer.text and "&lt;script&gt;" in answer.text
    assert "text of the page" in answer.text and "<b>A story" not in answer.text
    assert await found(person, language="pl") == [f"/captures/{capture_id}"] and await found(person, language="ro") == []


async def test_what_was_not_read_is_counted_and_then_read(site: Site) -> None:
    device = await site.pair()
    capture_id = await device.capture(archive_of(device, "quokka"), title="A stated title")
    person = await site.person()
    assert 'data-unread="1"' in (await person.get("/search", params={"q": "quokka"})).text
    assert await found(person, q="quokka") == [] and await found(person, q="stated") == [f"/captures/{capture_id}"]
    texts = site.services.captures.texts
    assert list(await texts.missing()) == [capture_id] and await texts.queue_missing() == 1
    assert await texts.run(capture_id) and not await texts.run(capture_id)
    assert await texts.missing() == [] and await found(person, q="quokka") == [f"/captures/{capture_id}"]
    assert "data-unread" not in (await person.get("/search", params={"q": "quokka"})).text
    async with site.services.database.transaction() as session:  # an older extractor's: read again
        await run_sql(session, "UPDATE capture_text SET extractor = 'text-0', words = NULL, outcome = 'pending'")
    assert list(await texts.missing()) == [capture_id] and await texts.run(capture_id)
    assert await found(person, q="quokka") == [f"/captures/{capture_id}"]
    await site.sound()


async def test_no_secret_gets_in(site: Site) -> None:
    device = await site.pair()
    token = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ6ZWJyYWZpbmNoIn0.c2lnbmF0dXJlc2lnbmF0dXJl"
    text = f"before {token} /a?access_token=Zq81Secretvalue&x=1 holdstill-redacted-0123456789abcdef 'password': 'Hunter22x' after"
    capture_id = await read_capture(
        site, device, text, url="https://a.example/?sessionid=Kx92Zebrafinch", finalUrl="https://a.example/#token=Kx93Zebrafinch"
    )
    async with site.services.database.session() as session:
        row = await session.get(CaptureText, capture_id)
    assert row is not None and row.words is not None
    kept = f"{row.words} {row.shown} {row.stated}".lower()
    assert "before" in kept and "after" in kept and "access_token" in kept
    for secret in ("eyj", "zq81", "hunter22x", "0123456789abcdef", "kx92", "kx93"):
        assert secret not in kept, secret


async def test_nobody_finds_or_counts_what_they_may_not_open(site: Site) -> None:
    work = await Casework.begin(site)
    services, author = site.services, work.author
    device = await site.pair()
    shared = await read_capture(site, device, "numbat in the shared case")
    await read_capture(site, device, "numbat in no case")
    await device.capture(archive_of(device, "numbat unread"))
    await services.cases.exhibits.add(author, work.case.id, shared, "numbat note on the exhibit")
    await services.cases.notes.write(author, work.case.id, "numbat note")
    await work.draft(facts="numbat facts")
    person = await site.person()
    assert len(await found(person, q="numbat")) == 5
    stranger = await site.other_organisation()
    theirs = await site.person(stranger)
    for asked in ({"q": "numbat"}, {"whose": "shared"}, {"platform": "facebook"}, {"state": "draft"}, {"cluster": "true"}):
        answer = await theirs.get("/search", params=asked)
        assert answer.status_code == 200 and "row-title" not in answer.text and "data-unread" not in answer.text, asked
    assert (await theirs.get("/search", params={"q": "numbat", "case": str(work.case.id)})).status_code == 404
    token = await services.cases.members.invite(author, work.case.id, "reader")
    await services.cases.members.redeem(stranger, token)
    paths = await found(theirs, q="numbat")
    assert f"/captures/{shared}" in paths and len(paths) == 4, "the case, and the one capture it shows"
    assert await found(theirs, q="numbat", whose="own") == []
    assert len(await found(theirs, q="numbat", whose="shared")) == 4
    await services.cases.exhibits.withdraw(author, work.case.id, 2, "a mistake")
    assert f"/captures/{shared}" not in await found(theirs, q="numbat"), "nor the note on it: it leads to what is closed"
    assert len(await found(theirs, q="numbat")) == 2
    fact_checker = await site.person(await site.colleague(author.organisation_id, "fact_checker"))
    assert all(path.startswith("/captures/") for path in await found(fact_checker, q="numbat")), "cases one is no member of"


async def test_filters_leave_out_what_does_not_have_what_they_ask(site: Site) -> None:
    work = await Casework.begin(site)
    services = site.services
    post = {
        "platform": "X", "accountHandle": "@Anon4471", "accountName": "Anonim", "accountId": "17", "text": "wallaby",
        "language": "ro",
        "postedAt": [{"value": "2024-07-06T10:00:00Z", "source": "platform_id", "precisionS": 1}],
    }  # fmt: skip
    device = await site.pair()
    posted = await read_capture(site, device, "quokka", post=post, labels=["AI generated"], capturedAt="2026-03-04T05:06:00.000Z")
    await services.cases.exhibits.add(work.author, work.case.id, posted)
    entity = await services.cases.entities.keep(work.author, work.case.id, EntityOrder("account", "17", "Anon4471", "x"))
    technique = {"framework": "DISARM", "version": "1.6", "id": "T0149.003", "name": "Lookalike Domain"}
    finding = await work.confirmed(ttps=[technique])
    person = await site.person()
    capture, account = f"/captures/{posted}", f"/cases/{work.case.id}/entities?entity={entity.id}"
    judged = f"/findings/{finding.id}"
    expected: list[tuple[dict[str, str], set[str]]] = [
        ({"platform": "x"}, {capture, account}),
        ({"account": "@ANON4471"}, {capture, account}),
        ({"account": "anon44"}, set()),
        ({"language": "RO"}, {capture}),
        ({"tag": "ai generated"}, {capture}),
        ({"tag": "T0149.003"}, {judged}),
        ({"state": "confirmed"}, {judged}),
        ({"state": "draft"}, set()),
        ({"posted_from": "2024-07-06", "posted_to": "2024-07-06"}, {capture, judged}),
        ({"posted_to": "2024-07-05"}, set()),
        ({"captured_from": "2026-03-04 05:06", "captured_to": "2026-03-04 05:07"}, {capture}),
        ({"q": "wallaby", "case": str(work.case.id)}, {capture}),
        ({"q": "anon4471", "kind": "entity"}, {account}),
        ({"cluster": "true"}, set()),
    ]
    for asked, paths in expected:
        assert set(await found(person, **asked)) == paths, asked
    nowhere = await services.cases.open(work.author, CaseOrder("Another case"))
    assert await found(person, q="wallaby", case=str(nowhere.id)) == []
    for bad in ({"posted_from": "yesterday"}, {"case": "x"}, {"page": "15"}, {"whose": "all"}):
        assert (await person.get("/search", params=bad)).status_code == 422, bad


@pytest.mark.parametrize(
    "text",
    [
        "'",
        "\\",
        "' OR 1=1 --",
        "!!!",
        "-a",
        "a" * 200,
        "&|!()<->:*",
        "'a':*",
        "\x00\ud800"[:1],
        '"' * 200,
        "👨‍👩‍👧 ﷺ ½",
        "-" * 200,
    ],
    ids=range(12),
)
async def test_whatever_is_asked_is_data(site: Site, text: str) -> None:
    person = await site.person()
    for parameter in ("q", "platform", "account", "host"):
        answer = await person.get("/search", params={parameter: text})
        assert answer.status_code == 200, (parameter, answer.text)
    assert (await person.get("/api/v1/captures", params={"q": text, "host": text})).status_code == 200


async def test_a_name_that_several_things_bear_is_asked_back(site: Site) -> None:
    work = await Casework.begin(site)
    keep = site.services.cases.entities.keep
    first, second = [await keep(work.author, work.case.id, EntityOrder("account", one, "Twin <b>", "x")) for one in ("17", "18")]
    person, case = await site.person(), f"/cases/{work.case.id}"
    said = {"kind": "amplifies", "from_id": "17", "to_id": "twin", "source": "s", "confidence": "likely"}
    asked = await person.post(f"{case}/relations", data=said)
    assert_inert(asked)
    assert asked.status_code == 200 and f'name="to_id" value="{second.id}"' in asked.text and "&lt;b&gt;" in asked.text
    assert 'name="from_id" value="17"' in asked.text, "what was clear stays"
    lists = site.services.cases.entities.lists
    assert (await lists.overview(work.author, work.case.id, limit=9)).said.relations == [], "nothing was kept"
    assert (await person.post(f"{case}/relations", data=said | {"to_id": str(second.id)})).status_code == 303
    _, said_of = await lists.one(work.author, work.case.id, first.id)
    assert [(one.from_id, one.to_id) for one in said_of.relations] == [(first.id, second.id)]
    assert (await person.post(f"{case}/relations", data=said | {"to_id": "nobody"})).status_code == 422
    metric = {"entity_id": "twin", "name": "views", "low": "1", "high": "2", "unit": "views", "window": "w", "method": "m",
              "as_of": "2026-03-01"}  # fmt: skip
    assert 'name="low" value="1"' in (await person.post(f"{case}/metrics", data=metric)).text
    stranger = await site.person(await site.other_organisation())
    for path in (f"{case}/entities", f"{case}/entities?entity={first.id}", f"{case}/findings"):
        assert (await stranger.get(path)).status_code == 404 and (await person.get(path)).status_code == 200, path


async def test_texts_of_before_there_was_an_index_are_counted_and_then_found(site: Site) -> None:
    work = await Casework.begin(site)
    services = site.services
    entity = await services.cases.entities.keep(work.author, work.case.id, EntityOrder("account", "17", "Anon4471", "x"))
    finding = await work.draft(facts="Bandicoot")
    await services.cases.notes.write(work.author, work.case.id, "Bandicoot")
    async with services.database.transaction() as session:
        await run_sql(session, "UPDATE case_text SET words = NULL, posted_at = NULL, text = lower(text)")
    person = await site.person()
    assert 'data-unindexed="3"' in (await person.get("/search")).text and await found(person, q="bandicoot") == []
    assert await index_old_texts(services.database) == 3 and await index_old_texts(services.database) == 0
    assert len(await found(person, q="bandicoot")) == 2 and "data-unindexed" not in (await person.get("/search")).text
    assert await found(person, account="anon4471") == [f"/cases/{work.case.id}/entities?entity={entity.id}"]
    assert await found(person, platform="facebook", posted_from="2024-07-06") == [f"/findings/{finding.id}"]


@pytest.mark.parametrize("moment", ["0001-01-01T00:00+14:00", "9999-12-31T23:59-12:00"], ids=["first", "last"])
def test_a_time_beyond_all_calendars_is_refused_and_the_last_day_has_no_end(moment: str) -> None:
    with pytest.raises(BadInput):
        SearchForm(captured_from=moment).query()
    assert SearchForm(captured_to="9999-12-31").query().captured == (None, None)


async def test_a_search_in_a_case_shows_what_it_found_alone_and_says_how_much_there_is(site: Site) -> None:
    work = await Casework.begin(site)
    for number in range(22):
        await site.services.cases.notes.write(work.author, work.case.id, f"numbat note {number}")
    person, path = await site.person(), f"/cases/{work.case.id}"
    page = (await person.get(path, params={"q": "numbat"})).text
    assert "22 hits" in page and page.count('class="row-title"') == 20 and f'href="{path}"' in page
    assert 'id="timeline"' not in page and 'id="timeline"' in (await person.get(path)).text
    assert "Nothing matches" in (await person.get(path, params={"q": "zebra"})).text
    assert "no letter and no digit" in (await person.get(path, params={"q": "!!!"})).text
    assert (await (await site.person(await site.other_organisation())).get(path, params={"q": "numbat"})).status_code == 404
