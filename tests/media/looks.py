"""Looks of pictures by name: a scene's number and what was done to it, each made once."""

from functools import cache

from PIL import Image, ImageDraw, ImageEnhance

from server.media.look import Look, look_at
from tests.media.pictures import broadcast, captioned, collage, cropped, encoded, mirrored, post, scene, screenshot, studio


@cache
def look(name: str, quality: int = 75) -> Look:
    """`160`, `160 cropped`, `160 post`: the scene with this number, edited or in a template, as a JPEG of this quality."""
    seed, _, edit = name.partition(" ")
    base = scene(int(seed))
    made = {
        "": lambda: base,
        "mirrored": lambda: mirrored(base),
        "cropped": lambda: cropped(base),
        "half": lambda: cropped(base, 0.6),
        "captioned": lambda: captioned(base),
        "screenshot": lambda: screenshot(base),
        "brighter": lambda: ImageEnhance.Brightness(base).enhance(1.3),
        "small": lambda: base.resize((320, 240)),
        "turned": lambda: base.transpose(Image.Transpose.ROTATE_90),
        "collage": lambda: collage(base, scene(int(seed) + 1)),
        "post": lambda: post(base),
        "light": lambda: post(base, "Nobody knows who made it", dark=False),
        "mirrored-post": lambda: post(mirrored(base)),
        "studio": lambda: studio(base, f"MINISTER SPEAKS OF NUMBER {seed}"),
        "broadcast": lambda: broadcast(base),
        "worded": lambda: worded(base),
    }
    return look_at(encoded(made[edit]().convert("RGB"), "JPEG", quality=quality))


def worded(image: Image.Image) -> Image.Image:
    """Large words across it, at the top and at the bottom, and a sticker."""
    made = image.copy()
    draw = ImageDraw.Draw(made)
    for y in (16, 410):
        draw.text((30, y), "NOBODY SHOWS YOU", fill="white", font_size=50, stroke_width=4, stroke_fill="black")
    draw.ellipse((420, 180, 500, 260), fill=(255, 204, 50), outline="black", width=3)
    return made
