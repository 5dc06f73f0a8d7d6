"""The slot for a model that the operator supplies. Holdstill ships none, and without one nothing here runs.

HOLDSTILL_EMBEDDER names it as `module:function`; the module must be installed beside the service. The function takes no argument
and gives an object with `name` (what stands in the records, with a version) and `embed(grey)`: uint8 [height, width], upright, at
most 384 pixels a side, to a float vector of at least 256 numbers. The signs of the first 256 numbers (less their median) are the
code that is stored and searched, in the same tables as every other code. A model only brings candidates: whether two
pictures are the same is decided by the same comparison as ever.
"""

from __future__ import annotations

import importlib
import logging
from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from sqlmodel.ext.asyncio.session import AsyncSession

from server.db import run_sql
from server.images.codes import WHOLE, Place, UsedCode, bit_text
from server.media.look import Look
from server.media.pdq import Code

logger = logging.getLogger(__name__)
CODE_BITS = 256
RADIUS_BITS = 90
NEAR_LIMIT = 12
_NEAREST = """
SELECT use.image_id, min(bit_count(code.bits # CAST(:bits AS bit(256)))) AS distance
FROM image_code code JOIN image_code_use use ON use.code_id = code.id
WHERE code.organisation_id = :organisation AND code.pipeline_id = :pipeline AND code.kind = :kind
  AND NOT use.image_id = ANY(CAST(:hidden AS bigint[]))
GROUP BY use.image_id HAVING min(bit_count(code.bits # CAST(:bits AS bit(256)))) <= :radius ORDER BY distance LIMIT :limit
"""


class Model(Protocol):
    """What an operator's module gives."""

    name: str

    def embed(self, grey: NDArray[np.uint8]) -> NDArray[np.floating]:
        """A vector of at least 256 numbers; near pictures have near signs."""
        ...


class Embedder:
    """The operator's model as codes."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self.name = str(model.name)[:200]
        self.kind = "embedding"

    def code(self, look: Look) -> Code | None:
        """The 256-bit code of a picture, None when the model breaks: it must not keep pictures from being read or found."""
        try:
            vector = np.asarray(self._model.embed(look.frame()), np.float64).ravel()[:CODE_BITS]
        except Exception as error:  # noqa: BLE001 - foreign code: whatever it raises costs its own candidates only
            logger.warning("images.embedder_broke", extra={"embedder": self.name, "error": type(error).__name__})
            return None
        if vector.size != CODE_BITS or not np.isfinite(vector).all():
            logger.warning("images.embedder_gave_no_vector", extra={"embedder": self.name})
            return None
        return np.packbits(vector > np.median(vector), bitorder="little").view(np.uint64)

    def used(self, look: Look) -> tuple[UsedCode, ...]:
        """The code as it is stored with the picture's others; none when there is none."""
        code = self.code(look)
        return () if code is None else (UsedCode(self.kind, code, WHOLE, 100, None),)

    async def near(self, session: AsyncSession, place: Place, code: Code, hidden: Sequence[int] = ()) -> list[int]:
        """Images nearest by this code, at most NEAR_LIMIT, none of the hidden. Reads every code of the organisation (235 ms at a
        million)."""
        rows = await run_sql(
            session,
            _NEAREST,
            organisation=place.organisation_id,
            pipeline=place.pipeline_id,
            kind=self.kind,
            bits=bit_text(code),
            radius=RADIUS_BITS,
            hidden=list(hidden),
            limit=NEAR_LIMIT,
        )
        return [int(row[0]) for row in rows]


def load_embedder(entry_point: str | None) -> Embedder | None:
    """The model behind `module:function`, None when none is set. Raises: ValueError, ImportError (a setting that cannot work)."""
    if not entry_point:
        return None
    module, colon, name = entry_point.partition(":")
    if not colon or not name:
        raise ValueError("HOLDSTILL_EMBEDDER must be module:function")
    model = getattr(importlib.import_module(module), name)()
    return Embedder(model)
