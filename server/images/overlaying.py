"""Two pictures over each other when their hashes alone decided: what is stored then says the turn, not the exact place."""

from __future__ import annotations

import asyncio

import numpy as np

from server.images.matcher import Matcher
from server.images.views import Evidence, ImageView
from server.media.pipeline import pipeline_id
from server.media.verify import overlay
from server.operators.actors import Actor


class Overlaying:
    """Measures on demand, by the same program and on the same kept looks as the job: the same pair gives the same answer."""

    def __init__(self, matcher: Matcher) -> None:
        self._matcher = matcher

    async def measured(self, actor: Actor, query: ImageView, known: ImageView) -> Evidence | None:
        """How the query lies on the known picture, None when no placement is found. Stores nothing.

        The caller has read both views for this actor. Not said: that they are the same picture.
        """
        looks = await self._matcher.looks(actor.organisation_id, [query.image_id, known.image_id])
        if len(looks) < 2:
            return None
        found = await asyncio.to_thread(overlay, looks[query.image_id], looks[known.image_id])
        if found is None:
            return None
        return Evidence(
            distance_bits=None,
            matrix=tuple(float(number) for number in np.ravel(found.matrix)),
            mirrored=found.mirrored,
            inliers=found.inliers,
            correlation=found.score,
            visible_known=found.visible_known,
            visible_query=found.visible_query,
            holds="",
            pipeline=pipeline_id(),
        )
