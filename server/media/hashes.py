"""The hash set of one frame: phash64, phash256 and dhash64 of imagehash, and PDQ with its mirrored and rotated codes."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import imagehash
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from server.media.decode import Grey, decode_picture
from server.media.pdq import Code, Pdq, pdq

HASH_SIDE = 256
_FULL_SIDE = 1 << 20


@dataclass(frozen=True)
class ShortHashes:
    """Codes of imagehash as uint64 words: phash64 [1], phash256 [4], dhash64 [1]; bit order is imagehash's, row by row."""

    phash64: Code
    phash256: Code
    dhash64: Code


@dataclass(frozen=True)
class HashSet:
    """All codes of one frame or region. PDQ here is that of the 512 pixel frame, not for exchange with hash lists."""

    short: ShortHashes
    pdq: Pdq


def short_hashes(grey: Grey) -> ShortHashes:
    """imagehash's phash(8), phash(16) and dhash(8) of a 256 pixel copy: at most 4 bits from those of the full picture."""
    height, width = grey.shape
    if max(height, width) > HASH_SIDE:
        scale = HASH_SIDE / max(height, width)
        size = (max(8, round(width * scale)), max(8, round(height * scale)))
        grey = np.asarray(cv2.resize(grey, size, interpolation=cv2.INTER_AREA), np.uint8)
    image = Image.fromarray(grey)
    return ShortHashes(_packed(_phash(image, 8)), _packed(_phash(image, 16)), _packed(imagehash.dhash(image, 8).hash))


def hash_set(grey: Grey) -> HashSet:
    """Every code of the frame."""
    return HashSet(short_hashes(grey), pdq(grey))


def exchange_pdq(data: bytes) -> Pdq:
    """PDQ as lists of hashes exchange it: of the full-size picture's luma. Slow; made on demand, never compared with the frame's.

    Equal to the reference program's on the same luma; on JPEG, decoders differ by a few bits (the specification allows 10).
    Raises: UnreadablePicture.
    """
    return pdq(decode_picture(data, side=_FULL_SIDE).grey)


def distance_bits(first: Code, second: Code) -> int:
    """Hamming distance of two codes of equal length."""
    return int(np.bitwise_count(first ^ second).sum())


def pairwise_bits(first: NDArray[np.uint8], second: NDArray[np.uint8]) -> NDArray[np.int32]:
    """All distances of two lists of 256-bit codes, uint8 [n, 32] and [m, 32], as int32 [n, m]."""
    words, others = (np.ascontiguousarray(codes).view(np.uint64) for codes in (first, second))
    out = np.empty((len(words), len(others)), np.int32)
    for row, word in enumerate(words):
        out[row] = np.bitwise_count(others ^ word).sum(axis=1, dtype=np.int32)
    return out


def _phash(image: Image.Image, side: int) -> NDArray[np.bool_]:
    """imagehash.phash(image, side) of an 8-bit grey image, bit by bit (a test compares them), in five sixths of its time."""
    from scipy.fftpack import dct  # takes a second to load: only where pictures are read

    pixels = np.asarray(image.resize((4 * side, 4 * side), Image.Resampling.LANCZOS))
    low = dct(dct(pixels, axis=0), axis=1)[:side, :side]
    ordered, half = np.sort(low, axis=None), side * side // 2
    return np.asarray(low > (ordered[half - 1] + ordered[half]) / 2, np.bool_)


def _packed(bits: NDArray[np.bool_]) -> Code:
    return np.packbits(bits.ravel(), bitorder="little").view(np.uint64)
