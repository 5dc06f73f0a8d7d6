"""No row twice, none lost: after kill -9, with two workers at once, after a cancel; and an import that cannot go on says why."""

import asyncio
import hashlib
import json
import os
import signal
import sys
import time
from pathlib import Path

import pytest

from server.cases.models import Entity
from server.imports.errors import ImportRefused
from server.imports.files import _scratch
from server.imports.models import ImportState, Observation, TableImport
from server.imports.running import TableRunner
from server.trust.dsse import parse_envelope
from server.trust.events import parse_event
from storage.scratch import ABANDONED_AFTER_S
from tests.imports.desk import Desk, table

ROOT = Path(__file__).resolve().parents[2]
ROWS, BATCH, KEPT = 500, 25, 100
RUN = """
import asyncio, os, signal, sys, uuid
from pathlib import Path
from server.composition import Overrides, build
from server.imports import running
from tests.web.site import settings_of

class Dying(running.BatchWriter):
    batches_left = int(sys.argv[4])

    async def write(self, batch):
        made = await super().write(batch)
        if Dying.batches_left == 0:  # written, and not yet committed
            os.kill(os.getpid(), signal.SIGKILL)
        Dying.batches_left -= 1
        return made

async def main():
    services = build(settings_of(Path(sys.argv[1]), sys.argv[2]), Overrides(migrated=True))
    async with services.running():
        await running.TableRunner(services.imports._parts, batch_rows=int(sys.argv[5])).run(uuid.UUID(sys.argv[3]))

running.BatchWriter = Dying
asyncio.run(main())
"""


def many(count: int) -> bytes:
    return table(("post id", "platform"), *((f"{1809530000000000000 + number}", "x") for number in range(count)))


async def state_of(desk: Desk, made: TableImport) -> TableImport:
    [found] = await desk.rows(TableImport, TableImport.id == made.id)
    return found


async def assert_each_row_once(desk: Desk, made: TableImport, count: int) -> None:
    rows = await desk.rows(Observation, Observation.import_id == made.id)
    assert sorted(one.row for one in rows) == list(range(2, count + 2))
    assert len(await desk.rows(Entity, Entity.kind == "post")) == count
    done = await state_of(desk, made)
    assert (done.state, done.rows_taken, done.rows_refused) == ("done", count, 0)


