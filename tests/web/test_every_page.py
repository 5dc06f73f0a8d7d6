"""Every page in a real browser, with things on it: whatever axe finds, in light and dark; nothing wider than a telephone, no
table cut off by it, no control that touches another, no time without its zone; every route that renders a page is among them.
And fields that look something up, by keyboard alone."""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from urllib.parse import urlsplit

import pytest
import pytest_asyncio
from fastapi.routing import APIRoute
from playwright.async_api import Browser, Page, expect

from server.app import PAGES
from server.settings import Settings
from tests.postgres import TestPostgres
from tests.web.casegallery import AXE
from tests.web.everypage import fill
from tests.web.gallery import opened
from tests.web.site import ORIGIN, Site

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]
NO_PAGE = re.compile(
    r"^/(api|log|static|healthz|readyz|metrics)(/|$)|\.(json|csv|pdf)$|/(file|ids|sample|thumbnail|list|receipt)$|/files/|/preview/"
    r"|/masked/|/deposits/\{[^}]+\}/pictures/|^/account/issuer|^/sign-in/issuer|/replay$"
)
"""What gives a file or leads on; the replay's own tests look at its page."""
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"], "resultTypes": ["violations"]}
FOUND = """async (rules) => {
  const shown = (one) => one.nodes.slice(0, 2).map((node) => node.html.slice(0, 120)).join(" ");
  const { violations } = await axe.run(document, rules);
  return violations.map((one) => `${one.impact} ${one.id}: ${shown(one)}`);
}"""
OPEN = "() => document.querySelectorAll('details').forEach((one) => { one.open = true; })"
UGLY = r"""() => {
  const seen = (query) => [...document.querySelectorAll(query)].filter((one) => one.checkVisibility());
  const box = (one) => one.getBoundingClientRect();
  const said = (one) => (one.textContent || one.id || one.name).trim().replace(/\s+/g, " ").slice(0, 60);
  const near = (one, other, by) => one.left < other.right + by && other.left < one.right + by
    && one.top < other.bottom + by && other.top < one.bottom + by;
  const found = [], fields = "main button, main .button, main select, main input:not([type=hidden]), main textarea";
  const controls = seen(fields).map((one) => [box(one), said(one)]);
  for (const [at, [one, words]] of controls.entries()) {
    for (const [other, others] of controls.slice(at + 1)) if (near(one, other, 3)) found.push(`“${words}” touches “${others}”`);
  }
  for (const one of seen("main .card, main .inbox")) {
    const before = one.previousElementSibling;
    if (before?.checkVisibility() && box(before).height > 0 && near(box(one), box(before), 7)) {
      found.push(`a card touches “${said(before)}”`);
    }
  }
  for (const one of seen("main select")) if (box(one).width < 90) found.push(`${one.id}: a select of ${box(one).width} px`);
  for (const one of seen(".scroll-x:has(> .stack)")) {
    if (innerWidth < 600 && one.scrollWidth > one.clientWidth + 1) found.push(`a table is cut off: ${said(one)}`);
  }
  const words = document.createTreeWalker(document.querySelector("main"), NodeFilter.SHOW_TEXT);
  const isBare = (text) => /\d{4}-\d\d-\d\dT\d\d:\d\d/.test(text) || (/\d{4}-\d\d-\d\d \d\d:/.test(text) && !/UTC/.test(text));
  while (words.nextNode()) {
    const { data, parentElement: parent } = words.currentNode;
    if (isBare(data) && parent.checkVisibility() && !parent.closest("code, pre, textarea, option, .mono, [data-as-written]")) {
      found.push(`a time without its zone: ${data.trim().slice(0, 80)}`);
    }
  }
  return found;
}"""
"""Faults that the eye saw on these pages once: what touches, what is too narrow, what is cut off, whose hour nobody knows.

`.mono` and `data-as-written` hold what a file or a person wrote, as it was written.
"""
SHOWN_MS = 30_000
WIDE = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"


