"""What a link would give, before it is made: the files of each profile, or the one thing that stands in the way."""

import uuid
from dataclasses import dataclass

from server.errors import Forbidden
from server.exports.errors import ExportNotReady, ExportRefused
from server.exports.profiles import FETCHES, Profile
from server.handovers.errors import HandoverRefused
from server.handovers.models import HandoverKind
from server.handovers.parts import HandoverParts
from server.handovers.things import HandedFile, find_thing
from server.operators.actors import OperatorActor


@dataclass(frozen=True)
class LinkPreview:
    """refused: why there can be no link for this profile now, else empty. withheld: pictures that it does not get."""

    profile: str
    files: tuple[HandedFile, ...]
    withheld: tuple[str, ...]
    refused: str


async def previews_of(parts: HandoverParts, actor: OperatorActor, kind: str, thing_id: str) -> list[LinkPreview]:
    """One for each profile that this person may hand over; of a bundle or an export the one that it has. Nothing is stored.

    Raises: Forbidden; NotFound; BadInput.
    """
    if kind == HandoverKind.CASE_EXPORT:
        profiles = [Profile((await parts.case_exports.read(actor, uuid.UUID(thing_id))).profile)]
    elif kind == HandoverKind.BUNDLE:
        profiles = [Profile.AUTHORITY]
    else:
        profiles = [one for one in Profile if one is not Profile.INTERNAL and FETCHES[one] in actor.rights]
    if not any(FETCHES[one] in actor.rights for one in profiles):
        raise Forbidden(needs=FETCHES[profiles[0]] if profiles else "export")
    return [await _preview(parts, actor, (kind, thing_id), profile) for profile in profiles]


async def _preview(parts: HandoverParts, actor: OperatorActor, thing: tuple[str, str], profile: Profile) -> LinkPreview:
    async with parts.database.session() as session:
        try:
            found = await find_thing(session, actor, *thing, profile)
        except (HandoverRefused, ExportRefused, ExportNotReady) as error:
            return LinkPreview(profile, (), (), str(error.data["reason"] or error.code))
    return LinkPreview(profile, found.files, found.withheld, "")
