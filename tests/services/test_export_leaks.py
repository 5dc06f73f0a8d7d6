"""What goes to a platform or to everybody holds nothing of who collected it, in any file, however deep it is packed."""

import base64
import gzip
import io
import json
import random
import zipfile
from collections.abc import Callable, Coroutine, Iterator
from datetime import date, timedelta
from typing import Any

import pypdf
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from server.captures.masked import MaskOrder
from server.captures.masking import MaskBox
from server.exports.case_models import CaseExport
from server.exports.documents.notice import NoticeDraft
from server.exports.documents.rapid import RapidDraft
from server.exports.kind import CaseExportOrder
from server.exports.kinds import KINDS
from server.exports.notices import NoticeOrder
from server.exports.profiles import Profile
from server.exports.rapid import RapidOrder
from server.exports.workbook.values import WorkbookDraft
from server.handovers.links import LinkOrder
from server.operators.models import Operator, Organisation
from tests.exports import test_rapid
from tests.handovers.desk import SHOT
from tests.services.casework import Casework, subject
from tests.services.test_alerts import draft as alert_draft
from tests.services.test_notices import SAID as NOTICE
from tests.web.site import Site

IN_A_PICTURE = "Corncrake"
"""What a screenshot's file says beside its pixels."""
COLLECTOR = ("Zebrafinch", "Woodlark", "Nightjar", "Dunnock", "Whinchat", "Fieldfare")
"""The author, the reviewer, who saw it, who looked at the picture, the assessment, the note to oneself."""
TRACES = ("Ortolan", "siskin@desk.example", "Bramblingware/7.3")
"""The collector's device as it was named, e-mail address and browser."""
ORGANISATION, ACCOUNT, SPONSOR = "Kestrel Desk", "90071992547409931", "Bittern Ltd"
URL = "https://x.example/a/1"
Make = Callable[[Casework, CaseExportOrder], Coroutine[Any, Any, CaseExport]]


@pytest.fixture
async def work(site: Site) -> Casework:
    """A confirmed finding whose every internal member is a canary, in a case that may be made public."""
    made = await Casework.begin(site)
    async with site.services.database.transaction() as session:
        author = await session.get_one(Operator, made.author.operator_id)
        author.name, author.email = COLLECTOR[0], TRACES[1]
        (await session.get_one(Operator, made.reviewer.operator_id)).name = COLLECTOR[1]
        (await session.get_one(Organisation, made.author.organisation_id)).name = ORGANISATION
    seen = {"at": "2024-07-06T10:00:00Z", "url": URL, "by": COLLECTOR[2], "country": "FR"}
    look = {"method": "human", "by": COLLECTOR[3], "verdict": "likely"}
    told: dict[str, Any] = {"assessment": COLLECTOR[4], "override_note": COLLECTOR[5], "sponsor": SPONSOR, "ai": [look]}
    bases = ["fr/code-electoral/L49", "platform-policy/impersonation"]
    about = subject(1, url=URL, account_id=ACCOUNT)
    await made.confirmed(subject=about, sightings=[seen], bases=bases, **told)
    await site.services.cases.notes.write(made.author, made.case.id, COLLECTOR[5])
    await site.services.cases.mark(made.author, made.case.id, "TLP:CLEAR")
    device = await site.pair(TRACES[0])
    shown = await device.capture(device.artifacts() | {SHOT: speaking_picture()}, userAgent=TRACES[2])
    await site.services.cases.exhibits.add(made.author, made.case.id, shown)
    await site.services.captures.masked.make(made.author, shown, MaskOrder(SHOT, (MaskBox(0, 0, 30, 30),), COLLECTOR[5]))
    made.capture_id = shown
    return made


def speaking_picture() -> bytes:
    """A screenshot with the canary in its metadata, packed and not: the same bytes each time, so that they can be looked for."""
    info, out = PngInfo(), io.BytesIO()
    info.add_text("Author", IN_A_PICTURE)
    info.add_itxt("Comment", IN_A_PICTURE, zip=True)
    noise = random.Random(IN_A_PICTURE).randbytes(640 * 400)
    Image.frombytes("L", (640, 400), noise).convert("RGB").save(out, "PNG", pnginfo=info)
    return out.getvalue()


async def alert(work: Casework, order: CaseExportOrder) -> CaseExport:
    return await work.site.services.alerts.request(work.author, work.case.id, order, alert_draft(statistics=[]))


