"""`holdstill notices …`: what is due, and times to action."""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING, Annotated

import typer

from server.cli.running import AsJson, run_as_operator, say

if TYPE_CHECKING:
    from server.composition import Services
    from server.operators.actors import OperatorActor

notices_app = typer.Typer(no_args_is_help=True, help="Notices to platforms: re-checks and times to action.")


@notices_app.command("due")
def due_rechecks(as_json: AsJson = False) -> None:
    """List open re-checks, the earliest first. Nothing is fetched."""

    async def act(services: Services, operator: OperatorActor) -> None:
        found = await services.notice_records.rechecks.of_everybody(operator, services.clock.now())
        facts: dict[str, object] = {
            "rechecks": [
                {
                    "notice_id": str(one.notice.id),
                    "case_id": str(one.case.id),
                    "number": one.notice.number,
                    "platform": one.notice.platform,
                    "name": one.recheck.name,
                    "due_at": one.recheck.due_at.isoformat(),
                    "due": one.is_due,
                }
                for one in found
            ]
        }
        words = [
            f"{'due  ' if one.is_due else 'later'} {one.recheck.due_at:%Y-%m-%d %H:%M:%S} UTC  "
            f"C-{one.case.number} N-{one.notice.number} {one.notice.platform} {one.recheck.name}"
            for one in found
        ]
        say(facts, as_json, "\n".join(words) or "Nothing to look at.")

    run_as_operator(act)


@notices_app.command("times")
def times_to_action(
    case: Annotated[uuid.UUID, typer.Argument(help="The case's id, as the address of its page has it.")],
    unit: Annotated[str, typer.Option(help="What is counted: notices, or addresses.")] = "notices",
    as_json: AsJson = False,
) -> None:
    """Print the times to action of a case's notices per platform, as things stand."""
    from server.notices.table import METHOD, table_json

    async def act(services: Services, operator: OperatorActor) -> None:
        overview = await services.notice_records.tables.overview(operator, case, unit)
        facts: dict[str, object] = {"unit": unit, "method": METHOD, "rows": json.loads(table_json(overview.rows))}
        words = [METHOD]
        for row in overview.rows:
            outcomes = ", ".join(f"{word} {n}" for word, n in row.outcomes.items())
            share = f"{row.in_window.low} to {row.in_window.high} of {row.in_window.of} in the window"
            median = "median unknown" if row.median_s is None else f"median {row.median_s[0]:g} to {row.median_s[1]:g} s"
            words.append(f"{row.platform}: {row.n} {unit} ({outcomes}); {median}; {share}")
        say(facts, as_json, "\n".join(words))

    run_as_operator(act)
