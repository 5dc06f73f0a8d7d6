"""Four eyes, versions that stay, pins: a finding from draft to confirmed on a real database."""

import asyncio
from datetime import timedelta
from uuid import uuid4

import psycopg
import pytest

from server.errors import BadInput, Forbidden, NotFound
from server.findings.body import stored_body
from server.findings.errors import FindingIncomplete, ReviewRefused, VersionTaken
from server.findings.service import LookOrder, unlabelled
from server.operators.roles import Right
from server.operators.tokens import TokenOrder
from server.rules.posttimes import TIME_RULE
from tests.services.casework import Casework
from tests.web.site import Site


@pytest.fixture
async def work(site: Site) -> Casework:
    return await Casework.begin(site)


async def test_a_finding_is_confirmed_by_somebody_else_and_pins_what_it_rests_on(work: Casework) -> None:
    findings = work.site.services.findings
    finding = await work.confirmed()
    opened = await findings.read(work.author, finding.id)
    assert opened.finding.state == "confirmed" and opened.gaps == ()
    _, reviews = await findings.history(work.author, finding.id)
    pins = reviews[-1].pins
    assert pins["captures"] == [work.capture_id]
    assert pins["type"]["sli_label"] == "silence period violations" and pins["type"]["version"]
    assert (pins["silence"]["rule_id"], pins["silence"]["place"], pins["silence"]["rule_version"]) == ("FR-L49", "in", "2026.1")
    assert pins["silence"]["margin_s"] == pytest.approx(12 * 3600, abs=1)
    assert pins["time_rule"] == TIME_RULE and (pins["silence"]["source"], pins["silence"]["precision_s"]) == ("embedded_json", 1)
    assert pins["bases"] == [{"id": "fr/code-electoral/L49", "version": "2026.1"}]
    chain = await work.site.services.custody.chain(f"case:{work.case.id}", organisation_id=work.author.organisation_id)
    assert [event.type for event in chain][-3:] == ["finding.drafted", "finding.reviewed", "finding.confirmed"]
    await work.site.sound()


async def test_nobody_reviews_what_they_wrote(work: Casework) -> None:
    finding = await work.draft()
    for verdict in ("reviewed", "rejected"):
        with pytest.raises(ReviewRefused) as refused:
            await work.judge(finding, verdict, by=work.author)
        assert refused.value.data == {"reason": "own_finding"}
    findings = work.site.services.findings
    await findings.revise(work.reviewer, finding.id, 1, (work.body(narrative="n"), "added the narrative"))
    with pytest.raises(ReviewRefused):
        await work.judge(finding, "reviewed")
    with pytest.raises(ReviewRefused, match="own_finding"):
        await work.judge(finding, "reviewed", by=work.author)
    third = await work.site.colleague(work.author.organisation_id, "case_lead")
    await work.judge(finding, "reviewed", "confirmed", by=third)


async def test_nobody_reviews_a_finding_of_which_they_wrote_an_older_version(work: Casework) -> None:
    """Whoever comes after may change every text: subject, time and evidence are still the first author's."""
    finding, findings = await work.draft(), work.site.services.findings
    rewritten = work.body(facts="Other facts.", assessment="Another assessment.", bases=["platform-policy/impersonation"])
    await findings.revise(work.reviewer, finding.id, 1, (rewritten, "all of it anew"))
    for verdict in ("reviewed", "rejected"):
        with pytest.raises(ReviewRefused, match="own_finding"):
            await work.judge(finding, verdict, by=work.author)
    assert (await findings.read(work.author, finding.id)).finding.state == "draft"


async def test_a_token_is_its_person_and_reviews_nothing_of_theirs(work: Casework) -> None:
    tokens, finding = work.site.services.tokens, await work.draft()
    _, secret = await tokens.create(work.author, TokenOrder("a program", ("read", "read_cases", "write", "review"), 3))
    program = await tokens.authenticate(secret)
    assert program.operator_id == work.author.operator_id and Right.REVIEW in program.rights
    with pytest.raises(ReviewRefused, match="own_finding"):
        await work.judge(finding, "reviewed", by=program)
    _, reading = await tokens.create(work.reviewer, TokenOrder("another", ("read",), 3))
    with pytest.raises(Forbidden):
        await work.judge(finding, "reviewed", by=await tokens.authenticate(reading))


