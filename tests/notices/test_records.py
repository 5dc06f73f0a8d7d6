"""A notice from draft to complaint: every event stays, what holds follows from them, and nobody does more than they may."""

from datetime import timedelta
from typing import Any

import psycopg
import pytest

from server.errors import BadInput, Forbidden, NotFound
from server.findings.body import SilenceChoice
from server.notices.bodies import Content, parse_content
from server.notices.errors import NoticeRefused
from server.notices.models import Notice
from server.notices.pinning import ItemOrder
from server.notices.service import DraftOrder, NoticeView, SendOrder
from server.notices.values import StatedTime
from server.trust.dsse import parse_envelope
from server.trust.events import parse_event
from tests.notices.said import URL, WINDOW, at
from tests.services.casework import Casework
from tests.web.site import Site

REMOVED = "DECISION_VISIBILITY_CONTENT_REMOVED"


@pytest.fixture
async def work(site: Site) -> Casework:
    """A case with exhibit 1 and the confirmed F-1."""
    made = await Casework.begin(site)
    await made.confirmed()
    return made


def order(**changes: Any) -> DraftOrder:
    values: dict[str, Any] = {"platform": "X", "route": "dsa_art16", "title": "A post on the eve", "items": (ItemOrder(URL, 1),)}
    return DraftOrder(**values | {"silence": SilenceChoice(**WINDOW)} | changes)


async def drafted(work: Casework, **changes: Any) -> Notice:
    return await work.site.services.notice_records.draft(work.author, work.case.id, order(**changes))


async def sent(work: Casework, text: str = "07-06 12:00", **changes: Any) -> Notice:
    notice = await drafted(work)
    await work.site.services.notice_records.send(work.author, notice.id, SendOrder(at(text), "form", "desk", **changes))
    return notice


async def add(work: Casework, notice: Notice, kind: str, *, by: Any = None, **values: Any) -> None:
    await work.site.services.notice_records.add(by or work.author, notice.id, said(kind, **values))


def said(kind: str, **values: Any) -> Content:
    when = {} if kind in ("noted", "dropped") else {"at": at("07-06 13:00")}
    return parse_content({"kind": kind} | when | values)


def seen(availability: str, **shown: Any) -> dict[str, Any]:
    return {"seen": [{"url": URL, "availability": availability, "shown": shown or {"no_capture": "on a phone"}}]}


async def view(work: Casework, notice: Notice) -> NoticeView:
    return await work.site.services.notice_records.read(work.author, notice.id)


async def test_a_notice_goes_from_a_broken_form_to_a_complaint(work: Casework) -> None:
    notice = await drafted(work)
    steps: list[tuple[str, str, dict[str, Any]]] = [
        ("attempted", "attempt_failed", {
            "channel": "form", "failure": "form_broken", "error_text": "Something went wrong", "at": at("07-06 11:00"),
            "shown": {"capture_id": work.capture_id},
        }),
        ("sent", "sent", {}),
        ("acknowledged", "acknowledged", {"mode": "automatic", "reference": "00012345678901234567"}),
        ("replied", "acknowledged", {"mode": "oral", "said_by": "policy lead", "text": "We look at it."}),
        ("decided", "decided", {
            "mode": "written", "decisions": [REMOVED], "applied_at": at("07-06 14:00"), "at": at("07-06 15:00"),
        }),
        ("looked", "effective", {"at": at("07-07 12:00"), "country": "FR", **seen("removed_by_platform")}),
        ("complained", "appealed", {"remedy": "internal_complaint", "at": at("07-08 12:00")}),
        ("resolved", "effective", {"of": 8, "result": "rejected", "at": at("07-09 12:00")}),
        ("noted", "effective", {"text": "closed"}),
    ]  # fmt: skip
    for kind, state, values in steps:
        if kind == "sent":
            form = SendOrder(at("07-06 12:00"), "form", "desk", reference="R-1")
            await work.site.services.notice_records.send(work.author, notice.id, form)
        else:
            await add(work, notice, kind, **values)
        assert (await view(work, notice)).tracked.standing.state == state, kind
    found = await view(work, notice)
    standing = found.tracked.standing
    assert standing.sent is not None and standing.sent.window is not None and standing.sent.window.verified
    [item] = standing.sent.items
    assert item.finding is not None and (item.finding.number, item.finding.version, item.finding.state) == (1, 1, "confirmed")
    assert standing.appeal_until is not None and standing.appeal_until.isoformat() == "2025-01-06"
    assert standing.acknowledged == at("07-06 13:00")
    timed = found.tracked.whole
    assert timed is not None and (timed.seconds, timed.in_window, timed.basis) == ((7200, 7200), "in", "stated_and_seen")
    assert [one.name for one in found.open] == ["after_1h", "after_24h", "window_end"]
    chain = await work.site.services.custody.chain(f"case:{work.case.id}", organisation_id=work.case.organisation_id)
    kinds = [one.type for one in chain if one.type.startswith("notice.")]
    assert kinds == ["notice.drafted", *(f"notice.{kind}" for kind, _, _ in steps)]
    told = b"".join(parse_envelope(one.envelope).payload for one in chain)
    assert b"notice.attempted" in told and b"Something went wrong" not in told
    await work.site.sound()


