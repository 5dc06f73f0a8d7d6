"""`holdstill search reindex`: the texts of captures and cases that are not searched yet, or were read by an older extractor."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from server.cli.running import AsJson, run, say

if TYPE_CHECKING:
    from server.composition import Services

search_app = typer.Typer(no_args_is_help=True, help="Look after what the search knows.")


@search_app.callback()
def _group() -> None:
    """Makes `reindex` a command of its own."""


@search_app.command("reindex")
def reindex(
    queue: Annotated[bool, typer.Option("--queue", help="Queue the captures for the workers instead.")] = False,
    as_json: AsJson = False,
) -> None:
    """Read the text of every sealed capture that the present extractor has not read. Safe to repeat, and to interrupt."""

    async def act(services: Services) -> None:
        from server.cases.searchtexts import index_old_texts

        texts = await index_old_texts(services.database)
        reader = services.captures.texts
        if queue:
            queued = await reader.queue_missing()
            say({"queued": queued, "case_texts": texts}, as_json, f"{queued} captures queued, {texts} texts of cases indexed")
            return
        missing = await reader.missing()
        for number, capture_id in enumerate(missing, 1):
            await reader.run(capture_id)
            if not as_json:
                typer.echo(f"{number} of {len(missing)}: {capture_id}")
        facts: dict[str, object] = {"read": len(missing), "case_texts": texts}
        say(facts, as_json, f"{len(missing)} captures read, {texts} texts of cases indexed")

    run(act)
