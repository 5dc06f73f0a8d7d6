"""Imports and deposits with things on them: `fill` is what tests/web/casegallery.py takes pictures of."""

import io

import openpyxl

from server.cases.entities import EntityOrder, RelationOrder
from server.cases.models import Entity
from server.cases.service import CaseOrder
from server.imports.deposits import DepositOrder
from tests.imports.desk import Desk, table
from tests.media.pictures import captioned, encoded, scene
from tests.web.archives import Page
from tests.web.site import Site

SHEET = (
    "Link", "Destination folder", "Archive status", "Archive date", "Archive location", "Thumbnail", "Upload timestamp",
    "Upload title", "Text content", "Screenshot", "Hash", "WACZ", "ReplayWebpage",
)  # fmt: skip
POST = "https://x.com/anon4471/status/1735765521595875777"


async def fill(site: Site) -> dict[str, str]:
    """A case with imports in every state and archives made elsewhere; paths of the pages by name."""
    lead = await site.services.operators.ensure_default_operator()
    case = await site.services.cases.open(lead, CaseOrder("Posts in the silence period", "Lists of three newsrooms", "TLP:AMBER"))
    desk = Desk(site, lead, case)
    sheet = await desk.upload(_sheet(), "auto-archiver.xlsx")
    ragged = await desk.upload(b"url^views\nhttps://x.com/a/status/1735765521595875777^5\n", "odd sign.csv")
    lines = '{"post_id": 1735765521595875777, "platform": "x", "views": "5 to 9 million per week"}\nnot json\n'
    jsonl = await desk.upload(lines.encode(), "posts.jsonl")
    unclear = await desk.upload("url;v\xf6ter\nhttps://a.example/1;1;2\n".encode("latin-1"), "old code page.csv")
    rows = [("post id", "platform", "handle", "views", "posted at")]
    rows += [(f"17357655215958757{n:02}", "x", f"anon{n}", "1.2K", "2024-07-06T10:00:00Z") for n in range(40)]
    rows += [
        ("1735765521595870000", "x", "", "", ""),
        ("1.73577E+18", "x", "", "", ""),
        ("1735765521595875777", "x", "", "", "6.7.2024"),
    ]
    done = await desk.taken(table(*rows), "posts of the eve.csv")
    again = await desk.taken(table(*rows[:20]), "the same again.csv", source="another list")
    await _worked_on(desk)
    undone = await desk.undone(done.table.id)
    waiting = await desk.started(table(*rows), "waiting.csv")
    stopped = await desk.started(table(*rows), "stopped.csv")
    await desk.imports.cancel(lead, stopped.id)
    order = DepositOrder("A colleague in another newsroom, with ArchiveWeb.page", "https://shop.example/offer", "sent by mail")
    bodies = [(f"https://cdn.example/{name}.jpg", "image/jpeg", data) for name, data in (
        ("a", encoded(scene(31), "JPEG")), ("b", encoded(captioned(scene(31)), "JPEG")),
        ("cut", encoded(scene(32), "JPEG")[:9000]),
    )]  # fmt: skip
    html = b"<h1>Miracle cure</h1><script>alert(1)</script>" * 40
    archive = Page((*bodies, ("https://shop.example/offer", "text/html", html)), "x").wacz()
    wacz = await desk.imports.deposits.take(lead, case.id, (io.BytesIO(archive), "offer.wacz"), order, queued=False)
    picture = encoded(scene(31), "JPEG", quality=80)
    shot = await desk.imports.deposits.take(
        lead, case.id, (io.BytesIO(picture), "shot.jpg"), DepositOrder("A reader"), queued=False
    )
    for one in (wacz, shot):
        await desk.imports.checker.run(one.id)
    await site.services.images.clustering.run(case.organisation_id)
    [match, *_] = (await site.services.images.search.by_bytes(lead, picture)).matches
    drafts = {"sheet": sheet, "odd": ragged, "jsonl": jsonl, "unclear": unclear, "waiting": waiting, "stopped": stopped}
    paths = {name: f"/imports/{one.id}" for name, one in drafts.items()}
    return paths | {
        "list": f"/cases/{case.id}/imports", "done": f"/imports/{again.table.id}", "undone": f"/imports/{undone.table.id}",
        "archive": f"/deposits/{wacz.id}", "picture": f"/deposits/{shot.id}", "record": f"/deposits/{wacz.id}/records/3",
        "image": f"/images/{match.image.sha256}", "cluster": f"/images/clusters/{match.cluster_id}", "images": "/images",
    }  # fmt: skip


async def _worked_on(desk: Desk) -> None:
    entities = desk.site.services.cases.entities
    network = await entities.keep(desk.actor, desk.case.id, EntityOrder("network", "n-286", "286 accounts"))
    [post] = await desk.rows(Entity, Entity.external_id == "1735765521595875730")
    await entities.relate(desk.actor, desk.case.id, RelationOrder("part_of_network", post.id, network.id, "seen", "likely"))


def _sheet() -> bytes:
    book = openpyxl.Workbook()
    book.active.append(SHEET)
    book.active.append(
        (
            POST,
            "2024",
            "success",
            "2024-07-06T10:00:00Z",
            "s3://a/b",
            "",
            "2024-07-06T09:00:00Z",
            "A post",
            "Words",
            "",
            "",
            "",
            "",
        )
    )
    book.active.append(("javascript:alert(1)", "2024", "no archiver", "2024-07-06", "", "", "", "", "", "", "", "", ""))
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()
