"""The front end: everything that is ever compared of one picture, made once from its bytes and kept."""

from __future__ import annotations

import io
from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from server.media.decode import FRAME_SIDE, Grey, Picture, decode_picture, resized
from server.media.features import Features, find_features
from server.media.frames import find_frames
from server.media.hashes import HashSet, ShortHashes, hash_set
from server.media.npz import read_npz
from server.media.pdq import Pdq, pdq
from server.media.regions import Region, find_regions

DETAIL_SIDE = 1024
THUMB_SIDE = 384
_THUMB_QUALITY = 92


@dataclass(frozen=True)
class RegionLook:
    """One picture inside the picture: where, its PDQ, its own ORB points as shares of the whole frame's longer side."""

    region: Region
    pdq: Pdq
    features: Features


@dataclass(frozen=True)
class Look:
    """What is kept of one picture. `thumb`: JPEG of the frame at <= 384 px, for the local correlation.

    features / mirrored: ORB points of the frame and of its left-right mirror image.
    """

    picture: Picture
    hashes: HashSet
    regions: tuple[RegionLook, ...]
    features: Features
    mirrored: Features
    thumb: bytes

    def frame(self) -> Grey:
        """The kept small frame, uint8 [height, width]."""
        return np.asarray(cv2.imdecode(np.frombuffer(self.thumb, np.uint8), cv2.IMREAD_GRAYSCALE), np.uint8)

    @cached_property
    def framed(self) -> tuple[Region, ...]:
        """Where the small frame has pictures set into it: the regions read from the large one, and rectangles drawn by edges."""
        return (*(found.region for found in self.regions), *find_frames(self.frame()))

    @property
    def shape(self) -> tuple[float, float]:
        """Height and width of the frame as shares of its longer side."""
        longer = max(self.picture.height, self.picture.width)
        return self.picture.height / longer, self.picture.width / longer


def look_at(data: bytes) -> Look:
    """The whole front end for one file's bytes. Raises: UnreadablePicture.

    Regions of a large picture are read from a second, larger decoding: in a screenshot the picture itself is small.
    """
    picture = decode_picture(data)
    grey = picture.grey
    regions = find_regions(grey)
    detail = grey
    if regions and max(picture.width, picture.height) > FRAME_SIDE:
        detail = decode_picture(data, side=DETAIL_SIDE).grey
    _, packed = cv2.imencode(".jpg", resized(grey, THUMB_SIDE), [cv2.IMWRITE_JPEG_QUALITY, _THUMB_QUALITY])
    return Look(
        Picture(picture.format, picture.width, picture.height, np.empty((0, 0), np.uint8), picture.notes),
        hash_set(grey),
        tuple(_look_at_region(detail, region) for region in regions),
        find_features(grey),
        find_features(np.ascontiguousarray(grey[:, ::-1])),
        packed.tobytes(),
    )


def _look_at_region(detail: Grey, region: Region) -> RegionLook:
    rows, columns = region.pixels(detail.shape)
    part = np.ascontiguousarray(detail[rows, columns])
    found = find_features(part)
    longer = max(detail.shape)
    origin = np.array([columns.start, rows.start], np.float32)
    places = (found.points * np.float32(max(part.shape)) + origin) / np.float32(longer)
    return RegionLook(region, pdq(resized(part, FRAME_SIDE)), Features(places.astype(np.float32), found.descriptors))


def to_bytes(look: Look) -> bytes:
    """The look as one npz file; from_bytes() gives an equal look back."""
    arrays: dict[str, NDArray[np.generic]] = {
        "size": np.array([look.picture.width, look.picture.height]),
        "words": np.array([look.picture.format, *look.picture.notes]),
        "short": np.concatenate((look.hashes.short.phash64, look.hashes.short.phash256, look.hashes.short.dhash64)),
        "thumb": np.frombuffer(look.thumb, np.uint8),
    }
    _put_pdq(arrays, "whole", look.hashes.pdq)
    _put_features(arrays, "plain", look.features)
    _put_features(arrays, "mirrored", look.mirrored)
    for number, found in enumerate(look.regions):
        box = found.region
        arrays[f"box{number}"] = np.array([box.left, box.top, box.right, box.bottom])
        _put_pdq(arrays, f"region{number}", found.pdq)
        _put_features(arrays, f"region{number}", found.features)
    out = io.BytesIO()
    np.savez(out, **arrays)  # type: ignore[arg-type]
    return out.getvalue()


def from_bytes(data: bytes) -> Look:
    """The look that to_bytes() wrote. Raises: ValueError or KeyError when it is not one (then it is made again)."""
    arrays = read_npz(data)
    width, height = (int(value) for value in arrays["size"])
    kind, *notes = (str(word) for word in arrays["words"])
    short = arrays["short"]
    count = sum(name.startswith("box") for name in arrays)
    regions = tuple(
        RegionLook(
            Region(*(float(edge) for edge in arrays[f"box{number}"])),
            Pdq(arrays[f"region{number}.codes"], int(arrays[f"region{number}.quality"])),
            Features(arrays[f"region{number}.points"], arrays[f"region{number}.descriptors"]),
        )
        for number in range(count)
    )
    return Look(
        Picture(kind, width, height, np.empty((0, 0), np.uint8), tuple(notes)),
        HashSet(ShortHashes(short[:1], short[1:5], short[5:]), Pdq(arrays["whole.codes"], int(arrays["whole.quality"]))),
        regions,
        Features(arrays["plain.points"], arrays["plain.descriptors"]),
        Features(arrays["mirrored.points"], arrays["mirrored.descriptors"]),
        arrays["thumb"].tobytes(),
    )


def _put_pdq(arrays: dict[str, NDArray[np.generic]], name: str, made: Pdq) -> None:
    arrays[f"{name}.codes"] = made.codes
    arrays[f"{name}.quality"] = np.array(made.quality)


def _put_features(arrays: dict[str, NDArray[np.generic]], name: str, found: Features) -> None:
    arrays[f"{name}.points"] = found.points
    arrays[f"{name}.descriptors"] = found.descriptors
