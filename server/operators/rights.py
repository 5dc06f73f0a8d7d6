"""May this actor do that, and which rows are theirs: what every service asks before it reads or writes."""

from typing import Any

from sqlalchemy import ColumnElement
from sqlmodel import col

from server.errors import Forbidden
from server.operators.actors import Actor
from server.operators.roles import Right


def demand(actor: Actor, right: Right) -> None:
    """Returns when the actor has the right. Raises: Forbidden, which names the right and nothing else."""
    if right not in actor.rights:
        raise Forbidden(needs=right.value)


def own_rows(actor: Actor, organisation_id: Any) -> ColumnElement[bool]:
    """The condition that a row belongs to the actor's organisation; `organisation_id` is the model's attribute."""
    return col(organisation_id) == actor.organisation_id
