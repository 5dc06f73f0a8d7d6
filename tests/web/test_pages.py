"""Pages: no script, no inline style, every text in the catalogue; looking and fetching are custody events."""

import hashlib
import json
import re
from pathlib import Path

import httpx2
import pytest

from server.web.middleware import CONTENT_SECURITY_POLICY
from server.web.texts import CATALOGUES, catalogue, choose_language
from tests.trust.archive import PAGE
from tests.web.archives import Page
from tests.web.site import Site, picture

WEB = Path(__file__).resolve().parents[2] / "server" / "web"
TEMPLATES = sorted((WEB / "templates").glob("*.html"))


async def all_pages(site: Site) -> tuple[httpx2.AsyncClient, list[str]]:
    device = await site.pair()
    sealed = await device.capture(title="<script>alert(1)</script>", note="{{ 7*7 }}", labels=["<b>"])
    await site.services.captures.checks.run(sealed)
    waiting = (await device.commit(await device.statement(device.artifacts(body=b"x"), online=False))).json()["capture_id"]
    person = await site.person()
    asked = {"kind": "bundle", "captures": [sealed], "purpose": "<i>p</i>", "recipient": "r"}
    export_id = (await person.post("/api/v1/exports", json=asked)).json()["export_id"]
    paths = ["/", "/?q=story", "/?q=nothing+like+it", f"/captures/{sealed}", f"/captures/{waiting}", "/exports", "/devices"]
    return person, [*paths, f"/exports/{export_id}", "/captures/absent", "/nowhere"]


async def test_every_page_is_inert_and_says_so(site: Site) -> None:
    person, paths = await all_pages(site)
    for path in paths:
        answer = await person.get(path)
        assert answer.status_code in (200, 404), (path, answer.text)
        assert answer.headers["content-security-policy"] == CONTENT_SECURITY_POLICY
        assert "script" not in CONTENT_SECURITY_POLICY and "unsafe" not in CONTENT_SECURITY_POLICY
        assert answer.headers["x-content-type-options"] == "nosniff" and answer.headers["x-frame-options"] == "DENY"
        assert "no-store" in answer.headers["cache-control"]
        page = answer.text
        assert not re.search(r"<script|<style|\sstyle=|\son\w+=|javascript:", page), path
        assert "<b>" not in page and "<i>p</i>" not in page and "49" not in re.findall(r"Note</dt><dd>(.*?)<", page)


async def test_the_page_title_of_a_capture_is_text(site: Site) -> None:
    person, paths = await all_pages(site)
    page = (await person.get(paths[3])).text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page and "{{ 7*7 }}" in page


async def test_half_a_character_in_what_an_archive_says_of_itself_breaks_no_check_and_no_page(site: Site) -> None:
    """JSON can hold one, and a page has a hand in what is said of it."""
    device, gap = await site.pair(), {"url": "https://story.example/\ud800", "type": "Image \ud800", "reason": "lost \ud800"}
    archive = Page([(PAGE, "text/html", b"<h1>A story</h1>")], "A story")
    said = archive.pageinfo | {"omitted": [gap], "steps": [{"name": "\ud800", "outcome": "FAILED", "reason": "\ud800", "ms": 1}]}
    sent = {"page.wacz": archive.wacz(device.keys.sign_page_digest, pageinfo=said), "screenshot.viewport.png": picture()}
    capture_id = await device.capture(sent, pageinfo={"captured": 1, "omitted": 1, "failedSteps": []})
    assert await site.services.captures.checks.run(capture_id) == 1
    person = await site.person()
    for path in (f"/captures/{capture_id}", f"/captures/{capture_id}/replay"):
        answer = await person.get(path)
        assert answer.status_code == 200 and "lost ⟨U+D800⟩" in answer.text, path
    stored = (await person.get(f"/api/v1/captures/{capture_id}")).json()
    assert [one["outcome"] for one in stored["checks"] if "lost ?" in one["reason"]] == ["PASSED"]


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_every_text_of_a_template_is_in_the_catalogue(template: Path) -> None:
    source, texts = template.read_text("utf-8"), catalogue("en")
    for key in re.findall(r"""\bt\(\s*["']([\w.]+)["']\s*\)""", source):
        assert key in texts, key
    for key in re.findall(r"""\btn\(\s*["']([\w.]+)["']""", source):
        assert {f"{key}.one", f"{key}.other"} <= set(texts), key
    for prefix in re.findall(r"""\bt\(\s*["']([\w.]+[._])["']\s*~""", source):
        assert any(key.startswith(prefix) for key in texts), prefix


