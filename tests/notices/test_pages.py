"""The pages of notices, as people use them: what is typed is text and is never lost, what is due stands on the case's page."""

import re
from dataclasses import replace
from uuid import UUID

import httpx2
import pytest

from server.findings.body import SilenceChoice
from server.notices import rechecks, vocabulary
from server.notices.table import UNITS
from server.rules.catalogue import Catalogue
from server.rules.channels import ROUTES
from server.web.pages.notice_records import CHOICES, span
from server.web.texts import catalogue
from tests.notices.said import URL, WINDOW
from tests.services.casework import Casework
from tests.web.site import Site
from tests.web.test_case_pages import assert_inert, opened_case

DRAFT = {
    "title": "A post <b>pour</b> on the eve", "platform": "X", "route": "dsa_art16", "items": f"{URL}\n{URL}0",
    "silence": "FR-L49/FR-MET", "election": "FR-2024-AN-R2",
}  # fmt: skip
SENT = {"at": "2026-03-04 03:00", "channel": "form", "sent_by": "desk", "reference": "00012", "checks": ["after_1h", "after_24h"]}


async def drafted(site: Site) -> tuple[httpx2.AsyncClient, str, str]:
    """A browser of the case's lead, the case's path and the notice's."""
    person, case, _ = await opened_case(site)
    made = await person.post(f"{case}/notices/new", data=DRAFT)
    assert made.status_code == 303, made.text
    return person, case, made.headers["location"]


def events_in(page: str) -> list[str]:
    return re.findall(r'data-event="(\w+)"', page)


