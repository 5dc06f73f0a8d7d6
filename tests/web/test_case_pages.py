"""The pages of cases, findings and numbers, as two people use them; what is typed is text, what is missing is said at once."""

import re

import httpx2
import pytest

from server.cases.service import CaseOrder
from server.findings.statistics import Question
from server.web.middleware import CONTENT_SECURITY_POLICY
from server.web.pages.render import PICKER_POLICY
from server.web.texts import catalogue
from tests.services.casework import Casework
from tests.web.site import Site

PICKER = '<script type="module" src="/static/pick.js"></script>'
FORM = {
    "facts": "The account posted a call to vote. <script>alert(1)</script>",
    "assessment": "Propaganda on the eve.",
    "bases": "fr/code-electoral/L49",
    "captures": "1",
    "platform": "X",
    "post_id": "1809530000000000000",
    "account_id": "17",
    "silence": "FR-L49/FR-MET",
    "election": "FR-2024-AN-R2",
    "content_text": "Votez <b>pour</b> nous",
}


async def opened_case(site: Site) -> tuple[httpx2.AsyncClient, str, str]:
    """A browser of the case's lead, the case's path, and a capture that is its exhibit 1."""
    capture_id = await (await site.pair()).capture(title="<script>alert(1)</script>")
    person = await site.person()
    made = await person.post("/cases", data={"title": "Silence <b>period</b>", "election": "FR-2024-AN-R2", "tlp": "TLP:AMBER"})
    assert made.status_code == 303, made.text
    path = made.headers["location"]
    admitted = await person.post(
        f"{path}/exhibits", data={"capture": f"http://holdstill.test/captures/{capture_id}", "note": "n"}
    )
    assert admitted.status_code == 303, admitted.text
    return person, path, capture_id


def assert_inert(answer: httpx2.Response) -> None:
    policy, page = CONTENT_SECURITY_POLICY, answer.text
    if PICKER in page:  # its one script, from this service; nothing of the page's own text is one
        policy, page = PICKER_POLICY, page.replace(PICKER, "", 1)
    assert answer.headers["content-security-policy"] == policy
    assert not re.search(r"<script|<style|\sstyle=|\son\w+=|javascript:", page)
    assert "<b>pour" not in answer.text and "<b>period" not in answer.text


def gaps_in(page: str) -> set[str]:
    return set(re.findall(r'data-gap="(\w+)"', page))


async def test_a_finding_goes_from_an_empty_form_to_a_frozen_number(site: Site) -> None:
    author, case, _ = await opened_case(site)
    empty = await author.get(f"{case}/findings/new?type=silence_violation")
    assert {"facts", "captures", "posted_at", "silence_window", "propaganda_text"} <= gaps_in(empty.text)
    assert_inert(empty)
    address = f"{case}/findings/new?type=silence_violation"
    checked = await author.post(address, data=FORM | {"act": "check", "content_text": ""})
    assert checked.status_code == 200 and gaps_in(checked.text) == {"propaganda_text"}
    assert "Propaganda on the eve." in checked.text, "what was typed is kept"
    kept = await author.post(address, data=FORM | {"act": "save", "ttps": "T0099.004"})
    assert kept.status_code == 303, kept.text
    finding = kept.headers["location"]
    page = await author.get(finding)
    assert_inert(page)
    assert "<code>T0143.003</code>" in page.text and "<code>T0097.202</code>" in page.text, "what took a retired id's place"
    assert gaps_in(page.text) == set() and "Somebody else has to review it" in page.text
    refused = await author.post(f"{finding}/review", data={"verdict": "reviewed", "version": "1"})
    assert refused.status_code == 409
    lead = await site.services.operators.ensure_default_operator()
    reviewer = await site.person(await site.colleague(lead.organisation_id, "investigator"))
    for verdict in ("reviewed", "confirmed"):
        assert (await reviewer.post(f"{finding}/review", data={"verdict": verdict, "version": "1"})).status_code == 303
    frozen = await reviewer.post("/statistics", data={"label": "Posts", "unit": "posts"})
    number = await author.get(frozen.headers["location"])
    assert_inert(number)
    assert "<strong>1</strong>" in number.text and "1809530000000000000" in number.text
    listed = await author.get(f"{frozen.headers['location']}/ids")
    assert listed.text == '["x","1809530000000000000"]\n'
    for path in ("/cases", case, "/statistics", finding, f"{finding}/edit"):
        answer = await author.get(path)
        assert answer.status_code == 200, path
        assert_inert(answer)
    await site.sound()


