"""Realistic captures for looking at the pages: `python -m tests.web.gallery OUT` takes pictures, light and dark, wide and narrow.

A real service on an embedded PostgreSQL of its own, with a time-stamping authority; nothing is left behind but the pictures.
"""

import argparse
import asyncio
import io
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx2
import uvicorn
from PIL import Image, ImageDraw, ImageFont
from playwright.async_api import Browser, async_playwright

from server.app import create_app
from server.clock import format_time
from server.composition import Overrides, build
from server.settings import Settings
from server.worker import register_tasks
from tests.trust.archive import make_wacz
from tests.tsa import LocalTsa
from tests.web.site import ORIGIN, Device, Site, pinned_tsa

CHROMIUM = "/usr/bin/chromium"
FONT = "DejaVuSans.ttf"
PAGES = (
    (
        "https://gazeta.example/miasto/most-zamkniety",
        "Most zamknięty od poniedziałku: kierowcy pojadą objazdem",
        "Ratusz, teczka 12",
    ),
    ("https://stiri.example/alegeri/2026/buletin", "Știri false despre alegeri circulă din nou pe rețele", None),
    ("https://social.example/@anon4471/1893345670000000001", "anon4471: “They are hiding the real numbers”", "Elections 2026"),
    ("https://naviny.example/vybary", "Выбары: што сталася на ўчастках уначы", "Elections 2026"),
    ("https://shop.example/offer/miracle-cure?ref=ad-7", "Miracle cure, only today, doctors are speechless", None),
)


