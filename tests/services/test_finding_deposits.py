"""Archives made elsewhere as evidence: they support or, where the type says so, suffice; never are they captures of ours."""

import csv
import io
import json
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from server.db import run_sql
from server.errors import BadInput
from server.exports.confirmed import confirmed_findings
from server.exports.documents.alert import paper_data
from server.exports.documents.notice import NoticeDraft, item_lines
from server.exports.exchange.shown import shown
from server.exports.kind import CaseExportOrder
from server.exports.notices import NoticeOrder
from server.exports.profiles import Profile
from server.exports.workbook.files import report
from server.exports.workbook.sheets import SLI_HEADER, sli_cells
from server.exports.workbook.values import WorkbookDraft
from server.findings.body import canonical, parse_body, stored_body
from server.findings.errors import FindingIncomplete
from server.findings.evidence import DepositFact, Known, gaps
from server.findings.models import StatisticLine
from server.findings.recount import recount
from server.findings.statistics import Question
from server.findings.withdrawn import _COUNTED
from server.imports.deposits import DepositOrder
from server.rules.catalogue import shipped
from server.web.finding_form import Numbers, body_of, fields_of
from tests.media.pictures import encoded, scene
from tests.services.casework import IN_WINDOW, Casework, subject
from tests.services.test_alerts import draft as alert_draft
from tests.web.site import Site

AMPLIFIED: dict[str, Any] = {
    "facts": "Two accounts spread the same text.", "assessment": "They act together.", "bases": ["eu/cop/2022"],
    "subject": {"platform": "x", "post_id": "", "account_id": "17"}, "captures": [], "silence": None, "content_text": "",
    "posted_at": [{"value": IN_WINDOW.isoformat(), "source": "displayed", "precision_s": 60}],
    "sightings": [{"at": IN_WINDOW.isoformat(), "url": f"https://x.example/{name}", "by": name} for name in ("a", "b")],
}  # fmt: skip


def tag() -> dict[str, str]:
    one = shipped().techniques.find("DISARM", "T0049.003")
    assert one is not None
    return {"framework": one.framework, "version": one.version, "id": one.id, "name": one.name}


async def held(work: Casework) -> Any:
    picture = io.BytesIO(encoded(scene(23)))
    order = DepositOrder("A colleague, with another tool")
    return await work.site.services.imports.deposits.take(work.author, work.case.id, (picture, "a.png"), order, queued=False)


def test_the_type_says_whether_archives_made_elsewhere_suffice() -> None:
    types = shipped().types
    assert {code for code, one in types.items() if one.deposits_suffice} == {
        "influence_operation", "cib_network", "hack_and_leak", "fake_engagement", "paid_influencer", "amplification",
    }  # fmt: skip
    fact = DepositFact(uuid4(), 1, "wacz", "ab" * 32, IN_WINDOW)
    body = parse_body(AMPLIFIED | {"deposits": [str(fact.deposit_id)], "ttps": [tag()]})
    assert gaps("amplification", body, Known({}, (), [fact], catalogue=shipped())) == ()
    assert [one.code for one in gaps("amplification", body, Known({}, catalogue=shipped()))] == ["not_a_deposit"]
    for code in sorted(set(types) - {code for code, one in types.items() if one.deposits_suffice}):
        assert "captures_own" in [one.code for one in gaps(code, body, Known({}, (), [fact], catalogue=shipped()))], code
    none = body.model_copy(update={"deposits": ()})
    assert [one.code for one in gaps("amplification", none, Known({}, catalogue=shipped()))] == ["captures"]


async def test_a_finding_pins_an_archive_and_says_everywhere_that_it_was_made_elsewhere(site: Site) -> None:
    work = await Casework.begin(site)
    deposit = await held(work)
    seen = [one | {"deposit_id": str(deposit.id)} if one["by"] == "a" else one for one in AMPLIFIED["sightings"]]
    cited = AMPLIFIED | {"deposits": [str(deposit.id)], "sightings": seen, "ttps": [tag()]}
    finding = await work.draft("amplification", **cited)
    await work.judge(finding, "reviewed", "confirmed")
    _, reviews = await site.services.findings.history(work.author, finding.id)
    [pinned] = reviews[-1].pins["deposits"]
    assert (pinned["id"], pinned["sha256"], pinned["origin"]) == (str(deposit.id), deposit.sha256, "made elsewhere")
    assert reviews[-1].pins["captures"] == []
    person = await site.person(work.author)
    page = (await person.get(f"/findings/{finding.id}")).text
    assert page.count(f'href="/deposits/{deposit.id}"') == 2, "as evidence, and with the sighting that it shows"
    assert "made elsewhere" in page.lower()
    for profile, told in (("internal", True), ("public", False)):
        if profile == "public":
            await site.services.cases.mark(work.author, work.case.id, "TLP:CLEAR")
        order = CaseExportOrder(profile, "p", "r")
        made = await site.services.case_exports.request(work.author, work.case.id, "tables", order, queued=False)
        await site.services.case_exports.maker.run(made.id)
        found = await work.files(made.id)
        name = next(one for one in found if one.endswith("findings.csv"))
        [row] = list(csv.DictReader(io.StringIO(found[name].decode("utf-8-sig"), newline="")))
        assert row["captures"] in ("", "[]") and row["deposits_count"] == "1", "an archive is no capture"
        assert ("deposits" in row) == told
        rows = list(csv.DictReader(io.StringIO(found[name.replace("findings", "sightings")].decode("utf-8-sig"), newline="")))
        assert [row["capture_id"] for row in rows] == ["", ""]
        if told:
            marked = [bool(row["deposit"]) for row in rows]
            assert marked == [True, False] and "(made elsewhere)" in rows[0]["deposit"] and deposit.sha256 in rows[0]["deposit"]
        else:
            assert "deposit" not in rows[0]
        if told:
            assert deposit.sha256 in row["deposits"] and "(made elsewhere)" in row["deposits"]