def test_catalogues_have_the_keys_of_the_default_language() -> None:
    for path in CATALOGUES.glob("*.json"):
        assert set(json.loads(path.read_text("utf-8"))) <= set(catalogue("en")), path.name
    assert choose_language("xx;q=1, en-GB") == "en" and choose_language("") == "en" and choose_language(";,;" * 1000) == "en"


async def test_every_event_check_and_step_has_a_text() -> None:
    from server.exports.bundler import STEPS

    texts = catalogue("en")
    events = ("committed", "sealed", "checked", "viewed", "downloaded", "exported", "annotated")
    checks = ("page_archive", "page_archive_signature", "page_archive_digests", "page_archive_dates", "image", "clock")
    wanted = [f"event.capture.{one}" for one in events] + [f"check.{one}" for one in checks]
    wanted += [f"export.step.{one}" for one in STEPS] + [f"outcome.{one}" for one in ("PASSED", "FAILED", "NOT_CHECKED")]
    assert [key for key in wanted if key not in texts] == []


async def test_looking_and_fetching_are_custody_events(site: Site) -> None:
    device = await site.pair()
    capture_id = await device.capture()
    person = await site.person()
    api = f"/api/v1/captures/{capture_id}"
    await person.get(f"/captures/{capture_id}")
    await person.get(f"{api}/artifacts/screenshot.viewport")
    await person.get(f"{api}/artifacts/page.wacz", headers={"Range": "bytes=1-"})
    await person.head(f"{api}/artifacts/page.wacz")
    await person.get(f"{api}/statement")
    events = (await person.get(f"{api}/events")).json()["events"]
    acts = [event["type"] for event in events[2:]]
    assert acts == ["capture.viewed", "capture.downloaded", "capture.downloaded", "capture.downloaded"]
    assert "urn:holdstill:operator:" in json.loads(_payload(events[2]["envelope"]))["predicate"]["actor"]
    await site.sound()


async def test_a_link_on_another_site_writes_nothing_to_the_chain_of_custody(site: Site) -> None:
    device = await site.pair()
    capture_id = await device.capture()
    person, api = await site.person(), f"/api/v1/captures/{capture_id}"
    before = (await person.get(f"{api}/events")).json()["events"]
    arrived = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
    page = await person.get(f"/captures/{capture_id}", headers=arrived)
    assert page.status_code == 403 and f'href="/captures/{capture_id}"' in page.text
    for path in (api, f"{api}/artifacts/page.wacz", f"{api}/statement"):
        assert (await person.get(path, headers=arrived)).status_code == 403, path
    assert (await person.get(f"{api}/events")).json()["events"] == before
    opened = await person.get(f"/captures/{capture_id}", headers={"Sec-Fetch-Site": "same-origin"})
    assert opened.status_code == 200
    assert len((await person.get(f"{api}/events")).json()["events"]) == len(before) + 1


def _payload(envelope: str) -> bytes:
    import base64

    return base64.b64decode(json.loads(envelope)["payload"])


