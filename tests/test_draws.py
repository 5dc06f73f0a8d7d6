"""Examples that Hypothesis draws: the same in every run of the same code, others when somebody asks for them."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.draws import EXPLORE, SAME
from tests.test_architecture import ROOT

WORDS = [f"a word of a module {number}" for number in range(200)]


def drawn(profile: str) -> list[tuple[str, int]]:
    """What a test of this profile is given."""
    seen: list[tuple[str, int]] = []

    @settings(settings.get_profile(profile), max_examples=100)
    @given(st.text(), st.integers())
    def take(text: str, number: int) -> None:
        seen.append((text, number))

    take()
    return seen


def test_the_same_code_draws_the_same_whatever_was_loaded_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = drawn(SAME)
    (tmp_path / "a_module_of_words.py").write_text(f"WORDS = {WORDS!r}\n")
    monkeypatch.syspath_prepend(tmp_path)
    import a_module_of_words  # type: ignore[import-not-found]

    assert a_module_of_words.WORDS == WORDS
    assert drawn(SAME) == before
    assert drawn(EXPLORE) != before, "and the one that explores draws others"
    assert drawn(SAME) == before, "and leaves nothing behind"


@pytest.mark.parametrize("ci", ["", "true"])
def test_the_command_of_the_handbook_explores_and_a_plain_run_does_not(request: pytest.FixtureRequest, ci: str) -> None:
    asked, handbook = "--hypothesis-profile=explore -m hypothesis", (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    assert f"`.venv/bin/python -m pytest {asked}`" in handbook
    one = "tests/rules/test_packs.py::test_any_bytes_give_a_pack_or_the_one_error"
    command = [sys.executable, "-m", "pytest", "-v", "--collect-only", *asked.split(), one]
    env = {name: value for name, value in os.environ.items() if name not in ("CI", "PYTEST_ADDOPTS")}
    done = subprocess.run(command, cwd=ROOT, env=env | {"CI": ci} if ci else env, capture_output=True, text=True, timeout=120)
    assert f"hypothesis profile '{EXPLORE}'" in done.stdout and done.returncode == 0, done.stdout + done.stderr
    assert settings.get_current_profile_name() == (request.config.getoption("--hypothesis-profile") or SAME)
    assert settings.get_profile(SAME).derandomize and not settings.get_profile(EXPLORE).derandomize
