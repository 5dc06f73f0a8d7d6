"""Examples that Hypothesis draws: the same in every run of the same code, others when somebody asks for them."""

import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server.operators.models import Operator
from tests.draws import EXPLORE, SAME
from tests.services.stage import HeldClock
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


def test_ids_fall_in_every_model_and_differ_in_their_first_letters() -> None:
    drawn_ids = [factory() for factory in (uuid4, Operator.model_fields["id"].default_factory) for _ in range(100)]  # type: ignore[misc]
    assert drawn_ids == sorted(drawn_ids, reverse=True) and {one.version for one in drawn_ids} == {4}
    assert len({str(one)[:8] for one in drawn_ids}) == len(drawn_ids), "what shows eight letters of an id tells them apart"


def test_of_two_readings_of_the_held_clock_one_is_the_earlier() -> None:
    clock = HeldClock()
    first, second = clock.now(), clock.now()
    assert first < second < first + timedelta(milliseconds=1)