async def test_a_withdrawn_archive_or_one_of_another_case_is_no_evidence(site: Site) -> None:
    work = await Casework.begin(site)
    deposit = await held(work)
    finding = await work.draft("amplification", **(AMPLIFIED | {"deposits": [str(deposit.id)], "ttps": [tag()]}))
    foreign = await work.draft("amplification", **(AMPLIFIED | {"deposits": [str(uuid4())], "ttps": [tag()]}))
    await site.services.imports.deposits.withdraw(work.author, deposit.id, "it shows something else")
    for one in (finding, foreign):
        with pytest.raises(FindingIncomplete) as refused:
            await work.judge(one, "reviewed")
        assert [gap.partition(":")[0] for gap in refused.value.data["gaps"]] == ["not_a_deposit"]


async def test_a_number_says_that_evidence_of_what_it_counts_was_withdrawn(site: Site) -> None:
    """Nothing that was confirmed changes by itself: the number recounts, its page and its recount name the findings."""
    work = await Casework.begin(site)
    deposit, findings, cases = await held(work), site.services.findings, site.services.cases
    rests = await work.confirmed("amplification", **(AMPLIFIED | {"deposits": [str(deposit.id)], "ttps": [tag()]}))
    shown = await work.confirmed()
    statistic = await findings.statistics.freeze(work.author, "Findings", "findings", Question())
    person = await site.person(work.author)
    assert (await recount(site.services.database, statistic.id)).withdrawn == ()
    assert "was withdrawn" not in (await person.get(f"/statistics/{statistic.id}")).text
    assert "withdrawn" not in (await person.get("/statistics")).text
    await site.services.imports.deposits.withdraw(work.author, deposit.id, "it shows something else")
    assert (await recount(site.services.database, statistic.id)).withdrawn == (rests.id,)
    await cases.exhibits.withdraw(work.author, work.case.id, 1, "wrong post")
    again = await recount(site.services.database, statistic.id)
    assert again.is_sound and set(again.withdrawn) == {rests.id, shown.id}
    page = (await person.get(f"/statistics/{statistic.id}")).text
    assert "Evidence of 2 findings counted here was withdrawn" in page
    later = await findings.statistics.freeze(work.author, "Findings", "findings", Question())
    counts = {statistic.id: 2, later.id: 2}
    assert await findings.statistics.withdrawn_counts(work.author, list(counts)) == counts
    assert (await person.get("/statistics")).text.count("Evidence of 2 findings withdrawn") == 2, "the list says it too"
    stranger = await site.other_organisation()
    assert await findings.statistics.withdrawn_counts(stranger, list(counts)) == {}
    assert later.n == 2 and len(await findings.statistics.withdrawn(work.author, later.id)) == 2, "a new number says it too"


async def test_of_the_lists_behind_numbers_only_findings_with_withdrawn_evidence_are_put_together(site: Site) -> None:
    """Behind the number: one item of each of two findings, lines of the first again and of things that are no findings."""
    work = await Casework.begin(site)
    deposit, statistics = await held(work), site.services.findings.statistics
    rests = await work.confirmed("amplification", **(AMPLIFIED | {"deposits": [str(deposit.id)], "ttps": [tag()]}))
    await work.confirmed()
    made = await statistics.freeze(work.author, "Findings", "findings", Question())
    async with site.services.database.transaction() as session:
        refs = [rests.id, *(uuid4() for _ in range(20))]
        session.add_all(StatisticLine(statistic_id=made.id, position=n, key=f"[{n}]", ref=ref) for n, ref in enumerate(refs))
    await site.services.imports.deposits.withdraw(work.author, deposit.id, "it shows something else")
    assert await statistics.withdrawn_counts(work.author, [made.id]) == {made.id: 1}
    assert await statistics.withdrawn(work.author, made.id) == (rests.id,)
    async with site.services.database.session() as session:
        asked = {"ids": [made.id], "cases": [work.case.id]}
        [[[explained]]] = await run_sql(session, f"EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) {_COUNTED}", **asked)
    joined = [
        one for one in plan_nodes(explained["Plan"]) if one["Node Type"].endswith("Append") and "statistic_line" in str(one)
    ]
    assert len(joined) == 1 and joined[0]["Actual Rows"] <= 2, "the finding's item and its line"


