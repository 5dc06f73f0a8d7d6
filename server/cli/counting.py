"""`holdstill recount`: a frozen number counted again."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Annotated

import typer

from server.cli.running import AsJson, run, say

if TYPE_CHECKING:
    from server.composition import Services
    from server.notices.tables import TableRecount


def recount_statistic(
    statistic: Annotated[uuid.UUID, typer.Argument(help="The statistic's id, as its page shows it.")], as_json: AsJson = False
) -> None:
    """Count a frozen statistic, or a frozen table of times to action, again from what is stored. Exit code: 0 the same, 1 not."""
    from server.errors import NotFound
    from server.findings.recount import recount
    from server.notices.tables import recount_table

    async def act(services: Services) -> bool:
        try:
            found = await recount(services.database, statistic)
        except NotFound:
            return _say_table(await recount_table(services.database, statistic), as_json)
        facts: dict[str, object] = {
            "statistic_id": str(found.statistic_id),
            "number": found.number,
            "label": found.label,
            "unit": found.unit,
            "n": found.n,
            "n_low": found.bounds.low,
            "n_high": found.bounds.high,
            "counted": found.counted,
            "checks": [{"name": one.name, "outcome": one.outcome, "reason": one.reason} for one in found.checks],
            "withdrawn": [str(one) for one in found.withdrawn],
        }
        number = f"{found.n}" if found.n is not None else f"{found.bounds.low} to {found.bounds.high}"
        words = "\n".join(
            [
                f"S-{found.number}  {number} {found.unit}: {found.label}",
                *(f"{one.outcome:6} {one.name}: {one.reason}" for one in found.checks),
                *(f"Counted, its evidence withdrawn: finding {one}" for one in found.withdrawn),
            ]
        )
        say(facts, as_json, words)
        return found.is_sound

    if not run(act):
        raise typer.Exit(1)


def _say_table(found: TableRecount, as_json: bool) -> bool:
    table = found.table
    facts: dict[str, object] = {
        "table_id": str(table.id),
        "number": table.number,
        "label": table.label,
        "unit": table.unit,
        "n": found.n,
        "counted": found.counted,
        "checks": [{"name": one.name, "outcome": one.outcome, "reason": one.reason} for one in found.checks],
    }
    words = "\n".join(
        [
            f"T-{table.number}  {found.n} {table.unit}: {table.label}",
            *(f"{one.outcome:6} {one.name}: {one.reason}" for one in found.checks),
        ]
    )
    say(facts, as_json, words)
    return found.is_sound
