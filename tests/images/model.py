"""Two models as an operator might supply them: one that works, one that breaks."""

import numpy as np
from numpy.typing import NDArray


class Blocks:
    """The brightness of 16 × 16 blocks."""

    name = "blocks 1"

    def embed(self, grey: NDArray[np.uint8]) -> NDArray[np.floating]:
        rows = np.array_split(grey.astype(np.float64), 16)
        return np.array([block.mean() for row in rows for block in np.array_split(row, 16, axis=1)])


class Broken:
    name = "broken 1"

    def embed(self, grey: NDArray[np.uint8]) -> NDArray[np.floating]:
        raise RuntimeError("no device")
