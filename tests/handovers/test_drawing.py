"""Boxes on the page of a picture: drawn with the mouse they become numbers, typed by keyboard alone they become the same copy."""

import asyncio

import pytest
import uvicorn
from playwright.async_api import Page, async_playwright

from server.app import create_app
from tests.handovers.desk import SHOT, Desk
from tests.web.gallery import CHROMIUM

pytestmark = pytest.mark.browser


async def test_a_box_is_drawn_with_the_mouse_or_typed_with_the_keyboard_alone(desk: Desk) -> None:
    await desk.site.services.captures.checks.run(desk.capture_id)  # makes the preview
    server = uvicorn.Server(
        uvicorn.Config(create_app(desk.site.services), host="127.0.0.1", port=0, lifespan="off", log_level="warning")
    )
    serving = asyncio.create_task(server.serve())
    while not server.started:
        assert not serving.done(), "the service did not start"
        await asyncio.sleep(0.02)
    url = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    offer = await desk.site.services.operators.create_sign_in_link(desk.lead.operator_id)
    try:
        async with async_playwright() as playwright:
            browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
            page = await browser.new_page(viewport={"width": 1200, "height": 900})
            await page.goto(f"{url}/sign-in/{offer.token}")
            await page.click("form button")
            await page.wait_for_url(f"{url}/")
            await page.goto(f"{url}/captures/{desk.capture_id}/masks/{SHOT}")
            await draw(page)
            await page.reload()
            await type_only(page)
            await browser.close()
    finally:
        server.should_exit = True
        await serving
    [copy] = (await desk.site.services.captures.masked.of_capture(desk.lead, desk.capture_id)).copies
    assert copy.boxes == [{"x": 12, "y": 34, "width": 56, "height": 78}] and copy.reason == "typed"


async def draw(page: Page) -> None:
    """A quarter of the picture, from its middle to a corner; then it is cleared again."""
    place = await page.locator("#stage img").bounding_box()
    assert place is not None
    await page.mouse.move(place["x"] + place["width"] / 2, place["y"] + place["height"] / 2)
    await page.mouse.down()
    await page.mouse.move(place["x"] + place["width"] / 4, place["y"] + place["height"] / 4, steps=3)
    await page.mouse.up()
    drawn = [
        round(float(await page.locator(f"input[name={side}]").first.input_value())) for side in ("x", "y", "width", "height")
    ]
    assert all(abs(is_ - wanted) <= 2 for is_, wanted in zip(drawn, (160, 100, 160, 100), strict=True)), drawn
    assert await page.locator("#stage rect").count() == 1
    await page.locator("[data-clear]").first.click()
    assert await page.locator("#stage rect").count() == 0


async def type_only(page: Page) -> None:
    """The form from its first number to its button, without a mouse."""
    await page.locator("input[name=x]").first.focus()
    for number in ("12", "34", "56", "78"):
        await page.keyboard.type(number)
        await page.keyboard.press("Tab")
    assert await page.locator("#stage rect").count() == 1
    await page.locator("#reason").focus()
    await page.keyboard.type("typed")
    async with page.expect_navigation():
        await page.keyboard.press("Enter")
