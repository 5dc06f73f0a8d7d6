"""`holdstill handover …`: links for recipients, from the command line."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from server.cli.running import AsJson, run_as_operator, say

if TYPE_CHECKING:
    from server.composition import Services
    from server.operators.actors import OperatorActor

handover_app = typer.Typer(no_args_is_help=True, help="Links for recipients without an account.")


@handover_app.command("link")
def make_link(
    recipient: Annotated[str, typer.Option(help="To whom; shown to them, and in the custody record.")],
    purpose: Annotated[str, typer.Option(help="Why; stands in the custody record.")],
    bundle: Annotated[str, typer.Option(help="Id of a finished bundle.")] = "",
    case_export: Annotated[str, typer.Option(help="Id of a finished export of a case.")] = "",
    capture: Annotated[str, typer.Option(help="Id of a sealed capture.")] = "",
    profile: Annotated[str, typer.Option(help="Of a capture: authority, platform or public.")] = "authority",
    days: Annotated[int, typer.Option(min=1, max=366, help="How long the link works.")] = 14,
    passcode: Annotated[bool, typer.Option(help="A passcode is made and needed.")] = True,
    contact: Annotated[str, typer.Option(help="Shown to the recipient.")] = "",
    as_json: AsJson = False,
) -> None:
    """Make a link to one bundle, export of a case or capture. Link and passcode are printed once."""
    from server.handovers.links import LinkOrder

    named = [(kind, text) for kind, text in (("bundle", bundle), ("case_export", case_export), ("capture", capture)) if text]
    if len(named) != 1:
        raise typer.BadParameter("name one of --bundle, --case-export, --capture")
    kind, thing = named[0]

    async def act(services: Services, operator: OperatorActor) -> None:
        order = LinkOrder(
            kind=kind,
            thing_id=thing,
            recipient=recipient,
            purpose=purpose,
            expires_at=services.clock.now() + timedelta(days=days),
            profile=profile,
            with_passcode=passcode,
            contact=contact,
        )
        made = await services.handovers.links.make(operator, order)
        address = services.settings.public_url.rstrip("/") + f"/h/{made.token}"
        facts: dict[str, object] = {
            "handover_id": str(made.row.id),
            "link": address,
            "passcode": made.passcode,
            "expires_at": made.row.expires_at.isoformat(),
            "files": [{"name": one["name"], "sha256": one["sha256"]} for one in made.row.files],
            "withheld": list(made.withheld),
        }
        words = f"Link      {address}\nPasscode  {made.passcode or 'none'}\nWorks until {made.row.expires_at:%Y-%m-%d %H:%M} UTC."
        say(facts, as_json, words)

    run_as_operator(act)


@handover_app.command("list")
def list_links(as_json: AsJson = False) -> None:
    """The latest links: id, state, recipient."""

    async def act(services: Services, operator: OperatorActor) -> None:
        rows = await services.handovers.links.latest(operator)
        facts: dict[str, object] = {
            "links": [
                {"handover_id": str(row.id), "kind": row.kind, "state": state.value, "recipient": row.recipient}
                for row, state in rows
            ]
        }
        say(facts, as_json, "\n".join(f"{row.id}  {state:9}  {row.recipient}" for row, state in rows) or "No links.")

    run_as_operator(act)


@handover_app.command("revoke")
def revoke_link(handover_id: Annotated[uuid.UUID, typer.Argument(help="The link's id.")], as_json: AsJson = False) -> None:
    """Withdraw a link: it no longer opens, and visits under way end."""

    async def act(services: Services, operator: OperatorActor) -> None:
        await services.handovers.links.revoke(operator, handover_id)
        say({"handover_id": str(handover_id), "state": "revoked"}, as_json, "The link is withdrawn.")

    run_as_operator(act)
