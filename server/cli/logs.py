"""`holdstill log …`: derive everything again; where the log stands."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from server.cli.running import AsJson, run, say, say_report

if TYPE_CHECKING:
    from server.composition import Services

log_app = typer.Typer(no_args_is_help=True, help="The log.")


@log_app.command("check")
def log_check(as_json: AsJson = False) -> None:
    """Derive everything again from stored bytes: digests, leaves, roots, chains, stamps. Exit code 1 if anything does not fit."""
    from server.custody.audit import AuditTrust, audit

    async def act(services: Services) -> None:
        keys = {key.key_id: key for key in services.policy.services}
        trust = AuditTrust(services.log.trust, keys, {tsa.name: tsa.anchors for tsa in services.stamps.tsas})
        report = await audit(services.database, trust, services.captures.evidence)
        facts: dict[str, object] = {"size": report.size, "root": report.root}
        say_report(report, facts, as_json, "SOUND: everything follows from the stored bytes")

    run(act)


@log_app.command("status")
def log_status(
    capture: Annotated[str | None, typer.Option(help="Also tell this capture's time bracket.")] = None, as_json: AsJson = False
) -> None:
    """Print the log's size, its newest stamp, and what is still waiting for one."""

    async def act(services: Services) -> None:
        newest, stamped = await services.log.newest(), await services.log.newest_stamped()
        waiting = [one for one in await services.stamps.recent() if one.state == "pending"]
        facts: dict[str, object] = {
            "origin": services.log.origin,
            "size": 0 if newest is None else newest.size,
            "cosignatures": 0 if newest is None else newest.cosignatures,
            "stamped_size": None if stamped is None else stamped.published.size,
            "pending": [{"tsa": one.tsa, "size": one.size, "reason": one.reason} for one in waiting],
        }
        if capture is not None:
            operator = await services.operators.ensure_default_operator()
            bracket = (await services.captures.details.detail(operator, capture)).bracket
            facts["not_before"] = None if bracket.not_before is None else bracket.not_before.at.isoformat()
            facts["not_after"] = None if bracket.not_after is None else bracket.not_after.at.isoformat()
        say(facts, as_json, "\n".join(f"{name:<14}{value}" for name, value in facts.items()))

    run(act)