async def test_a_planned_look_stands_in_the_chain_without_its_words(work: Casework) -> None:
    notice = await sent(work, checks=())
    await work.site.services.notice_records.plan(work.author, notice.id, at("07-09 12:00"), "look again at the shop")
    chain = await work.site.services.custody.chain(f"case:{work.case.id}", organisation_id=work.case.organisation_id)
    payload = parse_envelope(chain[-1].envelope).payload
    details = parse_event(payload).details
    assert chain[-1].type == "notice.recheck_planned" and details["dueAt"] == "2024-07-09T12:00:00.000Z"
    assert details["number"] == notice.number and b"shop" not in payload
    assert [one.name for one in (await view(work, notice)).open] == ["own"]


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("attempted", {"channel": "form", "failure": "refused", "shown": {}}),
        ("attempted", {"channel": "form", "failure": "bored", "shown": {"no_capture": "x"}}),
        ("replied", {"mode": "oral", "text": "yes"}),
        ("replied", {"mode": "written", "text": "yes"}),
        ("decided", {"mode": "written", "decisions": []}),
        ("decided", {"mode": "written", "decisions": ["NO_VIOLATION", REMOVED]}),
        ("decided", {"mode": "oral", "decisions": [REMOVED]}),
        ("looked", seen("gone")),
        ("looked", seen("geo_blocked")),
        ("looked", seen("online", capture_id="0" * 64, no_capture="both")),
        ("noted", {"text": ""}),
        ("noted", {"text": "a\x00b"}),
        ("rumoured", {"text": "x"}),
    ],
)
def test_half_a_statement_is_none(kind: str, values: dict[str, Any]) -> None:
    with pytest.raises(BadInput):
        said(kind, **values)


