"""The pages of handing over with things on them: `python -m tests.handovers.gallery OUT`, as tests/web/casegallery.py does it."""

import argparse
import asyncio
from datetime import timedelta
from pathlib import Path

from server.captures.masking import MaskBox
from server.captures.service import CaptureService
from server.handovers.submissions import SubmissionOrder
from tests.handovers.desk import SHOT, Desk
from tests.web.casegallery import run
from tests.web.gallery import PAGES, one
from tests.web.site import Site

SECOND = "b" * 64


async def fill(site: Site) -> dict[str, str]:
    """A capture with masked copies, links in several states, a submission and its supplement; paths of the pages by name."""
    services, device = site.services, await site.pair("Chromium on the newsroom desk")
    lead = await services.operators.ensure_default_operator()
    desk = Desk(site, lead, device, await one(device, 0, PAGES[0]))
    site.clock = services.clock  # type: ignore[assignment]
    checks: CaptureService = services.captures
    await checks.checks.run(desk.capture_id)
    await desk.mask(MaskBox(860, 180, 372, 150), MaskBox(48, 20, 300, 40))
    shots = {f"data/captures/{desk.capture_id}/screenshot.png": b"1", "data/metadata/findings.jsonl": b"1"}
    bundle, later = await desk.bundle(shots), await desk.bundle(shots | {f"data/captures/{SECOND}/screenshot.png": b"2"})
    now, said = services.clock.now(), "Regulator of audiovisual media, registry"
    first = await services.handovers.submissions.record(lead, SubmissionOrder("bundle", bundle, said, "portal", now))
    await services.handovers.submissions.reply(lead, first.id, ("2026/00417-E", "Received, with thanks."), now)
    second = await services.handovers.submissions.record(
        lead, SubmissionOrder("bundle", later, said, "handover_page", now, "As asked by telephone.", first.id)
    )
    message = "The second post was added, as you asked.\nȘtiri false despre alegeri, Подписка на канал."
    link = await desk.link(kind="bundle", thing_id=later, recipient=said, contact="desk@newsroom.example", message=message,
                           supplements=first.id)  # fmt: skip
    await desk.link(kind="bundle", thing_id=bundle, opens_at=now + timedelta(days=2))
    masked = await desk.link(profile="platform", with_passcode=False, recipient="Trust and safety")
    for wrong in range(5):
        await desk.recipient().post(f"/h/{link.token}", data={"passcode": f"NOT{wrong}"})
    await services.handovers.links.unlock(lead, link.row.id)
    browser, path = await desk.opened(link)
    await browser.get(f"{path}/files/{link.row.files[0]['name']}")
    await browser.post(f"{path}/receipt", data={"name": "A. Clerk, registry"})
    renewed = await desk.link(profile="public", with_passcode=False, recipient="Readers of the article")
    await desk.mask(MaskBox(860, 180, 372, 150), MaskBox(48, 20, 300, 80))
    await services.handovers.renewals.replace(lead, renewed.row.id)
    leaver = await site.colleague(lead.organisation_id, "case_lead", name="Somebody who left")
    await services.handovers.links.make(leaver, desk.order(recipient="Court registry, second chamber"))
    await services.people.disable(lead, leaver.operator_id)
    _, platform = await desk.opened(masked)
    _, public = await desk.opened(renewed)
    return {
        "handovers": "/handovers", "handover": f"/handovers/{link.row.id}", "form": f"/handovers/new?kind=bundle&id={bundle}",
        "form-capture": f"/handovers/new?kind=capture&id={desk.capture_id}", "first": "/h/hsh_x", "handed": path,
        "handed-platform": platform, "handed-public": public, "handover-old": f"/handovers/{masked.row.id}",
        "submission": f"/submissions/{second.id}", "submission-first": f"/submissions/{first.id}",
        "submission-new": f"/submissions/new?kind=bundle&id={bundle}", "mask": f"/captures/{desk.capture_id}/masks/{SHOT}",
        "capture": f"/captures/{desk.capture_id}", "export": f"/exports/{bundle}",
    }  # fmt: skip


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    asyncio.run(run(parser.parse_args().out, fill))
