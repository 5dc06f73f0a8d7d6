"""Timestamping authorities made once, a world made for each test, and how a bundle is put to the verifier."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from server.trust import dsse
from server.trust.policy import Policy
from server.trust.report import Outcome, Report, Verdict
from server.verifier import verify_file
from tests.simulator import Device, Files, World, pack
from tests.trust.authority import Authority

Judge = Callable[..., Report]


@pytest.fixture(scope="session")
def authorities(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Authority]:
    """Two honest ones (alpha, beta); evil (its own root); blind (alpha's root, no timestamping purpose); ended (alpha's root)."""
    folder = tmp_path_factory.mktemp("authorities")
    alpha = Authority(folder / "alpha", "alpha")
    past = datetime.now(UTC) - timedelta(days=900), datetime.now(UTC) - timedelta(days=400)
    return {
        "alpha": alpha,
        "beta": Authority(folder / "beta", "beta"),
        "evil": Authority(folder / "evil", "evil"),
        "blind": Authority(folder / "blind", "blind", eku=False, issuer=alpha),
        "ended": Authority(folder / "ended", "ended", valid=past, issuer=alpha),
    }


@pytest.fixture
def world(tmp_path: Path, authorities: dict[str, Authority]) -> World:
    """A deployment that pins alpha and beta."""
    return World(tmp_path, {name: authorities[name] for name in ("alpha", "beta")})


@pytest.fixture
def device(world: World) -> Device:
    """An enrolled device."""
    enrolled = Device()
    world.enrol(enrolled)
    return enrolled


@pytest.fixture
def judge(tmp_path: Path, world: World) -> Judge:
    """judge(files or zip bytes, policy=the world's) → the report on that bundle."""

    def report(bundle: Files | bytes, policy: Policy | str | None = "own") -> Report:
        path = tmp_path / "bundle.zip"
        path.write_bytes(bundle if isinstance(bundle, bytes) else pack(bundle))
        return verify_file(path, world.policy if isinstance(policy, str) else policy)

    return report


def assert_refused(report: Report, step: int, path: str, reason: str = "") -> None:
    """INVALID, with a failed check of that step whose path contains `path`, and the same said in text and JSON."""
    failed = [check for check in report.checks if check.outcome is Outcome.FAILED]
    assert report.verdict is Verdict.INVALID and report.exit_code == 1, report.to_text()
    matching = [c for c in failed if c.step == step and path in (c.path or "") and reason in (c.reason or "")]
    assert matching, report.to_text()
    assert str(matching[0].path) in report.to_text()
    assert any(f["step"] == step and path in str(f["path"]) for f in report.to_json()["findings"])  # type: ignore[index,attr-defined]


def failed_steps(report: Report) -> set[int]:
    """The steps with a failed check."""
    return {check.step for check in report.checks if check.outcome is Outcome.FAILED}


def resigned(world: World, envelope: bytes, **predicate: object) -> bytes:
    """An event signed again by the service after changing its predicate: what a thief of the service key can do."""
    payload = json.loads(dsse.parse_envelope(envelope).payload)
    payload["predicate"] |= predicate
    return dsse.sign_envelope(json.dumps(payload).encode(), world.service)