async def test_what_cannot_be_read_is_named_and_nothing_typed_is_lost(site: Site) -> None:
    author, case, _ = await opened_case(site)
    address = f"{case}/findings/new?type=silence_violation"
    for field, text in (
        ("captures", "7"), ("posted_at", "yesterday"), ("posted_at", "2024-07-06T10:00:00Z | rumour | 1"), ("ttps", "T9999"),
        ("ai", "human"), ("sightings", "2024-07-06 | x"), ("media_sha256", "zz"), ("member_state", "France"), ("facts", "a\x00b"),
    ):  # fmt: skip
        answer = await author.post(address, data=FORM | {"act": "save", field: text})
        assert answer.status_code == 422, (field, answer.status_code)
        assert 'role="alert"' in answer.text and "Propaganda on the eve." in answer.text
    assert "No findings yet" in (await author.get(case)).text


async def test_a_new_version_is_made_from_the_newest_only(site: Site) -> None:
    author, case, _ = await opened_case(site)
    finding = (await author.post(f"{case}/findings/new?type=silence_violation", data=FORM)).headers["location"]
    edited = FORM | {"facts": "Two posts.", "after": "1", "reason": "a second post"}
    assert (await author.post(f"{finding}/edit", data=edited)).status_code == 303
    assert (await author.post(f"{finding}/edit", data=edited | {"facts": "Three posts."})).status_code == 409
    page = (await author.get(finding)).text
    assert "Two posts." in page and "a second post" in page
    look = {"layer": "2", "kind": "ai_label", "state": "absent", "seen_at": "2026-03-01 10:00", "place": "header", "exhibit": "1"}
    assert (await author.post(f"{finding}/looks", data=look)).status_code == 303
    assert "header" in (await author.get(finding)).text


async def test_everything_of_a_case_can_be_added_on_its_page(site: Site) -> None:
    person, case, capture_id = await opened_case(site)
    for part, data in (
        ("notes", {"text": "Știri <b>false</b>"}),
        ("moments", {"kind": "order", "title": "Retention order", "at": "2024-12-05 10:00", "ends_at": "2025-03-31"}),
        ("entities", {"kind": "account", "name": "first", "external_id": "1735765521595875777", "platform": "X"}),
        ("entities", {"kind": "network", "name": "286 accounts"}),
        ("mark", {"tlp": "TLP:RED"}),
    ):
        answer = await person.post(f"{case}/{part}", data=data)
        assert answer.status_code == 303, (part, answer.text)
    relation = {"kind": "part_of_network", "from_id": "1735765521595875777", "to_id": "286 acc", "source": "exhibit 1",
                "confidence": "likely"}  # fmt: skip
    assert (await person.post(f"{case}/relations", data=relation)).status_code == 303
    metric = {"entity_id": "286 accounts", "name": "views", "low": "5000000", "high": "9000000", "unit": "views",
              "window": "per week", "method": "sample", "as_of": "2026-03-01"}  # fmt: skip
    assert (await person.post(f"{case}/metrics", data=metric)).status_code == 303
    invited = await person.post(f"{case}/invitations", data={"role": "reader"})
    link = re.search(r"(/cases/join/hsc_[\w-]+)", invited.text)
    assert link is not None
    found = await person.get(f"{case}?q=stiri")
    assert_inert(found)
    assert "1 hit" in found.text
    answer = await person.get(case)
    assert_inert(answer)
    assert "5,000,000 – 9,000,000" in answer.text and "1735765521595875777" in answer.text
    assert "TLP:RED" in answer.text and "Retention order" in answer.text
    guest = await site.person(await site.other_organisation())
    assert (await guest.get(case)).status_code == 404
    assert (await guest.get(link[1])).status_code == 200
    assert (await guest.post(link[1])).status_code == 303
    seen = await guest.get(case)
    assert seen.status_code == 200 and f"/captures/{capture_id}" in seen.text
    assert (await guest.post(f"{case}/notes", data={"text": "x"})).status_code == 403, "a reader reads"
    assert (await person.post(f"{case}/close")).status_code == 303
    assert (await person.post(f"{case}/notes", data={"text": "late"})).status_code == 409


