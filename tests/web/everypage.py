"""Every page of the service with things on it: what tests/web/test_every_page.py walks, and `python -m tests.web.everypage OUT`
takes pictures of."""

import asyncio
from datetime import date, timedelta

from server.cases.entities import EntityOrder, MetricOrder
from server.findings.activities import ActivityOrder
from server.findings.body import SilenceChoice
from server.findings.ranges import RangeQuestion
from server.findings.service import LookOrder
from server.findings.statistics import Question
from tests.handovers import gallery as handovers
from tests.imports import gallery as imports
from tests.imports.desk import Desk, table
from tests.notices import gallery as notices
from tests.services.casework import IN_WINDOW, SILENCE, Casework
from tests.services.test_finding_evidence import COMPLETE
from tests.web import casegallery, searchgallery
from tests.web.gallery import out_folder
from tests.web.site import Site


async def fill(site: Site) -> dict[str, str]:
    """Everything there is in some state of its work; paths of the pages by name, each name once."""
    paths: dict[str, str] = {}
    for part, made in (
        ("case", casegallery.fill), ("search", searchgallery.fill), ("import", imports.fill), ("notice", notices.fill),
        ("hand", handovers.fill), ("number", numbers), ("plain", plain),
    ):  # fmt: skip
        paths |= {f"{part}-{name}": path for name, path in (await made(site)).items()}
    return paths


async def numbers(site: Site) -> dict[str, str]:
    """Every kind of number: over findings, over readings, minutes without a label, posts judged by a window; the activity log."""
    services, work = site.services, await Casework.begin(site)
    lead, tallies = work.author, services.findings.tallies
    for name, low, high in (("anon4471", 1_200, 9_800), ("stiri-24", 50_000, 50_000), ("a name as long as some are", 7, 19)):
        entity = await services.cases.entities.keep(lead, work.case.id, EntityOrder("account", name, name, "tiktok"))
        order = MetricOrder(entity.id, "views", low, high, "views", "week", "read on the profile", IN_WINDOW)
        await services.cases.entities.measure(lead, work.case.id, order)
    question = RangeQuestion("views", "views", "week", "account")
    made = {"readings": await tallies.freeze_readings(lead, "Views in a week, three accounts", question)}
    found = await work.confirmed()
    made["findings"] = await services.findings.statistics.freeze(lead, "Posts in the silence period", "posts", Question())
    await _advertisement(work)
    made["unlabelled"] = await tallies.freeze_unlabelled(lead, "Minutes without a label", work.case.id)
    desk = Desk(site, lead, work.case)
    rows = [("post id", "platform", "posted at"), *((f"17357655215958757{n:02}", "x", _posted(n)) for n in range(30))]
    await desk.taken(table(*rows), "posts.csv", time_source="displayed")
    judged = await services.imports.judgings.ask(lead, work.case.id, SilenceChoice(**SILENCE), queued=False)
    await services.imports.judgings.run(judged.id)
    made["judged"] = await tallies.freeze_judged(lead, "Posts in the silence", judged.id)
    await services.findings.revise(lead, found.id, 1, (work.body(facts="Two posts."), "a second post"))
    await services.cases.exhibits.withdraw(lead, work.case.id, 1, "another post than was thought")
    await _log(site, work)
    paths = {name: f"/statistics/{one.id}" for name, one in made.items()}
    return paths | {
        "list": "/statistics", "case": f"/cases/{work.case.id}", "rapid": f"/cases/{work.case.id}/exports/rapid",
        "activities": "/activities", "judgings": f"/cases/{work.case.id}/judgings",
        "judging": f"/judgings/{judged.id}", "in": f"/judgings/{judged.id}?place=in",
    }  # fmt: skip


async def plain(site: Site) -> dict[str, str]:
    """Pages that need nothing of their own, such as say that there is nothing, and those of pictures."""
    lead = await site.services.operators.ensure_default_operator()
    case = (await site.services.cases.list(lead))[0].case
    reads = site.services.images.reads
    views = [await reads.cluster(lead, one.cluster_id) for one in await reads.clusters(lead, limit=50)]
    view = max(views, key=lambda one: len(one.members))
    other = next(one for one in view.members if one.image.sha256 != view.representative.sha256)
    cluster = f"/images/clusters/{view.cluster_id}"
    return {
        "inbox": "/", "inbox-none": "/?q=zebrafinch", "devices": "/devices", "exports": "/exports", "images": "/images",
        "image-search": "/images/search", "people": "/people", "account": "/account", "nothing": "/captures/nothing",
        "activities-none": "/activities?first=1999-01-01&last=1999-02-01", "join-organisation": "/join/x",
        "join-case": "/cases/join/x",
        "sign-in-link": "/sign-in/x", "wrong": "/search?captured_from=yesterday",
        "picks": f"/cases/{case.id}/picks/captures?q=stiri", "picks-none": f"/cases/{case.id}/picks/exhibits?q=zebrafinch",
        "entities-none": f"/cases/{case.id}/entities?q=zebrafinch", "cluster": cluster, "sheet": f"{cluster}/sheet",
        "overlay": f"{cluster}/overlay/{other.image.sha256}", "image": f"/images/{other.image.sha256}",
    }  # fmt: skip


async def _advertisement(work: Casework) -> None:
    """A confirmed finding of an advertisement that stood without its label, with the looks that say so."""
    findings, capture = work.site.services.findings, await (await work.site.pair()).capture()
    await work.site.services.cases.exhibits.add(work.author, work.case.id, capture)
    found = await work.draft("ad_unlabelled", **(COMPLETE["ad_unlabelled"] | {"ad_library_capture": capture}))
    now = work.site.services.clock.now()
    for layer, minutes, state in ((1, 300, "absent"), (2, 290, "absent"), (2, 60, "absent"), (2, 5, "present")):
        look = LookOrder(layer, "paid_for_by", state, now - timedelta(minutes=minutes), "under the name", "", capture)
        await findings.look(work.author, found.id, look)
    await work.judge(found, "reviewed", "confirmed")


async def _log(site: Site, work: Casework) -> None:
    log = site.services.findings.activities
    first = ActivityOrder(on=date(2024, 9, 1), kind="training", measure="17.2.1", text="A training of editors", participants=20)
    await log.record(work.author, first)
    text = "An agreement with the other newsrooms on who captures what in the silence period, and how it is handed on."
    second = ActivityOrder(on=date(2024, 9, 3), kind="meeting", measure="30.1.1", text=text, reach_low=500, reach_high=900,
                           source="list of participants", case_id=work.case.id)  # fmt: skip
    await log.record(work.author, second)


def _posted(number: int) -> str:
    return f"2024-07-{5 + number % 4:02}T{number % 24:02}:00Z" if number % 5 else ""


if __name__ == "__main__":
    asyncio.run(casegallery.run(out_folder(__doc__), fill))
