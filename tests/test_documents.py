"""The documents against the code: commands and their options, settings, routes of the API, paths of the repository."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer.main

from server.cli import app
from server.settings import Settings
from tests.test_architecture import ROOT, relative

DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]
CAPTURE_FILE = "holdstill import FILE"
"""The one command with a default: a file as its first word is a capture to take in."""
OUTSIDE = set(re.findall(r"\$\{(HOLDSTILL_\w+)", (ROOT / "docker-compose.yml").read_text("utf-8")))
"""Variables that docker-compose.yml reads, which it makes settings of."""

every_document = pytest.mark.parametrize("path", DOCUMENTS, ids=relative)


def commands(text: str) -> Iterator[str]:
    """What the text tells people to type: code spans and lines of blocks that begin with the program."""
    for block in re.findall(r"```(?:sh)?\n(.*?)```", text, re.DOTALL):
        yield from (line for line in block.splitlines() if re.match(r"(\.venv/bin/)?holdstill ", line))
    yield from re.findall(r"(?<!`)`(holdstill [^`]+)`", re.sub(r"\s+", " ", text))


def unknown_in(said: str) -> str | None:
    """What of a command does not exist: a word of its name or an option. None: all of it does."""
    words = said.split()[1:]
    command: Any = typer.main.get_command(app)
    while (inside := getattr(command, "commands", None)) is not None:
        if not words or said.startswith(CAPTURE_FILE):
            return None
        if words[0] not in inside:
            return words[0]
        command, words = inside[words[0]], words[1:]
    known = {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}
    return next((one for word in words if (one := word.strip("[]…")).startswith("-") and one not in known), None)


@every_document
def test_each_command_exists_with_its_options(path: Path) -> None:
    wrong = {said: unknown for said in commands(path.read_text("utf-8")) if (unknown := unknown_in(said)) is not None}
    assert not wrong


def test_a_command_or_option_that_does_not_exist_is_found() -> None:
    text = "`holdstill export nothing`, `holdstill verify FILE --trust`, `holdstill handover`\n```sh\nholdstill log chekc\n```"
    assert [unknown_in(said) for said in commands(text)] == ["chekc", "nothing", "--trust", None]


@every_document
def test_each_setting_is_one_the_service_knows(path: Path) -> None:
    known = {f"HOLDSTILL_{name.upper()}" for name in Settings.model_fields} | OUTSIDE
    named = set(re.findall(r"HOLDSTILL_[A-Z0-9_]*[A-Z0-9](?!_…)\b", path.read_text("utf-8")))
    assert {name for name in named if name not in known} == set()


@every_document
def test_each_route_of_the_api_is_in_its_description(path: Path) -> None:
    paths = {re.sub(r"\{[^}]*\}", "{}", one) for one in json.loads((ROOT / "docs" / "openapi.json").read_text("utf-8"))["paths"]}
    said = {one.rstrip("/") for one in re.findall(r"/api/v1/(?:[\w/{}-]|<[^>]*>)+", path.read_text("utf-8"))}
    assert {one for one in said if re.sub(r"\{[^}]*\}|<[^>]*>", "{}", one) not in paths} == set()


@every_document
def test_each_path_of_the_repository_exists(path: Path) -> None:
    named = re.findall(
        r"`((?:server|storage|tests|extension|migrations|benchmarks|tools|docs)/[\w./-]+)[`:]", path.read_text("utf-8")
    )
    assert [one for one in named if not (ROOT / one).exists() and not one.startswith("extension/dist")] == []
