"""What goes to a platform or to everybody holds nothing of who collected it, in any file, however deep it is packed."""

import gzip
import io
import zipfile
from collections.abc import Callable, Coroutine, Iterator
from datetime import date
from typing import Any

import pypdf
import pytest

from server.exports.case_models import CaseExport
from server.exports.documents.notice import NoticeDraft
from server.exports.documents.rapid import RapidDraft
from server.exports.kind import CaseExportOrder
from server.exports.kinds import KINDS
from server.exports.notices import NoticeOrder
from server.exports.profiles import Profile
from server.exports.rapid import RapidOrder
from server.exports.workbook.values import WorkbookDraft
from server.operators.models import Operator, Organisation
from tests.exports import test_rapid
from tests.services.casework import Casework, subject
from tests.services.test_alerts import draft as alert_draft
from tests.services.test_notices import SAID as NOTICE
from tests.web.site import Site

COLLECTOR = ("Zebrafinch", "Woodlark", "Nightjar", "Dunnock", "Whinchat", "Fieldfare")
"""The author, the reviewer, who saw it, who looked at the picture, the assessment, the note to oneself."""
ORGANISATION, ACCOUNT, SPONSOR = "Kestrel Desk", "90071992547409931", "Bittern Ltd"
URL = "https://x.example/a/1"
Make = Callable[[Casework, CaseExportOrder], Coroutine[Any, Any, CaseExport]]


@pytest.fixture
async def work(site: Site) -> Casework:
    """A confirmed finding whose every internal member is a canary, in a case that may be made public."""
    made = await Casework.begin(site)
    async with site.services.database.transaction() as session:
        (await session.get_one(Operator, made.author.operator_id)).name = COLLECTOR[0]
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
    return made


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
ASKED = [(kind, profile) for kind in KINDS for profile in (Profile.PLATFORM, Profile.PUBLIC) if profile in KINDS[kind].profiles]


def leaves(name: str, data: bytes) -> Iterator[tuple[str, bytes]]:
    """The file, and whatever is packed in it: zip (XLSX too), gzip, the streams and the text of a PDF."""
    yield name, data
    if data[:4] == b"PK\x03\x04":
        with zipfile.ZipFile(io.BytesIO(data)) as packed:
            for one in packed.namelist():
                yield f"{name}/{one}", one.encode()
                yield from leaves(f"{name}/{one}", packed.read(one))
    elif data[:2] == b"\x1f\x8b":
        yield from leaves(f"{name}/gunzip", gzip.decompress(data))
    elif data[:5] == b"%PDF-":
        reader = pypdf.PdfReader(io.BytesIO(data))
        yield f"{name}/text", "".join(page.extract_text() for page in reader.pages).encode()
        yield f"{name}/metadata", repr(reader.metadata).encode()
        for number in range(1, int(reader.trailer["/Size"])):
            found = reader.get_object(number)
            if isinstance(found, pypdf.generic.StreamObject):
                yield f"{name}/{number}", found.get_data()


async def test_nothing_of_the_collector_leaves(work: Casework) -> None:
    for kind, profile in ASKED:
        found = await made_of(work, kind, profile)
        ids = [str(work.author.operator_id), str(work.reviewer.operator_id), str(work.author.organisation_id)]
        hidden = [*COLLECTOR, *ids, "urn:holdstill:operator", "urn:holdstill:device"]
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
    opened = await exports.open_file(work.author, row.id)
    with opened.open_range(0, opened.size_bytes) as stream:
        return list(leaves(opened.name, stream.read()))


async def test_the_canaries_would_be_found(work: Casework) -> None:
    found = await made_of(work, "tables", Profile.INTERNAL)
    for canary in (*COLLECTOR, ORGANISATION, ACCOUNT, SPONSOR):
        table = "sightings" if canary == COLLECTOR[2] else "findings"
        holding = {name.rsplit("/", 1)[-1] for name, data in found if canary.encode() in data}
        sheet = "sheet2.xml" if table == "sightings" else "sheet1.xml"
        assert {f"{table}.csv", f"{table}.jsonl", sheet} <= holding, (canary, holding)
