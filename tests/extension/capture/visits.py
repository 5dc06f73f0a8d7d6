"""One capture of a page of the odd site, and what the site knows about it."""

from dataclasses import dataclass

from tests.extension.capture.browser import CaptureBrowser, Captured
from tests.extension.capture.oddsite import LAST_OF, OddSite


@dataclass(frozen=True)
class Visit:
    """One capture of the odd page and what the site had sent until then; `during` is what it was asked while it ran."""

    captured: Captured
    first_sent: dict[str, str]
    asked: set[str]
    during: list[str]


def visit(browser: CaptureBrowser, site: OddSite, path: str = "/") -> Visit:
    before = site.log.mark()
    page = browser.open(site.url + path)
    if path in LAST_OF:
        site.wait_until_asked(before, LAST_OF[path])
    mark = site.log.settle()
    sent = site.log.since(before)
    captured = browser.click(page)
    site.log.settle()
    during = [entry.url for entry in site.log.asked(mark)]
    page.close()
    first: dict[str, str] = {}
    for entry in sent:
        first.setdefault(entry.url, entry.sha256)
    return Visit(captured, first, {entry.url for entry in sent}, during)