async def test_artifacts_are_served_whole_in_ranges_and_never_as_pages(site: Site) -> None:
    device = await site.pair()
    data = b"<html><script>evil()</script></html>" * 100
    capture_id = await device.capture({"upload.0.html": data, "upload.1.bin": b"x"})
    url = f"/api/v1/captures/{capture_id}/artifacts/upload.0.html"
    person = await site.person()
    whole = await person.get(url)
    assert whole.content == data and whole.headers["content-type"] == "application/octet-stream"
    assert whole.headers["content-disposition"].startswith("attachment") and "sandbox" in whole.headers["content-security-policy"]
    assert whole.headers["etag"] == f'"{hashlib.sha256(data).hexdigest()}"'
    size = len(data)
    for asked, expected, status in (
        ("bytes=0-9", data[:10], 206),
        ("bytes=10-", data[10:], 206),
        ("bytes=-7", data[-7:], 206),
        (f"bytes={size - 1}-{size + 50}", data[-1:], 206),
        ("bytes=5-2", data, 200),
        ("bytes=a-b", data, 200),
        ("bytes=0-1,3-4", data, 200),
        (f"bytes={size}-", b"", 416),
        ("bytes=-0", b"", 416),
    ):
        answer = await person.get(url, headers={"Range": asked})
        assert (answer.status_code, answer.content) == (status, expected), asked
    head = await person.head(url)
    assert head.headers["content-length"] == str(size) and head.content == b""
    assert (await person.get(f"/api/v1/captures/{capture_id}/artifacts/upload")).status_code == 422, "two files have the role"
    assert (await person.get(f"/api/v1/captures/{capture_id}/artifacts/nothing")).status_code == 404


async def test_search_pages_through_everything_once_and_takes_signs_literally(site: Site) -> None:
    device = await site.pair()
    for number in range(5):
        site.clock.move(1)
        title = "100% sure_thing" if number == 3 else f"Story {number}"
        place = "https://www.news.example/a"
        await device.commit(await device.statement(device.artifacts(body=b"%d" % number), title=title, url=place, finalUrl=place))
    person = await site.person()
    seen: list[str] = []
    cursor = ""
    while True:
        page = (await person.get(f"/api/v1/captures?limit=2&cursor={cursor}")).json()
        seen += [row["title"] for row in page["captures"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert seen == ["Story 4", "100% sure_thing", "Story 2", "Story 1", "Story 0"]
    for words, count in (("story", 4), ("100%", 1), ("%", 0), ("sure_th", 1), ("s_ory", 0), ("' OR 1=1 --", 0), ("\\", 0)):
        found = (await person.get("/api/v1/captures", params={"q": words})).json()["captures"]
        assert len(found) == count, words
    assert len((await person.get("/api/v1/captures", params={"host": "news.example"})).json()["captures"]) == 5
    for bad in ("x", "!!!!", "AAAA", "%00"):
        assert (await person.get(f"/api/v1/captures?cursor={bad}")).status_code == 422
    assert (await person.get("/api/v1/captures?limit=0")).status_code == 422


async def test_a_sign_in_link_works_once_and_sign_out_ends_the_session(site: Site) -> None:
    operator = await site.services.operators.ensure_default_operator()
    offer = await site.services.operators.create_sign_in_link(operator.operator_id)
    asked = await site.http.get(f"/sign-in/{offer.token}")
    assert asked.status_code == 200 and "set-cookie" not in asked.headers and '<form method="post"' in asked.text
    elsewhere = await site.http.post(f"/sign-in/{offer.token}", headers={"Sec-Fetch-Site": "cross-site"})
    assert elsewhere.status_code == 403 and "set-cookie" not in elsewhere.headers, "nobody is signed in by another site"
    first = await site.http.post(f"/sign-in/{offer.token}")
    cookie = first.headers["set-cookie"]
    assert first.status_code == 303 and "HttpOnly" in cookie and "samesite=lax" in cookie.lower() and "Secure" not in cookie
    site.http.cookies.clear()
    again = await site.http.post(f"/sign-in/{offer.token}")
    assert again.status_code == 401 and "set-cookie" not in again.headers
    person = await site.person()
    kept = dict(person.cookies)
    assert (await person.get("/")).status_code == 200
    assert (await person.post("/sign-out")).status_code == 303
    person.cookies.update(kept)
    assert (await person.get("/")).status_code == 401, "the session ended on the server, not only in the browser"
