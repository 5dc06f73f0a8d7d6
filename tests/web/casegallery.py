"""The pages of cases with things on them: `python -m tests.web.casegallery OUT` takes pictures and names what axe finds."""

import asyncio
import tempfile
import uuid
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from playwright.async_api import Browser

from server.cases.entities import EntityOrder, MetricOrder, RelationOrder
from server.cases.notes import MomentOrder
from server.cases.service import CaseOrder
from server.exports.documents.alert import AlertDraft
from server.exports.kind import CaseExportOrder
from server.findings.service import LookOrder
from server.findings.statistics import Question
from server.operators.actors import OperatorActor
from server.settings import Settings
from tests.exports.test_alert import SAID
from tests.services.casework import IN_WINDOW, body_of
from tests.web.gallery import PAGES, one, opened, out_folder
from tests.web.site import ORIGIN, Site

Fill = Callable[[Site], Awaitable[dict[str, str]]]
"""Makes things, gives the paths of their pages by name."""
AXE = Path(__file__).resolve().parents[2] / "node_modules" / "axe-core" / "axe.min.js"


async def fill(site: Site) -> dict[str, str]:
    """A case in the middle of its work; paths of its pages by name."""
    services = site.services
    lead = await services.operators.ensure_default_operator()
    reviewer = await site.colleague(lead.organisation_id, "investigator", name="Ilse Reviewer")
    device = await site.pair("Chromium on the newsroom desk")
    captures = [await one(device, number, PAGES[number]) for number in range(3)]
    order = CaseOrder("Posts in the silence period, second round", "What was posted after midnight of the eve.", "TLP:AMBER")
    case = await services.cases.open(lead, CaseOrder(order.title, order.summary, order.tlp, "FR-2024-AN-R2"))
    await services.cases.open(lead, CaseOrder("Re-run after the annulment", election_id="RO-2024-PRES-R1"))
    for capture_id in captures:
        await services.cases.exhibits.add(lead, case.id, capture_id, "as seen on the feed")
    await services.cases.exhibits.withdraw(lead, case.id, 3, "posted before the window")
    await services.cases.members.add(lead, case.id, reviewer.operator_id, "contributor")
    await services.cases.notes.write(
        lead, case.id, "Three accounts share one picture.\nȘtiri false despre alegeri, Подписка на канал."
    )
    at = datetime(2024, 7, 5, 9, 0, tzinfo=UTC)
    await services.cases.notes.add_moment(
        lead, case.id, MomentOrder("order", "Retention order", at, at + timedelta(days=90), "letter")
    )
    account = await services.cases.entities.keep(lead, case.id, EntityOrder("account", "1735765521595875777", "anon4471", "x"))
    network = await services.cases.entities.keep(lead, case.id, EntityOrder("network", "n-286", "286 accounts"))
    said = RelationOrder("part_of_network", account.id, network.id, "exhibit 1", "likely")
    await services.cases.entities.relate(lead, case.id, said)
    views = MetricOrder(network.id, "views", 5_000_000, 9_000_000, "views", "per week", "sample of 40 accounts", IN_WINDOW)
    await services.cases.entities.measure(lead, case.id, views)
    findings = services.findings
    whole = await findings.draft(lead, case.id, "silence_violation", body_of(captures[0]))
    for verdict in ("reviewed", "confirmed"):
        await findings.reviews.judge(reviewer, whole.id, 1, (verdict, "time and text checked"))
    waiting = await findings.draft(reviewer, case.id, "ad_unlabelled", body_of(captures[1], bases=["eu/ttpa/11"], posted_at=[]))
    now = services.clock.now()
    for minutes, state in ((180, "absent"), (60, "absent"), (5, "present")):
        look = LookOrder(2, "paid_for_by", state, now - timedelta(minutes=minutes), "under the name", "", captures[1])
        await findings.look(reviewer, waiting.id, look)
    number = await findings.statistics.freeze(reviewer, "Posts in the silence period, France", "posts", Question())
    made = await exports_of(site, lead, case.id)
    return {
        "cases": "/cases", "case": f"/cases/{case.id}", "search": f"/cases/{case.id}?q=stiri", "finding": f"/findings/{whole.id}",
        "waiting": f"/findings/{waiting.id}", "new": f"/cases/{case.id}/findings/new?type=ai_unlabelled",
        "edit": f"/findings/{whole.id}/edit", "statistics": "/statistics", "statistic": f"/statistics/{number.id}",
        "people": "/people", "account": "/account", "password": "/sign-in", "join": "/join/x",
        **made,
    }  # fmt: skip


async def exports_of(site: Site, lead: OperatorActor, case_id: uuid.UUID) -> dict[str, str]:
    """Exports of the case, ready and waiting for a second person; paths of their pages and forms."""
    services, path = site.services, f"/cases/{case_id}/exports"
    for profile in ("internal", "authority"):
        row = await services.case_exports.request(lead, case_id, "tables", CaseExportOrder(profile, "for the file", "The office"))
        await services.case_exports.maker.run(row.id)
    said = AlertDraft.model_validate(SAID | {"statistics": [1]})
    alert = await services.alerts.request(lead, case_id, CaseExportOrder("internal", "to warn", "The members"), said)
    return {
        "exports": path, "exports-platform": f"{path}?profile=platform", "exports-bundle": f"{path}?kind=authority",
        "export": f"/case-exports/{alert.id}",
        "export-authority": f"/case-exports/{row.id}", "alert": f"{path}/alert", "alert-versions": f"/alerts/{alert.document_id}",
        "notice": f"{path}/notices/dsa_notice", "rapid": f"{path}/rapid", "report": f"{path}/workbook",
    }  # fmt: skip


async def pictures(browser: Browser, site: Site, url: str, out: Path, places_of: Fill) -> None:
    """Every page, light and dark, as wide as a desk's screen and as a telephone's; prints what axe finds."""
    places = await places_of(site)
    operator = await site.services.operators.ensure_default_operator()
    for scheme, width in (("light", 1280), ("dark", 1280), ("light", 390), ("dark", 390)):
        offer = await site.services.operators.create_sign_in_link(operator.operator_id)
        context = await browser.new_context(
            color_scheme=scheme,  # type: ignore[arg-type]
            viewport={"width": width, "height": 860},
            bypass_csp=True,
        )
        page = await context.new_page()
        await page.goto(f"{url}/sign-in/{offer.token}")
        await page.click("form button")
        for name, path in places.items():
            await page.goto(f"{url}{path}{'&' if '?' in path else '?'}stay=1")  # such as renew themselves would go on under axe
            await page.screenshot(path=out / f"{name}-{scheme}-{width}.png", full_page=True)
            await page.add_script_tag(path=str(AXE))
            result = await page.evaluate("axe.run()")
            for found in result["violations"]:
                print(name, scheme, width, found["impact"], found["id"], [node["html"][:160] for node in found["nodes"]][:3])
            beyond = await page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
            if beyond > 0:
                print(name, scheme, width, f"wider than the window by {beyond} px")
        await context.close()


async def run(out: Path, places_of: Fill = fill) -> None:
    """Starts everything, takes the pictures, stops everything."""
    with tempfile.TemporaryDirectory(prefix="holdstill-gallery-") as name:
        settings = Settings(data_dir=Path(name) / "data", origin=ORIGIN, public_url="http://127.0.0.1")
        async with opened(settings) as (browser, site, url):
            await pictures(browser, site, url, out, places_of)


if __name__ == "__main__":
    asyncio.run(run(out_folder(__doc__)))
