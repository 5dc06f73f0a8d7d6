"""Words in picture files: each trace is found where it stands, hostile ones end as an outcome, absence is no verdict."""

import io
import struct
import tracemalloc
import zlib

import numpy as np
import pytest
import zxingcpp
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, PngImagePlugin

from server.media.provenance.places import MAX_TEXT_BYTES, PNG, places
from server.media.provenance.reader import provenance_signals
from server.media.provenance.signals import KINDS, SIGNAL_LIMIT, VALUE_LIMIT, Signal, SignalOutcome
from server.media.provenance.traces import exif_signals, iptc_signals
from server.media.provenance.xmp import MAX_XMP_BYTES, xmp_signals
from tests.media.pictures import encoded, scene

FOUND, NOT_FOUND, NOT_CHECKED = SignalOutcome.FOUND, SignalOutcome.NOT_FOUND, SignalOutcome.NOT_CHECKED
RDF = (
    '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    '<rdf:Description xmlns:e="http://iptc.org/std/Iptc4xmpExt/2008-02-29/" xmlns:xmp="http://ns.adobe.com/xap/1.0/"'
    ' xmlns:ps="http://ns.adobe.com/photoshop/1.0/" {attributes}>{body}</rdf:Description></rdf:RDF></x:xmpmeta>'
)
TERM = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
PARAMETERS = "a harbour at dawn\nNegative prompt: text\nSteps: 30, Sampler: DPM++ 2M Karras, CFG scale: 7, Seed: 7, Model: some"
NODES = '{"3": {"inputs": {"seed": 7}, "class_type": "KSampler"}}'


def of(data: bytes, kind: str) -> list[Signal]:
    return [one for one in provenance_signals(data) if one.kind == kind]


def png(chunks: list[tuple[bytes, bytes]], *, seed: int = 1) -> bytes:
    """A PNG with further chunks before its end."""
    whole = encoded(scene(seed, 200, 160))
    packed = b"".join(
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body)) for name, body in chunks
    )
    return whole[:-12] + packed + whole[-12:]


def with_text(**texts: str) -> bytes:
    info = PngImagePlugin.PngInfo()
    for keyword, text in texts.items():
        info.add_text(keyword, text)
    return encoded(scene(2, 200, 160), "PNG", pnginfo=info)


def with_exif(tags: dict[int, object], comment: bytes | None = None) -> bytes:
    exif = Image.Exif()
    for tag, value in tags.items():
        exif[tag] = value
    if comment is not None:
        exif.get_ifd(0x8769)[0x9286] = comment
    return encoded(scene(3, 200, 160), "JPEG", exif=exif)


@pytest.mark.parametrize(
    "packet",
    [
        RDF.format(attributes=f'e:DigitalSourceType="{TERM}"', body=""),
        RDF.format(attributes="", body=f"<e:DigitalSourceType>{TERM}</e:DigitalSourceType>"),
        RDF.format(attributes="", body=f'<e:DigitalSourceType rdf:resource="{TERM.replace("http:", "https:")}"/>'),
    ],
)
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "AVIF"])
def test_a_digital_source_type_is_found_in_every_spelling_and_container(packet: str, kind: str) -> None:
    if kind == "PNG":
        info = PngImagePlugin.PngInfo()
        info.add_itxt("XML:com.adobe.xmp", packet, zip=True)
        data = encoded(scene(4, 200, 160), kind, pnginfo=info)
    else:
        data = encoded(scene(4, 200, 160), kind, xmp=packet.encode())
    (one,) = of(data, "xmp.source_type")
    assert one.value == "trainedAlgorithmicMedia (Created using generative AI)"
    assert "nothing confirms it" in one.reason


def test_an_unknown_source_type_stays_as_written_and_says_so() -> None:
    (one,) = xmp_signals(RDF.format(attributes='e:DigitalSourceType="https://example.org/mine"', body="").encode(), "x")
    assert one.value == "https://example.org/mine"
    assert one.reason.startswith("no term of the IPTC vocabulary")


