"""The search and the pages of a long case: `python -m tests.web.searchgallery OUT` takes pictures, and names what axe finds."""

import asyncio

from server.cases.entities import EntityOrder
from server.cases.service import CaseOrder
from tests.services.casework import body_of
from tests.web.casegallery import run
from tests.web.crowd import Crowd, Whose
from tests.web.crowd import fill as crowd_in
from tests.web.gallery import out_folder
from tests.web.site import Site
from tests.web.test_search import archive_of, read_capture

POST = {"platform": "x", "accountHandle": "@anon4471", "accountName": "Anonim", "text": "Știri false: alegeri furate",
        "language": "ro",
        "postedAt": [{"value": "2024-07-06T10:00:00Z", "source": "platform_id", "precisionS": 1}]}  # fmt: skip
ROMANIAN = "Biroul Electoral a anunțat azi rezultatele. Știri false despre alegeri circulă din nou pe rețele."
BELARUSIAN = (
    "Вынікі выбараў абвясцілі ўначы. Прадстаўнікі партыі заявілі пра падлікі, але stiri з суседняй краіны іх не пацвердзілі."
)


async def fill(site: Site) -> dict[str, str]:
    """Captures with text in three languages, one unread, and a case with 400 sightings; paths of the pages by name."""
    services = site.services
    lead = await services.operators.ensure_default_operator()
    device = await site.pair("Chromium on the newsroom desk")
    first = await read_capture(site, device, ROMANIAN, title="Știri false despre alegeri", post=POST, labels=["fake news"])
    await read_capture(
        site, device, BELARUSIAN, title="Выбары: што сталася на ўчастках", note="Compare with the stiri of Monday."
    )
    await device.capture(archive_of(device, "not read yet"), title="A page that waits for its text")
    case = await services.cases.open(lead, CaseOrder("Posts in the silence period", election_id="FR-2024-AN-R2"))
    for number, name in (("17", "stiri-24"), ("18", "stiri-24")):
        await services.cases.entities.keep(lead, case.id, EntityOrder("account", number, name, "x"))
    await services.cases.notes.write(lead, case.id, "The same stiri were posted by three accounts within a minute.")
    whose = Whose(lead.organisation_id, lead.operator_id, device.pairing["device_id"], case.id)
    await asyncio.to_thread(crowd_in, services.database.url, whose, Crowd(120, 400, 60, 60, 70))
    await services.cases.exhibits.add(lead, case.id, first, "the stiri page, as seen on the feed")
    await services.findings.draft(lead, case.id, "silence_violation", body_of(first, facts="It shared stiri false on the eve."))
    entity = (await services.cases.entities.lists.named(lead, case.id, "17"))[0]
    here = f"/cases/{case.id}"
    narrowed = f"/search?q=stiri&case={case.id}&kind=capture&kind=note&posted_from=2024-07-01"
    return {
        "search": "/search?q=stiri",
        "search_empty": "/search",
        "search_none": "/search?q=zebra",
        "search_narrow": narrowed,
        "search_many": "/search?q=everywhere",
        "long_case": here,
        "case_search": f"{here}?q=stiri",
        "entities": f"{here}/entities",
        "entity": f"{here}/entities?entity={entity.id}",
        "findings": f"{here}/findings",
        "inbox": "/?q=stiri",
    }


if __name__ == "__main__":
    asyncio.run(run(out_folder(__doc__), fill))
