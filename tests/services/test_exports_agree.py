"""One case with everything awkward in it, told by every export: no two of them disagree about a number."""

import csv
import io
import json
import zipfile
from collections import Counter
from collections.abc import Mapping
from typing import Any
from uuid import UUID

import openpyxl
import pypdf
import pytest

from server.captures.masked import MaskOrder
from server.captures.masking import MaskBox
from server.exports.case_models import CaseExport
from server.exports.kind import CaseExportOrder
from server.exports.workbook.values import WorkbookDraft
from server.findings.service import LookOrder
from server.findings.statistics import Question
from tests.services.casework import IN_WINDOW, Casework, subject
from tests.services.deployment import Deployment
from tests.services.test_alerts import draft as alert_draft
from tests.services.test_finding_deposits import AMPLIFIED, held, tag
from tests.services.test_tallies import WEEKLY, read

NOON = IN_WINDOW.replace(hour=12)
DAY = [{"value": NOON.isoformat(), "source": "displayed", "precision_s": 43_200}]
UNITS = ("findings", "posts", "accounts")
Rows = list[dict[str, str]]


@pytest.fixture
async def work(deployment: Deployment) -> Casework:
    """F-1: its capture was withdrawn. F-2: rejected after it was confirmed. F-3: a draft. F-4: confirmed, with a later look.
    F-5: rests on an archive made elsewhere alone, which was withdrawn. F-6: posted on a day, one sighting said twice, a capture
    with a masked copy. F-7: posted nobody knows when, by an account of F-6. F-8: returned to its author. Readings are ranges."""
    made = await Casework.begin(deployment.site)
    services, device = made.site.services, await made.site.pair()
    await services.cases.mark(made.author, made.case.id, "TLP:CLEAR")
    second = await device.capture(device.artifacts(body=b"<h1>Second</h1>"))
    await services.cases.exhibits.add(made.author, made.case.id, second)
    box = MaskOrder("screenshot.viewport.png", (MaskBox(0, 0, 40, 40),), "a face")
    await services.captures.masked.make(made.author, second, box)
    await made.confirmed(subject=subject(1, url="https://x.example/a/1"))
    await made.judge(await made.confirmed(subject=subject(2)), "rejected")
    await made.draft(subject=subject(3))
    looked = await made.confirmed(subject=subject(4), captures=[second])
    await services.findings.look(made.author, looked.id, LookOrder(2, "ai_label", "not_checked", services.clock.now()))
    archive = await held(made)
    common = AMPLIFIED | {"ttps": [tag()]}
    await made.confirmed("amplification", **common, deposits=[str(archive.id)])
    seen = [*AMPLIFIED["sightings"], AMPLIFIED["sightings"][0]]
    about = {"platform": "x", "post_id": "post-six", "account_id": "27", "url": "https://x.example/a/6"}
    known = common | {"captures": [second], "sightings": seen, "subject": about, "actor": "A state"}
    await made.confirmed("amplification", **known | {"posted_at": DAY})
    later = {
        "bases": ["platform-policy/inauthentic-behaviour"],
        "posted_at": [],
        "subject": about | {"post_id": "post-seven", "url": "https://x.example/a/7"},
    }
    await made.confirmed("amplification", **known | later, accounts=["18", "19"])
    await made.judge(await made.draft(subject=subject(8), captures=[second]), "reviewed", "draft")
    await read(made, "a", 5, 9)
    for unit in UNITS:
        await services.findings.statistics.freeze(made.author, unit, unit, Question())
    await services.findings.tallies.freeze_readings(made.author, "Weekly views", WEEKLY)
    await services.cases.exhibits.withdraw(made.author, made.case.id, 1, "wrong post")
    await services.imports.deposits.withdraw(made.author, archive.id, "it shows something else")
    await services.stamps.stamp()
    return made


async def file_of(work: Casework, row: CaseExport) -> bytes:
    exports = work.site.services.case_exports
    assert await exports.maker.run(row.id) == "ready", (await exports.read(work.author, row.id)).reason
    if row.profile == "authority":
        await exports.confirm(work.reviewer, row.id)
    opened = await exports.open_file(work.author, row.id)
    with opened.open_range(0, opened.size_bytes) as stream:
        return stream.read()


async def plain(work: Casework, kind: str, profile: str = "internal", **options: str) -> bytes:
    order = CaseExportOrder(profile, "for the file", "Somebody", options)
    asked = await work.site.services.case_exports.request(work.author, work.case.id, kind, order, queued=False)
    return await file_of(work, asked)


def unpacked(data: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(data)) as packed:
        return {name: packed.read(name) for name in packed.namelist()}


def rows_of(data: bytes) -> Rows:
    return list(csv.DictReader(io.StringIO(data.decode(), newline="")))


def listed(rows: Rows, column: str) -> list[str]:
    return [one for row in rows if row[column] for one in json.loads(row[column])]