def test_the_named_system_tool_and_credit_are_found() -> None:
    body = "<e:AISystemUsed><rdf:Seq><rdf:li>some model</rdf:li></rdf:Seq></e:AISystemUsed>"
    packet = RDF.format(attributes='xmp:CreatorTool="Painter 3" ps:Credit="Made with Google AI"', body=body)
    data = encoded(scene(5, 200, 160), "JPEG", xmp=packet.encode())
    assert [one.value for one in of(data, "xmp.ai_system")] == ["some model"]
    assert [one.value for one in of(data, "xmp.creator_tool")] == ["Painter 3"]
    assert [one.value for one in of(data, "generator.name")] == ["Google AI"]


def test_generation_parameters_are_found_in_png_text_and_in_a_user_comment() -> None:
    (text,) = of(with_text(parameters=PARAMETERS), "generator.parameters")
    assert text.where == "PNG tEXt “parameters”"
    assert "Steps: 30" in text.value
    for comment in (b"UNICODE\0" + PARAMETERS.encode("utf-16-be"), b"ASCII\0\0\0" + PARAMETERS.encode()):
        (exif,) = of(with_exif({}, comment), "generator.parameters")
        assert exif.where == "JPEG APP1 Exif UserComment"
    (hidden,) = of(with_text(anything=PARAMETERS), "generator.parameters")
    assert "Sampler" in hidden.value


def test_a_node_graph_and_a_job_number_are_found() -> None:
    found = of(with_text(prompt=NODES, workflow='{"last_node_id": 9, "nodes": [{"id": 1}]}'), "generator.workflow")
    assert [one.where for one in found] == ["PNG tEXt “prompt”", "PNG tEXt “workflow”"]
    job = "harbour --v 6 Job ID: 0f3b1c1e-0000-4000-8000-00000000abcd"
    (one,) = of(with_text(Description=job), "generator.parameters")
    assert "Midjourney" in one.reason


def test_program_and_camera_are_named_without_a_verdict() -> None:
    data = with_exif({0x0131: "Adobe Firefly 3", 0x010F: "Maker", 0x0110: "Model 5"})
    assert [one.value for one in of(data, "exif.software")] == ["Adobe Firefly 3"]
    assert [one.value for one in of(data, "exif.camera")] == ["Maker Model 5"]
    assert [one.value for one in of(data, "generator.name")] == ["Adobe Firefly"]
    for one in provenance_signals(data):
        assert "AI-generated" not in one.value + one.reason
        assert "is generated" not in one.reason


def test_an_ordinary_program_is_no_generator() -> None:
    assert of(with_exif({0x0131: "Adobe Photoshop 25.1"}), "generator.name") == []


def test_the_mark_of_a_platform_is_found() -> None:
    iim = b"\x1c\x02\x28" + struct.pack(">H", 12) + b"FBMD01000abc" + b"\x1c\x02\x41" + struct.pack(">H", 7) + b"program"
    block = b"8BIM\x04\x04\x00\x00" + struct.pack(">I", len(iim)) + iim
    jpeg = encoded(scene(6, 200, 160), "JPEG")
    segment = b"Photoshop 3.0\x00" + block
    data = jpeg[:2] + b"\xff\xed" + struct.pack(">H", len(segment) + 2) + segment + jpeg[2:]
    assert "Facebook" in of(data, "iptc.instructions")[0].reason
    assert of(data, "iptc.program")[0].value == "program"


def test_a_qr_code_is_decoded_and_only_shown() -> None:
    code = np.asarray(zxingcpp.create_barcode("https://example.org/ballot?a=1", zxingcpp.BarcodeFormat.QRCode).to_image(scale=3))
    picture = scene(7, 900, 700)
    picture.paste(Image.fromarray(code).convert("RGB").rotate(90), (500, 300))
    (one,) = of(encoded(picture, "JPEG", quality=70), "qr_code")
    assert (one.value, one.outcome, one.tool) == ("https://example.org/ballot?a=1", FOUND, "zxing-cpp")


def test_nothing_found_is_said_for_each_place_and_never_as_a_verdict() -> None:
    found = provenance_signals(encoded(scene(8, 200, 160), "PNG"))
    assert {(one.kind, one.outcome) for one in found} == {
        (kind, NOT_FOUND) for kind in ("c2pa", "xmp", "exif", "generator", "qr_code")
    }
    assert all(one.value == "" for one in found)