def shot(title: str, host: str, *, height: int = 720, hue: tuple[int, int, int] = (23, 99, 79)) -> bytes:
    """A picture that looks like a page: a masthead, a title, columns of text, a picture."""
    image = Image.new("RGB", (1280, height), (252, 252, 250))
    draw = ImageDraw.Draw(image)
    big, small = ImageFont.truetype(FONT, 34), ImageFont.truetype(FONT, 17)
    draw.rectangle((0, 0, 1280, 76), fill=hue)
    draw.text((48, 20), host, font=big, fill=(255, 255, 255))
    draw.text((48, 110), title, font=big, fill=(20, 24, 22))
    draw.rectangle((48, 180, 820, 520), fill=tuple((part + 255) // 2 for part in hue))
    draw.polygon([(48, 520), (300, 300), (460, 440), (620, 260), (820, 520)], fill=hue)
    for line in range((height - 560) // 30):
        draw.text(
            (48, 545 + line * 30),
            "Lorem ipsum dolor sit amet, consectetur adipiscing elit, sed do eiusmod tempor.",
            font=small,
            fill=(70, 76, 74),
        )
    for box in range((height - 180) // 170):
        draw.rectangle((860, 180 + box * 170, 1232, 330 + box * 170), outline=(210, 212, 208), width=2)
        draw.text((880, 200 + box * 170), f"Related story {box + 1}", font=small, fill=(40, 46, 44))
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


async def fill(site: Site) -> list[str]:
    """Five captures by two devices: sealed, checked, one with a broken archive, one still waiting for its files."""
    desk, laptop = await site.pair("Chromium on the newsroom desk"), await site.pair("Marta’s laptop")
    await site.services.stamps.stamp()
    made: list[str] = []
    for number, (url, title, case) in enumerate(PAGES):
        device = laptop if number % 2 else desk
        made.append(await one(device, number, (url, title, case)))
    await site.services.stamps.stamp()
    return made


async def one(device: Device, number: int, page: Sequence[str | None]) -> str:
    url, title, case = page
    assert url is not None and title is not None
    host, hue = url.split("/")[2], ((23, 99, 79), (120, 44, 44), (40, 60, 120), (90, 70, 20), (90, 30, 100))[number]
    wacz = make_wacz(device.keys.sign_page_digest if number != 4 else None, body=title.encode())
    artifacts = {
        "screenshot.viewport.png": shot(title, host, hue=hue),
        "screenshot.full.png": shot(title, host, height=2600, hue=hue),
        "page.wacz": wacz if number != 2 else wacz[:-900] + bytes(200) + wacz[-700:],
    }
    facts: dict[str, object] = {
        "url": url,
        "finalUrl": url,
        "title": title,
        "case": case,
        "note": "Forwarded by a reader." if number == 0 else "",
        "labels": ["transport", "city"] if number == 0 else [],
        "capturedAt": format_time(datetime.now(UTC) - timedelta(days=3 if number == 2 else 0)),
        "userAgent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0 Safari/537.36",
        "pageinfo": {"captured": 117, "omitted": 3, "failedSteps": ["certificates"] if number == 2 else []},
        "secrets": {"kept": False, "removed": 4},
        "extension": {"version": "0.1.0", "build": "7f" * 32},
    }
    if number == len(PAGES) - 2:
        committed = await device.commit(await device.statement(artifacts, online=False, **facts))
        return str(committed.json()["capture_id"])
    capture_id = await device.capture(artifacts, **facts)
    await device.site.services.captures.checks.run(capture_id)
    return capture_id


async def pictures(browser: Browser, site: Site, url: str, out: Path) -> None:
    made = await fill(site)
    operator = await site.services.operators.ensure_default_operator()
    for scheme, width in (("light", 1280), ("dark", 1280), ("light", 420)):
        offer = await site.services.operators.create_sign_in_link(operator.operator_id)
        context = await browser.new_context(color_scheme=scheme, viewport={"width": width, "height": 860})  # type: ignore[arg-type]
        page = await context.new_page()
        problems: list[str] = []
        page.on("console", lambda message, seen=problems: seen.append(message.text))
        await page.goto(f"{url}/sign-in/{offer.token}")
        await page.click("main button, form button")
        places = {
            "inbox": "/",
            "capture": f"/captures/{made[0]}",
            "broken": f"/captures/{made[2]}",
            "waiting": f"/captures/{made[3]}",
        }
        places |= {"devices": "/devices", "exports": "/exports", "nothing": "/captures/nothing"}
        for name, path in places.items():
            await page.goto(f"{url}{path}")
            await page.screenshot(path=out / f"{name}-{scheme}-{width}.png", full_page=True)
        await page.goto(f"{url}/devices")
        await page.click("text=Make a pairing code")
        await page.wait_for_selector("#pairing-code")
        await page.screenshot(path=out / f"pairing-{scheme}-{width}.png")
        await page.goto(f"{url}/captures/{made[0]}")
        await page.fill("#purpose", "Complaint under DSA Art. 16")
        await page.fill("#recipient", "Digital Services Coordinator")
        await page.click("text=Make evidence bundle")
        await page.wait_for_url("**/exports/*")
        await page.screenshot(path=out / f"export-begun-{scheme}-{width}.png")
        await site.services.exports.bundler.run(page.url.rsplit("/", 1)[1])  # type: ignore[arg-type]
        await page.reload()
        await page.screenshot(path=out / f"export-{scheme}-{width}.png")
        await context.clear_cookies()
        await page.goto(url)
        await page.screenshot(path=out / f"sign-in-{scheme}-{width}.png")
        assert not [said for said in problems if "401" not in said and "404" not in said], problems
        await context.close()


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[tuple[Browser, Site, str]]:
    """A service on a port of its own, its site and a browser to look at it with; all of it stopped at the end."""
    services = build(settings, Overrides(migrated=settings.database_url is not None))
    register_tasks(services)
    server = uvicorn.Server(uvicorn.Config(create_app(services), host="127.0.0.1", port=0, log_level="warning"))
    serving = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.05)
    url = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    try:
        async with httpx2.AsyncClient(base_url=url, timeout=60) as http, async_playwright() as playwright:
            browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
            yield browser, Site(services, http, None), url
            await browser.close()
    finally:
        server.should_exit = True
        await serving


def out_folder(description: str | None) -> Path:
    """The folder that the command line names, made where it is missing."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("out", type=Path)
    out: Path = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    return out


async def run(out: Path) -> None:
    """Starts everything, takes the pictures, stops everything."""
    with tempfile.TemporaryDirectory(prefix="holdstill-gallery-") as name, LocalTsa(Path(name) / "tsa") as tsa:
        settings = Settings(data_dir=Path(name) / "data", origin=ORIGIN, tsas=[pinned_tsa(tsa)], public_url="http://127.0.0.1")
        async with opened(settings) as (browser, site, url):
            await pictures(browser, site, url, out)


if __name__ == "__main__":
    asyncio.run(run(out_folder(__doc__)))
