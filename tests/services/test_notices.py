"""Notices of a case: about confirmed findings only, resting on laws or on policies but never on both, for the platform's eyes."""

import json
from typing import Any

import pytest

from server.errors import Forbidden, NotFound
from server.exports.documents.notice import NoticeDraft
from server.exports.errors import ExportRefused
from server.exports.notices import NoticeOrder
from tests.exports.test_notice import validator
from tests.services.casework import Casework, subject
from tests.web.site import Site

SAID: dict[str, Any] = {
    "provider": "A platform", "notifier_name": "A person", "notifier_email": "desk@network.example", "findings": [1],
    "explanation": "It was posted in the silence period.", "territorial_scope": ["FR"], "bona_fide": True,
}  # fmt: skip
URL = "https://x.example/a/1"


@pytest.fixture
async def work(site: Site) -> Casework:
    """F-1 alleges a law, F-2 a law and a policy, F-3 a feed's address; F-4 is a draft."""
    made = await Casework.begin(site)
    await made.confirmed(subject=subject(1, url=URL), assessment="ASSESSMENT")
    await made.confirmed(subject=subject(2, url=URL), bases=["fr/code-electoral/L49", "platform-policy/impersonation"])
    await made.confirmed(subject=subject(3, url="https://x.example/search?q=a"))
    await made.draft(subject=subject(4))
    return made


def order(kind: Any = "dsa_notice", **said: Any) -> NoticeOrder:
    return NoticeOrder(kind, "to have it looked at", NoticeDraft.model_validate(SAID | said))


async def test_a_notice_rests_on_laws_and_a_report_on_policies(work: Casework) -> None:
    notices = work.site.services.notices
    made = await notices.request(work.author, work.case.id, order(findings=[2, 1]))
    found = await work.files(made.id)
    said = json.loads(found["notice.json"])
    validator().validate(said)
    assert [one["finding"] for one in said["items"]] == ["F-2", "F-1"] and said["items"][1]["url"] == URL
    assert [one["id"] for one in said["grounds"]] == ["fr/code-electoral/L49"]
    assert (made.profile, made.recipient, made.kind) == ("platform", "A platform", "dsa_notice")
    for name, data in found.items():
        for hidden in (b"ASSESSMENT", b"Reviewer", work.author.urn.encode()):
            assert hidden not in data, (name, hidden)
    report = await notices.request(work.author, work.case.id, order("policy_report", findings=[2]))
    policy = json.loads((await work.files(report.id))["policy-report.json"])
    assert [one["id"] for one in policy["grounds"]] == ["platform-policy/impersonation"] and policy["kind"] == "policy_report"
    chain = await work.site.services.custody.chain(f"case:{work.case.id}", organisation_id=work.case.organisation_id)
    assert [event.type for event in chain].count("case.exported") == 2
    await work.site.sound()


async def test_what_is_refused_is_not_stored(work: Casework) -> None:
    services, stranger = work.site.services, await work.site.other_organisation()
    checker = await work.site.colleague(work.author.organisation_id, "fact_checker")
    for actor, asked, error in (
        (work.author, order(bona_fide=False), ExportRefused),
        (work.author, order("policy_report"), ExportRefused),
        (work.author, order(findings=[3]), ExportRefused),
        (work.author, order(findings=[4]), NotFound),
        (work.author, order(findings=[9]), NotFound),
        (checker, order(), Forbidden),
        (stranger, order(), NotFound),
    ):
        for ask in (services.notices.request, services.notices.preview):
            with pytest.raises(error):
                await ask(actor, work.case.id, asked)
    assert await services.case_exports.of_case(work.author, work.case.id) == []


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"notifier_name": ""}, "name"),
    ({"notifier_email": ""}, "email"),
    ({"notifier_email": "desk at network"}, "email"),
    ({"explanation": ""}, "explanation"),
    ({"explanation": "é" * 2001}, "explanation_too_long"),
    ({"findings": ()}, "legal_basis"),
    ({"findings": (3,)}, "exact_url"),
    ({"bona_fide": False}, "bona_fide"),
]


async def test_each_refusal_stops_the_notice_on_its_way(work: Casework) -> None:
    services = work.site.services
    for said, code in REFUSED:
        with pytest.raises(ExportRefused) as refused:
            await services.notices.request(work.author, work.case.id, order(**said))
        assert code in [one.partition(":")[0] for one in refused.value.data["missing"]], said  # type: ignore[attr-defined]
    assert await services.case_exports.of_case(work.author, work.case.id) == []


async def test_the_form_names_everything_missing_shows_it_and_makes_it(work: Casework) -> None:
    person = await work.site.person(work.author)
    path = f"/cases/{work.case.id}/exports/notices/dsa_notice"
    assert path in (await person.get(f"/cases/{work.case.id}/exports")).text
    form = (await person.get(path)).text
    assert '<option value="OTHER" selected>Another type</option>' in form and ">SYNTHETIC_MEDIA<" not in form
    assert '<option value="HIDDEN_ADVERTISEMENT">Hidden advertisement</option>' in form, (
        "words for codes of the Transparency Database"
    )
    sent = {name: str(value) for name, value in SAID.items() if isinstance(value, str)}
    sent |= {"findings": "F-1", "territorial_scope": "fr", "purpose": "p", "keyword": "VIOLATION_NATIONAL_LAW"}
    refused = await person.post(path, data=sent | {"notifier_email": "", "act": "make"})
    assert refused.status_code == 409 and "It was posted in the silence period." in refused.text
    assert 'data-missing="email"' in refused.text and 'data-missing="bona_fide"' in refused.text
    assert (await person.post(path, data=sent | {"findings": "F-9", "act": "make"})).status_code == 404
    shown = await person.post(path, data=sent | {"bona_fide": "yes", "act": "check"})
    assert shown.status_code == 200 and "good-faith belief" in shown.text and URL in shown.text
    made = await person.post(path, data=sent | {"bona_fide": "yes", "act": "make"})
    assert made.status_code == 303
    assert (await person.get(f"{made.headers['location']}/file")).status_code == 200
    assert (await person.get(f"/cases/{work.case.id}/exports/notices/rumour")).status_code == 422