def test_a_file_that_is_no_picture_says_why_codes_were_not_looked_for() -> None:
    (one,) = of(b"<svg xmlns='http://www.w3.org/2000/svg'/>", "qr_code")
    assert one.outcome is NOT_CHECKED
    assert "never rendered" in one.reason


@pytest.mark.parametrize(
    "packet",
    [
        b'<!DOCTYPE a [<!ENTITY b "bbbbbbbbbb"><!ENTITY c "&b;&b;&b;&b;">]><a>&c;</a>',
        b'<!DOCTYPE a SYSTEM "http://127.0.0.1:9/a.dtd"><a/>',
        b'<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>',
        b"<a>" * 5_000,
        b"<x>" + b"<a/>" * 30_000 + b"</x>",
        b"<a " + b"b='" + b"c" * (MAX_XMP_BYTES + 1) + b"'/>",
        b"<a",
        b"",
        b"\xff\xfe\x00<",
        b"<?xml version='1.0' encoding='no-such'?><a/>",
    ],
)
def test_hostile_xmp_is_not_checked(packet: bytes) -> None:
    assert [one.outcome for one in xmp_signals(packet, "x")] == [NOT_CHECKED]


def test_a_text_bomb_is_named_and_never_unpacked() -> None:
    bomb = zlib.compress(b"\0" * (48 * 1024 * 1024), 9)
    data = png([(b"zTXt", b"parameters\x00\x00" + bomb), (b"iTXt", b"XML:com.adobe.xmp\x00\x01\x00\x00\x00" + bomb)])
    tracemalloc.start()
    held = places(data)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert [one.kind for one in held] == ["too_big", "too_big"]
    assert peak < 8 * MAX_TEXT_BYTES
    assert {one.outcome for one in of(data, "text")} == {NOT_CHECKED}


def test_a_flood_of_words_stops_at_the_caps() -> None:
    many = png([(b"tEXt", b"parameters\x00Steps: 1, Sampler: a%d" % number) for number in range(3_000)])
    assert len(provenance_signals(many)) <= SIGNAL_LIMIT
    long = of(with_text(parameters="Steps: 1, Sampler: a " + "b" * 100_000), "generator.parameters")
    assert len(long[0].value) == VALUE_LIMIT
    assert len(places(png([(b"tEXt", b"a\x00" + b"b" * 1_000_000)] * 20))) < 12


def test_words_are_cleaned_of_controls_and_directions() -> None:
    (one,) = of(with_exif({0x0131: "Paint\u202egnp.exe\x1b[31m"}), "exif.software")
    assert "\x1b" not in one.value
    assert "\u202e" not in one.value


@settings(max_examples=150, deadline=None)
@given(
    st.binary(max_size=600),
    st.sampled_from([b"", PNG, b"\xff\xd8\xff\xe1", b"RIFF0000WEBP", b"8BIM\x04\x04", b"Exif\x00\x00II*\x00"]),
)
def test_any_bytes_give_signals(body: bytes, head: bytes) -> None:
    for one in (
        *provenance_signals(head + body),
        *exif_signals(body, "x"),
        *iptc_signals(head + body, "x"),
        *xmp_signals(body, "x"),
    ):
        assert one.kind in KINDS
        assert one.outcome is FOUND or one.reason or one.outcome is NOT_FOUND


def test_damaged_blocks_in_real_files_give_signals() -> None:
    data = with_exif({0x0131: "Painter", 0x010E: "words"}, b"ASCII\0\0\0words")
    (block,) = [one.data for one in places(data) if one.kind == "exif"]
    for offset in range(len(block)):
        for value in (0x00, 0x7F, 0xFF):
            broken = bytearray(block)
            broken[offset] = value
            assert all(one.reason for one in exif_signals(bytes(broken), "x"))


def test_a_picture_is_never_changed_by_reading_it() -> None:
    data = encoded(scene(9, 200, 160), "PNG")
    before = bytes(data)
    provenance_signals(data)
    assert data == before
    assert Image.open(io.BytesIO(data)).size == (200, 160)