async def test_nobody_reviews_the_looks_they_recorded(work: Casework) -> None:
    findings, now = work.site.services.findings, work.site.clock.now()
    looked, taken = await work.draft(), await work.draft()
    order = LookOrder(2, "ai_label", "absent", now, "header", "", work.capture_id)
    await findings.look(work.reviewer, looked.id, order)
    with pytest.raises(ReviewRefused, match="own_finding"):
        await work.judge(looked, "reviewed")
    seen = [{"layer": 2, "kind": "ai_label", "state": "present", "where": "header", "selector": "#a"}]
    capture_id = await (await work.site.pair("Another")).capture(labelObservations=seen)
    await work.site.services.cases.exhibits.add(work.author, work.case.id, capture_id)
    await findings.take_looks(work.reviewer, taken.id, capture_id)
    with pytest.raises(ReviewRefused, match="own_finding"):
        await work.judge(taken, "reviewed")
    third = await work.site.colleague(work.author.organisation_id, "case_lead")
    await work.judge(looked, "reviewed", "confirmed", by=third)


async def test_a_review_counts_for_the_version_it_was_made_of_and_not_after_an_edit(work: Casework) -> None:
    finding, findings = await work.draft(), work.site.services.findings
    await work.judge(finding, "reviewed")
    await findings.revise(work.author, finding.id, 1, (work.body(facts="Something else."), "after the review"))
    for version, reason in ((1, "not_newest"), (2, "state")):
        with pytest.raises(ReviewRefused, match=reason):
            await findings.reviews.judge(work.reviewer, finding.id, version, ("confirmed", "still good"))


async def test_of_two_changes_at_once_one_is_the_next_version_and_the_other_is_refused(work: Casework) -> None:
    finding, findings = await work.draft(), work.site.services.findings
    changes = [(work.body(facts=f"Change {number}."), "at once") for number in range(4)]
    done = await asyncio.gather(*(findings.revise(work.author, finding.id, 1, one) for one in changes), return_exceptions=True)
    assert sorted(type(one).__name__ for one in done) == ["VersionTaken", "VersionTaken", "VersionTaken", "int"]
    versions, _ = await findings.history(work.author, finding.id)
    won = changes[next(place for place, one in enumerate(done) if one == 2)][0]
    assert [stored_body(one.body).facts for one in versions] == [work.body().facts, won.facts]


async def test_a_confirmation_and_an_edit_at_once_never_leave_a_confirmed_draft(work: Casework) -> None:
    finding, findings = await work.draft(), work.site.services.findings
    await work.judge(finding, "reviewed")
    change = (work.body(facts="Edited while somebody confirmed."), "at once")
    confirming = findings.reviews.judge(work.reviewer, finding.id, 1, ("confirmed", ""))
    done = await asyncio.gather(confirming, findings.revise(work.author, finding.id, 1, change), return_exceptions=True)
    opened = await findings.read(work.author, finding.id)
    _, reviews = await findings.history(work.author, finding.id)
    assert done[1] == 2 and opened.finding.state == "draft" and {one.version for one in reviews} == {1}
    assert isinstance(done[0], ReviewRefused) == ("confirmed" not in [one.verdict for one in reviews])


async def test_who_wrote_the_facts_of_an_older_version_is_still_an_author(work: Casework) -> None:
    findings = work.site.services.findings
    finding = await work.draft()
    await findings.revise(work.reviewer, finding.id, 1, (work.body(assessment="Another assessment."), "sharper"))
    versions, _ = await findings.history(work.author, finding.id)
    newest = versions[-1]
    assert (newest.facts_by, newest.assessment_by, newest.basis_by) == (
        work.author.operator_id, work.reviewer.operator_id, work.author.operator_id,
    )  # fmt: skip


