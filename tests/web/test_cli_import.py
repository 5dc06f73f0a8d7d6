"""`holdstill import …` as a person types it: tables, archives, going on; refusals are one line, and JSON is one object."""

import asyncio
import json
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from server.cases.service import CaseOrder
from server.cli import app
from server.composition import Services, build
from server.settings import Settings
from tests.imports.desk import table
from tests.media.pictures import encoded, scene
from tests.web.test_cli import cli

__all__ = ["cli"]
ROWS = table(
    ("post id", "platform", "views", "seen at"),
    ("1735765521595875777", "x", "5 to 9 million", "2024-07-08T09:00:00Z"),
    ("1.73577E+18", "x", "1", "2024-07-08T09:00:00Z"),
)


def acted(act: Callable[[Services, Any], Any]) -> Any:
    """What `act` gives, with the services of the environment and the person who types."""

    async def inside() -> Any:
        services = build(Settings())
        async with services.running():
            return await act(services, await services.operators.ensure_default_operator())

    return asyncio.run(inside())


@pytest.fixture
def case(cli: CliRunner) -> str:
    """The id of an open case."""
    return str(acted(lambda services, lead: services.cases.open(lead, CaseOrder("Silence period"))).id)


def test_a_table_is_taken_in_and_refused_rows_are_named(cli: CliRunner, case: str, tmp_path: Path) -> None:
    path, mapping = tmp_path / "list.csv", tmp_path / "map.json"
    path.write_bytes(ROWS)
    asked = ["import", "table", str(path), "--case", case, "--source", "a list"]
    done = cli.invoke(app, asked)
    assert done.exit_code == 0 and "1 rows taken, 1 refused" in done.stdout and "row 3  post id" in done.stdout, done.output
    mapping.write_text(json.dumps({"post id": "post_id", "platform": "platform", "views": None, "seen at": None}))
    again = json.loads(cli.invoke(app, [*asked, "--map", str(mapping), "--option", "zone=UTC", "--json"]).stdout)
    assert (again["state"], again["rows_taken"], again["made"]) == ("done", 1, 0), "merged by its id"
    assert again["problems"][0]["value"] == "1.73577E+18"
    for wrong, word in (
        (["--option", "zone"], "NAME=VALUE"), (["--option", "zone=Nowhere/There"], "zone"), (["--map", str(path)], "not JSON"),
        (["--option", "colour=red"], "colour"),
    ):  # fmt: skip
        refused = cli.invoke(app, [*asked, *wrong])
        assert refused.exit_code == 1 and word in refused.stderr and "Traceback" not in refused.output, refused.output
    unknown = cli.invoke(app, ["import", "table", str(path), "--case", str(uuid.uuid4()), "--source", "x"])
    assert unknown.exit_code == 1 and "not_found" in unknown.stderr


def test_an_import_that_was_stopped_goes_on_by_its_id(cli: CliRunner, case: str, tmp_path: Path) -> None:
    from server.imports.service import TableFile
    from server.imports.views import Plan

    path = tmp_path / "list.csv"
    path.write_bytes(ROWS)

    async def begun(services: Services, lead: Any) -> Any:
        with path.open("rb") as stream:
            draft = await services.imports.upload(lead, uuid.UUID(case), TableFile(stream, "list.csv"))
        await services.imports.start(lead, draft.id, Plan(draft.mapping, {"source": "a list"}), queued=False)
        return await services.imports.cancel(lead, draft.id)

    stopped = acted(begun)
    done = json.loads(cli.invoke(app, ["import", "resume", str(stopped.id), "--json"]).stdout)
    assert (done["state"], done["rows_taken"], done["rows_refused"]) == ("done", 1, 1)
    again = cli.invoke(app, ["import", "resume", str(stopped.id)])
    assert again.exit_code == 1 and "import_refused" in again.stderr


def test_an_archive_is_taken_in_as_made_elsewhere_and_what_is_none_is_refused(cli: CliRunner, case: str, tmp_path: Path) -> None:
    path, words = tmp_path / "shot.png", tmp_path / "words.txt"
    path.write_bytes(encoded(scene(33)))
    words.write_text("words")
    asked = ["import", "archive", str(path), "--case", case, "--said-by", "a colleague"]
    done = json.loads(cli.invoke(app, [*asked, "--json"]).stdout)
    assert (done["kind"], done["origin"]) == ("image", "made elsewhere")
    assert {one["outcome"] for one in done["checks"]} == {"PASSED"}
    assert "Made elsewhere 2: image" in cli.invoke(app, asked).stdout
    refused = cli.invoke(app, ["import", "archive", str(words), "--case", case, "--said-by", "x"])
    assert refused.exit_code == 1 and "file_refused" in refused.stderr
    missing = cli.invoke(app, ["import", "archive", str(tmp_path / "none"), "--case", case, "--said-by", "x"])
    assert missing.exit_code == 1 and "Traceback" not in missing.output