async def test_what_cannot_be_as_things_stand_is_refused_and_leaves_nothing(work: Casework) -> None:
    notice = await drafted(work)
    for kind in ("acknowledged", "decided"):
        with pytest.raises(NoticeRefused):
            await add(work, notice, kind, mode="automatic", **({"decisions": [REMOVED]} if kind == "decided" else {}))
    records = work.site.services.notice_records
    await records.send(work.author, notice.id, SendOrder(at("07-06 12:00"), "form", "desk"))
    [hour, *_] = (await view(work, notice)).open
    early = {"recheck_id": hour.id, "at": at("07-06 12:30"), **seen("online")}
    wrong: list[tuple[type[Exception], str, dict[str, Any]]] = [
        (NoticeRefused, "acknowledged", {"mode": "automatic", "at": at("07-06 11:00")}),
        (BadInput, "acknowledged", {"mode": "automatic", "at": at("2030-01-01 11:00")}),
        (NotFound, "acknowledged", {"mode": "automatic", "capture_id": "f" * 64}),
        (BadInput, "acknowledged", {"mode": "automatic", "capture_id": work.capture_id, "at": at("07-06 13:00", 1, "capture")}),
        (NoticeRefused, "looked", early),
        (NotFound, "looked", {**seen("online"), "recheck_id": notice.id}),
        (BadInput, "looked", {"seen": [{"url": URL + "9", "availability": "online", "shown": {"no_capture": "x"}}]}),
        (NotFound, "dropped", {"recheck_id": notice.id, "reason": "x"}),
        (NotFound, "resolved", {"of": 1, "result": "upheld"}),
    ]
    for error, kind, values in wrong:
        with pytest.raises(error):
            await add(work, notice, kind, **values)
    with pytest.raises(NoticeRefused):
        await records.send(work.author, notice.id, SendOrder(at("07-06 12:00"), "form", "desk"))
    with pytest.raises(NoticeRefused):
        await records.revise(work.author, notice.id, 1, (order(title="another"), "late"))
    assert len((await view(work, notice)).entries) == 2
    bad = [
        ("items", {"items": ()}), ("items", {"items": (ItemOrder("feed"),)}),
        ("items", {"items": (ItemOrder(URL), ItemOrder(URL))}),
        ("route", {"route": "pigeon"}), ("silence", {"silence": SilenceChoice(**WINDOW | {"rule_id": "PL-SILENCE"})}),
    ]  # fmt: skip
    for field, changes in bad:
        with pytest.raises(BadInput) as refused:
            await drafted(work, **changes)
        assert refused.value.data["field"] == field
    with pytest.raises(NotFound):
        await drafted(work, items=(ItemOrder(URL, 99),))


async def test_a_struck_event_stays_and_opens_what_it_had_settled(work: Casework, database_url: str) -> None:
    notice, records = await sent(work), work.site.services.notice_records
    [hour, *_] = (await view(work, notice)).open
    await add(work, notice, "looked", recheck_id=hour.id, **seen("removed_by_platform"))
    settled = await view(work, notice)
    assert settled.tracked.standing.state == "sent" and len(settled.open) == 2, (
        "nobody saw it there: it may have been gone before"
    )
    with pytest.raises(NotFound):
        await add(work, notice, "looked", recheck_id=hour.id, **seen("online"))
    await records.strike(work.author, notice.id, 3, "the wrong address was open")
    reopened = await view(work, notice)
    assert reopened.tracked.standing.state == "sent" and len(reopened.entries) == 4
    assert (reopened.open[0].name, reopened.open[0].due_at) == ("after_1h", hour.due_at)
    await records.strike(work.author, notice.id, 2, "it was never sent")
    unsent = await view(work, notice)
    assert unsent.tracked.standing.state == "drafted" and unsent.open == () and unsent.tracked.whole is None
    await records.revise(work.author, notice.id, 1, (order(title="Better words"), "a typing error"))
    await records.send(work.author, notice.id, SendOrder(at("07-06 12:30"), "e-mail", "desk", checks=("after_24h",)))
    again = await view(work, notice)
    assert again.tracked.standing.draft.title == "Better words" and [one.name for one in again.open] == ["after_24h"]
    for seq in (1, 99, 4):
        with pytest.raises((BadInput, NotFound)):
            await records.strike(work.author, notice.id, seq, "x")
    for table in ("notice", "notice_event", "notice_recheck", "notice_table"):
        with psycopg.connect(database_url) as connection, pytest.raises(psycopg.errors.CheckViolation):
            connection.execute(f"DELETE FROM {table}")
    await work.site.sound()


