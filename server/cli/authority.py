"""`holdstill export authority` and `export fetch`: the bundle of a case, taken away only after a second person's word."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Annotated

import typer

from server.cli.handing import Case, Out, Purpose, Recipient, fetch
from server.cli.running import AsJson, CommandFailed, run_as_operator, say

if TYPE_CHECKING:
    from server.composition import Services
    from server.operators.actors import OperatorActor


def export_authority(
    case: Case,
    purpose: Purpose,
    recipient: Recipient,
    more: Annotated[
        list[str] | None, typer.Option("--with", help="reference=…, preserve_from=…, preserve_to=…, recipient_key=age1…")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Make the bundle of a whole case for an authority. A second person confirms it before `holdstill export fetch` gives it."""
    from server.exports.kind import CaseExportOrder

    async def act(services: Services, operator: OperatorActor) -> None:
        options = dict(_option(one) for one in more or ())
        order = CaseExportOrder("authority", purpose, recipient, options)
        made = await services.case_exports.request(operator, case, "authority", order, queued=False)
        await services.case_exports.maker.run(made.id)
        done = await services.case_exports.read(operator, made.id)
        if done.state != "ready":
            raise CommandFailed(f"the bundle could not be made ({made.id}): {done.reason}")
        facts: dict[str, object] = {"export_id": str(done.id), "sha256": done.file_sha256, "size_bytes": done.size_bytes}
        page = f"{services.settings.public_url}/case-exports/{done.id}"
        say(
            facts,
            as_json,
            f"{done.id}  {done.size_bytes} bytes\nSHA-256 {done.file_sha256}\nA second person confirms it at {page}",
        )

    run_as_operator(act)


def export_fetch(
    export: Annotated[uuid.UUID, typer.Argument(help="The export's id.")],
    out: Out,
    as_json: AsJson = False,
) -> None:
    """Write the finished file of a case's export to a place; that is an event of the case."""

    async def act(services: Services, operator: OperatorActor) -> None:
        await fetch(services, operator, (export, out), as_json)

    run_as_operator(act)


def _option(text: str) -> tuple[str, str]:
    """`name=value`. Raises: CommandFailed."""
    from server.exports.authority.order import OPTIONS

    name, separator, value = text.partition("=")
    if not separator or name not in OPTIONS:
        raise CommandFailed(f"--with {name}: one of {', '.join(OPTIONS)}, as name=value")
    return name, value
