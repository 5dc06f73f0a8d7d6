"""Rapid notifications of a case: confirmed findings of one platform, by the channel the rules know, through form and command."""

import json
import re
from typing import Any

import pytest

from server.errors import BadInput, Forbidden, NotFound
from server.exports.documents.rapid import RapidDraft
from server.exports.errors import ExportRefused
from server.exports.rapid import RapidOrder
from server.web.pages import proposals
from tests.exports.test_rapid import SAID
from tests.services.casework import Casework, subject
from tests.web.site import Site

URL = "https://x.example/a/1"


@pytest.fixture
async def work(site: Site) -> Casework:
    """F-1 alleges a law only, F-2 a policy, F-3 is about a platform without a channel; F-4 is a draft."""
    made = await Casework.begin(site)
    await made.confirmed(subject=subject(1, url=URL), assessment="ASSESSMENT", language="fr")
    await made.confirmed(subject=subject(2, url=URL), bases=["platform-policy/impersonation"])
    await made.confirmed(subject=subject(3, url=URL, platform="telegram"))
    await made.draft(subject=subject(4))
    return made


def order(**said: Any) -> RapidOrder:
    return RapidOrder("to have it looked at", RapidDraft.model_validate(SAID | {"findings": [2, 1]} | said))


async def test_a_notification_is_of_confirmed_findings_and_hides_what_is_internal(work: Casework) -> None:
    made = await work.site.services.rapid.request(work.author, work.case.id, order())
    found = await work.files(made.id)
    said = json.loads(found["notification.json"])
    assert [one["finding"] for one in said["items"]] == ["F-2", "F-1"] and said["items"][1]["language"] == "fr"
    assert (said["channel"], said["provider"], said["poll_day"]) == ("facebook-rrs", "Meta", "2024-07-07")
    assert [one["id"] for one in said["grounds"]] == ["platform-policy/impersonation"], "never a law"
    assert (made.profile, made.recipient, made.kind) == ("platform", "facebook", "rrs")
    for name, data in found.items():
        for hidden in (b"ASSESSMENT", b"Reviewer", work.author.urn.encode()):
            assert hidden not in data, (name, hidden)
    await work.site.sound()


async def test_what_is_refused_is_not_stored(work: Casework) -> None:
    services, stranger = work.site.services, await work.site.other_organisation()
    checker = await work.site.colleague(work.author.organisation_id, "fact_checker")
    for actor, asked, error in (
        (work.author, order(platform="telegram", findings=[3]), ExportRefused),
        (work.author, order(findings=[1, 3]), ExportRefused),
        (work.author, order(findings=[4]), NotFound),
        (checker, order(), Forbidden),
        (stranger, order(), NotFound),
    ):
        for ask in (services.rapid.request, services.rapid.preview):
            with pytest.raises(error):
                await ask(actor, work.case.id, asked)
    with pytest.raises(BadInput):
        await services.rapid.request(work.author, work.case.id, RapidOrder("", order().draft))
    assert await services.case_exports.of_case(work.author, work.case.id) == []


async def test_the_form_names_everything_missing_shows_it_and_makes_it(work: Casework) -> None:
    person = await work.site.person(work.author)
    path = f"/cases/{work.case.id}/exports/rapid"
    assert path in (await person.get(f"/cases/{work.case.id}/exports")).text
    assert (await person.get(path)).status_code == 200
    sent = {name: value for name, value in SAID.items() if isinstance(value, str)} | {"purpose": "p", "findings": "F-2"}
    refused = await person.post(path, data=sent | {"urgency": "", "why_now": "é" * 2001, "act": "make"})
    assert refused.status_code == 409 and "é" * 2001 in refused.text and 'data-count="2001"' in refused.text
    assert 'data-missing="urgency"' in refused.text and 'data-missing="why_now_too_long"' in refused.text
    assert (await person.post(path, data=sent | {"findings": "F-9", "act": "make"})).status_code == 404
    assert (await person.post(path, data=sent | {"policy_capture": "x", "act": "check"})).status_code == 422
    shown = await person.post(path, data=sent | {"act": "check"})
    assert shown.status_code == 200 and URL in shown.text and "Impersonation" in shown.text
    made = await person.post(path, data=sent | {"act": "make"})
    assert made.status_code == 303 and (await person.get(f"{made.headers['location']}/file")).status_code == 200


async def test_what_was_ticked_stays_when_newer_things_take_its_place_in_the_list(
    work: Casework, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(proposals, "PROPOSED", 1)
    person, path = await work.site.person(work.author), f"/cases/{work.case.id}/exports/rapid"
    sent = {name: value for name, value in SAID.items() if isinstance(value, str)} | {"purpose": "p", "act": "check"}
    shown = await person.post(path, data=sent | {"findings_ticked": ["F-1"], "policy_capture_chosen": "0" * 64})
    assert shown.status_code == 404 and 'value="F-1" checked' in shown.text and "F-2" not in shown.text
    assert f"<option selected>{'0' * 64}</option>" in shown.text


async def test_the_form_proposes_findings_with_their_states_and_exhibits(work: Casework) -> None:
    person, path = await work.site.person(work.author), f"/cases/{work.case.id}/exports/rapid"
    form = (await person.get(path)).text
    proposed = dict(re.findall(r'value="(F-\d)"( disabled)?>.*?class="pill', form))
    assert proposed == {"F-1": "", "F-2": "", "F-3": "", "F-4": " disabled"}, "a draft is there, and cannot be ticked"
    assert re.search(r'value="F-4" disabled>.*?<span class="pill ">Draft</span>', form) and ">Confirmed</span>" in form
    assert f'<option value="{work.capture_id}">1 · ' in form
    sent = {name: value for name, value in SAID.items() if isinstance(value, str)} | {"purpose": "p", "act": "check"}
    ticked = {"findings": "2", "findings_ticked": ["F-2", "F-1"], "policy_capture_chosen": work.capture_id}
    shown = await person.post(path, data=sent | ticked)
    assert shown.status_code == 200
    assert re.findall(r">(F-\d)  https", shown.text) == ["F-2", "F-1"], "typed and ticked, each once"
    assert f"The rule as captured: {work.capture_id}" in shown.text and 'value="F-1" checked' in shown.text
    for typed, told in (
        ({"findings": "F-9"}, "Confirmed findings, such as F-1, F-3: F-9 is no confirmed finding of this case."),
        ({"findings": "F-4"}, "F-4 is not confirmed (its newest version: Draft)."),
        ({"findings": "F-2", "policy_capture": "0" * 64}, f"{'0' * 64} is no capture that you may see."),
    ):
        refused = await person.post(path, data=sent | typed)
        assert refused.status_code == 404 and told in refused.text, typed
        assert all(f'value="{value}"' in refused.text for value in typed.values()), "nothing typed is lost"
    notice = (await person.get(f"/cases/{work.case.id}/exports/notices/dsa_notice")).text
    assert 'value="F-4" disabled' in notice and 'name="findings_ticked" value="F-3"' in notice
