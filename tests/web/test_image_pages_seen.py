"""The pages of images in a real browser: as axe-core judges them, light and dark, wide and narrow; paste and drop work."""

import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Locator, Page

from server.settings import Settings
from tests.e2e.processes import REPOSITORY
from tests.images.pages import capture_page, indexed
from tests.media.credentials import make_camera, signed
from tests.media.pictures import captioned, collage, encoded, mirrored, scene
from tests.postgres import TestPostgres
from tests.web.gallery import opened
from tests.web.site import ORIGIN, Site

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]
AXE = REPOSITORY / "node_modules" / "axe-core" / "axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
WIDE = "() => document.documentElement.scrollWidth - innerWidth"
DROP = """async ([data, how]) => {
  const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
  const carried = new DataTransfer();
  carried.items.add(new File([bytes], "asked.jpg", { type: "image/jpeg" }));
  const event = how === "paste" ? new ClipboardEvent("paste", { clipboardData: carried, bubbles: true, cancelable: true })
    : new DragEvent("drop", { dataTransfer: carried, bubbles: true, cancelable: true });
  document.body.dispatchEvent(event);
}"""


@dataclass(frozen=True)
class Stage:
    """A running service with pictures, and a browser that is signed in."""

    site: Site
    url: str
    browser: Browser
    captures: tuple[str, ...]
    asked: bytes


async def fill(site: Site) -> tuple[str, ...]:
    """Captures of one picture: as it was first published, mirrored, with a caption, in a collage; and of others."""
    device, original = await site.pair("Chromium on the newsroom desk"), scene(21)
    first = signed(encoded(original, "JPEG", quality=90), "image/jpeg", make_camera())
    pages = {
        "Harbour closed after storm": {
            "https://news.example/harbour.jpg": first,
            "https://news.example/logo.png": encoded(scene(5, 120, 80)),
        },
        "Порт закрыт: что известно к утру": {"https://naviny.example/port.jpg": first},
        "They never showed you this picture": {"https://social.example/a.png": encoded(captioned(original))},
        "Mirror of the harbour": {"https://other.example/m.jpg": encoded(mirrored(original), "JPEG", quality=80)},
        "Two pictures, one story": {"https://other.example/c.jpg": encoded(collage(original, scene(60)), "JPEG", quality=85)},
        "Something else": {"https://shop.example/x.png": encoded(scene(77)), "https://shop.example/y.png": encoded(scene(78))},
    }
    made = [await capture_page(device, bodies, title=title) for title, bodies in pages.items()]
    for capture_id in made:
        await site.services.captures.checks.run(capture_id)
    await indexed(site, *made)
    return tuple(made)


@asynccontextmanager
async def staged(settings: Settings) -> AsyncIterator[Stage]:
    """The service on a free port with `fill()`ed pictures, and a browser."""
    async with opened(settings) as (browser, site, url):
        made = await fill(site)
        yield Stage(site, url, browser, made, encoded(scene(21).resize((480, 360)), "JPEG", quality=75))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(postgres: TestPostgres, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    with postgres.clone() as database_url:
        folder = tmp_path_factory.mktemp("pages")
        async with staged(
            Settings(data_dir=folder, database_url=database_url, origin=ORIGIN, public_url="http://127.0.0.1")
        ) as made:
            yield made


@asynccontextmanager
async def signed_in(stage: Stage, *, scheme: str, width: int) -> AsyncIterator[Page]:
    """A person's tab. Fails when the browser complains (a blocked style or script, a picture that does not load)."""
    operator = await stage.site.services.operators.ensure_default_operator()
    offer = await stage.site.services.operators.create_sign_in_link(operator.operator_id)
    context = await stage.browser.new_context(
        color_scheme="dark" if scheme == "dark" else "light", viewport={"width": width, "height": 860}, reduced_motion="reduce"
    )
    page = await context.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    await page.goto(f"{stage.url}/sign-in/{offer.token}")
    await page.click("main button, form button")
    await page.wait_for_url(f"{stage.url}/")
    yield page
    assert complaints == []
    await context.close()


async def follow(page: Page, link: Locator) -> None:
    """A click, until the page it leads to has loaded: before that a script runs in the page one leaves, or in half of one."""
    async with page.expect_event("load"):
        await link.click()


async def visited(stage: Stage, page: Page) -> AsyncIterator[str]:
    """Each page of images, one after the other; gives its name while it is on screen."""
    await page.goto(f"{stage.url}/images")
    yield "images"
    await page.goto(f"{stage.url}/captures/{stage.captures[0]}")
    await page.locator("#images").scroll_into_view_if_needed()
    yield "capture"
    await follow(page, page.locator("section:has(#images) a[href*='/images/clusters/']").first)
    await page.evaluate("document.querySelectorAll('details').forEach((part) => { part.open = true; })")
    yield "cluster"
    here = page.url
    await follow(page, page.get_by_text("Lay it over the known picture").first)
    for way in ("half", "difference"):
        await page.check(f'input[value="{way}"]')
        yield f"overlay-{way}"
    await page.goto(f"{here}/sheet")
    yield "sheet"
    await page.goto(here)
    await follow(page, page.locator(".members .pic-link").first)
    yield "image"
    await page.goto(f"{stage.url}/images/search")
    yield "search"
    async with page.expect_event("load"):
        await page.set_input_files("#picture", {"name": "asked.jpg", "mimeType": "image/jpeg", "buffer": stage.asked})
    await page.wait_for_selector("#found")
    yield "found"


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 390)])
async def test_the_pages_have_no_fault_that_axe_finds_and_fit(stage: Stage, scheme: str, width: int) -> None:
    async with signed_in(stage, scheme=scheme, width=width) as page:
        async for name in visited(stage, page):
            await page.evaluate(AXE.read_text("utf-8"))
            judged = await page.evaluate("(tags) => axe.run(document, {runOnly: tags})", RULES)
            assert len(judged["passes"]) > 10
            assert [(one["id"], [node["html"][:160] for node in one["nodes"]]) for one in judged["violations"]] == [], name
            assert await page.evaluate(WIDE) <= 0, f"{name} is wider than the screen"


@pytest.mark.parametrize("how", ["paste", "drop"])
async def test_a_pasted_or_dropped_picture_is_searched_with(stage: Stage, how: str) -> None:
    async with signed_in(stage, scheme="light", width=1280) as page:
        await page.goto(f"{stage.url}/images/search")
        async with page.expect_event("load"):
            await page.evaluate(DROP, [base64.b64encode(stage.asked).decode(), how])
        await page.wait_for_selector("#found")
        assert await page.locator('li[data-kind="same"]').count() >= 1


async def test_a_cluster_is_decided_about_by_keyboard_alone(stage: Stage) -> None:
    async with signed_in(stage, scheme="light", width=1280) as page:
        await page.goto(f"{stage.url}/images")
        await page.locator(".grid-text a", has_text="4 captures").first.focus()
        async with page.expect_event("load"):
            await page.keyboard.press("Enter")
        await page.wait_for_selector("#members")
        await page.locator("summary", has_text="Not this picture").first.focus()
        await page.keyboard.press("Enter")
        await page.keyboard.press("Tab")
        await page.keyboard.type("Another moment of the same day")
        async with page.expect_event("load"):
            await page.keyboard.press("Enter")
        await page.wait_for_selector("#decisions")
        assert "Another moment of the same day" in await page.inner_text("section:has(#decisions)")
