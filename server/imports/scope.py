"""Whose import, whose archive: whoever may see its case. The one way from an id to its row."""

import uuid
from typing import TypeVar

from sqlmodel.ext.asyncio.session import AsyncSession

from server.cases.models import CaseFile
from server.cases.scope import Need, require_case
from server.errors import NotFound
from server.imports.models import Deposit, TableImport
from server.operators.actors import OperatorActor

KINDS: dict[type[TableImport] | type[Deposit], str] = {TableImport: "import", Deposit: "deposit"}
Part = TypeVar("Part", TableImport, Deposit)


async def require_part(
    session: AsyncSession, actor: OperatorActor, wanted: tuple[type[Part], uuid.UUID], need: Need
) -> tuple[Part, CaseFile]:
    """The row of this table and id with its case, both locked unless they are only read.

    Raises: Forbidden; NotFound, in the same words for an absent one and for one of a case the actor may not see; CaseClosed.
    """
    model, part_id = wanted
    found = await session.get(model, part_id)
    try:
        case = await require_case(session, actor, part_id if found is None else found.case_id, need)
    except NotFound as error:
        raise NotFound(kind=KINDS[model], id=str(part_id)) from error
    if found is None:
        raise NotFound(kind=KINDS[model], id=str(part_id))
    if need != "read":
        await session.refresh(found, with_for_update=True)
    return found, case