async def test_a_notice_is_followed_from_its_form_to_the_table(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    person, case, notice = await drafted(site)
    failed = {"at": "", "exhibit": "1", "channel": "form", "failure": "form_broken", "error_text": "Oops <script>"}
    assert (await person.post(f"{notice}/events/attempted", data=failed)).status_code == 303, "the time is the capture's"
    assert (await person.post(f"{notice}/sent", data=SENT)).status_code == 303
    page = await person.get(case)
    assert 'data-due-count="1"' in page.text, "sent two hours ago: one re-check is due"
    assert_inert(page)
    with monkeypatch.context() as cut:
        assert "There are more" not in (await person.get("/rechecks")).text
        cut.setattr(rechecks, "ROWS_LIMIT", 1)
        for path in ("/rechecks", f"{case}/notices"):
            assert "There are more: the earliest 1 are listed." in (await person.get(path)).text, "of two"
        assert "1 re-check is due" in (await person.get(case)).text, "the one that is due, however many are planned"
        cut.setattr(rechecks, "ROWS_LIMIT", 0)
        assert "At least 0 re-checks are due" in (await person.get(case)).text
    recheck = re.search(r'<option value="([0-9a-f-]{36})" selected', (await person.get(notice)).text)
    assert recheck is not None
    look = {"at": "2026-03-04 05:00", "recheck": recheck[1], "country": "fr", "no_capture": "seen on a phone"}
    look |= {"availability_1": "removed_by_platform", "availability_2": "online"}
    assert (await person.post(f"{notice}/events/looked", data=look)).status_code == 303
    answer = {"at": "2026-03-04 04:30", "mode": "written", "decisions": ["DECISION_VISIBILITY_CONTENT_REMOVED"], "exhibit": "1"}
    answer |= {"decided_items": [URL], "applied_at": "2026-03-04 04:00", "ends_on": "2026-09-01", "territories": "fr de"}
    assert (await person.post(f"{notice}/events/decided", data=answer)).status_code == 303
    complaint = {"at": "2026-03-04 05:01", "remedy": "internal_complaint"}
    assert (await person.post(f"{notice}/complaints", data=complaint)).status_code == 303
    shown = await person.get(notice)
    assert events_in(shown.text) == ["drafted", "attempted", "sent", "looked", "decided", "complained"]
    assert "Oops &lt;script&gt;" in shown.text and "complaint open" in shown.text and "removed" in shown.text
    assert_inert(shown)
    struck = await person.post(f"{notice}/events/4/strike", data={"reason": "the wrong address"})
    assert struck.status_code == 303 and "the wrong address" in (await person.get(notice)).text
    listed = await person.get(f"{case}/notices?unit=addresses")
    assert_inert(listed)
    assert 'data-platform="x"' in listed.text and "N-1" in listed.text
    frozen = await person.post(f"{case}/notices/tables", data={"label": "So far", "unit": "addresses"})
    table = await person.get(frozen.headers["location"])
    assert_inert(table)
    assert URL in table.text and (await person.get(f"{frozen.headers['location']}/list")).text.count("\n") == 2
    assert_inert(await person.get("/rechecks"))
    await site.sound()


async def test_what_is_refused_is_named_and_nothing_typed_is_lost(site: Site) -> None:
    person, case, notice = await drafted(site)
    lost = await person.post(f"{case}/notices/new", data=DRAFT | {"items": "the feed", "requested_action": "Take it down"})
    assert lost.status_code == 422 and 'role="alert"' in lost.text and "Take it down" in lost.text and "the feed" in lost.text
    for kind, data, status in (
        ("attempted", {"at": "2026-03-04 03:00", "channel": "the long form", "failure": "refused"}, 422),
        ("attempted", {"at": "2026-03-04 03:00", "channel": "the long form", "failure": "refused", "exhibit": "7"}, 422),
        ("attempted", {"at": "yesterday", "channel": "the long form", "failure": "refused", "no_capture": "x"}, 422),
        ("acknowledged", {"at": "2026-03-04 03:00", "mode": "oral", "said_by": "the long form"}, 409),
        ("looked", {"at": "2026-03-04 03:00", "no_capture": "the long form"}, 422),
    ):
        answer = await person.post(f"{notice}/events/{kind}", data=data)
        assert answer.status_code == status, (kind, data)
        if kind != "acknowledged":
            assert 'role="alert"' in answer.text and "the long form" in answer.text, (kind, data)
        assert_inert(answer)
    assert events_in((await person.get(notice)).text) == ["drafted"]
    reader = await site.person(await site.other_organisation())
    assert (await reader.get(notice)).status_code == 404


async def test_a_draft_is_revised_until_it_is_sent_and_what_it_said_before_stays(site: Site) -> None:
    person, _, notice = await drafted(site)
    assert f'href="{notice}/draft"' in (await person.get(notice)).text
    form = await person.get(f"{notice}/draft")
    assert_inert(form)
    assert "A post &lt;b&gt;pour&lt;/b&gt; on the eve" in form.text and f"{URL}\n{URL}0</textarea>" in form.text
    assert 'value="FR-L49/FR-MET" selected' in form.text and 'name="platform"' not in form.text
    better = {name: DRAFT[name] for name in ("items", "silence", "election")} | {"title": "Better words", "after": "1"}
    assert 'name="after" value="1"' in form.text
    for wrong in ({"reason": ""}, {"reason": "a typing error", "items": "the feed"}):
        refused = await person.post(f"{notice}/draft", data=better | wrong)
        assert refused.status_code == 422 and 'role="alert"' in refused.text and "Better words" in refused.text
    done = await person.post(f"{notice}/draft", data=better | {"reason": "a typing error"})
    assert (done.status_code, done.headers["location"]) == (303, notice)
    page = (await person.get(notice)).text
    assert (
        events_in(page) == ["drafted", "corrected"] and '<h1 class="break">Better words</h1>' in page and "a typing error" in page
    )
    mine = better | {"title": "My words", "reason": "mine"}
    crossed = await person.post(f"{notice}/draft", data=mine | {"export": "no id"})
    assert crossed.status_code == 422 and 'name="after" value="1"' in crossed.text, (
        "what was not looked at yet is not taken as seen"
    )
    crossed = await person.post(f"{notice}/draft", data=mine)
    assert crossed.status_code == 409 and "somebody revised the draft meanwhile" in crossed.text and "My words" in crossed.text
    assert 'name="after" value="2"' in crossed.text and events_in((await person.get(notice)).text) == ["drafted", "corrected"]
    assert (await person.post(f"{notice}/draft", data=mine | {"after": "2"})).status_code == 303
    assert (await person.post(f"{notice}/sent", data=SENT)).status_code == 303
    assert f'href="{notice}/draft"' not in (await person.get(notice)).text
    assert (await person.get(f"{notice}/draft")).headers["location"] == notice, "what was sent is only read"
    late = await person.post(f"{notice}/draft", data=better | {"reason": "too late"})
    assert late.status_code == 409 and "Better words" in late.text
    stranger = await site.person(await site.other_organisation())
    for answer in (await stranger.get(f"{notice}/draft"), await stranger.post(f"{notice}/draft", data=better)):
        assert answer.status_code == 404
    await site.sound()


@pytest.mark.parametrize("gone", ["territory", "rule", "election"])
async def test_a_window_that_the_rules_no_longer_have_stays_in_the_draft_and_is_said(
    site: Site, monkeypatch: pytest.MonkeyPatch, gone: str
) -> None:
    person, _, notice = await drafted(site)
    fewer = without(site.services.findings.catalogue, gone)
    monkeypatch.setattr(site.services.notice_records, "_catalogue", fewer)
    monkeypatch.setattr(site.services.findings, "catalogue", fewer)
    form = (await person.get(f"{notice}/draft")).text
    said = DRAFT["election" if gone == "election" else "silence"]
    assert f'<option value="{said}" selected>{said} (no longer among the rules)</option>' in form
    typed = {name: DRAFT[name] for name in ("items", "silence", "election")} | {
        "title": "Better words",
        "after": "1",
        "reason": "why",
    }
    assert (await person.post(f"{notice}/draft", data=typed)).status_code == 303
    view = await site.services.notice_records.read(await site.services.operators.ensure_default_operator(), UUID(notice[-36:]))
    kept = view.tracked.standing.draft
    assert kept.title == "Better words" and kept.silence == SilenceChoice(**WINDOW), (
        "what somebody chose is not lost by a revision"
    )
    refused = await person.post(f"{notice}/sent", data=SENT)
    assert refused.status_code == 422 and 'role="alert"' in refused.text, "nothing is sent under a rule that is not there"
    other = typed | {"after": "2", "silence": "FR-L49/FR-XX"}
    assert (await person.post(f"{notice}/draft", data=other)).status_code == 422, "nor is one chosen that never was"
    assert (await person.post(f"{notice}/draft", data=typed | {"after": "2", "silence": ""})).status_code == 303
    assert (await person.post(f"{notice}/sent", data=SENT)).status_code == 303


async def test_a_territory_that_the_rules_no_longer_have_stays_chosen_in_a_finding(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    work = await Casework.begin(site)
    finding = await work.draft()
    monkeypatch.setattr(site.services.findings, "catalogue", without(site.services.findings.catalogue, "territory"))
    form = (await (await site.person(work.author)).get(f"/findings/{finding.id}/edit")).text
    assert '<option value="FR-L49/FR-MET" selected>FR-L49/FR-MET (no longer among the rules)</option>' in form


def without(known: Catalogue, gone: str) -> Catalogue:
    """The rules as a later version of the packs might have them: without the territory, the rule or the election of WINDOW."""
    rule = known.silence[WINDOW["rule_id"]]
    if gone == "territory":
        left = replace(rule, territories=tuple(one for one in rule.territories if one.code != WINDOW["territory"]))
        return replace(known, silence=known.silence | {rule.id: left})
    if gone == "rule":
        return replace(known, silence={name: one for name, one in known.silence.items() if name != rule.id})
    return replace(known, elections={name: one for name, one in known.elections.items() if name != WINDOW["election_id"]})


def test_every_word_that_pages_show_has_a_text() -> None:
    texts = catalogue("en")
    wanted = [f"notice_kind.{one.value}" for one in vocabulary.EventKind]
    wanted += [f"notice_state.{one.value}" for one in vocabulary.NoticeState]
    for name, prefix in (
        ("failures", "failure"), ("modes", "mode"), ("sources", "stated_by"), ("availabilities", "availability"),
        ("decisions", "decision"), ("results", "result"), ("checks", "recheck"),
    ):  # fmt: skip
        wanted += [f"{prefix}.{word}" for word in CHOICES[name]]
    for name, prefix in (("grounds", "ground"), ("source_types", "source_type"), ("automated", "automated")):
        wanted += [f"{prefix}.{word or 'none'}" for word in CHOICES[name]]
    wanted += [f"remedy.{word}" for word in vocabulary.words_of(vocabulary.Remedy)]
    wanted += [f"notice_route.{route}" for route in ROUTES] + [f"notice_unit.{unit}" for unit in UNITS]
    from server.notices import timing

    for name, prefix in (("Outcome", "outcome_of"), ("Basis", "basis"), ("InWindow", "in_window")):
        wanted += [f"{prefix}.{word}" for word in vocabulary.words_of(getattr(timing, name))]
    assert [key for key in wanted if key not in texts] == []
    assert (span(0), span(59.6), span(3600), span(90_061)) == ("0 s", "1 min", "1 h", "1 d 1 h 1 min 1 s")
