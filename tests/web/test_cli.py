"""What a person types: each command prints what it says, errors are one line, exit codes mean what they say."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from server.cli import app
from server.trust.policy import parse_policy
from tests.web.site import ORIGIN


@pytest.fixture
def cli(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CliRunner:
    """The command line on a fresh database and folder."""
    for name, value in {
        "DATA_DIR": str(tmp_path / "data"),
        "DATABASE_URL": database_url,
        "ORIGIN": ORIGIN,
        "PUBLIC_URL": "https://holdstill.test",
    }.items():
        monkeypatch.setenv(f"HOLDSTILL_{name}", value)
    return CliRunner()


def test_pair_sign_in_status_check_and_policy(cli: CliRunner) -> None:
    code = json.loads(cli.invoke(app, ["pair", "--json"]).stdout)
    assert len(code["pairing_code"]) == 14 and code["server"] == "https://holdstill.test"
    for command in (["sign-in", "--json"], ["admin", "sign-in-link", "--json"]):
        assert json.loads(cli.invoke(app, command).stdout)["url"].startswith("https://holdstill.test/sign-in/hsl_")
    status = json.loads(cli.invoke(app, ["log", "status", "--json"]).stdout)
    assert status["origin"] == ORIGIN and status["stamped_size"] is None
    checked = cli.invoke(app, ["log", "check", "--json"])
    assert checked.exit_code == 0 and json.loads(checked.stdout)["sound"] is True
    pictures = cli.invoke(app, ["images", "check", "--json"])
    assert pictures.exit_code == 0 and json.loads(pictures.stdout)["findings"][0]["outcome"] == "NOT_CHECKED"
    assert json.loads(cli.invoke(app, ["search", "reindex", "--json"]).stdout) == {"read": 0, "case_texts": 0}
    policy = cli.invoke(app, ["admin", "policy"])
    assert parse_policy(policy.stdout).log.origin == ORIGIN


def test_pauses_are_lifted_and_passkeys_asked_from_the_command_line(cli: CliRunner) -> None:
    assert json.loads(cli.invoke(app, ["admin", "lift-pauses", "--json"]).stdout) == {"lifted": 0}
    assert json.loads(cli.invoke(app, ["admin", "lift-pauses", "--login", "desk", "--json"]).stdout) == {"lifted": 0}
    assert cli.invoke(app, ["admin", "ask-passkeys", "nobody"]).stdout == "passkeys are asked of nobody\n"
    refused = cli.invoke(app, ["admin", "ask-passkeys", "everybody"])
    assert refused.exit_code == 1 and "add a passkey" in refused.stderr


def test_errors_are_one_line_and_leave_no_file(cli: CliRunner, tmp_path: Path) -> None:
    out = tmp_path / "evidence.zip"
    done = cli.invoke(app, ["export", "bundle", "--capture", "0" * 64, "-o", str(out)])
    assert done.exit_code == 1 and "not_found" in done.stderr and "Traceback" not in done.output
    assert not out.exists()
    assert cli.invoke(app, ["verify", str(out)]).exit_code == 2
    out.write_bytes(b"PK nothing")
    assert cli.invoke(app, ["verify", str(out)]).exit_code == 1


def test_a_wrong_database_address_is_said_in_words(cli: CliRunner, monkeypatch: pytest.MonkeyPatch) -> None:
    for url, word in (("mysql://nowhere/x", "PostgreSQL"), ("postgresql://x@127.0.0.1:1/x", "connection")):
        monkeypatch.setenv("HOLDSTILL_DATABASE_URL", url)
        done = cli.invoke(app, ["pair"])
        assert done.exit_code == 1 and word in done.stderr and "Traceback" not in done.output, done.output
