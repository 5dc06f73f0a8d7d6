"""Which pictures of a capture an export of a profile may hold: originals, masked copies, both, none. Every export asks here."""

from collections.abc import Collection
from dataclasses import dataclass
from itertools import chain, count

from sqlmodel.ext.asyncio.session import AsyncSession

from server.captures.masked import MASKED_TYPE, PICTURE_ROLES, MaskedCopy, newest_masked
from server.captures.models import Artifact
from server.captures.scope import artifacts_of
from server.exports.profiles import Profile

SHOWS_ORIGINALS = frozenset({Profile.INTERNAL, Profile.AUTHORITY})
"""Profiles that get the picture itself, and the masked copy beside it. All others get masked copies and nothing else."""


@dataclass(frozen=True)
class PictureFile:
    """One picture to hand out. `masked_of`: SHA-256 of the original, and then the bytes lie in the store of working copies."""

    name: str
    sha256: str
    size_bytes: int
    media_type: str
    masked_of: str | None


@dataclass(frozen=True)
class Pictures:
    """`withheld` names the pictures that this profile does not get because no masked copy was made: absent, never unnoticed."""

    given: tuple[PictureFile, ...]
    withheld: tuple[str, ...]


def masked_name(artifact: str, taken: Collection[str]) -> str:
    """`screenshot.viewport.png.masked.png`, or `….masked-2.png` and so on where that is one of the names `taken`.

    A device names its pictures: one may be called what the copy of another would be.
    """
    numbered = (f"{artifact}.masked-{number}.png" for number in count(2))
    return next(name for name in chain([f"{artifact}.masked.png"], numbered) if name not in taken)


async def pictures_of(session: AsyncSession, capture_id: str, profile: Profile) -> Pictures:
    """The capture's pictures as this profile gets them, in the statement's order.

    `internal` and `authority`: the original, and its masked copy if there is one. `platform` and `public`: the newest masked
    copy, never the original. A copy without boxes says that a person looked and masked nothing. Not checked: that the asker may
    see the capture; that the boxes mask what they should.
    """
    copies = await newest_masked(session, capture_id)
    given: list[PictureFile] = []
    withheld: list[str] = []
    artifacts = await artifacts_of(session, capture_id)
    taken = {one.name for one in artifacts}
    for artifact in artifacts:
        if artifact.role not in PICTURE_ROLES:
            continue
        copy = copies.get(artifact.name)
        if profile in SHOWS_ORIGINALS:
            given.append(_original(artifact))
        elif copy is None:
            withheld.append(artifact.name)
        if copy is not None:
            given.append(_masked(masked_name(artifact.name, taken), copy))
            taken.add(given[-1].name)
    return Pictures(tuple(given), tuple(withheld))


def _original(artifact: Artifact) -> PictureFile:
    return PictureFile(artifact.name, artifact.sha256, artifact.size_bytes, artifact.media_type, None)


def _masked(name: str, copy: MaskedCopy) -> PictureFile:
    return PictureFile(name, copy.sha256, copy.size_bytes, MASKED_TYPE, copy.original_sha256)