async def test_a_killed_import_goes_on_behind_its_last_row(desk: Desk) -> None:
    made = await desk.started(many(ROWS))
    settings = desk.site.services.settings
    said = (settings.data_dir.parent, settings.database_url, made.id, KEPT // BATCH, BATCH)
    worker = await asyncio.create_subprocess_exec(sys.executable, "-c", RUN, *map(str, said), cwd=ROOT)
    async with asyncio.timeout(400):
        assert await worker.wait() == -signal.SIGKILL
    stopped = await state_of(desk, made)
    assert (stopped.state, stopped.rows_taken) == ("running", KEPT)
    assert len(await desk.rows(Observation)) == stopped.rows_taken == stopped.position - 1
    assert await desk.imports.runner.run(made.id) == "done"
    await assert_each_row_once(desk, made, ROWS)
    await desk.site.sound()


async def test_two_workers_on_one_import_write_each_row_once(desk: Desk) -> None:
    made = await desk.started(many(300))
    runners = [TableRunner(desk.imports._parts, batch_rows=20) for _ in range(3)]
    await asyncio.gather(*(one.run(made.id) for one in runners))
    await assert_each_row_once(desk, made, 300)


async def test_a_cancelled_import_keeps_what_it_took_and_can_go_on(desk: Desk, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    made = await desk.started(many(200))
    runner = TableRunner(desk.imports._parts, batch_rows=50)
    write, written = runner._write, []

    async def write_and_cancel(*args):  # type: ignore[no-untyped-def]
        written.append(await write(*args))
        if len(written) == 2:
            await desk.imports.cancel(desk.actor, made.id)
        return written[-1]

    monkeypatch.setattr(runner, "_write", write_and_cancel)
    assert await runner.run(made.id) == ImportState.CANCELLED
    assert (await state_of(desk, made)).rows_taken == 100
    assert await desk.imports.runner.run(made.id) == ImportState.CANCELLED, "a job that was queued before does nothing"
    await desk.imports.resume(desk.actor, made.id, queued=False)
    assert await desk.imports.runner.run(made.id) == "done"
    await assert_each_row_once(desk, made, 200)


async def chain_of(desk: Desk) -> list[tuple[str, dict[str, object]]]:
    chain = await desk.site.services.custody.chain(f"case:{desk.case.id}", organisation_id=desk.actor.organisation_id)
    return [(one.type, parse_event(parse_envelope(one.envelope).payload).details) for one in chain]


async def test_an_import_cancelled_before_it_began_goes_on_and_a_discarded_draft_says_why_not(desk: Desk) -> None:
    made = await desk.started(many(5))
    await desk.imports.cancel(desk.actor, made.id)
    with pytest.raises(ImportRefused) as refused:
        await desk.imports.undo(desk.actor, made.id, queued=False)
    assert "no row was taken" in refused.value.data["reason"]
    assert await desk.imports.runner.run(made.id) == ImportState.CANCELLED
    await desk.imports.resume(desk.actor, made.id, queued=False)
    assert await desk.imports.runner.run(made.id) == "done"
    await assert_each_row_once(desk, made, 5)
    draft = await desk.upload(many(2))
    await desk.imports.cancel(desk.actor, draft.id)
    with pytest.raises(ImportRefused) as refused:
        await desk.imports.resume(desk.actor, draft.id)
    assert "discarded before its columns were settled" in refused.value.data["reason"]


async def test_plan_cancel_and_resume_stand_in_the_chain_of_the_case(desk: Desk) -> None:
    made = await desk.started(many(3))
    await desk.imports.cancel(desk.actor, made.id)
    await desk.imports.resume(desk.actor, made.id, queued=False)
    await desk.imports.runner.run(made.id)
    told = dict(await chain_of(desk))
    assert list(told) == [
        "case.opened", "case.import_received", "case.import_started", "case.import_cancelled", "case.import_resumed",
        "case.imported",
    ]  # fmt: skip
    done = await state_of(desk, made)
    plan = {"layout": done.layout, "mapping": done.mapping, "options": done.options}
    text = json.dumps(plan, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert told["case.import_started"]["planSha256"] == hashlib.sha256(text.encode()).hexdigest()
    assert told["case.import_cancelled"]["rowsTaken"] == 0 and told["case.import_resumed"]["position"] == 0
    await desk.site.sound()


async def test_folders_that_a_killed_process_left_are_swept_and_no_others(desk: Desk, tmp_path: Path) -> None:
    parts = desk.imports._parts
    parts.scratch.mkdir(parents=True, exist_ok=True)
    old = time.time() - 2 * ABANDONED_AFTER_S
    for name in ("import-left", "import-young", "case-export-theirs", "import-target"):
        (parts.scratch / name).mkdir()
        (parts.scratch / name / "file").write_bytes(b"x")
    (parts.scratch / "import-file").write_bytes(b"x")
    (tmp_path / "elsewhere").mkdir()
    (parts.scratch / "import-link").symlink_to(tmp_path / "elsewhere")
    with _scratch(parts) as held:
        (held / "file").write_bytes(b"x")
        for one in [*parts.scratch.iterdir(), tmp_path / "elsewhere"]:
            if one.name != "import-young":
                os.utime(one, (old, old), follow_symlinks=False)
        assert await desk.imports.clear_scratch() == 2
        left = {one.name for one in parts.scratch.iterdir()}
        assert left == {"import-young", "case-export-theirs", "import-file", "import-link", held.name}
    assert (tmp_path / "elsewhere").is_dir() and await desk.imports.clear_scratch() == 0


async def test_a_case_that_is_closed_meanwhile_takes_no_row(desk: Desk) -> None:
    made = await desk.started(many(10))
    await desk.site.services.cases.close(desk.actor, desk.case.id)
    assert await desk.imports.runner.run(made.id) == ImportState.FAILED
    failed = await state_of(desk, made)
    assert failed.reason == "the case was closed" and await desk.rows(Observation) == []


async def test_bytes_that_the_store_changed_are_not_imported(desk: Desk) -> None:
    made = await desk.started(many(10))
    blobs = desk.site.services.settings.data_dir / "blobs"
    [path] = list(blobs.rglob(made.sha256))
    path.chmod(0o600)
    path.write_bytes(path.read_bytes().replace(b",x", b",y"))
    assert await desk.imports.runner.run(made.id) == ImportState.FAILED
    assert "other bytes" in (await state_of(desk, made)).reason and await desk.rows(Entity) == []
