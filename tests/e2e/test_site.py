"""What the demo site counts as asked for, by which every test that a site is asked for nothing stands."""

import httpx2
import pytest

from tests.e2e.site import DemoSite


@pytest.mark.parametrize(
    ("path", "headers", "counts"),
    [
        ("/favicon.ico", {"Sec-Fetch-Dest": "image"}, False),
        ("/pictures/icon", {"Sec-Fetch-Dest": "image"}, False),
        ("/app.js", {"Service-Worker": "script", "Sec-Fetch-Dest": "serviceworker"}, False),
        ("/favicon.ico", {"Sec-Fetch-Dest": "empty"}, True),
        ("/pictures/icon", {"Sec-Fetch-Dest": "empty"}, True),
        ("/pictures/icon", {}, True),
        ("/pictures/scene-1", {"Sec-Fetch-Dest": "image"}, True),
    ],
)
def test_only_what_a_browser_asks_for_by_itself_is_left_out(path: str, headers: dict[str, str], counts: bool) -> None:
    with DemoSite() as site, httpx2.Client(trust_env=False) as client:
        client.get(site.url + path, headers=headers)
        assert [entry.url for entry in site.log.asked(0)] == [site.url + path] * counts
