"""What a person types to hand things over: each command makes its file or says in one line why not; links, re-checks, times."""

import asyncio
import io
import json
import zipfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from typer.testing import CliRunner, Result

from server.cli import ONE_PERSON, app
from tests.exports import test_rapid
from tests.services.casework import Casework, subject
from tests.services.deployment import Deployment
from tests.services.test_alerts import SAID as ALERT
from tests.services.test_notices import SAID as NOTICE
from tests.web.site import ORIGIN

Typed = Callable[..., Awaitable[Result]]
STATED = ["--purpose", "for the file", "--recipient", "Somebody"]
PERIOD = {"organisation": "A network", "period_from": "2024-01-01", "period_to": "2100-12-31"}


@pytest.fixture
async def work(deployment: Deployment) -> Casework:
    """A case with two confirmed findings, of which one alleges a policy; a log with a stamp and a witness."""
    made = await Casework.begin(deployment.site)
    await made.confirmed(subject=subject(1, url="https://x.example/a/1"), language="fr")
    await made.confirmed(subject=subject(2, url="https://x.example/a/2"), bases=["platform-policy/impersonation"])
    return made


@pytest.fixture
def typed(deployment: Deployment, monkeypatch: pytest.MonkeyPatch) -> Typed:
    """Runs a command as another process of the same service would, here in a thread."""
    settings = deployment.site.services.settings
    named: dict[str, Any] = {
        "DATA_DIR": settings.data_dir,
        "DATABASE_URL": settings.database_url,
        "ORIGIN": ORIGIN,
        "PUBLIC_URL": settings.public_url,
        "TSAS": json.dumps([one.model_dump(mode="json") for one in settings.tsas]),
        "WITNESSES": json.dumps([one.model_dump(mode="json") for one in settings.witnesses]),
    }
    for name, value in named.items():
        monkeypatch.setenv(f"HOLDSTILL_{name}", str(value))
    return lambda *words: asyncio.to_thread(CliRunner().invoke, app, [str(one) for one in words])


async def told(typed: Typed, *words: Any) -> dict[str, Any]:
    """What the command says to a program."""
    done = await typed(*words, "--json")
    assert done.exit_code == 0, done.output
    said: dict[str, Any] = json.loads(done.stdout)
    return said


def written(folder: Path, name: str, said: dict[str, Any]) -> Path:
    (folder / name).write_text(json.dumps(said))
    return folder / name


async def test_every_document_is_made_by_its_command(work: Casework, typed: Typed, tmp_path: Path) -> None:
    alert = written(tmp_path, "alert.json", ALERT | {"statistics": []})
    notice, rapid = written(tmp_path, "notice.json", NOTICE), written(tmp_path, "rapid.json", test_rapid.SAID | {"findings": [2]})
    report = written(tmp_path, "report.json", PERIOD)
    for name, words, holds, kind in (
        ("alert", [alert, *STATED], "alert.pdf", "alert"),
        ("notice", [notice, "--purpose", "p"], "notice.pdf", "notice"),
        ("rapid", [rapid, "--purpose", "p"], "notification.pdf", "rapid"),
        ("report", [report, *STATED], "report.xlsx", "workbook"),
    ):
        out = tmp_path / f"{name}.zip"
        said = await told(typed, "export", name, work.case.id, "--from", *words, "-o", out)
        with zipfile.ZipFile(out) as packed:
            files = {one: packed.read(one) for one in packed.namelist()}
        assert holds in files and said["size_bytes"] == out.stat().st_size, files.keys()
        objects = [json.loads(data) for one, data in files.items() if one.endswith(".json")]
        assert said["file"] == str(out) and f"holdstill-{kind}/1" in [one.get("format") for one in objects]
    sheet = openpyxl.load_workbook(io.BytesIO(files["report.xlsx"]))["alerts"]
    assert sheet["A2"].value == ALERT["number"], "the report counts the alert that the command made before"
    told_of = await told(typed, "export", "tables", work.case.id, *STATED, "-o", tmp_path / "tables.zip")
    with zipfile.ZipFile(tmp_path / "tables.zip") as packed:
        assert told_of["findings"] == len(packed.read("findings.jsonl").splitlines()) == 2
    broken = written(tmp_path, "broken.json", ALERT | {"overview": "x" * 601})
    done = await typed("export", "alert", work.case.id, "--from", broken, *STATED, "-o", tmp_path / "none.zip")
    assert done.exit_code == 1 and "overview" in done.stderr and "Traceback" not in done.output
    refused = await typed("export", "rapid", work.case.id, "--from", notice, "--purpose", "p", "-o", tmp_path / "none.zip")
    assert refused.exit_code == 1 and not (tmp_path / "none.zip").exists()


async def test_an_authoritys_bundle_waits_for_a_second_person_and_a_captures_own_says_why_not(
    work: Casework, typed: Typed, tmp_path: Path
) -> None:
    said = await told(typed, "export", "authority", work.case.id, *STATED, "--with", "reference=AR/2024/17")
    out = tmp_path / "bundle.zip"
    early = await typed("export", "fetch", said["export_id"], "-o", out)
    assert early.exit_code == 1 and "second person" in early.stderr and not out.exists()
    exports = work.site.services.case_exports
    [row] = await exports.of_case(work.author, work.case.id)
    await exports.confirm(work.reviewer, row.id)
    assert (await told(typed, "export", "fetch", row.id, "-o", out))["sha256"] == said["sha256"]
    wrong = await typed("export", "authority", work.case.id, *STATED, "--with", "colour=red")
    assert wrong.exit_code == 1 and "colour" in wrong.stderr
    own = await typed("export", "bundle", "--capture", work.capture_id, "-o", tmp_path / "own.zip")
    assert own.exit_code == 0 and ONE_PERSON in own.stdout


async def test_links_are_made_listed_and_withdrawn(work: Casework, typed: Typed) -> None:
    made = await told(typed, "handover", "link", "--capture", work.capture_id, *STATED, "--days", "3")
    assert made["link"].startswith(f"{work.site.services.settings.public_url}/h/hsh_") and len(made["passcode"]) == 11
    assert {one["name"] for one in made["files"]} >= {"statement.dsse.json", "page.wacz"}
    [listed] = (await told(typed, "handover", "list"))["links"]
    assert (listed["handover_id"], listed["state"], listed["recipient"]) == (made["handover_id"], "open", "Somebody")
    assert (await told(typed, "handover", "revoke", made["handover_id"]))["state"] == "revoked"
    [listed] = (await told(typed, "handover", "list"))["links"]
    assert listed["state"] == "revoked"
    nobody = await typed("handover", "revoke", "00000000-0000-4000-8000-000000000000")
    assert nobody.exit_code == 1 and "not_found" in nobody.stderr and "Traceback" not in nobody.output
    assert (await typed("handover", "link", *STATED)).exit_code == 2, "nothing named"
    public = await typed("handover", "link", "--capture", work.capture_id, "--profile", "public", *STATED)
    assert public.exit_code == 1 and "TLP:CLEAR" in public.stderr


async def test_due_looks_and_times_to_action_are_told(work: Casework, typed: Typed) -> None:
    assert (await told(typed, "notices", "due")) == {"rechecks": []}
    assert "Nothing to look at." in (await typed("notices", "due")).stdout
    times = await told(typed, "notices", "times", work.case.id)
    assert times["unit"] == "notices" and times["rows"] == []
    assert (await typed("notices", "times", work.case.id, "--unit", "colours")).exit_code == 1