async def test_every_list_of_findings_says_their_states_in_words(site: Site) -> None:
    work = await Casework.begin(site)
    person, case = await site.person(work.author), f"/cases/{work.case.id}"
    kept = await work.confirmed()
    number = await site.services.findings.statistics.freeze(work.author, "Posts", "posts", Question())
    await site.services.findings.revise(work.author, kept.id, 1, (work.body(facts="Seen again."), "a second look"))
    await work.draft("impersonation")
    await work.judge(await work.draft(), "rejected")
    for path in (case, f"{case}/findings"):
        page = (await person.get(path)).text
        assert re.findall(r'<span class="pill[^"]*">(Draft|Confirmed|Rejected)<', page)[:3] == ["Rejected", "Draft", "Draft"], (
            path
        )
        assert page.count("version 1 stays confirmed") == 1, "the confirmed version counts while the newer one is a draft"
    behind = (await person.get(f"/statistics/{number.id}")).text
    assert "F-1</a>" in behind and ">Draft<" in behind and "version 1 stays confirmed" in behind
    checker = await site.person(await site.colleague(work.author.organisation_id, "fact_checker"))
    assert "F-1</a>" not in (await checker.get(f"/statistics/{number.id}")).text, "of a case that one may not see, an id alone"
    found = (await person.get("/search", params={"q": "account", "kind": "finding"})).text
    assert {"Draft", "Rejected"} <= set(re.findall(r'<span class="pill[^"]*">(\w+)<', found))
    await work.judge(kept, "rejected")
    assert "stays confirmed" not in (await person.get(case)).text