async def dsa_notice(work: Casework, _order: CaseExportOrder, kind: Any = "dsa_notice") -> CaseExport:
    order = NoticeOrder(kind, "p", NoticeDraft.model_validate(NOTICE))
    return await work.site.services.notices.request(work.author, work.case.id, order)


async def policy_report(work: Casework, order: CaseExportOrder) -> CaseExport:
    return await dsa_notice(work, order, "policy_report")


async def rapid(work: Casework, _order: CaseExportOrder) -> CaseExport:
    order = RapidOrder("p", RapidDraft.model_validate(test_rapid.SAID))
    return await work.site.services.rapid.request(work.author, work.case.id, order)


async def report(work: Casework, order: CaseExportOrder) -> CaseExport:
    await alert(work, CaseExportOrder("internal", "p", "r"))
    today = work.site.clock.now().date()
    draft = WorkbookDraft(organisation="A network", period_from=date(2024, 1, 1), period_to=today)
    return await work.site.services.reports.request(work.author, work.case.id, order, draft)


async def claims(work: Casework, order: CaseExportOrder) -> CaseExport:
    ad = {"ad_id": "9", "url": "https://x.example/ad/9", "account_id": "9"}
    await work.confirmed(subject=subject(9, **ad), assessment=COLLECTOR[4], sponsor=SPONSOR)
    return await plain(work, order, "claims")


async def plain(work: Casework, order: CaseExportOrder, kind: str) -> CaseExport:
    exports = work.site.services.case_exports
    row = await exports.request(work.author, work.case.id, kind, order, queued=False)
    await exports.maker.run(row.id)
    return row


FORMS: dict[str, Make] = {
    "alert": alert,
    "claims": claims,
    "dsa_notice": dsa_notice,
    "policy_report": policy_report,
    "rrs": rapid,
    "sli_workbook": report,
}
"""How a kind is made here that needs a form, or a finding of its own; the others are made as the page makes them."""
OUTSIDE = (Profile.AUTHORITY, Profile.PLATFORM, Profile.PUBLIC)
ASKED = [(kind, profile) for kind in KINDS if kind != "authority" for profile in OUTSIDE if profile in KINDS[kind].profiles]
"""The bundle for an authority needs stamps and witnesses: tests/services/test_authority.py looks into it."""


PDF_SAYS = {"/Title", "/Author", "/Creator", "/CreationDate", "/ModDate", "/Producer"}


def bare(data: bytes) -> bool:
    """Whether a zip says nothing beside its files: no comment, no owner, one fixed time, no names of folders of this machine; a
    workbook no properties, no hidden column, row or sheet, no thumbnail."""
    with zipfile.ZipFile(io.BytesIO(data)) as packed:
        entries = packed.infolist()
        sheets = b"".join(packed.read(one) for one in entries if one.filename.startswith("xl/"))
        return (
            packed.comment == b""
            and all(one.comment == b"" and one.date_time == (1980, 1, 1, 0, 0, 0) for one in entries)
            and all(one.extra == b"" or one.extra[:2] == b"\x01\x00" for one in entries)
            and not any(one.filename.startswith(("/", "docProps", "..")) or "thumbnail" in one.filename for one in entries)
            and b" hidden=" not in sheets
            and b" state=" not in sheets.replace(b'state="frozen"', b"frozen")
        )


def leaves(name: str, data: bytes) -> Iterator[tuple[str, bytes]]:
    """The file, and whatever is packed in it: zip (XLSX too), gzip, what an envelope holds, the streams and the text of a PDF."""
    yield name, data
    if data[:4] == b"PK\x03\x04":
        assert bare(data), name
        with zipfile.ZipFile(io.BytesIO(data)) as packed:
            for one in packed.namelist():
                yield f"{name}/{one}", one.encode()
                yield from leaves(f"{name}/{one}", packed.read(one))
    elif data[:2] == b"\x1f\x8b":
        assert data[3] == 0 and data[4:8] == bytes(4), f"{name}: a name, a comment or a time in the head"
        yield from leaves(f"{name}/gunzip", gzip.decompress(data))
    elif data[:1] == b"{" and b'"payloadType"' in data:
        yield f"{name}/payload", base64.b64decode(json.loads(data)["payload"])
    elif data[:8] == b"\x89PNG\r\n\x1a\n":
        with Image.open(io.BytesIO(data)) as image:
            image.load()
            yield f"{name}/told", repr(image.info).encode()
    elif data[:5] == b"%PDF-":
        reader = pypdf.PdfReader(io.BytesIO(data))
        yield f"{name}/text", "".join(page.extract_text() for page in reader.pages).encode()
        yield f"{name}/metadata", repr(reader.metadata).encode()
        assert not reader.attachments and set(reader.metadata or {}) <= PDF_SAYS, name
        for number in range(1, int(reader.trailer["/Size"])):
            found = reader.get_object(number)
            if isinstance(found, pypdf.generic.StreamObject):
                yield f"{name}/{number}", found.get_data()


