"""A contact sheet that leaves the service: the event in the cluster's chain, with what stood on it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Literal
from uuid import UUID

from server.custody.service import EventDraft
from server.images.parts import ImageParts
from server.operators.actors import OperatorActor

Form = Literal["page", "pdf"]


class Sheets:
    """Records `cluster.exported`. Working copies shown inside the service are no event; a sheet is made to be handed on."""

    def __init__(self, parts: ImageParts) -> None:
        self._parts = parts

    async def handed_out(
        self, actor: OperatorActor, cluster_id: UUID, images: Sequence[str], captures: Sequence[str], file: bytes | None
    ) -> None:
        """The event, before the sheet is given. images: SHA-256 of those on it; captures: ids; file: the PDF, None for the page.

        The caller has read the cluster for this actor.
        """
        form: Form = "page" if file is None else "pdf"
        shown = {"cluster": str(cluster_id), "images": sorted(set(images)), "captures": sorted(set(captures)), "form": form}
        told = json.dumps(shown, sort_keys=True).encode()
        draft = EventDraft(
            type="cluster.exported",
            item=f"cluster:{cluster_id}",
            subject_name="sheet.json",
            subject_sha256=hashlib.sha256(told).hexdigest(),
            purpose="contact sheet",
            details={**shown, "sha256": None if file is None else hashlib.sha256(file).hexdigest()},
        )
        async with self._parts.database.transaction() as session:
            await self._parts.custody.record(session, actor, draft)
