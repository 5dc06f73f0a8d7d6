"""Something of each kind that an organisation has, with one word in all of it: what walks over routes ask for."""

import hashlib
import io
import re
from dataclasses import replace
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from server.captures.masked import MaskOrder
from server.exports.kind import CaseExportOrder
from server.findings.activities import ActivityOrder
from server.findings.body import SilenceChoice
from server.findings.service import LookOrder
from server.findings.statistics import Question
from server.handovers.links import LinkOrder
from server.handovers.submissions import SubmissionOrder
from server.notices.pinning import ItemOrder
from server.notices.service import DraftOrder, SendOrder
from server.notices.values import StatedTime
from server.operators.issuer import Vouched
from server.operators.passkeys import NewPasskey
from server.operators.sessions import Arrival
from server.operators.tokens import TokenOrder
from tests.handovers.desk import Desk
from tests.images.pages import capture_page, indexed
from tests.media.pictures import encoded, scene
from tests.services.casework import SILENCE, Casework
from tests.web.site import Device, Site

CANARY = "Zebrafinch"
ABSENT = "00000000-0000-4000-8000-000000000000"


async def everything(site: Site) -> tuple[Casework, dict[str, str]]:
    """Something of each kind in one organisation, each with the canary in its words; the ids by the names of path parameters."""
    services = site.services
    work = await Casework.begin(site)
    lead, case = work.author, work.case
    finding = await work.confirmed(facts=f"{CANARY} facts", narrative=CANARY, actor=CANARY)
    await services.findings.look(lead, finding.id, LookOrder(2, "k", "not_checked", site.clock.now(), CANARY))
    note = await services.cases.notes.write(lead, case.id, f"{CANARY} note")
    from server.cases.entities import EntityOrder, RelationOrder

    entity = await services.cases.entities.keep(lead, case.id, EntityOrder("account", CANARY, CANARY))
    other = await services.cases.entities.keep(lead, case.id, EntityOrder("account", "b", CANARY))
    relation = await services.cases.entities.relate(
        lead, case.id, RelationOrder("amplifies", entity.id, other.id, CANARY, "likely")
    )
    statistic = await services.findings.statistics.freeze(lead, CANARY, "posts", Question())
    token, _ = await services.tokens.create(lead, TokenOrder(CANARY, ("read",), 9))
    invitation = await services.people.invite(lead, ["fact_checker"])
    device = await site.pair(CANARY)
    pictures = await pictures_of(site, lead, device)
    person = await site.person()
    asked = {"kind": "bundle", "captures": [work.capture_id], "purpose": CANARY, "recipient": CANARY}
    export_id = (await person.post("/api/v1/exports", json=asked)).json()["export_id"]
    order = CaseExportOrder("internal", CANARY, CANARY)
    tables = await services.case_exports.request(lead, case.id, "tables", order, queued=False)
    await services.case_exports.maker.run(tables.id)
    held = await made_elsewhere(site, lead, case.id) | await ways_in(site, lead)
    held |= await judged_and_logged(site, work)
    handed = await handed_over(site, work, device)
    ids = {
        **handed,
        "note_id": str(note.id),
        "case_export_id": str(tables.id), "notice_kind": "dsa_notice", "of": "entities",
        "case_id": str(case.id), "finding_id": str(finding.id), "statistic_id": str(statistic.id), "capture_id": work.capture_id,
        "export_id": export_id, "device_id": device.pairing["device_id"], "token_id": str(token.id), "number": "1",
        "invitation_id": str(invitation.invitation_id), "operator_id": str(work.reviewer.operator_id), "name": "page.wacz",
        "relation_id": str(relation.id), "entity_id": str(entity.id), "token": "x", "upload_id": "0" * 32, **pictures,
        **await notice_of(site, lead, case.id), **held,
    }  # fmt: skip
    return work, ids


async def handed_over(site: Site, work: Casework, device: Device) -> dict[str, str]:
    """A masked copy, a link and a record of submission."""
    lead, exports = work.author, site.services.case_exports
    order = MaskOrder("screenshot.viewport.png", (), CANARY)
    masked = await site.services.captures.masked.make(lead, work.capture_id, order)
    tables = await exports.request(lead, work.case.id, "tables", CaseExportOrder("platform", CANARY, CANARY), queued=False)
    await exports.maker.run(tables.id)
    case_export_id = str(tables.id)
    ends = site.clock.now() + timedelta(days=3)  # type: ignore[union-attr]
    link = await site.services.handovers.links.make(lead, LinkOrder("case_export", case_export_id, CANARY, CANARY, ends))
    sent = SubmissionOrder("case_export", case_export_id, CANARY, "post", site.clock.now(), CANARY)  # type: ignore[union-attr]
    submission = await site.services.handovers.submissions.record(lead, sent)
    bundle = await Desk(site, lead, device, work.capture_id).bundle()  # of no case: the organisation alone says whose they are
    await site.services.handovers.links.make(lead, LinkOrder("bundle", bundle, CANARY, CANARY, ends))
    await site.services.handovers.submissions.record(lead, replace(sent, kind="bundle", thing_id=bundle))
    return {"masked_id": str(masked.id), "handover_id": str(link.row.id), "submission_id": str(submission.id)}


