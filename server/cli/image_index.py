"""`holdstill images index`, `check`, `rebuild`: pictures that wait to be read; what does not fit; groups made anew."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from server.cli.running import AsJson, run, say, say_report

if TYPE_CHECKING:
    from server.composition import Services


def index_captures(
    now: Annotated[bool, typer.Option("--now", help="Do the work here instead of queueing it for the workers.")] = False,
    as_json: AsJson = False,
) -> None:
    """Read the pictures of every sealed capture that the present pipeline has not read. Safe to repeat, and to interrupt."""

    async def act(services: Services) -> None:
        if not now:
            queued = await services.images.indexer.queue_missing()
            say({"queued": queued}, as_json, f"{queued} captures queued for the workers")
            return
        missing = await services.images.indexer.missing()
        for number, capture in enumerate(missing, 1):
            await services.images.indexer.run(capture.capture_id)
            if not as_json:
                typer.echo(f"{number} of {len(missing)}: {capture.capture_id}")
        for organisation_id in dict.fromkeys(capture.organisation_id for capture in missing):
            await services.images.clustering.run(organisation_id)
        say({"indexed": len(missing)}, as_json, f"{len(missing)} captures read")

    run(act)


def check_pictures(
    sample: Annotated[int, typer.Option(min=1, help="Pictures of each organisation searched for in both indexes.")] = 100,
    as_json: AsJson = False,
) -> None:
    """Compare memory, tables and log: codes, searches, decisions, decided clusters. Exit code 1 if anything does not fit."""

    async def act(services: Services) -> None:
        report = await services.images.checking.run(sample=sample)
        say_report(report, {}, as_json, "SOUND: memory, tables and log say the same of the pictures")

    run(act)


def rebuild_groups(as_json: AsJson = False) -> None:
    """Make the groups of pictures again from comparisons and decisions on record. Compares nothing; ids stay. Safe to repeat."""

    async def act(services: Services) -> None:
        done = await services.images.clustering.rebuild_all()
        missing = sum(done.values())
        words = f"groups of {len(done)} organisations made again; {missing} pairs without a record were left apart"
        say({"organisations": len(done), "pairs_without_record": missing}, as_json, words)

    run(act)