async def test_an_incomplete_finding_is_neither_reviewed_nor_confirmed(work: Casework) -> None:
    finding = await work.draft(content_text="", bases=["eu/ai-act/50-4"])
    with pytest.raises(FindingIncomplete) as refused:
        await work.judge(finding, "reviewed")
    said = refused.value.data["gaps"]
    assert isinstance(said, list) and "propaganda_text" in said and any("2026-08-02" in one for one in said)
    opened = await work.site.services.findings.read(work.author, finding.id)
    assert opened.finding.state == "draft"


async def test_a_withdrawn_exhibit_no_longer_carries_a_finding(work: Casework) -> None:
    finding = await work.draft()
    await work.judge(finding, "reviewed")
    await work.site.services.cases.exhibits.withdraw(work.author, work.case.id, 1, "wrong post")
    with pytest.raises(FindingIncomplete):
        await work.judge(finding, "confirmed")


@pytest.mark.parametrize("verdicts", [("confirmed",), ("reviewed", "reviewed"), ("rejected", "confirmed"), ("draft",)])
async def test_states_follow_one_another_in_order_only(work: Casework, verdicts: tuple[str, ...]) -> None:
    finding = await work.draft()
    with pytest.raises(ReviewRefused, match="state"):
        await work.judge(finding, *verdicts)


async def test_a_rejection_says_why_and_an_unknown_verdict_is_refused(work: Casework) -> None:
    finding = await work.draft()
    for verdict in (("rejected", ""), ("draft", " "), ("maybe", "x")):
        with pytest.raises(BadInput):
            await work.site.services.findings.reviews.judge(work.reviewer, finding.id, 1, verdict)


async def test_a_version_is_never_overwritten_and_reopens_the_review(work: Casework) -> None:
    findings = work.site.services.findings
    finding = await work.confirmed()
    assert (
        await findings.revise(work.author, finding.id, 1, (work.body(facts="The account posted two calls."), "a second post"))
        == 2
    )
    versions, reviews = await findings.history(work.author, finding.id)
    assert [stored_body(one.body).facts for one in versions] == [work.body().facts, "The account posted two calls."]
    assert [one.version for one in reviews] == [1, 1]
    assert (await findings.read(work.author, finding.id)).finding.state == "draft"
    with pytest.raises(VersionTaken):
        await findings.revise(work.author, finding.id, 1, (work.body(facts="late"), "from an old page"))
    with pytest.raises(BadInput, match="nothing"):
        await findings.revise(work.author, finding.id, 2, (work.body(facts="The account posted two calls."), "no change"))
    with pytest.raises(ReviewRefused, match="not_newest"):
        await findings.reviews.judge(work.reviewer, finding.id, 1, ("reviewed", ""))


async def test_the_database_refuses_to_change_what_was_said(work: Casework, database_url: str) -> None:
    finding = await work.confirmed()
    order = LookOrder(2, "ai_label", "not_checked", work.site.clock.now())
    await work.site.services.findings.look(work.author, finding.id, order)
    with psycopg.connect(database_url, autocommit=True) as connection:
        for table in ("finding_version", "finding_review", "label_look"):
            for statement in (f"DELETE FROM {table}", f"UPDATE {table} SET finding_id = finding_id"):
                with pytest.raises(psycopg.errors.CheckViolation):
                    connection.execute(statement)


async def test_looks_for_labels_are_a_history_with_bounds(work: Casework) -> None:
    findings, clock = work.site.services.findings, work.site.clock
    finding = await work.draft(
        "ad_unlabelled", bases=["eu/ttpa/11"], posted_at=[], subject={"platform": "facebook", "ad_id": "9"}
    )
    for minutes, state in ((0, "absent"), (40, "absent"), (20, "present")):
        clock.move(minutes * 60)
        place = "under the advertiser's name" if state == "absent" else ""
        capture_id = work.capture_id if state == "absent" else None
        await findings.look(work.author, finding.id, LookOrder(2, "paid_for_by", state, clock.now(), place, "", capture_id))
    time = unlabelled(await findings.read(work.author, finding.id))
    assert time is not None and (time.lower_minutes, time.upper_minutes) == (40, None)
    posted = [{"value": (clock.now() - timedelta(minutes=90)).isoformat(), "source": "embedded_json", "precision_s": 60}]
    body = work.body(bases=["eu/ttpa/11"], posted_at=posted, subject={"platform": "facebook", "ad_id": "9"})
    await findings.revise(work.author, finding.id, 1, (body, "the library says when it began"))
    time = unlabelled(await findings.read(work.author, finding.id))
    assert time is not None and (time.lower_minutes, time.upper_minutes) == (40, 91)


