"""`holdstill admin …` and `holdstill db …`: keys, contract, the embedded database."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

from server.cli.running import AsJson, run, say
from server.settings import Settings

if TYPE_CHECKING:
    from server.composition import Services

admin_app = typer.Typer(no_args_is_help=True, help="Set-up and keys.")
db_app = typer.Typer(no_args_is_help=True, help="The embedded database.")


@admin_app.command("sign-in-link")
def sign_in_link(as_json: AsJson = False) -> None:
    """Print a one-time link that signs the first administrator in, whatever else is paused or lost."""

    async def act(services: Services) -> None:
        url = await new_sign_in_link(services)
        say({"url": url}, as_json, url)

    run(act)


@admin_app.command("lift-pauses")
def lift_pauses(
    login: Annotated[str | None, typer.Option(help="Of this login only; without it of all logins and addresses.")] = None,
    as_json: AsJson = False,
) -> None:
    """End the pauses after too many tries to sign in."""

    async def act(services: Services) -> None:
        lifted = await services.sign_ins.lift(login)
        say({"lifted": lifted}, as_json, f"{lifted} lifted")

    run(act)


@admin_app.command("ask-passkeys")
def ask_passkeys(
    whom: Annotated[str, typer.Argument(help="nobody, administrators or everybody")], as_json: AsJson = False
) -> None:
    """Say of whom the first organisation asks a passkey, as its administrators do under People."""

    async def act(services: Services) -> None:
        admin = await services.operators.administrator()
        await services.people.ask_passkeys_of(admin, whom)
        resting = [one for one in await services.tokens.unproved(admin) if one.is_resting]
        listed = "".join(f"\n{one.name}: {one.count} tokens made without a passkey do not work" for one in resting)
        facts: dict[str, object] = {"passkeys_for": whom, "tokens_resting": sum(one.count for one in resting)}
        say(facts, as_json, f"passkeys are asked of {whom}{listed}")

    run(act)


@admin_app.command("policy")
def admin_policy() -> None:
    """Print the policy (TOML) that recipients pin: give it to them on another way than the bundles."""
    from server.trust.policy import format_policy

    async def act(services: Services) -> None:
        typer.echo(format_policy(services.policy), nl=False)

    run(act)


@admin_app.command("openapi")
def admin_openapi() -> None:
    """Print the OpenAPI document (docs/openapi.json is this, committed)."""
    from server.app import openapi_document

    typer.echo(json.dumps(openapi_document(), indent=1, sort_keys=True))


@db_app.command("stop")
def db_stop() -> None:
    """Stop the embedded PostgreSQL of HOLDSTILL_DATA_DIR, whoever started it."""
    from server.postgres import EmbeddedPostgres

    stopped = EmbeddedPostgres(Settings().data_dir / "postgres").stop()
    typer.echo("stopped" if stopped else "was not running")


async def how_to_sign_in(services: Services) -> str:
    """What `serve` prints: a one-time link while nobody could come in otherwise. Later starts put none into a kept log."""
    admin = await services.operators.administrator()
    ways = (
        await services.operators.login_of(admin),
        await services.passkeys.of_person(admin.operator_id),
        await services.accounts.identities(admin),
    )
    if any(ways):
        return f"Sign in at: {services.settings.public_url.rstrip('/')}/sign-in (`holdstill sign-in` prints a one-time link)"
    return f"Sign in once with: {await new_sign_in_link(services)}"


async def new_sign_in_link(services: Services) -> str:
    """A fresh one-time link for the first person who administers."""
    operator = await services.operators.administrator()
    offer = await services.operators.create_sign_in_link(operator.operator_id)
    return f"{services.settings.public_url.rstrip('/')}/sign-in/{offer.token}"