def plan_nodes(node: dict[str, Any]) -> list[dict[str, Any]]:
    """A node of a plan with all that are below it."""
    return [node, *(below for one in node.get("Plans", ()) for below in plan_nodes(one))]


async def test_every_file_made_of_a_finding_says_that_its_evidence_was_withdrawn(site: Site) -> None:
    """The finding stays confirmed and in every number; no alert, report, table or notice hides what became of its capture."""
    work = await Casework.begin(site)
    services, order = site.services, CaseExportOrder("internal", "p", "r")
    await work.confirmed(subject=subject(1, url="https://x.example/a/1"))
    await services.findings.statistics.freeze(work.author, "Posts", "posts", Question())
    before = await services.alerts.preview(work.author, work.case.id, order, alert_draft(statistics=[1]))
    assert "withdrawn" not in before.model_dump_json() and "withdrawn" not in json.dumps(paper_data(before))
    await services.cases.exhibits.withdraw(work.author, work.case.id, 1, "wrong post")
    alert = await services.alerts.preview(work.author, work.case.id, order, alert_draft(statistics=[1]))
    printed = json.dumps(paper_data(alert))
    assert (alert.evidence.findings, alert.evidence.withdrawn, alert.figures[0].withdrawn) == (1, 1, 1)
    assert "evidence of 1 of the findings counted was withdrawn" in printed
    assert "evidence of 1 of the findings was withdrawn from the case" in printed
    today = site.clock.now().date()
    said = WorkbookDraft.model_validate({"organisation": "Here", "period_from": today, "period_to": today, "statistics": [1]})
    book = await services.reports.preview(work.author, work.case.id, order, said)
    assert "| 1 | posts | S-1 (evidence of 1 finding withdrawn) |" in report(book)
    [cells] = [sli_cells(book, one) for one in book.rows if one.statistic_id]
    assert dict(zip(SLI_HEADER, cells, strict=True))["evidence_withdrawn"] == 1
    batches = confirmed_findings(services.database, work.case.id, site.clock.now(), Profile.PUBLIC)
    [one] = [one async for batch in batches for one in batch]
    cells_of = shown(one, Profile.PUBLIC).cells
    assert cells_of["captures_withdrawn"] == [work.capture_id] == cells_of["captures"]
    kept = confirmed_findings(services.database, work.case.id, site.clock.now() - timedelta(hours=1), Profile.PUBLIC)
    assert [one async for batch in kept for one in batch] == [], "asked as of a time before, it tells of that time"
    notice = NoticeDraft.model_validate({"provider": "P", "notifier_name": "N", "notifier_email": "n@x.example", "findings": [1],
                                         "explanation": "E", "bona_fide": True})  # fmt: skip
    made = await services.notices.preview(work.author, work.case.id, NoticeOrder("dsa_notice", "p", notice))
    assert item_lines(made.items[0])[1].endswith("1 of 1 captures withdrawn from the case")


def test_the_form_names_archives_by_their_numbers() -> None:
    deposit = uuid4()
    numbers = Numbers({1: "a" * 64}, {3: deposit})
    body = body_of({"deposits": "D-3", "captures": "1"}, numbers, shipped())
    assert body.deposits == (deposit,) and fields_of(body, numbers)["deposits"] == "D-3"
    with pytest.raises(BadInput):
        body_of({"deposits": "4"}, numbers, shipped())


def test_a_sighting_names_an_archive_as_it_names_an_exhibit_and_old_texts_stay_the_same() -> None:
    deposit, when = uuid4(), "2024-07-06 10:00 | https://x.example/a | A | FR"
    numbers = Numbers({1: "a" * 64}, {3: deposit})
    body = body_of({"sightings": f"{when} | d-3\n{when} | 1\n{when}"}, numbers, shipped())
    assert [one.deposit_id for one in body.sightings] == [deposit, None, None]
    assert [one.capture_id for one in body.sightings] == [None, "a" * 64, None]
    assert body.cited_deposits == (deposit,) and body.cited_captures == ("a" * 64,)
    shown = fields_of(body, numbers)["sightings"].splitlines()
    assert [line.rpartition(" | ")[2] for line in shown] == ["D-3", "1", ""]
    told = json.loads(canonical(body)[0])["sightings"]
    assert [set(one) - {"at", "url", "by", "country", "capture_id"} for one in told] == [{"deposit_id"}, set(), set()]
    assert stored_body(canonical(body)[0]) == body
    with pytest.raises(BadInput):
        body_of({"sightings": f"{when} | D-4"}, numbers, shipped())
    fact = DepositFact(deposit, 3, "wacz", "ab" * 32, IN_WINDOW)
    for known, missed in (([], True), ([fact], False)):
        codes = [one.code for one in gaps("amplification", body, Known({}, (), known, catalogue=shipped()))]
        assert ("not_a_deposit" in codes) is missed