async def test_the_list_of_cases_goes_on_and_lists_to_choose_from_say_that_they_are_cut(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("server.web.pages.cases.CASES_SHOWN", 2)
    monkeypatch.setattr("server.cases.service.LIST_LIMIT", 2)
    assert site.clock is not None
    lead, person, made = await site.services.operators.ensure_default_operator(), await site.person(), []
    for number in range(5):
        site.clock.move(60)
        made.append((await site.services.cases.open(lead, CaseOrder(f"Case {number}"))).id)
    seen, at = [], "/cases"
    while at:
        page = (await person.get(at)).text
        seen += re.findall(r'row-title"><a href="/cases/([0-9a-f-]{36})"', page)
        following = re.search(r'href="(/cases\?before=[^"]+)">Older cases', page)
        at = following[1] if following else ""
    assert seen == [str(one) for one in reversed(made)]
    for path in ("/statistics", "/activities", "/search"):
        assert "The 2 newest cases are listed" in (await person.get(path)).text, path
        begun = (await person.get(path, params={"case": str(made[0])})).text
        assert f'value="{made[0]}" selected' in begun, path
    for path in ("/cases?before=yesterday", "/cases?before=2024-07-06|x", "/statistics?case=x", "/activities?case=x"):
        assert (await person.get(path)).status_code == 422, path


@pytest.mark.parametrize("time", ["2024-02-30", "06.07.2024", "2024-07-06T25:00", "x" * 299])
async def test_a_time_that_is_none_is_refused(site: Site, time: str) -> None:
    person, case, _ = await opened_case(site)
    answer = await person.post(f"{case}/moments", data={"kind": "order", "title": "t", "at": time})
    assert answer.status_code == 422


def test_every_code_that_pages_show_has_a_text() -> None:
    from server.cases.entities import CONFIDENCES, RELATIONS
    from server.cases.models import EntityKind
    from server.cases.notes import MOMENT_KINDS
    from server.findings.models import FindingState
    from server.findings.statistics import UNITS
    from server.rules.catalogue import shipped
    from server.web.finding_form import LISTED, PLAIN, SUBJECT

    texts = catalogue("en")
    wanted = [f"finding_type.{code}" for code in shipped().types] + [f"unit.{unit}" for unit in UNITS]
    wanted += [f"entity_kind.{kind.value}" for kind in EntityKind] + [f"relation.{kind}" for kind in RELATIONS]
    wanted += [f"confidence.{word}" for word in CONFIDENCES] + [f"moment.{kind}" for kind in MOMENT_KINDS]
    wanted += [f"finding_state.{state.value}" for state in FindingState] + [f"verdict.{state.value}" for state in FindingState]
    wanted += [f"field.{name}" for name in (*PLAIN, *SUBJECT, *(f"listed_{one}" for one in LISTED))]
    source = __import__("server.findings.evidence", fromlist=["x"]).__file__
    with open(source, encoding="utf-8") as stream:
        written = stream.read()
    wanted += [f"gap.{code}" for code in re.findall(r'Gap\("(\w+)"', written) + re.findall(r'_needs\("(\w+)"', written)]
    wanted += [f"gap.silence_{place}" for place in ("out", "unknown")]
    assert [key for key in wanted if key not in texts] == []


async def test_a_refused_form_says_which_field_and_keeps_what_was_typed(site: Site) -> None:
    person, case, _ = await opened_case(site)
    typed = {"kind": "order", "title": "Retention <order>", "at": "yesterday", "source": "a letter\nof two lines"}
    refused = await person.post(f"{case}/moments", data=typed, headers={"referer": f"http://holdstill.test{case}"})
    assert refused.status_code == 422 and "When (UTC): a time is written" in refused.text
    assert 'name="title" value="Retention &lt;order&gt;"' in refused.text and 'name="at" value="yesterday"' in refused.text
    assert f'action="{case}/moments"' in refused.text and f'href="{case}"' in refused.text
    assert_inert(refused)
    missing = await person.post(f"{case}/moments", data=typed | {"title": ""})
    assert missing.status_code == 422 and "Title: " in missing.text and 'name="at" value="yesterday"' in missing.text
    nobody = await person.post(
        f"{case}/relations", data={"kind": "copies", "from_id": "nobody", "to_id": "x", "confidence": "likely"}
    )
    assert "From: nothing of this case is called" in nobody.text and 'name="to_id" value="x"' in nobody.text
    search = await person.get("/search", params={"q": "a <b> word", "captured_from": "yesterday"})
    assert 'name="q" value="a &lt;b&gt; word"' in search.text and 'method="get" action="/search"' in search.text
    away = (
        "http://evil.example/x",
        "http://holdstill.test//evil.example",
        "http://holdstill.test/\\evil.example",
        "http://[evil/",
    )
    for elsewhere in away:
        answer = await person.post(f"{case}/moments", data=typed, headers={"referer": elsewhere})
        assert "evil" not in answer.text and 'href="/"' in answer.text, elsewhere
    secret = await person.post("/account/password", data={"password": "Hunter22x", "again": "Hunter22y"})
    assert "Hunter22" not in secret.text


async def test_words_in_the_place_of_a_capture_are_asked_back(site: Site) -> None:
    person, case, _ = await opened_case(site)
    other = await (await site.pair("Another browser")).capture(title="Numbat <b>story</b>")
    asked = await person.post(f"{case}/exhibits", data={"capture": "numb", "note": "as <i>seen</i>"})
    assert_inert(asked)
    assert asked.status_code == 200 and f'name="capture" value="{other}"' in asked.text
    assert 'name="note" value="as &lt;i&gt;seen&lt;/i&gt;"' in asked.text and "Numbat &lt;b&gt;story" in asked.text
    assert (await person.post(f"{case}/exhibits", data={"capture": "zebra"})).status_code == 422
    assert (await person.post(f"{case}/exhibits", data={"capture": other, "note": "n"})).status_code == 303
    for of, words, value in (
        ("captures", "numb", other),
        ("exhibits", "numb", "2"),
        ("exhibits", "2", "2"),
        ("exhibits", "zebra", ""),
    ):
        listed = (await person.get(f"{case}/picks/{of}/list.json", params={"q": words})).json()["picks"]
        assert [one["value"] for one in listed] == ([value] if value else []), (of, words)
        assert (await person.get(f"{case}/picks/{of}", params={"q": words})).status_code == 200
    stranger = await site.person(await site.other_organisation())
    for path in (f"{case}/picks/captures", f"{case}/picks/captures/list.json", f"{case}/picks/exhibits"):
        assert (await stranger.get(path)).status_code == 404, path
