"""A picture's own bytes, read again out of the evidence: for what looks at the file itself (its provenance), never altered."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import BinaryIO

from sqlmodel import col, select

from server.captures.models import Artifact, Capture
from server.captures.scope import owned_by
from server.errors import NotFound
from server.images.found import Finding, pictures_of
from server.images.models import Sighting
from server.images.parts import ImageParts
from server.images.scope import require_image
from server.operators.actors import Actor
from storage.hashing import Sha256

TRIES = 3


@dataclass(frozen=True)
class Original:
    """The exact bytes of an image and where they lie: a capture's artifact, and the address in it."""

    data: bytes
    sha256: str
    capture_id: str
    artifact: str
    url: str


class Originals:
    """Reads whole artifacts to find one picture: for single pictures, not for lists of them."""

    def __init__(self, parts: ImageParts) -> None:
        self._parts = parts

    async def read(self, actor: Actor, sha256: str) -> Original:
        """The image's file. Raises: NotFound (also for a crop, which is no file); StorageError."""
        async with self._parts.database.session() as session:
            image = await require_image(session, actor, sha256, opened=True)
            wanted = (
                select(Sighting, Artifact)
                .join(Capture, col(Capture.capture_id) == col(Sighting.capture_id))
                .join(
                    Artifact,
                    (col(Artifact.capture_id) == col(Sighting.capture_id)) & (col(Artifact.name) == col(Sighting.artifact)),
                )
                .where(Sighting.image_id == image.id, owned_by(actor))
                .order_by(col(Sighting.source) != "picked", col(Artifact.size_bytes))
                .limit(TRIES)
            )
            places = (await session.exec(wanted)).all()
        for sighting, artifact in places:
            data = await asyncio.to_thread(self._find, str(actor.organisation_id), artifact, sha256)
            if data is not None:
                return Original(data, sha256, sighting.capture_id, artifact.name, sighting.url)
        raise NotFound(kind="original", id=sha256[:64])

    def _find(self, organisation: str, artifact: Artifact, sha256: str) -> bytes | None:
        def opened(one: Artifact) -> BinaryIO:
            return self._parts.blobs.open(organisation, Sha256(one.sha256))

        for picture in pictures_of((artifact,), "", opened, Finding()):
            if picture.sha256 == sha256:
                return picture.data
        return None
