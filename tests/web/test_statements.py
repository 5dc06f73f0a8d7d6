"""Long lists: every page takes as many SQL statements for 300 things as for 30, and each goes through everything once."""

import asyncio
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import event

from server.cases.service import CaseOrder
from tests.web.crowd import Crowd, Whose, capture_id, fill
from tests.web.site import Site

PAGES = (
    "/", "/?q=everywhere", "/?q=needle1", "/?host=site1.example", "/api/v1/captures", "/search", "/search?q=everywhere",
    "/search?q=everywhere&platform=x&kind=capture&kind=entity", "/search?q=needle1&case={case}", "/search?state=confirmed",
    "/search?captured_from=2026-01-01", "/cases", "/cases/{case}", "/cases/{case}?q=everywhere", "/cases/{case}/entities",
    "/cases/{case}/entities?q=everywhere&kind=post", "/cases/{case}/findings", "/cases/{case}/findings?state=draft",
    "/cases/{case}/imports", "/cases/{case}/notices", "/cases/{case}/exports", "/images", "/statistics", "/exports",
    "/handovers", "/rechecks", "/devices", "/people", "/account",
)  # fmt: skip


@contextmanager
def counted(site: Site) -> Iterator[list[str]]:
    """Every statement that is sent while this is open."""
    sent: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        sent.append(statement)

    engine = site.services.database.engine.sync_engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        event.remove(engine, "before_cursor_execute", note)


async def crowded(site: Site, many: int, first: int = 0) -> str:
    """A case, other cases and captures, `many` of each; the id of the case."""
    lead = await site.services.operators.ensure_default_operator()
    device = await site.pair(f"Browser {many}")
    for number in range(many // 30):
        await site.services.cases.open(lead, CaseOrder(f"Another case {number}"))
    case = await site.services.cases.open(lead, CaseOrder("A long case"))
    whose = Whose(lead.organisation_id, lead.operator_id, device.pairing["device_id"], case.id)
    crowd = Crowd(captures=many, entities=many, findings=many, exhibits=many, notes=many, first=first, clusters=many)
    await asyncio.to_thread(fill, site.services.database.url, whose, crowd, seed=many)
    return str(case.id)


async def statements(site: Site, case: str) -> dict[str, int]:
    person = await site.person()
    taken: dict[str, int] = {}
    for page in PAGES:
        await person.get(page.format(case=case))  # what is made once is not counted
        with counted(site) as sent:
            answer = await person.get(page.format(case=case))
        assert answer.status_code == 200, (page, answer.text)
        taken[page] = len(sent)
    return taken


async def test_a_page_takes_as_many_statements_for_many_things_as_for_few(site: Site) -> None:
    few = await statements(site, await crowded(site, 30))
    many = await statements(site, await crowded(site, 300, first=1000))
    assert many == few
    assert max(many.values()) < 60 and many["/"] >= 3, many


async def test_long_lists_of_a_case_are_gone_through_once(site: Site) -> None:
    case = await crowded(site, 130)
    person = await site.person()
    for path, pattern, count in (
        (f"/cases/{case}/entities", r"entities\?entity=([0-9a-f-]{36})", 130),
        (f"/cases/{case}/findings", r"/findings/([0-9a-f-]{36})", 130),
        (f"/cases/{case}/findings?state=draft", r"/findings/([0-9a-f-]{36})", 44),
        (f"/cases/{case}?notes=", r"A note, number (\d+)", 130),
        (f"/cases/{case}", r'<strong>\d+</strong> <a href="/captures/([0-9a-f]{64})', 130),
        ("/", r'row-title"><a href="/captures/([0-9a-f]{64})', 130),
        ("/search?q=everywhere&kind=capture", r'row-title"><a href="/captures/([0-9a-f]{64})', 130),
    ):
        seen: list[str] = []
        following: str | None = path
        while following:
            page = (await person.get(following.split("#")[0])).text
            seen += re.findall(pattern, page)
            key = {"notes": "notes=", "": ""}.get("notes" if "notes=" in path else "", "")
            links = re.findall(r'class="button" href="([^"]+)">(?:Further|Older)', page)
            fitting = [one.replace("&amp;", "&") for one in links if (key in one if key else "notes=" not in one)]
            following = fitting[-1] if fitting else None
            if path.startswith(f"/cases/{case}") and path.count("/") == 2 and not key:
                following = next((one for one in fitting if "after=" in one), None)
        assert len(seen) == len(set(seen)) == count, (path, len(seen))


async def test_a_search_tells_that_it_ranked_the_newest_only(site: Site) -> None:
    await crowded(site, 330)
    person = await site.person()
    page = (await person.get("/search?q=everywhere&kind=capture")).text
    assert "The newest 300 hits" in page and capture_id(0) not in page
    assert ">10 hits<" in (await person.get('/search?q="needle1"&kind=capture')).text, "what is not cut off is counted"
