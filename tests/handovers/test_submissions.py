"""Records of submission: which file went to whom, the case number that came back, and what a supplement changed."""

import hashlib
import json
from datetime import timedelta

import pytest

from server.errors import BadInput, Forbidden, NotFound
from server.handovers.errors import HandoverRefused
from server.handovers.submissions import SubmissionOrder
from tests.handovers.desk import Desk

FIRST, SECOND = "a" * 64, "b" * 64


def files(*captures: str, findings: bytes = b"1") -> dict[str, bytes]:
    shots = {f"data/captures/{one}/screenshot.png": one.encode() for one in captures}
    return shots | {"data/metadata/findings.jsonl": findings}


async def test_a_supplement_tells_what_it_adds_to_the_submission_with_its_case_number(desk: Desk) -> None:
    person, submissions = await desk.site.person(), desk.site.services.handovers.submissions
    earlier, later = await desk.bundle(files(FIRST)), await desk.bundle(files(FIRST, SECOND, findings=b"2"))
    sent = {"kind": "bundle", "thing": earlier, "addressee": "The <i>regulator</i>", "channel": "portal", "sent_at": "2026-03-01"}
    answer = await person.post("/submissions", data=sent)
    assert answer.status_code == 303, answer.text
    first = answer.headers["location"]
    number = {"case_number": "2026/17-<b>", "replied_at": "2026-03-02 10:00"}
    assert (await person.post(f"{first}/replies", data=number)).status_code == 303
    shown = (await person.get(first)).text
    assert "2026/17-&lt;b&gt;" in shown and "The &lt;i&gt;regulator" in shown
    more = sent | {"thing": later, "supplements": first.rsplit("/", 1)[1], "sent_at": "2026-03-03"}
    second = (await person.post("/submissions", data=more)).headers["location"]
    page = (await person.get(second)).text
    assert SECOND in page and "What changed since" in page
    changes = json.loads((await person.get(f"{second}/changes.json")).content)
    assert [one["capture"] for one in changes["exhibits"]["added"]] == [SECOND] and changes["exhibits"]["same"] == 1
    assert [one["path"] for one in changes["files"]["changed"]] == ["data/metadata/findings.jsonl"]
    assert second in (await person.get(first)).text and first in page
    listed = await submissions.latest(desk.lead)
    assert [row.channel for row in listed] == ["portal", "portal"]
    chain = await desk.events(f"submission:{first.rsplit('/', 1)[1]}")
    assert [event.type for event in chain] == ["submission.recorded", "submission.answered"]
    assert chain[0].subject_sha256 == listed[1].file_sha256 and chain[1].details["caseNumber"] == "2026/17-<b>"
    made = await desk.link(kind="bundle", thing_id=later, supplements=listed[1].id)
    browser, path = await desk.opened(made)
    given = (await browser.get(f"{path}/files/changes.json")).content
    assert given == (await person.get(f"{second}/changes.json")).content
    assert hashlib.sha256(given).hexdigest() == made.row.files[1]["sha256"]
    await desk.site.sound()


async def test_refusals_leave_no_record(desk: Desk) -> None:
    submissions, now = desk.site.services.handovers.submissions, desk.site.clock.now()
    bundle = await desk.bundle()
    stranger = await desk.site.other_organisation()
    investigator = await desk.site.colleague(desk.lead.organisation_id, "investigator")

    def order(**changes: object) -> SubmissionOrder:
        return SubmissionOrder(
            **({"kind": "bundle", "thing_id": bundle, "addressee": "R", "channel": "post", "sent_at": now} | changes)
        )  # type: ignore[arg-type]

    for changes, error in (
        ({"channel": "pigeon"}, BadInput),
        ({"sent_at": now + timedelta(hours=1)}, BadInput),
        ({"addressee": ""}, BadInput),
        ({"kind": "capture", "thing_id": desk.capture_id}, HandoverRefused),
        ({"supplements": desk.lead.operator_id}, NotFound),
    ):
        with pytest.raises(error):
            await submissions.record(desk.lead, order(**changes))
    with pytest.raises(NotFound):
        await submissions.record(stranger, order())
    with pytest.raises(Forbidden):
        await submissions.record(investigator, order())
    assert await submissions.latest(desk.lead) == []
    row = await submissions.record(desk.lead, order())
    with pytest.raises(BadInput):
        await submissions.reply(desk.lead, row.id, (" ", ""), now)
    for person in (stranger, investigator):
        assert await submissions.latest(person) == []
        for ask in (submissions.read(person, row.id), submissions.reply(person, row.id, ("7", ""), now)):
            with pytest.raises(NotFound):
                await ask
    with pytest.raises(NotFound):
        await submissions.changes(desk.lead, row.id)
