"""The command line acts for one organisation: which commands do, which are for who runs the server, and that no id leads out."""

import asyncio
import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from server.cli import app
from tests.services.casework import Casework
from tests.web.site import ORIGIN, open_site, settings_of

WHOLE_SERVER = {
    "serve", "worker", "witness", "verify", "sign-in", "db stop",
    "admin sign-in-link", "admin lift-pauses", "admin policy", "admin openapi",
    "log check", "search reindex", "images index", "images check", "images rebuild",
    "images cluster", "images pdq",  # files of a folder: no database
    "recount",  # whoever runs the server may count every frozen number again; it says so itself
    "import capture",  # for the browser whose key signed the file, wherever that browser belongs
}  # fmt: skip
ACTS_FOR_SOMEBODY = ("run_as_operator(", "ensure_default_operator(", "administrator(", "_make(")


def commands(group: typer.Typer, path: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    for one in group.registered_commands:
        assert one.callback is not None
        yield " ".join((*path, one.name or one.callback.__name__.replace("_", "-"))), one.callback
    for inner in group.registered_groups:
        assert inner.typer_instance is not None
        yield from commands(inner.typer_instance, (*path, str(inner.name)))


def test_every_command_acts_for_one_organisation_or_is_listed_as_the_servers() -> None:
    found = dict(commands(app))
    assert len(found) > 30 and found.keys() >= WHOLE_SERVER
    acting = {name for name, act in found.items() if any(word in inspect.getsource(act) for word in ACTS_FOR_SOMEBODY)}
    assert found.keys() - acting == WHOLE_SERVER


async def elsewhere(folder: Path, database_url: str) -> dict[str, str]:
    """What another organisation than the first has: ids by their names."""
    async with open_site(settings_of(folder, database_url)) as site:
        await site.services.operators.ensure_default_operator()
        stranger = await site.other_organisation()

        async def theirs() -> Any:
            return stranger

        site.services.operators.ensure_default_operator = theirs  # type: ignore[method-assign]
        work = await Casework.begin(site)
        person = await site.person()
        asked = {"kind": "bundle", "captures": [work.capture_id], "purpose": "p", "recipient": "r"}
        export_id = str((await person.post("/api/v1/exports", json=asked)).json()["export_id"])
        await site.services.exports.bundler.run(export_id)
        return {"case": str(work.case.id), "capture": work.capture_id, "export": export_id}


COMMANDS = (
    "export bundle --capture {capture} --out {out}",
    "export tables {case} --purpose p --recipient r --out {out}",
    "export fetch {export} --out {out}",
    "handover link --bundle {export} --recipient r --purpose p",
    "notices times {case}",
    "import table {file} --case {case} --source s",
    "import archive {file} --case {case} --said-by s",
    "log status --capture {capture}",
)


def test_a_command_finds_nothing_of_another_organisation(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = asyncio.run(elsewhere(tmp_path, database_url))
    values = {"DATA_DIR": str(tmp_path / "data"), "DATABASE_URL": database_url, "ORIGIN": ORIGIN}
    for name, value in (values | {"PUBLIC_URL": "http://holdstill.test"}).items():
        monkeypatch.setenv(f"HOLDSTILL_{name}", value)
    file, out = tmp_path / "table.csv", tmp_path / "out"
    file.write_text("url,note\nhttps://x.example/1,one\n", "utf-8")
    for words in COMMANDS:
        asked = words.format(**ids, file=file, out=out).split()
        done = CliRunner().invoke(app, asked)
        assert done.exit_code == 1 and "not_found" in done.stderr, (words, done.output)
        assert not out.exists(), words
