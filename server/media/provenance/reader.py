"""Everything a picture file says about where it comes from, read from its original bytes: one list of signals."""

from __future__ import annotations

import hashlib
from importlib.metadata import version

from server.media.provenance.c2pa import TOOL as C2PA_TOOL
from server.media.provenance.c2pa import c2pa_signals
from server.media.provenance.places import Place, places
from server.media.provenance.qr import TOOL as QR_TOOL
from server.media.provenance.qr import qr_signals
from server.media.provenance.signals import READER, READER_VERSION, SIGNAL_LIMIT, Signal, SignalOutcome, not_checked, not_found
from server.media.provenance.traces import exif_signals, iptc_signals, named_generator, text_signals
from server.media.provenance.xmp import xmp_signals

_KIND_OF_PLACE = {"xmp": "xmp", "xmp_more": "xmp", "exif": "exif", "text": "text", "iptc": "iptc.program"}


def provenance_signals(data: bytes, *, anchors: str | None = None) -> tuple[Signal, ...]:
    """The signals of one file, at most 60: Content Credentials first, then XMP, EXIF, other words, QR codes.

    Each kind of place that was looked for and not there is a NOT_FOUND of its own; absence proves nothing (ABSENCE_NOTE).
    anchors: trusted roots of Content Credentials in PEM; None when the operator has no list, then trust is not checked.
    Any bytes give a list. Native libraries see the bytes: a service calls this in a process apart.
    """
    return (*_once([*c2pa_signals(data, anchors), *_words(data)])[: SIGNAL_LIMIT - 16], *qr_signals(data))


def reader_id(anchors: str | None) -> str:
    """What reads signals: the program, its libraries, and the list of trusted roots. Another id reads every file anew."""
    roots = "none" if anchors is None else hashlib.sha256(anchors.encode()).hexdigest()[:16]
    tools = " ".join(f"{name}={version(name)}" for name in (C2PA_TOOL, QR_TOOL, "pillow"))
    return f"{READER}/{READER_VERSION} {tools} roots={roots}"


def _words(data: bytes) -> list[Signal]:
    seen: set[str] = set()
    out: list[Signal] = []
    for place in places(data):
        seen.add(_KIND_OF_PLACE.get(place.kind, "text"))
        out += _place_signals(place)
    out += [
        signal
        for one in out
        if one.kind in ("xmp.creator_tool", "xmp.credit")
        for signal in named_generator(one.value, one.where)
    ]
    known = {one.kind.partition(".")[0] for one in out}
    for kind, where in (("xmp", "XMP"), ("exif", "EXIF"), ("generator", "program traces")):
        if kind not in known:
            reason = "the block is there, without any of the properties that are read" if kind in seen else ""
            out.append(not_found(kind, where, reason))
    return out


def _place_signals(place: Place) -> list[Signal]:
    match place.kind:
        case "xmp":
            return xmp_signals(place.data, place.name)
        case "xmp_more":
            return [not_checked("xmp", place.name, "the overflow part of XMP is not read here")]
        case "exif":
            return exif_signals(place.data, place.name)
        case "iptc":
            return iptc_signals(place.data, place.name)
        case "text":
            return text_signals(place)
        case "too_big":
            return [not_checked("text", place.name, "packed wrongly or larger than is ever read")]


def _once(signals: list[Signal]) -> list[Signal]:
    """Without repeats; FOUND first within the order, so that a cap never hides what was found behind what was not."""
    unique = list(dict.fromkeys(signals))
    return sorted(unique, key=lambda one: one.outcome is not SignalOutcome.FOUND)
