"""Pictures for the demo site: drawn, never photographed. Each carries a nonce: no two answers of the site are the same bytes."""

import functools
import io
import math
import os
import random
import struct
import zlib

from PIL import Image, ImageDraw, ImageFilter, PngImagePlugin

from tests.media.pictures import scene

SCENES = ("harbour", "ferry", "marsh", "market", "lighthouse", "bridge")
AVATARS = 6


def picture(name: str, nonce: str) -> tuple[bytes, str]:
    """(bytes, media type) of a scene, one of endless others (`scene-7`), an avatar (`avatar-3`), the notice's poster or the icon.

    Raises: KeyError.
    """
    image = _drawing(name)
    out = io.BytesIO()
    if name in SCENES or name.startswith("scene-"):
        image.save(out, "JPEG", quality=88, comment=nonce.encode())
        return out.getvalue(), "image/jpeg"
    facts = PngImagePlugin.PngInfo()
    facts.add_text("nonce", nonce)
    image.save(out, "PNG", pnginfo=facts)
    return out.getvalue(), "image/png"


def noise_png(size_bytes: int, nonce: str) -> bytes:
    """A PNG of about `size_bytes` that no compression makes smaller (random RGB). Its nonce stands in a tEXt chunk."""
    side = max(8, math.isqrt(size_bytes // 3))
    noise = os.urandom(side * side * 3)
    rows = b"".join(b"\0" + noise[row * side * 3 : (row + 1) * side * 3] for row in range(side))
    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    chunks = [
        (b"IHDR", header),
        (b"tEXt", b"nonce\0" + nonce.encode()),
        (b"IDAT", zlib.compress(rows, 0)),
        (b"IEND", b""),
    ]
    body = b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )
    return b"\x89PNG\r\n\x1a\n" + body


@functools.cache
def _drawing(name: str) -> Image.Image:
    if name in SCENES:
        return _scene(SCENES.index(name))
    if name.startswith("scene-") and name[6:].isdecimal():
        return scene(int(name[6:]))
    if name.startswith("avatar-") and name[7:].isdigit() and int(name[7:]) < AVATARS:
        return _avatar(int(name[7:]))
    if name == "poster":
        return _poster()
    if name == "icon":
        return _icon()
    raise KeyError(name)


def _sky(width: int, height: int, top: tuple[int, int, int], bottom: tuple[int, int, int]) -> Image.Image:
    column = Image.new("RGB", (1, height))
    for y in range(height):
        share = y / height
        column.putpixel((0, y), tuple(round(a + (b - a) * share) for a, b in zip(top, bottom, strict=True)))
    return column.resize((width, height))


def _scene(index: int) -> Image.Image:
    """A layered landscape of hills, water and light; another one for each index."""
    chance = random.Random(1000 + index)
    width, height = 960, 540
    skies = [((28, 62, 110), (246, 190, 140)), ((120, 170, 210), (240, 240, 230)), ((60, 80, 120), (220, 200, 210))]
    image = _sky(width, height, *skies[index % 3])
    draw = ImageDraw.Draw(image)
    sun = (chance.randint(160, 800), chance.randint(70, 170))
    draw.ellipse([sun[0] - 34, sun[1] - 34, sun[0] + 34, sun[1] + 34], fill=(255, 236, 200))
    for layer in range(4):
        base = 250 + layer * 48
        phase, wide = chance.random() * 6, 90 + chance.random() * 130
        shade = 118 - layer * 24
        ridge = [(x, base + math.sin(x / wide + phase) * 30 + math.sin(x / 31 + phase) * 7) for x in range(0, width + 8, 8)]
        draw.polygon([*ridge, (width, height), (0, height)], fill=(shade - 30, shade, shade + 22 - index * 3))
    water = 420
    draw.rectangle([0, water, width, height], fill=(44, 84, 112))
    for _ in range(420):
        x, y = chance.randint(0, width), chance.randint(water, height)
        long = chance.randint(8, 60)
        draw.line([x, y, x + long, y], fill=(90 + chance.randint(0, 90), 140 + chance.randint(0, 60), 170), width=1)
    _landmark(draw, index, water)
    return image.filter(ImageFilter.GaussianBlur(0.7))


def _landmark(draw: ImageDraw.ImageDraw, index: int, water: int) -> None:
    dark, light = (36, 40, 48), (240, 236, 224)
    match SCENES[index]:
        case "ferry":
            draw.polygon([(300, water + 10), (660, water + 10), (620, water + 54), (330, water + 54)], fill=(150, 44, 40))
            draw.rectangle([360, water - 34, 600, water + 10], fill=light)
            for x in range(376, 590, 26):
                draw.rectangle([x, water - 24, x + 14, water - 10], fill=dark)
            draw.rectangle([470, water - 78, 502, water - 34], fill=(206, 160, 60))
        case "lighthouse":
            draw.polygon([(700, water + 6), (752, water + 6), (740, 210), (712, 210)], fill=light)
            for y in range(230, water, 64):
                draw.rectangle([708, y, 746, y + 28], fill=(176, 50, 46))
            draw.rectangle([704, 184, 748, 210], fill=dark)
        case "bridge":
            draw.rectangle([0, 372, 960, 386], fill=dark)
            for x in range(60, 960, 140):
                draw.rectangle([x, 386, x + 16, 470], fill=dark)
                draw.arc([x, 280, x + 140, 460], 180, 360, fill=dark, width=5)
        case "market":
            for x in range(120, 840, 120):
                draw.rectangle([x, water - 40, x + 92, water + 30], fill=(190, 170, 140))
                draw.polygon([(x - 8, water - 40), (x + 100, water - 40), (x + 46, water - 82)], fill=(70 + x // 6, 90, 96))
        case _:
            for x in (250, 420, 520, 690):
                draw.line([x, water + 30, x, water - 90], fill=dark, width=4)
                draw.polygon([(x, water - 88), (x, water), (x + 52, water)], fill=light)
                draw.polygon([(x - 34, water + 14), (x + 50, water + 14), (x + 36, water + 36), (x - 20, water + 36)], fill=dark)


def _avatar(index: int) -> Image.Image:
    """A face of rings and dots: nobody's."""
    hue = [(52, 106, 140), (150, 76, 60), (70, 120, 76), (120, 84, 140), (170, 130, 50), (60, 70, 90)][index]
    image = Image.new("RGB", (96, 96), hue)
    draw = ImageDraw.Draw(image)
    for ring in range(4):
        inset = 10 + ring * 10
        tone = tuple(min(255, part + 26 * (ring + 1)) for part in hue)
        draw.arc([inset, inset, 96 - inset, 96 - inset], 40 * index + 70 * ring, 40 * index + 70 * ring + 230, fill=tone, width=6)
    return image


def _poster() -> Image.Image:
    image = _sky(560, 300, (24, 78, 84), (226, 196, 120))
    draw = ImageDraw.Draw(image)
    for step in range(12):
        draw.line([(step * 60 - 200, 300), (step * 60 + 40, 0)], fill=(236, 220, 170), width=2)
    draw.rectangle([60, 110, 500, 190], fill=(250, 246, 236))
    draw.text((84, 124), "A TOLL-FREE BRIDGE BY SPRING", fill=(24, 60, 66), font_size=25)
    draw.text((84, 156), "Ask the council on Thursday.", fill=(90, 90, 90), font_size=19)
    return image


def _icon() -> Image.Image:
    image = Image.new("RGB", (32, 32), (20, 60, 80))
    ImageDraw.Draw(image).polygon([(6, 26), (16, 5), (26, 26)], fill=(246, 220, 170))
    return image