async def test_re_checks_become_due_and_are_listed_until_somebody_looked(work: Casework) -> None:
    clock, rechecks = work.site.services.clock, work.site.services.notice_records.rechecks
    now = clock.now()
    notice = await sent(work, (now - timedelta(minutes=59)).strftime("%Y-%m-%d %H:%M:%S"))
    listed = await rechecks.of_case(work.author, work.case.id, clock.now())
    assert [(one.recheck.name, one.is_due) for one in listed] == [("after_1h", False), ("after_24h", False)], "the window is over"
    assert work.site.clock is not None
    work.site.clock.move(60)
    due = await rechecks.of_everybody(work.author, clock.now())
    assert [one.is_due for one in due] == [True, False]
    await work.site.services.notice_records.plan(work.author, notice.id, StatedTime(value=now), "before the debate")
    await add(work, notice, "dropped", recheck_id=due[1].recheck.id, reason="the account is closed")
    look = {"at": StatedTime(value=clock.now(), precision_s=1), "recheck_id": due[0].recheck.id}
    await add(work, notice, "looked", **look, **seen("login_wall"))
    left = await rechecks.of_case(work.author, work.case.id, clock.now())
    assert [(one.recheck.name, one.recheck.note) for one in left] == [("own", "before the debate")]
    stranger = await work.site.other_organisation()
    assert await rechecks.of_everybody(stranger, clock.now()) == []
    with pytest.raises(NotFound):
        await rechecks.of_case(stranger, work.case.id, clock.now())


async def test_who_may_do_what(work: Casework) -> None:
    site, records, cases = work.site, work.site.services.notice_records, work.site.services.cases
    notice = await drafted(work)
    checker = await site.colleague(work.author.organisation_id, "fact_checker", name="Checker")
    investigator = await site.colleague(work.author.organisation_id, "investigator")
    await cases.members.add(work.author, work.case.id, checker.operator_id, "contributor")
    await add(work, notice, "noted", by=checker, text="the form asks for a telephone number")
    form = SendOrder(at("07-06 12:00"), "form", "desk")
    guest = await site.other_organisation()
    with pytest.raises(NotFound) as unseen:
        await records.read(guest, notice.id)
    assert unseen.value.data == {"kind": "notice", "id": str(notice.id)}
    await cases.members.redeem(guest, await cases.members.invite(work.author, work.case.id, "contributor"))
    for somebody in (checker, guest):
        with pytest.raises(Forbidden):
            await records.send(somebody, notice.id, form)
    await records.send(investigator, notice.id, form)
    await add(work, notice, "looked", by=guest, **seen("online"))
    to_authority = {"remedy": "authority_complaint", "body": "the coordinator"}
    with pytest.raises(Forbidden):
        await add(work, notice, "complained", by=investigator, **to_authority)
    with pytest.raises(Forbidden):
        await add(work, notice, "complained", by=guest, remedy="internal_complaint")
    await add(work, notice, "complained", **to_authority)
    for seq, somebody in ((3, checker), (3, guest), (5, investigator)):
        with pytest.raises(Forbidden):
            await records.strike(somebody, notice.id, seq, "x")
    with pytest.raises(Forbidden):
        await records.tables.freeze(guest, work.case.id, "x", "notices")
    with pytest.raises(Forbidden):
        await records.tables.freeze(checker, work.case.id, "x", "notices")


async def test_the_document_that_was_sent_is_one_of_the_case(work: Casework) -> None:
    from server.cases.service import CaseOrder
    from server.exports.kind import CaseExportOrder

    services = work.site.services
    asked = CaseExportOrder("internal", "p", "r")
    made = await services.case_exports.request(work.author, work.case.id, "tables", asked, queued=False)
    notice = await drafted(work, export_id=made.id)
    pinned = (await view(work, notice)).tracked.standing.draft.document
    assert pinned is not None and (pinned.export_id, pinned.content_sha256) == (made.id, made.content_sha256)
    elsewhere = await services.cases.open(work.author, CaseOrder("Another"))
    with pytest.raises(NotFound):
        await services.notice_records.draft(work.author, elsewhere.id, order(items=(ItemOrder(URL),), export_id=made.id))
