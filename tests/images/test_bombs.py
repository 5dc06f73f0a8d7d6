"""Hostile and odd pictures: each has an outcome that a person reads, by API, page and command line, with memory capped."""

import json
import os
import re
import struct
import subprocess
import sys
import zlib
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil
from PIL import Image

from tests.media.pictures import encoded, scene
from tests.media.test_decode import ROOT, black, png
from tests.web.site import Site

PARENT_GROWTH_MB = 160
DECODER_MB = 1000


@dataclass(frozen=True)
class Case:
    """outcome: as the API names it. said: what must be read beside it: the reason, or what was done to the picture."""

    data: bytes
    outcome: str
    said: str


def exif_turned() -> bytes:
    exif = Image.Exif()
    exif[0x0112] = 6
    return encoded(scene(3), "JPEG", exif=exif)


def exif_odd() -> bytes:
    """Turned, and with a width that is no number: bytes where the standard has a whole number."""
    entries = struct.pack("<HHL4s", 0x0100, 1, 4, b"wide") + struct.pack("<HHLL", 0x0112, 3, 1, 6)
    exif = b"Exif\0\0II*\0" + struct.pack("<LH", 8, 2) + entries + bytes(4)
    return encoded(scene(3), "JPEG", exif=exif)


FRAMES = [scene(number, 320, 240) for number in (4, 5)]
CASES = {
    "bomb.png": Case(png(100_000, 100_000, zlib.compress(bytes(1000))), "too_many_pixels", "pixels"),
    "black.png": Case(black(5000, 5000), "read", ""),
    "animated.gif": Case(
        encoded(FRAMES[0], "GIF", save_all=True, append_images=FRAMES[1:]), "read", "only the first frame is compared"
    ),
    "cmyk.jpg": Case(encoded(scene(6).convert("CMYK"), "JPEG"), "read", "CMYK without its colour profile"),
    "deep.png": Case(encoded(scene(7).convert("L").convert("I").convert("I;16")), "read", "brought to 8 bits"),
    "cut.jpg": Case(encoded(scene(8), "JPEG")[:9000], "broken", "truncated or damaged"),
    "turned.jpg": Case(exif_turned(), "read", "turned upright (EXIF orientation 6)"),
    "odd.jpg": Case(exif_odd(), "read", "turned upright (EXIF orientation 6)"),
    "drawing.svg": Case(b"<svg xmlns='http://www.w3.org/2000/svg'><script>1</script></svg>", "svg", "never rendered here"),
    "photo.avif": Case(encoded(scene(9), "AVIF", speed=10), "read", ""),
    "photo.heic": Case(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(200), "heic", "HEIC is not decoded here"),
    "really-a-gif.jpg": Case(encoded(scene(10), "GIF"), "read", ""),
    "page.png": Case(b"<!doctype html><p>not a picture</p>", "not_a_picture", "no picture in a known format"),
}
MEASURED = """
import re, resource, sys
from server.cli import app
try:
    app(["images", "cluster", sys.argv[1], "--json", "--no-keep", "--workers", "2"])
finally:
    own = int(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1])
    print(own // 1024, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024, file=sys.stderr)
"""


def peak_mb(pid: int | str = "self") -> int:
    found = re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())
    assert found is not None
    return int(found[1]) // 1024


def decoders() -> list[int]:
    """The processes below this one that read pictures. Others come and go while they are listed."""
    found = []
    for one in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            if any("server.images.child" in word for word in one.cmdline()):
                found.append(one.pid)
    return found


async def test_the_service_says_what_came_of_each_and_stays_small(site: Site) -> None:
    person, device = await site.person(), await site.pair()
    await site.http.post("/api/v1/images/search", content=encoded(scene(1)), headers=device.headers)  # all is loaded
    Path("/proc/self/clear_refs").write_text("5")
    start = peak_mb()
    for name, case in CASES.items():
        answer = await site.http.post("/api/v1/images/search", content=case.data, headers=device.headers)
        told = answer.json()
        page = await person.post("/images/search", files={"picture": (name, case.data, "image/png")})
        if case.outcome == "read":
            assert (answer.status_code, page.status_code) == (200, 200), (name, told)
            assert any(case.said in note for note in told["notes"]) if case.said else told["notes"] == [], name
        else:
            assert (answer.status_code, page.status_code) == (422, 422), name
            assert told["outcome"] == case.outcome and case.said in told["reason"], (name, told)
        assert case.said in page.text and "<script>1" not in page.text, name
    assert peak_mb() - start < PARENT_GROWTH_MB
    running = decoders()
    assert running and max(map(peak_mb, running)) < DECODER_MB
    await site.sound()


def test_the_command_says_what_came_of_each_and_stays_small(tmp_path: Path) -> None:
    for name, case in CASES.items():
        (tmp_path / name).write_bytes(case.data)
    command = [sys.executable, "-c", MEASURED, str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=200, check=True, env=os.environ)
    rows = {row["file"]: row for row in json.loads(done.stdout)}
    assert {name: row["outcome"] for name, row in rows.items()} == {name: case.outcome for name, case in CASES.items()}
    for name, case in CASES.items():
        assert case.said in str(rows[name].get("reason" if case.outcome != "read" else "notes", "")), name
    own, decoder = map(int, done.stderr.strip().splitlines()[-1].split())
    assert own < 400 and decoder < DECODER_MB, (own, decoder)
