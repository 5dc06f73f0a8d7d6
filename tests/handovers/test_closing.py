"""What closes a way out that was open before: a withdrawal meanwhile, another marking, another reader; and files of any form."""

import asyncio
from typing import Any

import pytest

from server.db import Database, run_sql
from server.exports.case_models import CaseExport
from server.exports.errors import ExportRefused
from server.exports.kind import CaseExportOrder
from server.handovers.errors import HandoverClosed, HandoverRefused
from server.handovers.models import Handover
from server.handovers.submissions import SubmissionOrder
from tests.handovers.desk import Desk
from tests.services.casework import Casework, subject


@pytest.fixture
async def work(desk: Desk) -> Casework:
    """A case marked TLP:CLEAR with a confirmed finding."""
    made = await Casework.begin(desk.site)
    await made.confirmed(subject=subject(1))
    await desk.site.services.cases.mark(made.author, made.case.id, "TLP:CLEAR")
    return made


async def export(work: Casework, kind: str, profile: str) -> CaseExport:
    exports = work.site.services.case_exports
    row = await exports.request(work.author, work.case.id, kind, CaseExportOrder(profile, "p", "r"), queued=False)
    assert await exports.maker.run(row.id) == "ready"
    return await exports.read(work.author, row.id)


def submission(desk: Desk, kind: str, thing: Any, **more: Any) -> SubmissionOrder:
    return SubmissionOrder(kind, str(thing), "The regulator", "post", desk.site.clock.now(), **more)  # type: ignore[union-attr]


async def until_something_waits(database: Database) -> None:
    async with asyncio.timeout(20), database.session() as session:
        waiting = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        while not await run_sql(session, waiting):
            await session.rollback()
            await asyncio.sleep(0.01)


async def test_what_waits_for_a_withdrawal_finds_the_link_closed(desk: Desk) -> None:
    made = await desk.link(kind="bundle", thing_id=await desk.bundle(), with_passcode=False)
    _, path = await desk.opened(made)
    key, name, services = path.rsplit("/", 1)[1], made.row.files[0]["name"], desk.site.services
    await services.handovers.visits.fetch(made.token, key, name)
    async with services.database.transaction() as session:
        row = await session.get_one(Handover, made.row.id, with_for_update=True)
        row.revoked_at = desk.site.clock.now()  # type: ignore[union-attr]
        asked = [
            asyncio.create_task(services.handovers.visits.fetch(made.token, key, name)),
            asyncio.create_task(services.handovers.visits.acknowledge(made.token, key, "Ada", "192.0.2.1")),
        ]
        await until_something_waits(services.database)
    answers = await asyncio.gather(*asked, return_exceptions=True)
    assert [type(one) for one in answers] == [HandoverClosed, HandoverClosed]
    assert await desk.told(made) == ["opened", "downloaded"]


async def test_what_was_made_for_the_public_stays_here_once_the_case_is_marked(desk: Desk, work: Casework) -> None:
    services = desk.site.services
    public, platform = [await export(work, "tables", profile) for profile in ("public", "platform")]
    await services.cases.mark(work.author, work.case.id, "TLP:AMBER")
    for ask in (desk.link(kind="case_export", thing_id=str(public.id)), services.case_exports.open_file(work.author, public.id)):
        with pytest.raises(ExportRefused, match="TLP:CLEAR"):
            await ask
    await desk.link(kind="case_export", thing_id=str(platform.id))
    await services.cases.mark(work.author, work.case.id, "TLP:CLEAR")
    await services.case_exports.open_file(work.author, public.id)


async def test_no_list_of_changes_tells_one_reader_what_another_was_given(desk: Desk, work: Casework) -> None:
    submissions = desk.site.services.handovers.submissions
    regulator = await submissions.record(desk.lead, submission(desk, "bundle", await desk.bundle()))
    public = await export(work, "tables", "public")
    earlier = await submissions.record(desk.lead, submission(desk, "case_export", public.id))
    elsewhere = await Casework.begin(desk.site)
    await desk.site.services.cases.mark(elsewhere.author, elsewhere.case.id, "TLP:CLEAR")
    other = await export(elsewhere, "tables", "public")
    for thing, before in ((public, regulator), (other, earlier)):
        with pytest.raises(HandoverRefused, match="another reader"):
            await desk.link(kind="case_export", thing_id=str(thing.id), supplements=before.id)
        with pytest.raises(HandoverRefused, match="another reader"):
            await submissions.record(desk.lead, submission(desk, "case_export", thing.id, supplements=before.id))
    made = await desk.link(kind="case_export", thing_id=str(public.id), supplements=earlier.id)
    assert [one["name"] for one in made.row.files][1:] == ["changes.json"]


async def test_a_file_that_is_no_zip_has_a_record_of_submission_too(desk: Desk, work: Casework) -> None:
    row = await export(work, "misp", "authority")
    await desk.site.services.case_exports.confirm(work.reviewer, row.id)
    made = await desk.site.services.handovers.submissions.record(desk.lead, submission(desk, "case_export", row.id))
    assert made.contents == {"exhibits": {}, "files": {"export.json": row.file_sha256}}
    link = await desk.link(kind="case_export", thing_id=str(row.id))
    assert link.row.files[0]["media_type"] == "application/octet-stream"