def counted(rows: Rows) -> dict[str, int]:
    """What the table of findings comes to, counted by nothing of the service's own."""
    accounts = {(row["platform"], row["account_id"]) for row in rows if row["account_id"]}
    accounts |= {(row["platform"], one) for row in rows if row["accounts"] for one in json.loads(row["accounts"])}
    posts = {(row["platform"], row["post_id"]) for row in rows if row["post_id"]}
    captures = set(listed(rows, "captures"))
    return {"findings": len(rows), "posts": len(posts), "accounts": len(accounts), "captures": len(captures)}


def withdrawn_in(rows: Rows) -> set[str]:
    return {row["finding_id"] for row in rows if row["captures_withdrawn"] or row["deposits_withdrawn"]}


async def test_every_export_of_a_case_says_the_same_numbers(work: Casework) -> None:
    tables = unpacked(await plain(work, "tables"))
    rows, sightings = rows_of(tables["findings.csv"]), rows_of(tables["sightings.csv"])
    assert [row["finding"] for row in rows] == ["F-1", "F-4", "F-5", "F-6", "F-7"], "by the last word, whatever was drafted since"
    _within_the_tables(tables, rows, sightings)
    for profile in ("platform", "authority", "public"):
        others = rows_of(unpacked(await plain(work, "tables", profile))["findings.csv"])
        assert [row["finding_id"] for row in others] == [row["finding_id"] for row in rows], profile
        assert withdrawn_in(others) == withdrawn_in(rows), profile
        assert [row["accounts_count"] for row in others] == [row["accounts_count"] for row in rows], profile
    _of_exchange(json.loads(await plain(work, "stix")), json.loads(await plain(work, "misp")), rows, sightings)
    claims = json.loads(await plain(work, "claims", "public", archive="https://archive.example/{capture}", embargo=""))
    published = {one["identifier"]: one["appearance"][0].get("datePublished") for one in claims["@graph"]}
    assert published == {"C-1/F-6": "2024-07-06", "C-1/F-7": None}, "of a day the day, of nothing nothing"
    await _of_documents(work, rows)
    await _of_the_bundle(work, rows, sightings)


def _within_the_tables(tables: Mapping[str, bytes], rows: Rows, sightings: Rows) -> None:
    package = json.loads(tables["datapackage.json"])
    assert package["holdstill:rows"] == {"findings": len(rows), "sightings": len(sightings)}
    book = openpyxl.load_workbook(io.BytesIO(tables["tables.xlsx"]))
    for name, of_csv in (("findings", rows), ("sightings", sightings)):
        lines = [json.loads(line) for line in tables[f"{name}.jsonl"].splitlines()]
        sheet = list(book[name].iter_rows(min_row=2, values_only=True))
        assert len(of_csv) == len(lines) == len(sheet)
        assert [row["finding_id"] for row in of_csv] == [line["finding_id"] for line in lines]
    assert Counter(one["finding_id"] for one in sightings) == {row["finding_id"]: 2 for row in rows[2:]}, "said twice, seen once"
    times = {row["finding"]: (row["posted_at"], row["posted_at_precision_s"]) for row in rows}
    assert (times["F-6"], times["F-7"]) == (("2024-07-06T12:00:00.000Z", "43200.0"), ("", ""))
    assert {row["finding"] for row in rows if row["captures_withdrawn"]} == {"F-1"}
    assert {row["finding"]: row["deposits_withdrawn"] for row in rows if row["deposits_count"]} == {"F-5": "1"}


def _of_exchange(bundle: Any, misp: Any, rows: Rows, sightings: Rows) -> None:
    kinds = {
        kind: [one for one in bundle["objects"] if one["type"] == kind] for kind in ("incident", "sighting", "observed-data")
    }
    ids = {one["external_references"][0]["external_id"]: one["id"] for one in kinds["incident"]}
    assert set(ids) == {row["finding_id"] for row in rows}
    times_seen = Counter(one["finding_id"] for one in sightings)
    told = {one["sighting_of_ref"]: one["count"] for one in kinds["sighting"]}
    assert told == {ids[row["finding_id"]]: times_seen[row["finding_id"]] or 1 for row in rows}
    assert {one["number_observed"] for one in kinds["observed-data"]} == {1}, "of one address no more is known"
    said = [member for one in kinds["incident"] for member in one["extensions"].values()]
    assert sum("captures_withdrawn" in one for one in said) == 1 and sum("deposits_withdrawn" in one for one in said) == 1
    event = misp["Event"]
    comments = {one["comment"].partition(".")[0] for one in event["Object"] if one["comment"]}
    assert comments == {f"{row['case']}/{row['finding']}" for row in rows}
    of_withdrawn = next(one["value"] for one in event["Attribute"] if "withdrawn" in one["value"])
    gone = [f"{row['case']}/{row['finding']}" for row in rows if row["finding_id"] in withdrawn_in(rows)]
    assert of_withdrawn.rpartition(": ")[2].split(", ") == gone
    values = {
        relation: [
            part["value"] for one in event["Object"] for part in one["Attribute"] if part.get("object_relation") == relation
        ]
        for relation in ("evidence-number", "additional-comments")
    }
    assert Counter(values["evidence-number"]) == Counter(listed(rows, "captures"))
    assert sum("withdrawn" in one for one in values["additional-comments"]) == len(listed(rows, "captures_withdrawn"))
    assert "2024-07-06T12:00:00" not in json.dumps(misp), "the noon of a day is no moment"


