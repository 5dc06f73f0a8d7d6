"""The bundle of a case for an authority: judged by other people's tools, closed for its recipient, handed over by two."""

import asyncio
import csv
import hashlib
import io
import json
import subprocess
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bagit
import pypdf
import pytest

from server.captures.masked import MaskOrder
from server.captures.masking import MaskBox
from server.errors import BadInput, Forbidden
from server.exports.case_models import CaseExport
from server.exports.errors import ExportNotReady, ExportRefused
from server.exports.kind import CaseExportOrder
from server.trust.dsse import parse_envelope
from server.trust.events import parse_event
from tests.services.casework import Casework, subject
from tests.services.deployment import Deployment
from tests.validators import run_validator

TITLE = "Stačilo! Călin Georgescu Подписка ă ț ł č"
OPTIONS = {"reference": "AR/2024/17", "preserve_from": "2024-07-01", "preserve_to": "2024-09-30"}


@dataclass
class Handing:
    """A case with two exhibits of its own, one withdrawn and one of a guest; a confirmed finding, a draft and a note."""

    deployment: Deployment
    work: Casework
    captures: tuple[str, str]

    @classmethod
    async def begin(cls, deployment: Deployment) -> "Handing":
        work = await Casework.begin(deployment.site)
        services, device = deployment.site.services, await deployment.site.pair()
        await services.stamps.stamp()
        second = await device.capture(device.artifacts(body=b"<h1>Second</h1>"), title=TITLE)
        gone = await device.capture(device.artifacts(body=b"<h1>Gone</h1>"))
        for capture in (second, gone):
            await services.cases.exhibits.add(work.author, work.case.id, capture)
        await services.cases.exhibits.withdraw(work.author, work.case.id, 3, "taken in error: canary-reason")
        guest = await deployment.site.other_organisation()
        await services.cases.members.redeem(guest, await services.cases.members.invite(work.author, work.case.id, "contributor"))
        theirs = await deployment.site.pair(operator=guest)
        foreign = await theirs.capture(theirs.artifacts(body=b"<h1>canary-foreign</h1>"))
        await services.cases.exhibits.add(guest, work.case.id, foreign)
        await services.cases.notes.write(work.author, work.case.id, "canary-note")
        await work.confirmed(subject=subject(1), ai=[], accounts=["1735765521595875777"])
        await work.draft(subject=subject(2))
        covered = MaskOrder("screenshot.viewport.png", (MaskBox(0, 0, 40, 40),), "the account of the collector")
        await services.captures.masked.make(work.author, work.capture_id, covered)
        await services.stamps.stamp()
        return cls(deployment, work, (work.capture_id, second))

    async def order(self, **options: str) -> CaseExport:
        exports = self.work.site.services.case_exports
        order = CaseExportOrder("authority", "complaint", "The regulator", OPTIONS | options)
        return await exports.request(self.work.author, self.work.case.id, "authority", order, queued=False)

    async def made(self, **options: str) -> CaseExport:
        row = await self.order(**options)
        exports = self.work.site.services.case_exports
        assert await exports.maker.run(row.id) == "ready", (await exports.read(self.work.author, row.id)).reason
        return await exports.read(self.work.author, row.id)

    async def fetched(self, row: CaseExport) -> Path:
        exports = self.work.site.services.case_exports
        if row.confirmed_at is None:
            await exports.confirm(self.work.reviewer, row.id)
        opened = await exports.open_file(self.work.author, row.id)
        path = self.deployment.folder / opened.name
        with opened.open_range(0, opened.size_bytes) as stream:
            path.write_bytes(stream.read())
        return path

    async def said(self, kind: str) -> list[dict[str, Any]]:
        case = self.work.case
        chain = await self.work.site.services.custody.chain(f"case:{case.id}", organisation_id=case.organisation_id)
        return [dict(parse_event(parse_envelope(event.envelope).payload).details) for event in chain if event.type == kind]


@pytest.fixture
async def handing(deployment: Deployment) -> Handing:
    return await Handing.begin(deployment)


def unpacked(bundle: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(bundle) as packed:
        return {name: packed.read(name) for name in packed.namelist()}


def lines(data: bytes) -> list[dict[str, Any]]:
    return [json.loads(line) for line in data.splitlines()]


def pdf_text(data: bytes) -> str:
    return "\n".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(data)).pages).replace("\u200b", "")


