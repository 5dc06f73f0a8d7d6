"""What people and programs may send to anything that searches: whatever it is, it is data, and an answer comes."""

from server.cases.entities import EntityOrder, RelationOrder
from server.web.middleware import CONTENT_SECURITY_POLICY
from tests.services.casework import Casework
from tests.web.site import Site

SAID = (
    "\u0301\u0308", "a" + "\u0301" * 198, "a\x00b", "\\\\'\\", "'\"`''", "a | " * 49, "a & !b <-> c:* | (d", "=platform:x",
    "00000000:numbat", "\u202enumbat\u2066", "n\u200bu\u2060mbat", "nu\u043cbat", "'ab':*", "\U0001d4b6\U0001f5f3", "w" * 200,
    "ab " * 66, "9" * 200, "<img src=x onerror=alert(1)>", "%s %(a)s {0}", "\ufffd",
)  # fmt: skip
PLACES = (
    "/search", "/api/v1/search", "/api/v1/captures", "/", "/cases/{case}", "/cases/{case}/entities",
    "/cases/{case}/picks/entities", "/cases/{case}/picks/exhibits", "/cases/{case}/picks/captures",
    "/cases/{case}/picks/entities/list.json",
)  # fmt: skip


async def test_whatever_is_typed_into_a_search_is_data(site: Site) -> None:
    work = await Casework.begin(site)
    await site.services.cases.notes.write(work.author, work.case.id, "A numbat <script>alert(1)</script> in the note")
    person = await site.person()
    for said in SAID:
        for place in PLACES:
            answer = await person.get(place.format(case=work.case.id), params={"q": said})
            refused = place == "/api/v1/search" and answer.status_code == 422 and "say a word" in answer.text
            assert answer.status_code == 200 or refused, (said, place, answer.text[:300])
            if "api" not in place and "json" not in place:
                assert answer.headers["content-security-policy"].startswith(CONTENT_SECURITY_POLICY)
                assert "<img src=x" not in answer.text and "<script>alert" not in answer.text, (said, place)


async def test_words_split_by_signs_that_nobody_sees_are_found(site: Site) -> None:
    work = await Casework.begin(site)
    await site.services.cases.notes.write(work.author, work.case.id, "A nu\u200bmb\u00adat in the note")
    person = await site.person()
    for said in ("numbat", "n\u2060umbat", "nu\u0301mbat", "NUMBAT"):
        assert (await person.get("/api/v1/search", params={"q": said})).json()["total"] == 1, said


async def test_relations_that_go_round_are_shown_once_each(site: Site) -> None:
    work = await Casework.begin(site)
    entities = site.services.cases.entities
    ring = [await entities.keep(work.author, work.case.id, EntityOrder("account", str(n), f"ring {n}", "x")) for n in range(3)]
    for here, there in ((0, 1), (1, 2), (2, 0), (1, 0)):
        order = RelationOrder("amplifies", ring[here].id, ring[there].id, "seen", "likely")
        await entities.relate(work.author, work.case.id, order)
    person = await site.person()
    page = (await person.get(f"/cases/{work.case.id}/entities?entity={ring[0].id}")).text
    assert page.count("relations/") == 3 and (await person.get(f"/cases/{work.case.id}")).text.count("relations/") == 4
