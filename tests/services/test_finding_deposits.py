"""Archives made elsewhere as evidence: they support or, where the type says so, suffice; never are they captures of ours."""

import csv
import io
from typing import Any
from uuid import uuid4

import pytest

from server.errors import BadInput
from server.exports.kind import CaseExportOrder
from server.findings.body import parse_body
from server.findings.errors import FindingIncomplete
from server.findings.evidence import DepositFact, Known, gaps
from server.imports.deposits import DepositOrder
from server.rules.catalogue import shipped
from server.web.finding_form import Numbers, body_of, fields_of
from tests.media.pictures import encoded, scene
from tests.services.casework import IN_WINDOW, Casework
from tests.services.test_alerts import files
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
    cited = AMPLIFIED | {"deposits": [str(deposit.id)], "ttps": [tag()]}
    finding = await work.draft("amplification", **cited)
    await work.judge(finding, "reviewed", "confirmed")
    _, reviews = await site.services.findings.history(work.author, finding.id)
    [pinned] = reviews[-1].pins["deposits"]
    assert (pinned["id"], pinned["sha256"], pinned["origin"]) == (str(deposit.id), deposit.sha256, "made elsewhere")
    assert reviews[-1].pins["captures"] == []
    person = await site.person(work.author)
    page = (await person.get(f"/findings/{finding.id}")).text
    assert f'href="/deposits/{deposit.id}"' in page and "made elsewhere" in page.lower()
    for profile, told in (("internal", True), ("public", False)):
        if profile == "public":
            await site.services.cases.mark(work.author, work.case.id, "TLP:CLEAR")
        order = CaseExportOrder(profile, "p", "r")
        made = await site.services.case_exports.request(work.author, work.case.id, "tables", order, queued=False)
        await site.services.case_exports.maker.run(made.id)
        found = await files(work, made.id)
        name = next(one for one in found if one.endswith("findings.csv"))
        [row] = list(csv.DictReader(io.StringIO(found[name].decode("utf-8-sig"), newline="")))
        assert row["captures"] in ("", "[]") and row["deposits_count"] == "1", "an archive is no capture"
        assert ("deposits" in row) == told
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


def test_the_form_names_archives_by_their_numbers() -> None:
    deposit = uuid4()
    numbers = Numbers({1: "a" * 64}, {3: deposit})
    body = body_of({"deposits": "D-3", "captures": "1"}, numbers, shipped())
    assert body.deposits == (deposit,) and fields_of(body, numbers)["deposits"] == "D-3"
    with pytest.raises(BadInput):
        body_of({"deposits": "4"}, numbers, shipped())