async def test_the_bundle_verifies_and_every_other_tool_can_read_it(
    handing: Handing, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    row = await handing.made()
    bundle = await handing.fetched(row)
    assert handing.deployment.verify(bundle) == 0, capsys.readouterr().out
    files, folder = unpacked(bundle), tmp_path / "bag"
    with zipfile.ZipFile(bundle) as packed:
        packed.extractall(folder)
    assert bagit.Bag(str(folder)).is_valid()
    judged = await asyncio.to_thread(
        run_validator, "case-utils", "case_validate", [folder / "data/metadata/case.jsonld"], cwd=tmp_path
    )
    assert judged.returncode == 0 and "Conforms: True" in judged.stdout, judged.stdout + judged.stderr
    exhibits = lines(files["data/metadata/exhibits.jsonl"])
    assert [one["capture_id"] for one in exhibits] == list(handing.captures)
    [copy], none = [one.get("masked_copies", []) for one in exhibits]
    assert none == [] and copy["file"] == "data/metadata/E-1.screenshot.viewport.png.masked.png"
    assert hashlib.sha256(files[copy["file"]]).hexdigest() == copy["sha256"] != copy["of"]
    assert (
        copy["of"] == exhibits[0]["files"][1]["sha256"]
        and copy["file"].removeprefix("data/") in files["data/index.html"].decode()
    )
    assert all(one["not_after"] and one["collector_roles"] for one in exhibits) and exhibits[1]["not_before"]
    [finding] = lines(files["data/metadata/findings.jsonl"])
    assert (finding["finding"], finding["version"], finding["captures"]) == ("F-1", 1, [handing.captures[0]])
    assert finding["pins"]["captures"] == [handing.captures[0]] and finding["bases"][0]["article"]
    assert {"facts", "assessment", "alleged_basis"} <= finding.keys() and "author" not in finding
    custody = lines(files["data/metadata/custody.jsonl"])
    assert all(one["file"] is None or one["file"] in files for one in custody) and all(one["proof"] in files for one in custody)
    assert {"case.opened", "finding.confirmed", "capture.sealed", "capture.exported"} <= {one["type"] for one in custody}
    missing = {(one["code"], one["what"]) for one in json.loads(files["data/metadata/missing.json"])["missing"]}
    assert {
        ("exhibit_withdrawn", "E-3"),
        ("exhibit_of_others", "E-4"),
        ("findings_draft", "findings: 1"),
        ("notes", "notes: 1"),
    } <= missing
    annex = list(csv.DictReader(io.StringIO(files["data/metadata/preservation-request-annex.csv"].decode())))
    assert ("account", "1735765521595875777") in {(one["kind"], one["identifier"]) for one in annex}
    assert {(one["preserve_from"][:10], one["preserve_to"][:10]) for one in annex} == {("2024-07-01", "2024-09-30")}
    told = pdf_text(files["data/report/custody-report.pdf"])
    for words in (TITLE, *handing.captures, exhibits[0]["statement_sha256"], "What it does not prove", "AR/2024/17"):
        assert words in told, words
    assert "Whoever has the file can read it" in told and "F-1" in told
    assert "17357655215958" in files["data/report/preservation-request-annex.txt"].decode()
    everything = b"\n".join(files.values())
    assert b"canary-" not in everything and b"Reviewer" not in everything, "no base64 spells the hyphen by chance"
    for name in ("data/metadata/findings.jsonl", "data/report/custody-report.pdf"):
        assert_named_when_changed(handing.deployment, files, name, capsys)
    await handing.work.site.sound()


def assert_named_when_changed(
    deployment: Deployment, files: dict[str, bytes], name: str, says: pytest.CaptureFixture[str]
) -> None:
    """One byte of one of the case's files is changed: the verifier says which file."""
    changed = deployment.folder / "changed.zip"
    with zipfile.ZipFile(changed, "w") as packed:
        for path, data in files.items():
            packed.writestr(path, data[:-1] + b"X" if path == name else data)
    assert deployment.verify(changed) == 1
    assert name in says.readouterr().out


async def test_a_second_person_lets_it_go_and_a_second_export_names_everything_the_same(handing: Handing) -> None:
    exports, row = handing.work.site.services.case_exports, await handing.made()
    with pytest.raises(ExportNotReady):
        await exports.open_file(handing.work.author, row.id)
    with pytest.raises(Forbidden):
        await exports.confirm(handing.work.author, row.id)
    with pytest.raises(Forbidden):
        await exports.open_file(handing.work.reviewer, row.id)
    person = await handing.work.site.person(handing.work.author)
    assert (await person.get(f"/exports/{row.id}")).status_code == 404, "the inner bundle is no way around the second person"
    assert (await person.get(f"/api/v1/exports/{row.id}/file")).status_code == 404
    assert str(row.id) not in (await person.get("/exports")).text
    first, second = unpacked(await handing.fetched(row)), unpacked(await handing.fetched(await handing.made()))
    for name in ("findings.jsonl", "findings.csv", "sightings.csv", "case.jsonld", "preservation-request-annex.csv"):
        assert first[f"data/metadata/{name}"] == second[f"data/metadata/{name}"], name
    ids = {str(node["@id"]) for node in json.loads(first["data/metadata/case.jsonld"])["@graph"]}
    assert len(ids) > 8


async def test_a_killed_worker_s_bundle_is_made_again_with_the_same_manifest(
    handing: Handing, monkeypatch: pytest.MonkeyPatch
) -> None:
    exports, row = handing.work.site.services.case_exports, await handing.order()
    with monkeypatch.context() as patched:
        patched.setattr("server.exports.authority.kind._hand_on", dead)
        with pytest.raises(RuntimeError):
            await exports.maker.run(row.id)
    handing.deployment.tsa.mode = "down"
    await handing.work.confirmed(subject=subject(9))  # said after the order: no part of it
    assert await exports.maker.run(row.id) == "ready", (await exports.read(handing.work.author, row.id)).reason
    bundle = await handing.fetched(await exports.read(handing.work.author, row.id))
    assert handing.deployment.verify(bundle) == 0
    assert len(lines(unpacked(bundle)["data/metadata/findings.jsonl"])) == 1


async def dead(*_arguments: object) -> None:
    raise RuntimeError("the worker died here")


async def test_without_a_stamp_the_export_fails_in_words_and_can_be_tried_again(handing: Handing) -> None:
    exports, row = handing.work.site.services.case_exports, await handing.order()
    handing.deployment.tsa.mode = "down"
    assert await exports.maker.run(row.id) == "failed"
    assert "authority" in (await exports.read(handing.work.author, row.id)).reason and await handing.said("case.exported") == []
    handing.deployment.tsa.mode = "good"
    await exports.retry(handing.work.author, row.id)
    assert await exports.maker.run(row.id) == "ready"


def age(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """One of the two programs that recipients use."""
    return subprocess.run([str(one) for one in arguments], capture_output=True, text=True, timeout=60)


def age_key(folder: Path) -> tuple[Path, str]:
    """A new secret key's file, and its public key."""
    folder.mkdir()
    secret = folder / "key.txt"
    assert age("age-keygen", "-o", secret).returncode == 0
    return secret, age("age-keygen", "-y", secret).stdout.strip()


async def test_the_recipient_alone_can_open_an_encrypted_bundle(handing: Handing, tmp_path: Path) -> None:
    secret, public = age_key(tmp_path / "theirs")
    closed = await handing.fetched(await handing.made(recipient_key=public))
    assert closed.name.endswith(".zip.age") and closed.read_bytes().startswith(b"age-encryption.org/v1\n")
    bundle = tmp_path / "opened.zip"
    opened = age("age", "-d", "-i", secret, "-o", bundle, closed)
    assert opened.returncode == 0, opened.stderr
    assert handing.deployment.verify(bundle) == 0
    assert public in pdf_text(unpacked(bundle)["data/report/custody-report.pdf"]).replace("\n", "")
    wrong = age("age", "-d", "-i", age_key(tmp_path / "others")[0], closed)
    assert wrong.returncode != 0 and not wrong.stdout
    [event] = await handing.said("case.export_encrypted")
    assert event["encryptedTo"] == [public] and event["recipient"] == "The regulator"


async def test_a_bundle_killed_after_it_was_closed_is_said_to_be_closed_once_and_as_it_was_kept(
    handing: Handing, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret, public = age_key(tmp_path / "theirs")
    row, maker = await handing.order(recipient_key=public), handing.work.site.services.case_exports.maker

    async def killed(*_done: Any) -> None:
        raise asyncio.CancelledError

    with monkeypatch.context() as patched, pytest.raises(asyncio.CancelledError):
        patched.setattr(maker, "_finish", killed)
        await maker.run(row.id)
    assert await maker.run(row.id) == "ready"
    [event] = await handing.said("case.export_encrypted")
    opened = tmp_path / "opened.zip"
    closed = await handing.fetched(await handing.work.site.services.case_exports.read(handing.work.author, row.id))
    assert age("age", "-d", "-i", secret, "-o", opened, closed).returncode == 0
    assert hashlib.sha256(opened.read_bytes()).hexdigest() == event["bundleSha256"], "the one in the file, not the lost one"


async def test_what_cannot_be_handed_over_is_refused_in_words(handing: Handing) -> None:
    secret = "AGE-SECRET-KEY-1" + "Q" * 58
    for options, field in (
        ({"recipient_key": "age1garbage"}, "recipient_key"),
        ({"recipient_key": secret}, "recipient_key"),
        ({"preserve_from": "July"}, "preserve_from"),
        ({"preserve_from": "2024-09-30", "preserve_to": "2024-09-29"}, "preserve_to"),
        ({"reference": "x" * 301}, "reference"),
    ):
        with pytest.raises(BadInput) as refused:
            await handing.order(**options)
        assert refused.value.data["field"] == field and secret not in str(refused.value.data)
    services, work = handing.work.site.services, handing.work
    for number in (1, 2):
        await services.cases.exhibits.withdraw(work.author, work.case.id, number, "taken back")
    with pytest.raises(ExportRefused) as empty:
        await handing.order()
    assert empty.value.data["missing"] == ["exhibits"]
