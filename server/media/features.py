"""ORB keypoints of a frame: what crops, frames and screenshots of one picture still have in common."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from server.media.decode import Grey, resized

POINTS = 500
INDEXED = 150
FEATURE_SIDE = 512
VOTE_RADIUS_BITS = 32
MIN_VOTES = 2
_MIN_FRAME = 32


@dataclass(frozen=True)
class Features:
    """`points`: float32 [n, 2], x and y as shares of the frame's longer side. `descriptors`: uint8 [n, 32]. Strongest first."""

    points: NDArray[np.float32]
    descriptors: NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.points)


NO_FEATURES = Features(np.empty((0, 2), np.float32), np.empty((0, 32), np.uint8))


def find_features(grey: Grey, points: int = POINTS) -> Features:
    """The strongest ORB points of the frame, sorted by response; none for a plain frame."""
    frame = resized(grey, FEATURE_SIDE)
    if min(frame.shape) < _MIN_FRAME:
        return NO_FEATURES
    found, descriptors = _detector(points).detectAndCompute(frame, None)
    if descriptors is None or len(found) == 0:
        return NO_FEATURES
    order = np.argsort([-point.response for point in found], kind="stable")[:points]
    places = np.array([found[i].pt for i in order], np.float32) / np.float32(max(frame.shape))
    return Features(places, np.ascontiguousarray(descriptors[order], np.uint8))


def _detector(points: int) -> Any:
    """OpenCV's detector; its type stubs know only the class."""
    return cv2.ORB.create(nfeatures=points, scaleFactor=1.2, nlevels=8, edgeThreshold=15, patchSize=31, fastThreshold=10)