async def ways_in(site: Site, lead: Any) -> dict[str, str]:
    """A passkey, what an issuer knows the person by, and an open session."""
    services = site.services
    new = NewPasskey(lead.operator_id.bytes, b"key", 0, False)
    passkey_id = (await services.accounts.add_passkey(lead, new, CANARY)).passkey_id
    await services.accounts.bind(lead, Vouched("https://id.example", f"{CANARY} {lead.operator_id}", None, ""))
    offer = await services.operators.create_sign_in_link(lead.operator_id)
    opened = await services.sign_ins.by_link(offer.token, Arrival(CANARY, CANARY))
    [identity] = await services.accounts.identities(lead)
    return {"passkey_id": str(passkey_id), "identity_id": str(identity.id), "session_id": str(opened.actor.session_id)}


async def made_elsewhere(site: Site, lead: Any, case_id: UUID) -> dict[str, str]:
    """An import that was run, with a refused row, and an archive."""
    from server.imports.deposits import DepositOrder
    from server.imports.service import TableFile
    from server.imports.views import Plan

    imports = site.services.imports
    rows = f"url,note\nhttps://{CANARY}.example/1,{CANARY}\n{CANARY},x\n".encode()
    draft = await imports.upload(lead, case_id, TableFile(io.BytesIO(rows), f"{CANARY}.csv"))
    await imports.start(lead, draft.id, Plan(draft.mapping, {"source": CANARY}), queued=False)
    assert await imports.runner.run(draft.id) == "done"
    picture = io.BytesIO(encoded(scene(22)))
    taken = await imports.deposits.take(lead, case_id, (picture, f"{CANARY}.png"), DepositOrder(CANARY), queued=False)
    return {"import_id": str(draft.id), "deposit_id": str(taken.id), "position": "47114711"}


async def judged_and_logged(site: Site, work: Casework) -> dict[str, str]:
    """A judging of the imported posts, and a line of the activity log."""
    judging = await site.services.imports.judgings.ask(work.author, work.case.id, SilenceChoice(**SILENCE), queued=False)
    assert await site.services.imports.judgings.run(judging.id) == "done"
    order = ActivityOrder(date(2024, 7, 6), "training", "17.2.1", CANARY, source=CANARY, case_id=work.case.id)
    line = await site.services.findings.activities.record(work.author, order)
    await site.services.findings.activities.record(work.author, replace(order, case_id=None))
    return {"judging_id": str(judging.id), "activity_id": str(line.id)}


async def notice_of(site: Site, lead: Any, case_id: Any) -> dict[str, str]:
    """A notice that was sent, and a frozen table of it."""
    records, now = site.services.notice_records, site.services.clock.now()
    notice = await records.draft(lead, case_id, DraftOrder("x", "direct", CANARY, (ItemOrder(f"https://{CANARY}.example/1"),)))
    await records.send(lead, notice.id, SendOrder(StatedTime(value=now), CANARY, CANARY))
    table = await records.tables.freeze(lead, case_id, CANARY, "notices")
    return {"notice_id": str(notice.id), "table_id": str(table.id), "event_kind": "noted"}


async def pictures_of(site: Site, lead: Any, device: Any) -> dict[str, str]:
    """A cluster of two files, divided by a decision; its counts, frozen."""
    images = site.services.images
    first, second = encoded(scene(21), "JPEG", quality=90), encoded(scene(21))
    bodies = {f"https://{CANARY.lower()}.example/1": first, f"https://{CANARY.lower()}.example/2": second}
    await indexed(site, await capture_page(device, bodies, title=CANARY))
    sha256 = hashlib.sha256(first).hexdigest()
    cluster = (await images.reads.clusters_with(lead, sha256))[0].cluster_id
    await images.decisions.reject(lead, cluster, hashlib.sha256(second).hexdigest(), CANARY)
    cluster = (await images.reads.clusters_with(lead, sha256))[0].cluster_id
    return {"sha256": sha256, "cluster_id": str(cluster), "count_id": str((await images.counting.freeze(lead, cluster)).id)}


def filled(text: str, ids: dict[str, str]) -> str:
    return re.sub(r"\{(\w+)(:\w+)?\}", lambda found: ids[found[1]], text)


def absent_of(ids: dict[str, str]) -> dict[str, str]:
    kept = ("notice_kind", "of", "event_kind", "name", "token", "number", "upload_id", "position")
    return {
        name: value if name in kept else "f" * 64 if name in ("capture_id", "sha256") else ABSENT for name, value in ids.items()
    }


def bare(answer: Any, ids: dict[str, str]) -> tuple[int, str]:
    """Status and text without the ids that were asked for and what differs by request."""
    text = answer.text
    for value in sorted(ids.values(), key=len, reverse=True):
        text = re.sub(rf"(?<!\w){re.escape(value)}(?!\w)", "…", text)  # whole words: an id may be a digit of a status
    text = re.sub(r'(?<=name="sent_at" required maxlength="40" value=")[^"]+', "now", text)
    return answer.status_code, re.sub(r"hs[a-z]_[\w-]{20,}|[0-9A-Z]{4}-[0-9A-Z]{4}-[0-9A-Z]{4}", "…", text)
