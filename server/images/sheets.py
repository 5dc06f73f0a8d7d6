"""A contact sheet that leaves the service: the event in the cluster's chain, with what stood on it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from server.custody.service import EventDraft
from server.images.parts import ImageParts
from server.images.views import ElsewhereView
from server.operators.actors import OperatorActor

Form = Literal["page", "pdf"]


@dataclass(frozen=True)
class OnSheet:
    """What stands on a sheet: images by SHA-256, captures by id, places in files made elsewhere."""

    images: Sequence[str]
    captures: Sequence[str]
    elsewhere: Sequence[ElsewhereView]


class Sheets:
    """Records `cluster.exported`. Working copies shown inside the service are no event; a sheet is made to be handed on."""

    def __init__(self, parts: ImageParts) -> None:
        self._parts = parts

    async def handed_out(self, actor: OperatorActor, cluster_id: UUID, sheet: OnSheet, file: bytes | None) -> None:
        """The event, before the sheet is given. file: the PDF, None for the page.

        The caller has read the cluster for this actor.
        """
        form: Form = "page" if file is None else "pdf"
        deposited = sorted({(str(one.deposit_id), one.sha256) for one in sheet.elsewhere})
        shown = {
            "cluster": str(cluster_id),
            "images": sorted(set(sheet.images)),
            "captures": sorted(set(sheet.captures)),
            "elsewhere": [{"deposit": deposit, "image": sha256} for deposit, sha256 in deposited],
            "form": form,
        }
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
