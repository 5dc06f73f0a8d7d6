"""XMP: the few properties that say how a picture was made. Entities and document types refused, capped in size and depth."""

from __future__ import annotations

from collections.abc import Iterator
from xml.etree.ElementTree import Element, ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import DefusedXMLParser

from server.media.provenance.signals import Signal, found, not_checked

MAX_XMP_BYTES = 1024 * 1024
MAX_ELEMENTS = 20_000
MAX_DEPTH = 64
RDF = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"
SOURCE_TYPE_VOCABULARY = "http://cv.iptc.org/newscodes/digitalsourcetype/"
SOURCE_TYPES = {
    "algorithmicMedia": "Pure algorithmic media",
    "algorithmicallyEnhanced": "Algorithmically-altered media",
    "compositeCapture": "Composite of captured elements",
    "compositeSynthetic": "Composite including generative AI elements",
    "compositeWithTrainedAlgorithmicMedia": "Edited using generative AI",
    "computationalCapture": "Multi-frame computational capture",
    "dataDrivenMedia": "Data-driven media",
    "digitalArt": "Non-generative digital art",
    "digitalCapture": "Original digital capture sampled from real life",
    "digitalCreation": "Human-created media",
    "humanEdits": "Human-edited media",
    "minorHumanEdits": "Original media with minor human edits",
    "negativeFilm": "Digitised from a transparent negative",
    "positiveFilm": "Digitised from a transparent positive",
    "print": "Digitised from a non-transparent medium",
    "screenCapture": "Screen capture",
    "softwareImage": "Created by software",
    "trainedAlgorithmicMedia": "Created using generative AI",
    "virtualRecording": "Virtual recording",
    "composite": "Composite of elements",
}
_EXT = "{http://iptc.org/std/Iptc4xmpExt/2008-02-29/}"
_PROPERTIES = {
    f"{_EXT}DigitalSourceType": "xmp.source_type",
    f"{_EXT}DigitalsourceType": "xmp.source_type",
    f"{_EXT}AISystemUsed": "xmp.ai_system",
    f"{_EXT}AISystemVersionUsed": "xmp.ai_system",
    f"{_EXT}AIPromptInformation": "generator.parameters",
    "{http://ns.adobe.com/xap/1.0/}CreatorTool": "xmp.creator_tool",
    "{http://ns.adobe.com/photoshop/1.0/}Credit": "xmp.credit",
    "{http://purl.org/dc/terms/}provenance": "c2pa.remote",
}
_CLAIMED = "written in the file by whoever made or edited it; nothing confirms it"


def xmp_signals(packet: bytes, where: str) -> list[Signal]:
    """The signals of one XMP packet. Any bytes give a list; a packet above a cap, or no XML, gives one NOT_CHECKED.

    Not checked: that the packet belongs to this picture, or that it says the truth.
    """
    if len(packet) > MAX_XMP_BYTES:
        return [not_checked("xmp", where, f"{len(packet)} bytes are above the limit of {MAX_XMP_BYTES}")]
    try:
        root = _parsed(packet)
    except _TooMuch:
        return [not_checked("xmp", where, "more elements or levels than are ever read")]
    except (ParseError, DefusedXmlException, ValueError, LookupError) as error:
        return [not_checked("xmp", where, f"no XML that is read here ({type(error).__name__})")]
    out: list[Signal] = []
    for name, said in _values(root):
        kind = _PROPERTIES[name]
        value, reason = said, _CLAIMED
        if kind == "xmp.source_type":
            value, reason = source_type(said)
        elif kind == "c2pa.remote":
            reason = "an address of Content Credentials kept elsewhere: never fetched here"
        out.append(found(kind, value, f"{where} {name.rpartition('}')[2]}", reason))
        if len(out) >= 40:
            break
    return out


def source_type(value: str) -> tuple[str, str]:
    """The value with its name in the IPTC vocabulary, and what is known about it."""
    term = value.strip().replace("https://", "http://").removeprefix(SOURCE_TYPE_VOCABULARY)
    if term in SOURCE_TYPES:
        return f"{term} ({SOURCE_TYPES[term]})", _CLAIMED
    return value, f"no term of the IPTC vocabulary known here; {_CLAIMED}"


class _TooMuch(Exception):
    """More elements or levels than the cap."""


class _Bounded:
    """A tree builder that stops at the caps, so that nothing large is ever built."""

    def __init__(self) -> None:
        self._root: Element | None = None
        self._open: list[Element] = []
        self._text: list[str] = []
        self._count = 0

    def start(self, tag: str, attributes: dict[str, str]) -> Element:
        self._flush()
        self._count += 1
        if self._count > MAX_ELEMENTS or len(self._open) >= MAX_DEPTH:
            raise _TooMuch
        element = Element(tag, attributes)
        if self._open:
            self._open[-1].append(element)
        elif self._root is None:
            self._root = element
        self._open.append(element)
        return element

    def end(self, tag: str) -> Element:
        self._flush()
        return self._open.pop()

    def data(self, text: str) -> None:
        self._text.append(text)

    def close(self) -> Element:
        if self._root is None:
            raise ParseError("no element")
        return self._root

    def _flush(self) -> None:
        if self._text and self._open:
            element = self._open[-1]
            element.text = (element.text or "") + "".join(self._text)
        self._text = []


def _parsed(packet: bytes) -> Element:
    parser = DefusedXMLParser(target=_Bounded(), forbid_dtd=True, forbid_entities=True, forbid_external=True)
    parser.feed(packet.strip(b"\x00 \r\n\t"))
    root: Element = parser.close()
    return root


def _values(root: Element) -> Iterator[tuple[str, str]]:
    """Each known property with each of its values: as attribute, as text, as rdf:resource, or as items of an rdf list."""
    for element in root.iter():
        for name, value in element.attrib.items():
            if name in _PROPERTIES and value.strip():
                yield name, value
        if element.tag in _PROPERTIES:
            said = [element.text or "", element.get(f"{RDF}resource", "")]
            said += [item.text or "" for item in element.iter(f"{RDF}li")]
            said += [item.text or "" for item in element.iter(f"{RDF}value")]
            for value in said:
                if value.strip():
                    yield element.tag, value
