"""PDQ: 256 bits and a quality, as published by Meta, written as three matrix products.

The published algorithm blurs twice with a box filter along each axis, takes 64 × 64 samples and 16 × 16 cosine coefficients. Each
step is linear and separable, so blur and sampling of one axis are one 64 × n matrix. The result is that of the reference but for
float rounding (coefficients within an ulp of the median); the tests hold vectors made by the reference program.

Source: PDQ specification and reference code (facebook/ThreatExchange, pdq/).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Code = NDArray[np.uint64]
Float = NDArray[np.float32]
SIDE, KEPT, PASSES = 64, 16, 2
MIN_QUALITY = 50
DIHEDRAL = ("original", "rotate90", "rotate180", "rotate270", "flip_x", "flip_y", "flip_plus", "flip_minus")


@dataclass(frozen=True)
class Pdq:
    """`codes`: uint64 [8, 4], one row per name in DIHEDRAL, the plain hash first. `quality`: 0..100; below 50: too plain."""

    codes: Code
    quality: int


def pdq(grey: NDArray[np.uint8]) -> Pdq:
    """PDQ of a luma frame of any size, with its seven mirrored and rotated hashes.

    Reference values come from the full-size luma; from the 512 pixel frame the bits differ (mean 7, at most 28 were measured),
    so the two must not be compared as if they were one algorithm. A small distance suggests the same picture, no more.
    """
    height, width = grey.shape
    small = _sampler(height) @ grey.astype(np.float32) @ _sampler(width).T
    cosine = _cosine()
    plain = cosine @ small @ cosine.T
    return Pdq(np.stack([_bits(turned) for turned in _dihedral(plain)]), _quality(small))


def hex_of(code: Code) -> str:
    """The 64 hexadecimal digits in which PDQ hashes are exchanged (bit 255 first)."""
    return np.packbits(np.unpackbits(code.view(np.uint8), bitorder="little")[::-1]).tobytes().hex()


@lru_cache(maxsize=1024)
def _sampler(length: int) -> Float:
    """The 64 × length matrix that blurs one axis twice and takes the 64 samples at the centres of their blocks."""
    window = (length + 2 * SIDE - 1) // (2 * SIDE)
    reach_right = (window + 2) // 2 - 1
    reach_left = window - reach_right - 1
    place = np.arange(length)
    first = np.maximum(0, place - reach_left)
    last = np.minimum(length - 1, place + reach_right)
    box = ((place >= first[:, None]) & (place <= last[:, None])) / (last - first + 1.0)[:, None]
    centres = ((np.arange(SIDE) + 0.5) * length / SIDE).astype(np.int64)
    sampled: NDArray[np.float64] = box[centres]
    for _ in range(PASSES - 1):
        sampled = sampled @ box
    return np.ascontiguousarray(sampled if length != SIDE else np.eye(SIDE), np.float32)


@lru_cache(maxsize=1)
def _cosine() -> Float:
    rows, columns = np.arange(1, KEPT + 1)[:, None], np.arange(SIDE)[None]
    return np.asarray(np.sqrt(2.0 / SIDE) * np.cos(np.pi / 2 / SIDE * rows * (2 * columns + 1)), np.float32)


def _dihedral(plain: Float) -> list[Float]:
    """The coefficients of the eight turned pictures, by sign changes and transposition alone."""
    odd = np.arange(KEPT) % 2 == 1
    rows = np.where(odd, 1, -1).astype(np.float32)[:, None]
    columns = rows.T
    both = rows * columns
    return [
        plain,
        (plain * columns).T,
        plain * both,
        (plain * rows).T,
        plain * rows,
        plain * columns,
        plain.T,
        (plain * both).T,
    ]


def _bits(coefficients: Float) -> Code:
    """Bit i*16+j says whether coefficient [i, j] is above the lower median."""
    flat = coefficients.ravel()
    median = np.partition(flat, flat.size // 2 - 1)[flat.size // 2 - 1]
    return np.packbits(flat > median, bitorder="little").view(np.uint64)


def _quality(small: Float) -> int:
    """The published heuristic: the sum of the significant gradients of the 64 × 64 samples."""
    down = np.trunc(np.diff(small, axis=0) * 100 / 255)
    across = np.trunc(np.diff(small, axis=1) * 100 / 255)
    return min(100, int(np.abs(down).sum() + np.abs(across).sum()) // 90)