async def _of_documents(work: Casework, rows: Rows) -> None:
    """The alert, the report under the Code and the frozen numbers."""
    services, order = work.site.services, CaseExportOrder("internal", "p", "r")
    made = await services.alerts.request(work.author, work.case.id, order, alert_draft(statistics=[1, 2, 3, 4]))
    files = await work.files(made.id)
    alert, page = json.loads(files["alert.json"]), " ".join(pdf_text(files["alert.pdf"]).split())
    expected = counted(rows)
    assert alert["evidence"] == expected | {"withdrawn": len(withdrawn_in(rows))}
    frozen = {one["unit"]: (one["n"], one["n_low"], one["n_high"], one.get("withdrawn", 0)) for one in alert["figures"]}
    behind = {"findings": rows, "posts": [row for row in rows if row["post_id"]], "accounts": rows}
    exact = {unit: (expected[unit],) * 3 + (len(withdrawn_in(behind[unit])),) for unit in UNITS}
    assert frozen == exact | {"views": (None, 5, 9, 0)}, "a number says what was withdrawn of the findings that it counts"
    assert "5 to 9 views: Weekly views" in page and f"{expected['findings']} confirmed findings" in page
    statistics = {one.unit: one for one in await services.findings.statistics.list(work.author)}
    gone = await services.findings.statistics.withdrawn(work.author, statistics["findings"].id)
    assert set(gone) == {UUID(one) for one in withdrawn_in(rows)}
    today = services.clock.now().date()
    said = {"organisation": "Here", "period_from": today, "period_to": today, "statistics": [1, 2, 3, 4]}
    report = await services.reports.request(work.author, work.case.id, order, WorkbookDraft.model_validate(said))
    files = await work.files(report.id)
    sli = {row["unit"]: row for row in rows_of(files["SLI_16_1_1.csv"]) if row["statistic_id"]}
    told = {unit: (row["n"], row["n_low"], row["n_high"], row["evidence_withdrawn"]) for unit, row in sli.items()}
    assert told == {unit: tuple("" if one is None else str(one) for one in many) for unit, many in frozen.items()}
    assert "| 5 to 9 | views |" in files["report.md"].decode()


async def _of_the_bundle(work: Casework, rows: Rows, sightings: Rows) -> None:
    options = {"reference": "", "preserve_from": "", "preserve_to": "", "recipient_key": ""}
    order = CaseExportOrder("authority", "p", "r", options)
    preview = await work.site.services.case_exports.preview(work.author, work.case.id, "authority", order)
    assert f"Confirmed findings: {len(rows)}." in preview[0].lines[0]
    files = unpacked(await plain(work, "authority", "authority", **options))
    bundle = {name.removeprefix("data/metadata/"): data for name, data in files.items()}
    found = [json.loads(line) for line in bundle["findings.jsonl"].splitlines()]
    assert [one["finding_id"] for one in found] == [row["finding_id"] for row in rows]
    assert [row["finding_id"] for row in rows_of(bundle["findings.csv"])] == [row["finding_id"] for row in rows]
    assert len(rows_of(bundle["sightings.csv"])) == len(sightings)
    exhibits = {one["capture_id"] for one in (json.loads(line) for line in bundle["exhibits.jsonl"].splitlines())}
    missing = {one["code"]: one for one in json.loads(bundle["missing.json"])["missing"] if one["code"].startswith("findings_")}
    named = [one["what"] for one in json.loads(bundle["missing.json"])["missing"] if one["code"] == "cited_not_here"]
    assert set(named) == set(listed(rows, "captures")) - exhibits == {work.capture_id}
    # F-3, F-8 and the newest word on F-4 are drafts; the sentence says that what was confirmed before is in the bundle.
    assert {code: one["what"] for code, one in missing.items()} == {
        "findings_draft": "findings: 3",
        "findings_rejected": "findings: 1",
    }
    assert "confirmed before" in missing["findings_draft"]["says"]
    printed = " ".join(pdf_text(files["data/report/custody-report.pdf"]).split())
    assert f"{len(exhibits)} exhibit with" in printed and f"{len(rows)} confirmed findings" in printed
    assert printed.count("(withdrawn from the case, not in the bundle)") == 1


def pdf_text(data: bytes) -> str:
    return "\n".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(data)).pages).replace("\u200b", "")
