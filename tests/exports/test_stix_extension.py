"""No address and no picture's hash is lost on the way into STIX: what no observable may hold, the extension does."""

import json
from pathlib import Path

import pytest

from server.exports.exchange.checks import stix_problems
from server.exports.exchange.shown import Shown, shown
from server.exports.exchange.stix import stix_bundle
from server.exports.profiles import Profile
from tests.exports.rows import confirmed
from tests.exports.test_exchange import STIX_RULES, case
from tests.validators import run_validator

SUBJECT = {"platform": "x", "url": "https://x.example/1", "media_sha256": "ab" * 32}
ODD: list[tuple[str, dict[str, str], list[str], list[str]]] = [
    ("an observable holds both", {}, [], []),
    ("other letters than ASCII", {"url": "https://новини.бг/статия"}, [], ["url"]),
    ("no host", {"url": "https:///nowhere"}, [], ["url"]),
    ("no time", {}, ["captures", "sightings"], ["media_sha256", "url"]),
]


def finding(number: int, changes: dict[str, str], without: list[str]) -> Shown:
    return shown(confirmed(number, subject=SUBJECT | changes, **{name: [] for name in without}), Profile.INTERNAL)


@pytest.mark.parametrize(("changes", "without", "kept"), [one[1:] for one in ODD], ids=[one[0] for one in ODD])
def test_what_no_observable_holds_stands_in_the_extension(changes: dict[str, str], without: list[str], kept: list[str]) -> None:
    """A finding's address and its picture's hash stand in the bundle once: in an observable or, without one, in the extension."""
    bundle = stix_bundle(case(Profile.INTERNAL), [finding(1, changes, without)])
    [incident] = [one for one in bundle["objects"] if one["type"] == "incident"]
    [extension] = incident["extensions"].values()
    subject = SUBJECT | changes
    assert [name for name in ("media_sha256", "url") if extension.get(name) == subject[name]] == kept
    assert {"media_sha256", "url"} & set(extension) == set(kept)
    assert ("file" in {one["type"] for one in bundle["objects"]}) == ("media_sha256" not in kept)
    assert ("observed-data" in {one["type"] for one in bundle["objects"]}) == (not without)
    assert incident["id"] == "incident--14880cdb-7fbc-5f17-9652-95d6b8d8d0c3", "ids are for ever"


def test_a_bundle_of_all_of_them_is_valid(tmp_path: Path) -> None:
    findings = [finding(number, changes, without) for number, (_, changes, without, _) in enumerate(ODD, 1)]
    bundle = stix_bundle(case(Profile.INTERNAL), findings)
    assert stix_problems(bundle) == []
    (tmp_path / "bundle.json").write_text(json.dumps(bundle))
    done = run_validator("stix2-validator", "stix2_validator", [*STIX_RULES, "bundle.json"], cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
