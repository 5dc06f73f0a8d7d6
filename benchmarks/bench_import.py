"""99,000 rows of a silence period into embedded PostgreSQL: how long, in how much memory, beside a plain COPY of the same rows;
then judged by the window, counted, drawn from and counted again.

    python -m benchmarks.bench_import [--rows 99000]

Every name is generated. Goals: at most 5 minutes, and memory that does not grow with the number of rows.
"""

import argparse
import asyncio
import csv
import io
import sys
import tempfile
import time
import uuid
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import psutil
import psycopg

from benchmarks.figures import MB, load_average
from server.cases.service import CaseOrder
from server.composition import Services, build
from server.db import libpq_url
from server.findings.body import SilenceChoice
from server.findings.recount import recount
from server.imports.service import TableFile
from server.imports.views import Plan
from server.operators.actors import OperatorActor
from server.settings import Settings
from tests.story.field import place_by_hand

GOAL_S = 300.0
GROWTH_GOAL_BYTES = 64 * MB
X_EPOCH_MS = 1_288_834_974_657
WINDOW_START_MS = 1_720_216_800_000  # 2024-07-05T22:00:00Z
HEADER = ("url", "posted at", "handle", "views", "text", "seen at")


def write_table(path: Path, rows: int) -> None:
    """Posts every 1.4 s through a window of 38 hours, one in fifty of them again, by 2,000 accounts."""
    with path.open("w", newline="", encoding="utf-8") as stream:
        table = csv.writer(stream)
        table.writerow(HEADER)
        for number in range(rows):
            post = number - number % 50 if number % 50 == 1 else number
            ms = WINDOW_START_MS + post * 1400
            handle = f"generated_{post % 2000:04}"
            url = f"https://x.com/{handle}/status/{(ms - X_EPOCH_MS << 22) + post % 4096}"
            posted = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(ms // 1000))
            views = f"{number % 900} to {number % 900 + 100}" if number % 7 == 0 else str(number % 5000)
            table.writerow((url, posted, handle, views, f"Generated text {number}: vote for nobody", "2024-07-08T09:00:00Z"))


def places_by_hand(rows: int) -> Counter[str]:
    """Where the distinct posts lie, without the rules: in, out, or unknown where the id's millisecond reaches over an edge."""
    found: Counter[str] = Counter()
    for post in {number - number % 50 if number % 50 == 1 else number for number in range(rows)}:
        at = datetime.fromtimestamp((WINDOW_START_MS + post * 1400) / 1000, UTC)
        found[place_by_hand(at, 0.001)] += 1
    return found


def copy_seconds(url: str, path: Path) -> float:
    """The same rows by COPY into a table of texts without an index: what the database takes at the least."""
    with psycopg.connect(libpq_url(url), autocommit=True) as connection:
        connection.execute("CREATE TABLE plain_rows (" + ", ".join(f"c{n} text" for n in range(len(HEADER))) + ")")
        begun = time.monotonic()
        order = "COPY plain_rows FROM STDIN WITH (FORMAT csv, HEADER)"
        with connection.cursor().copy(order) as copy, path.open("rb") as stream:
            while piece := stream.read(1 << 20):
                copy.write(piece)
        return time.monotonic() - begun


async def judged_lines(services: Services, actor: OperatorActor, case_id: uuid.UUID, by_hand: Counter[str]) -> list[str]:
    """Judging the posts, freezing how many lie in the window, drawing a sample, recounting: what each took.

    The numbers have to be those that were counted by hand.
    """
    choice = SilenceChoice(rule_id="FR-L49", territory="FR-MET", election_id="FR-2024-AN-R2")
    begun = time.monotonic()
    asked = await services.imports.judgings.ask(actor, case_id, choice, queued=False)
    await services.imports.judgings.run(asked.id)
    counts = (await services.imports.judgings.read(actor, asked.id)).judging.counts
    assert counts == {place: by_hand[place] for place in ("in", "out", "unknown")}, (counts, by_hand)
    lines = [f"judging           {time.monotonic() - begun:7.1f} s   {counts}"]
    begun = time.monotonic()
    frozen = await services.findings.tallies.freeze_judged(actor, "Posts in the silence", asked.id)
    assert (frozen.n_low, frozen.n_high) == (by_hand["in"], by_hand["in"] + by_hand["unknown"]), (frozen, by_hand)
    lines.append(f"freezing          {time.monotonic() - begun:7.1f} s   {frozen.n_low:,} to {frozen.n_high:,} posts")
    begun = time.monotonic()
    drawn = await services.findings.statistics.sample(actor, frozen.id, "1", 400)
    lines.append(f"sample            {time.monotonic() - begun:7.1f} s   {len(drawn.keys)} of {drawn.of:,}, seed {drawn.seed}")
    begun = time.monotonic()
    again = await recount(services.database, frozen.id)
    assert again.is_sound, again.checks
    lines.append(f"recount           {time.monotonic() - begun:7.1f} s   the same {again.counted:,}")
    return lines


async def measure(folder: Path, rows: int) -> bool:
    path = folder / "rows.csv"
    write_table(path, rows)
    services = build(Settings(data_dir=folder / "data"))
    async with services.running():
        actor = await services.operators.ensure_default_operator()
        case = await services.cases.open(actor, CaseOrder("Generated silence period"))
        begun = time.monotonic()
        draft = await services.imports.upload(actor, case.id, TableFile(io.BytesIO(path.read_bytes()), "rows.csv"))
        plan = Plan(draft.mapping, {"source": "generated"})
        made = await services.imports.start(actor, draft.id, plan, queued=False)
        uploaded_s = time.monotonic() - begun
        process, samples = psutil.Process(), []
        begun = time.monotonic()
        running = asyncio.create_task(services.imports.runner.run(made.id))
        while not running.done():
            await asyncio.wait([running], timeout=0.25)
            samples.append(process.memory_info().rss)
        state = await running
        import_s = time.monotonic() - begun
        done = (await services.imports.read(actor, made.id)).table
        judged = await judged_lines(services, actor, case.id, places_by_hand(rows))
        begun = time.monotonic()
        await services.imports.undo(actor, made.id, queued=False)
        await services.imports.undoer.run(made.id)
        undo_s = time.monotonic() - begun
        copy_s = await asyncio.to_thread(copy_seconds, services.database.url, path)
    early = max(samples[: max(1, len(samples) // 5)])
    growth = max(samples) - early
    print(f"rows {done.rows_taken:,} taken, {done.rows_refused} refused, {done.things_made:,} things made ({state})")
    print(f"upload and survey {uploaded_s:7.1f} s")
    print(f"import            {import_s:7.1f} s = {rows / import_s:,.0f} rows a second   goal {GOAL_S:.0f} s")
    print("\n".join(judged))
    print(f"undo              {undo_s:7.1f} s")
    print(f"plain COPY        {copy_s:7.2f} s   ratio {import_s / copy_s:,.0f}")
    told = f"{max(samples) / MB:.0f} MB at most, {growth / MB:+.0f} MB after the first fifth"
    print(f"memory            {told}   goal {GROWTH_GOAL_BYTES / MB:.0f} MB")
    print(load_average())
    return state == "done" and done.rows_taken == rows and import_s <= GOAL_S and growth <= GROWTH_GOAL_BYTES


def main() -> int:
    """0 when the goals were met."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=99_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="holdstill-bench-") as folder:
        return 0 if asyncio.run(measure(Path(folder), options.rows)) else 1


if __name__ == "__main__":
    sys.exit(main())
