"""Whatever is done to a bundle's bytes, the verifier answers with a report, and a change to what was signed is never VALID."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from server.trust.report import Report, Verdict
from server.verifier import verify_file
from storage.bundle import open_bag
from tests.simulator import Device, Files, World, fix_manifests, pack
from tests.trust.authority import Authority

MANY = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
UNSIGNED = ("trust/", "VERIFY.md", "bag-info.txt")


class Made(NamedTuple):
    """A bundle and where its changed copies go."""

    world: World
    files: Files
    path: Path

    def __repr__(self) -> str:
        return "Made()"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, authorities: dict[str, Authority]) -> Made:
    folder = tmp_path_factory.mktemp("any")
    world, device = World(folder, {"alpha": authorities["alpha"]}), Device()
    world.enrol(device)
    return Made(world, world.export([world.capture(device)]), folder / "bundle.zip")


def judge(made: Made, bundle: bytes) -> Report:
    made.path.write_bytes(bundle)
    return verify_file(made.path, made.world.policy)


def contents(bundle: Path) -> Files:
    with open_bag(bundle) as bag:
        return {name: bag.read(name, 1 << 30) for name in bag.names()}


@MANY
@given(data=st.data())
def test_any_byte_of_the_file_may_change(made: Made, data: st.DataObject) -> None:
    packed = bytearray(pack(made.files))
    place = data.draw(st.integers(0, len(packed) - 1))
    packed[place] ^= data.draw(st.integers(1, 255))
    report = judge(made, bytes(packed))
    assert report.verdict is Verdict.INVALID or contents(made.path) == made.files  # a time in the zip's directory, say


@MANY
@given(data=st.data())
def test_any_file_may_be_replaced_with_manifests_fixed(made: Made, data: st.DataObject) -> None:
    files = made.files
    name = data.draw(st.sampled_from(sorted(files)))
    old = files[name]
    start = data.draw(st.integers(0, max(0, len(old) - 1)))
    new = old[:start] + data.draw(st.binary(max_size=8)) + old[start + data.draw(st.integers(0, 8)) :]
    report = judge(made, pack(fix_manifests({**files, name: new})))
    covered = name.startswith("data/") or name in ("proofs/export.dsse.json", "bagit.txt")
    if new != old and covered:
        assert report.verdict is Verdict.INVALID, (name, report.to_text())


@MANY
@given(data=st.data())
def test_any_file_may_be_missing_with_manifests_fixed(made: Made, data: st.DataObject) -> None:
    files = made.files
    name = data.draw(st.sampled_from(sorted(files)))
    report = judge(made, pack({other: content for other, content in fix_manifests(files).items() if other != name}))
    assert report.verdict is Verdict.INVALID
    rest = fix_manifests({other: content for other, content in files.items() if other != name})
    if not name.startswith(UNSIGNED) and "manifest" not in name and not name.endswith(".tsr"):
        assert judge(made, pack(rest)).verdict is not Verdict.VALID, name