@dataclass(frozen=True)
class Stage:
    """A service with everything in it, the paths of its pages, and a browser."""

    browser: Browser
    site: Site
    url: str
    paths: dict[str, str]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(postgres: TestPostgres, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    with postgres.clone() as database_url:
        folder = tmp_path_factory.mktemp("every")
        settings = Settings(data_dir=folder, database_url=database_url, origin=ORIGIN, public_url="http://127.0.0.1")
        async with opened(settings) as (browser, site, url):
            yield Stage(browser, site, url, await fill(site))


async def signed_in(stage: Stage, *, bypass_csp: bool) -> Page:
    operator = await stage.site.services.operators.ensure_default_operator()
    offer = await stage.site.services.operators.create_sign_in_link(operator.operator_id)
    context = await stage.browser.new_context(bypass_csp=bypass_csp, reduced_motion="reduce")
    page = await context.new_page()
    await page.goto(f"{stage.url}/sign-in/{offer.token}")
    await page.click("main button, form button")
    await page.wait_for_url(f"{stage.url}/")
    return page


async def test_every_page_can_be_read_by_everybody_and_on_a_telephone(stage: Stage) -> None:
    page, wrong = await signed_in(stage, bypass_csp=True), []
    for name, path in stage.paths.items():
        await page.set_viewport_size({"width": 1280, "height": 860})
        await page.emulate_media(color_scheme="light")
        await page.goto(f"{stage.url}{path}{'&' if '?' in path else '?'}stay=1")  # such as renew themselves would go on under axe
        await page.add_script_tag(path=str(AXE))
        await page.evaluate(OPEN)
        wrong += [(name, "light", found) for found in await page.evaluate(FOUND, RULES)]
        wrong += [(name, "1280 px", found) for found in await page.evaluate(UGLY)]
        await page.emulate_media(color_scheme="dark")
        await page.set_viewport_size({"width": 390, "height": 860})
        wrong += [(name, "dark", found) for found in await page.evaluate(FOUND, RULES)]
        wrong += [(name, "390 px", found) for found in await page.evaluate(UGLY)]
        beyond = await page.evaluate(WIDE)
        wrong += [(name, "390 px", f"wider by {beyond} px")] if beyond > 0 else []
    await page.context.close()
    assert wrong == []


async def test_no_page_is_left_out(stage: Stage) -> None:
    seen = [urlsplit(path).path for path in stage.paths.values()]
    routes = [
        one
        for pages in PAGES
        for one in pages.router.routes
        if isinstance(one, APIRoute) and "GET" in one.methods and not NO_PAGE.search(one.path)
    ]
    assert len(routes) > 45
    unseen = [one.path for one in routes if not any(one.path_regex.match(path) for path in seen)]
    assert unseen == []


async def test_an_entity_is_found_while_one_types_and_chosen_by_keyboard(stage: Stage) -> None:
    page = await signed_in(stage, bypass_csp=False)
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    case = stage.paths["search-entities"].removesuffix("/entities")
    await page.goto(f"{stage.url}{stage.paths['search-entity']}")
    await page.evaluate(OPEN)
    field = page.locator("#to_id")
    await field.fill("stiri")  # at once: letter by letter there are lists on the way, of which nobody knows whether they come
    options = page.locator("#to_id-list [role=option]")
    await expect(options).to_have_count(2, timeout=SHOWN_MS)
    assert await field.get_attribute("aria-expanded") == "true"
    await field.press("ArrowDown")
    await field.press("ArrowDown")
    assert await field.get_attribute("aria-activedescendant") == "to_id-list-1"
    await field.press("Enter")
    assert await field.input_value() == "stiri-24" and await options.first.is_hidden()
    sent = page.locator("input[type=hidden][name=to_id]")
    assert re.fullmatch(r"[0-9a-f-]{36}", await sent.input_value() or "") and await field.get_attribute("name") is None
    await field.press("Backspace")
    assert await sent.count() == 0 and await field.get_attribute("name") == "to_id", "what is typed anew is what is sent"
    await field.press("Escape")
    await page.goto(f"{stage.url}{case}/findings/new?type=silence_violation")
    many = page.locator("#captures")
    await many.fill("7, stiri")
    await page.locator("#captures-list [role=option]").first.wait_for()
    await many.press("ArrowDown")
    await many.press("Enter")
    assert re.fullmatch(r"7, \d+", await many.input_value())
    assert complaints == [], "the policy of the page lets its script ask this service, and nothing else"
    await page.context.close()