async def test_an_absence_needs_a_place_and_an_exhibit(work: Casework) -> None:
    findings, now = work.site.services.findings, work.site.clock.now()
    finding = await work.draft()
    for wrong in (
        LookOrder(2, "k", "absent", now, "", "", work.capture_id), LookOrder(2, "k", "absent", now, "header"),
        LookOrder(5, "k", "present", now), LookOrder(2, "k", "perhaps", now),
        LookOrder(2, "k", "present", now + timedelta(days=1)), LookOrder(2, "k" * 65, "present", now),
    ):  # fmt: skip
        with pytest.raises(BadInput):
            await findings.look(work.author, finding.id, wrong)
    with pytest.raises(NotFound):
        await findings.look(work.author, finding.id, LookOrder(2, "k", "present", now, "header", "", "0" * 64))


async def test_looks_are_taken_over_from_the_signed_statement(work: Casework) -> None:
    seen = [
        {"layer": 1, "kind": "ai_disclosure", "state": "absent", "where": "caption", "selector": "#caption"},
        {"layer": 2, "kind": "ai_label", "state": "absent", "where": "header"},
        {"layer": 9, "kind": "nonsense", "state": "absent"},
    ]
    capture_id = await (await work.site.pair("Another")).capture(labelObservations=seen)
    await work.site.services.cases.exhibits.add(work.author, work.case.id, capture_id)
    finding = await work.draft("ai_unlabelled")
    findings = work.site.services.findings
    assert await findings.take_looks(work.author, finding.id, capture_id) == 2
    looks = (await findings.read(work.author, finding.id)).looks
    assert [(one.layer, one.state) for one in looks] == [(1, "absent"), (2, "not_checked")], "an absence without a place is none"
    with pytest.raises(NotFound):
        await findings.take_looks(work.author, finding.id, "0" * 64)


async def test_another_organisation_learns_nothing_of_a_finding(work: Casework) -> None:
    findings, stranger = work.site.services.findings, await work.site.other_organisation()
    finding = await work.confirmed()
    for finding_id in (finding.id, uuid4()):
        for act in (
            findings.read(stranger, finding_id), findings.history(stranger, finding_id),
            findings.revise(stranger, finding_id, 1, (work.body(), "x")), findings.take_looks(stranger, finding_id,
            work.capture_id),
            findings.reviews.judge(stranger, finding_id, 1, ("rejected", "x")),
            findings.look(stranger, finding_id, LookOrder(2, "k", "present", work.site.clock.now())),
        ):  # fmt: skip
            with pytest.raises(NotFound) as refused:
                await act
            assert refused.value.data == {"kind": "finding", "id": str(finding_id)}
    for act in (
        findings.lists.page(stranger, work.case.id, 9),
        findings.draft(stranger, work.case.id, "silence_violation", work.body()),
    ):
        with pytest.raises(NotFound):
            await act


async def test_a_fact_checker_drafts_but_does_not_review(work: Casework) -> None:
    ida = await work.site.colleague(work.author.organisation_id, "fact_checker")
    finding = await work.draft()
    with pytest.raises(Forbidden):
        await work.judge(finding, "reviewed", by=ida)
    with pytest.raises(NotFound):
        await work.site.services.findings.draft(ida, work.case.id, "silence_violation", work.body())
    await work.site.services.cases.members.add(work.author, work.case.id, ida.operator_id, "contributor")
    assert (await work.site.services.findings.draft(ida, work.case.id, "silence_violation", work.body())).number == 2


async def test_a_finding_of_an_unknown_type_is_refused(work: Casework) -> None:
    with pytest.raises(BadInput):
        await work.draft("illegal_content")