async def test_nothing_of_the_collector_leaves(work: Casework) -> None:
    for kind, profile in ASKED:
        found = await made_of(work, kind, profile)
        ids = [str(work.author.operator_id), str(work.reviewer.operator_id), str(work.author.organisation_id)]
        hidden = [*COLLECTOR, *TRACES, *ids, "urn:holdstill:operator", "urn:holdstill:device", IN_A_PICTURE]
        hidden += [str(work.site.services.settings.data_dir.resolve())]
        if profile is Profile.AUTHORITY:
            hidden.remove(COLLECTOR[4])  # who judges the facts is told the assessment, and never who wrote it
        if profile is Profile.PUBLIC:
            hidden += [ORGANISATION, ACCOUNT, SPONSOR, URL]
        assert len(found) > 3 or found[0][0].endswith(".json"), "one JSON file, or a zip"
        for name, data in found:
            for canary in hidden:
                assert canary.encode() not in data, (kind, profile, name, canary)


async def made_of(work: Casework, kind: str, profile: Profile) -> list[tuple[str, bytes]]:
    """Every file of a new export of this kind, unpacked."""
    exports, order = work.site.services.case_exports, CaseExportOrder(profile, "p", "r")
    row = await (FORMS[kind](work, order) if kind in FORMS else plain(work, order, kind))
    if profile is Profile.AUTHORITY:
        await exports.confirm(work.reviewer, row.id)
    opened = await exports.open_file(work.author, row.id)
    with opened.open_range(0, opened.size_bytes) as stream:
        return list(leaves(opened.name, stream.read()))


@pytest.mark.parametrize("profile", [Profile.PLATFORM, Profile.PUBLIC])
async def test_a_link_gives_masked_copies_and_nothing_of_the_original(work: Casework, profile: Profile) -> None:
    given, original = await handed(work, profile), speaking_picture()
    assert [name for name, _ in given if "/" not in name] == [f"{SHOT}.masked.png"]
    for name, data in given:
        assert IN_A_PICTURE.encode() not in data and original not in data, name
        assert not any(canary.encode() in data for canary in (*COLLECTOR, *TRACES)), name
    kept = [data for _, data in await handed(work, Profile.AUTHORITY)]
    assert original in kept
    for canary in (IN_A_PICTURE, TRACES[2]):
        assert any(canary.encode() in data for data in kept), "the canary would be found"


async def handed(work: Casework, profile: Profile) -> list[tuple[str, bytes]]:
    """Every file that a link to the capture gives, unpacked."""
    services = work.site.services
    ends = services.clock.now() + timedelta(days=1)
    order = LinkOrder("capture", work.capture_id, "Somebody", "p", ends, profile, with_passcode=False)
    made = await services.handovers.links.make(work.author, order)
    key = await services.handovers.visits.open(made.token, "", "192.0.2.1")
    found: list[tuple[str, bytes]] = []
    for one in made.row.files:
        fetched = await services.handovers.visits.fetch(made.token, key, one["name"])
        with fetched.open_range(0, one["size_bytes"]) as stream:
            found += leaves(one["name"], stream.read())
    return found


async def test_the_canaries_would_be_found(work: Casework) -> None:
    found = await made_of(work, "tables", Profile.INTERNAL)
    for canary in (*COLLECTOR, ORGANISATION, ACCOUNT, SPONSOR):
        table = "sightings" if canary == COLLECTOR[2] else "findings"
        holding = {name.rsplit("/", 1)[-1] for name, data in found if canary.encode() in data}
        sheet = "sheet2.xml" if table == "sightings" else "sheet1.xml"
        assert {f"{table}.csv", f"{table}.jsonl", sheet} <= holding, (canary, holding)
