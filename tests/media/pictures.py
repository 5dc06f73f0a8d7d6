"""Pictures drawn here, the same on every machine: busy enough to have corners, each seed another scene."""

import io
import random

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageOps

COLOURS = [
    (214, 69, 65),
    (38, 84, 124),
    (255, 209, 102),
    (6, 155, 119),
    (120, 81, 169),
    (242, 140, 40),
    (230, 230, 225),
    (40, 40, 44),
]


def scene(seed: int, width: int = 640, height: int = 480) -> Image.Image:
    """A scene of overlapping shapes with fine marks on a gradient."""
    chance = random.Random(seed)
    down = np.linspace(chance.randint(0, 90), chance.randint(140, 255), height)[:, None]
    across = np.linspace(chance.randint(0, 60), chance.randint(0, 60), width)[None]
    base = np.clip(down + across, 0, 255).astype(np.uint8)
    image = Image.merge("RGB", [Image.fromarray(np.roll(base, 37 * channel, axis=1)) for channel in range(3)])
    draw = ImageDraw.Draw(image)
    for _ in range(45):
        x, y, size = chance.randint(-40, width), chance.randint(-40, height), chance.randint(15, width // 4)
        colour = chance.choice(COLOURS)
        kind = chance.randrange(3)
        if kind == 0:
            draw.ellipse((x, y, x + size, y + chance.randint(15, size + 15)), fill=colour, outline="black", width=2)
        elif kind == 1:
            corners = [(x + chance.randint(-size, size), y + chance.randint(-size, size)) for _ in range(chance.randint(3, 6))]
            draw.polygon(corners, fill=colour, outline="black")
        else:
            draw.rectangle((x, y, x + size, y + size // 2 + 4), fill=colour, outline="white", width=2)
    for _ in range(260):
        x, y = chance.randint(0, width), chance.randint(0, height)
        draw.line((x, y, x + chance.randint(-14, 14), y + chance.randint(-14, 14)), fill=chance.choice(COLOURS), width=2)
    return image


def encoded(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def mirrored(image: Image.Image) -> Image.Image:
    return ImageOps.mirror(image)


def cropped(image: Image.Image, share: float = 0.75) -> Image.Image:
    """The lower right part, `share` of each side."""
    return image.crop((round(image.width * (1 - share)), round(image.height * (1 - share)), image.width, image.height))


def captioned(image: Image.Image) -> Image.Image:
    """Under a white bar with two lines of text."""
    bar = image.height // 5
    out = Image.new("RGB", (image.width, image.height + bar), "white")
    out.paste(image, (0, bar))
    draw = ImageDraw.Draw(out)
    draw.text((12, 10), "Seen this morning near the old harbour,", fill="black", font_size=bar // 4)
    draw.text((12, 16 + bar // 3), "nobody knows who made it", fill="black", font_size=bar // 4)
    return out


def screenshot(image: Image.Image) -> Image.Image:
    """In a column of a page, with a side bar, a name and buttons."""
    page = Image.new("RGB", (1180, 860), "white")
    draw = ImageDraw.Draw(page)
    for row in range(7):
        draw.ellipse((40, 50 + row * 60, 66, 76 + row * 60), fill=(215, 219, 224))
        draw.text((84, 54 + row * 60), "Section", fill=(30, 30, 30), font_size=18)
    draw.text((330, 40), "A page about something", fill="black", font_size=20)
    page.paste(image.resize((520, round(image.height * 520 / image.width))), (330, 90))
    draw.text((330, 800), "12 answers", fill=(90, 90, 90), font_size=16)
    return page


def collage(left: Image.Image, right: Image.Image) -> Image.Image:
    """Side by side with a white gap."""
    height = 420
    parts = [part.resize((round(part.width * height / part.height), height)) for part in (left, right)]
    out = Image.new("RGB", (parts[0].width + parts[1].width + 10, height), "white")
    out.paste(parts[0], (0, 0))
    out.paste(parts[1], (parts[0].width + 10, 0))
    return out


def resembling(seed: int) -> tuple[Image.Image, Image.Image]:
    """A scene, and a part of it with the fine marks of another one: what a generator makes of one edge map, a variant of it."""
    known, other = (scene(number).convert("L") for number in (seed, seed + 1))
    coarse, blurred = (np.asarray(one.filter(ImageFilter.GaussianBlur(4)), np.float32) for one in (known, other))
    mixed = np.clip(coarse + 0.8 * (np.asarray(other, np.float32) - blurred), 0, 255).astype(np.uint8)
    return known, cropped(Image.fromarray(mixed), 0.8)


def post(image: Image.Image, words: str = "Seen this morning", dark: bool = True) -> Image.Image:
    """On a phone, in a stream of posts: a name, words above, buttons and an answer below."""
    paper, ink = ((18, 18, 22), (236, 236, 240)) if dark else ((255, 255, 255), (15, 15, 20))
    page = Image.new("RGB", (540, 1080), paper)
    draw = ImageDraw.Draw(page)
    draw.ellipse((20, 60, 66, 106), fill=(150, 90, 170))
    draw.text((80, 70), "page of wonders", fill=ink, font_size=20)
    for row in range(2):
        draw.text((20, 124 + row * 26), f"{words}, line {row}", fill=ink, font_size=18)
    page.paste(image.resize((540, round(image.height * 540 / image.width))), (0, 190))
    for place in range(3):
        draw.ellipse((30 + place * 90, 640, 56 + place * 90, 666), outline=ink, width=3)
    for row in range(6):
        draw.text((20, 700 + row * 30), f"and somebody answers: {words}", fill=ink, font_size=18)
    return page


def broadcast(image: Image.Image) -> Image.Image:
    """Over one busy set, the same in every broadcast, without a straight edge around it: 11 % of the frame."""
    page = scene(170, 1280, 720)
    outline = Image.new("L", (360, 290))
    ImageDraw.Draw(outline).rounded_rectangle((0, 0, 359, 289), 60, fill=255)
    page.paste(image.resize((360, 290)), (760, 340), outline)
    return page


def studio(image: Image.Image, words: str) -> Image.Image:
    """In a frame beside the speaker of a news programme: a busy set, a line of words below."""
    page = Image.new("RGB", (1280, 720), (24, 34, 96))
    draw = ImageDraw.Draw(page)
    for place in range(-200, 1280, 38):
        draw.line((place, 0, place + 260, 620), fill=(70, 96, 190), width=3)
    draw.ellipse((150, 130, 330, 340), fill=(205, 165, 140), outline="black", width=3)
    draw.polygon([(60, 620), (150, 360), (330, 360), (420, 620)], fill=(30, 30, 45), outline="white")
    width = min(600, round(image.width * 400 / image.height))
    draw.rectangle((560, 70, 560 + width + 16, 486), fill="white")
    page.paste(image.resize((width, 400)), (568, 78))
    draw.rectangle((0, 620, 1280, 720), fill=(180, 12, 24))
    draw.text((40, 640), words, fill="white", font_size=44)
    return page
