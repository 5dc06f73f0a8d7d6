"""Notices with things on them: `fill` is what tests/web/casegallery.py takes pictures of."""

import uuid
from datetime import timedelta
from typing import Any

from server.findings.body import SilenceChoice
from server.notices.bodies import parse_content
from server.notices.pinning import ItemOrder
from server.notices.service import DraftOrder, SendOrder
from server.notices.values import StatedTime
from tests.notices.said import WINDOW
from tests.services.casework import Casework
from tests.web.site import Site

URL = "https://platform.example/account/anon4471/status/1735765521595875777"


async def fill(site: Site) -> dict[str, str]:
    """A case of its own with those notices; paths of its pages by name."""
    work = await Casework.begin(site)
    await work.confirmed()
    return {"case": f"/cases/{work.case.id}", **await notice_pages(site, work.author, work.case.id, work.capture_id)}


async def notice_pages(site: Site, lead: Any, case_id: uuid.UUID, capture_id: str) -> dict[str, str]:
    """A notice that was followed to the end, one that waits for a re-check, one whose form broke; paths of the pages by name."""
    records, now = site.services.notice_records, site.services.clock.now()
    sent_at = StatedTime(value=now - timedelta(hours=30), precision_s=1, source="confirmation")
    whole = await _draft(site, lead, case_id, "x", (ItemOrder(URL, 1), ItemOrder(f"{URL}0")))
    await records.add(lead, whole, parse_content({
        "kind": "attempted", "at": StatedTime(value=now - timedelta(hours=31)), "channel": "form", "failure": "form_broken",
        "address": "https://platform.example/report", "error_text": "Something went wrong. Try again later.",
        "shown": {"capture_id": capture_id},
    }))  # fmt: skip
    await records.send(lead, whole, SendOrder(sent_at, "form", "Desk", reference="0001234567890123456"))
    hour, day = (await records.read(lead, whole)).open
    for check, after, states in ((hour, 1, ("online", "online")), (day, 24, ("removed_by_platform", "login_wall"))):
        seen = [
            {"url": url, "availability": state, "shown": {"no_capture": "seen on a telephone"}}
            for url, state in zip((URL, f"{URL}0"), states, strict=True)
        ]
        look = {"kind": "looked", "at": StatedTime(value=sent_at.value + timedelta(hours=after)), "country": "FR"}
        await records.add(lead, whole, parse_content(look | {"recheck_id": check.id, "seen": seen}))
    await records.add(lead, whole, parse_content({
        "kind": "decided", "at": StatedTime(value=now - timedelta(hours=5)), "mode": "written", "items": [URL],
        "decisions": ["DECISION_VISIBILITY_CONTENT_REMOVED"], "ground": "DECISION_GROUND_INCOMPATIBLE_CONTENT",
        "applied_at": StatedTime(value=now - timedelta(hours=20), source="statement_of_reasons"),
        "explanation": "Manipulated media.",
    }))  # fmt: skip
    waiting = await _draft(site, lead, case_id, "tiktok", (ItemOrder("https://video.example/1735765521595875778", None),))
    await records.send(lead, waiting, SendOrder(StatedTime(value=now - timedelta(hours=2)), "Rapid Response System", "Desk"))
    broken = await _draft(site, lead, case_id, "x", (ItemOrder(f"{URL}1"),))
    await records.add(lead, broken, parse_content({
        "kind": "attempted", "at": StatedTime(value=now - timedelta(hours=1)), "channel": "form", "failure": "refused",
        "shown": {"no_capture": "the page closed itself"},
    }))  # fmt: skip
    table = await records.tables.freeze(lead, case_id, "Before the second round", "addresses")
    return {
        "notices": f"/cases/{case_id}/notices", "notice": f"/notices/{whole}", "notice_waiting": f"/notices/{waiting}",
        "notice_draft": f"/cases/{case_id}/notices/new", "notice_revised": f"/notices/{broken}/draft",
        "notice_table": f"/notice-tables/{table.id}", "rechecks": "/rechecks",
    }  # fmt: skip


async def _draft(site: Site, lead: Any, case_id: uuid.UUID, platform: str, items: tuple[ItemOrder, ...]) -> uuid.UUID:
    order = DraftOrder(platform, "direct", f"A post on the eve, on {platform}", items, "Take it down", SilenceChoice(**WINDOW))
    return (await site.services.notice_records.draft(lead, case_id, order)).id
