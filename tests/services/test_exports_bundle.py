"""Bundles: made by the service, verified by the verifier that knows nothing of it; and what happens when nobody answers."""

from pathlib import Path

import pytest

from server.verifier import run_verify
from tests.services.deployment import Deployment


async def test_an_exported_bundle_verifies_with_its_bracket_under_the_policy(
    deployment: Deployment, capsys: pytest.CaptureFixture[str]
) -> None:
    device = await deployment.site.pair()
    await deployment.site.services.stamps.stamp()  # so that the statement can name a stamped checkpoint
    first = await device.capture()
    second = await device.capture(device.artifacts(body=b"<h1>Another</h1>"))
    bundle = await deployment.download(await deployment.export(first, second))
    code = deployment.verify(bundle)
    said = capsys.readouterr().out
    assert code == 0 and "VALID" in said, said
    assert run_verify(bundle, None) == 2, "without a policy nothing is proved"
    await deployment.site.sound()


async def test_an_export_can_be_made_again_after_its_worker_died_at_any_step(deployment: Deployment) -> None:
    device = await deployment.site.pair()
    capture_id = await device.capture()
    export_id = await deployment.export(capture_id)
    first = await deployment.state(export_id)
    bundler = deployment.site.services.exports.bundler
    for dies_in in ("_freeze", "_commit", "_entries", "assemble", "_keep"):
        again = await deployment_order(deployment, capture_id)
        original = getattr(bundler, dies_in)

        async def dead(*arguments: object, original: object = original, **named: object) -> object:
            await original(*arguments, **named)  # type: ignore[operator]
            raise ConnectionError("the worker died here")

        setattr(bundler, dies_in, dead)
        with pytest.raises(ConnectionError):
            await bundler.run(again)
        setattr(bundler, dies_in, original)
        await bundler.run(again)
        assert deployment.verify(await deployment.download(again)) == 0, dies_in
    events = await deployment.site.services.custody.chain(
        f"capture:{capture_id}",
        organisation_id=(await deployment.site.services.operators.ensure_default_operator()).organisation_id,
    )
    assert sum(event.type == "capture.exported" for event in events) == 6, "one per export, however often it was run"
    assert first["state"] == "ready"
    await deployment.site.sound()


async def deployment_order(deployment: Deployment, capture_id: str) -> str:
    person = await deployment.site.person()
    asked = {"kind": "bundle", "captures": [capture_id], "purpose": "complaint", "recipient": "The regulator"}
    return str((await person.post("/api/v1/exports", json=asked)).json()["export_id"])


@pytest.mark.parametrize("silent", ["tsa", "witness"])
async def test_without_an_answer_the_export_fails_in_words_and_succeeds_when_tried_again(
    deployment: Deployment, silent: str
) -> None:
    device = await deployment.site.pair()
    capture_id = await device.capture()
    if silent == "tsa":
        deployment.tsa.mode = "down"
    else:
        deployment.witness.down()
    export_id = await deployment.export(capture_id)
    failed = await deployment.state(export_id)
    assert failed["state"] == "failed"
    assert ("authority" if silent == "tsa" else "witness") in str(failed["reason"])
    person = await deployment.site.person()
    assert (await person.get(f"/api/v1/exports/{export_id}/file")).status_code == 409
    await deployment.site.services.stamps.stamp()  # the hard case: the head is stamped while its witness is silent
    deployment.tsa.mode = "good"
    if silent == "witness":
        deployment.witness.up()
    assert (await person.post(f"/api/v1/exports/{export_id}/retry")).status_code == 202
    await deployment.site.services.exports.bundler.run(export_id)
    assert (await deployment.state(export_id))["state"] == "ready", await deployment.state(export_id)
    assert deployment.verify(await deployment.download(export_id)) == 0
    await deployment.site.sound()


async def test_damaged_evidence_is_not_exported(deployment: Deployment, tmp_path: Path) -> None:
    device = await deployment.site.pair()
    artifacts = device.artifacts()
    capture_id = await device.capture(artifacts)
    stored = max((tmp_path / "data" / "blobs").rglob("sha256/*/*"), key=lambda path: path.stat().st_size)
    stored.chmod(0o600)
    stored.write_bytes(b"X" + stored.read_bytes()[1:])
    export_id = await deployment.export(capture_id)
    failed = await deployment.state(export_id)
    assert failed["state"] == "failed" and "damaged" in str(failed["reason"])
    assert failed["file_sha256"] is None


async def test_an_unsealed_capture_is_not_exported(deployment: Deployment) -> None:
    device = await deployment.site.pair()
    committed = (await device.commit(await device.statement(device.artifacts()))).json()
    person = await deployment.site.person()
    asked = {"kind": "bundle", "captures": [committed["capture_id"]], "purpose": "p", "recipient": "r"}
    answer = await person.post("/api/v1/exports", json=asked)
    assert answer.status_code == 409 and answer.json()["code"] == "export_refused"
    await deployment.site.sound()
