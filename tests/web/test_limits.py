"""Limits on every input: nothing is parsed, kept or decoded beyond its cap; and who may call from a page of their own."""

import base64
import json
from collections.abc import AsyncIterator

import pytest

from server.cases.service import CaseOrder
from tests.web.site import Site

KIB = 1024


async def chunked(size: int) -> AsyncIterator[bytes]:
    for _ in range(size // KIB):
        yield b" " * KIB


async def test_a_statement_above_one_mebibyte_is_refused_before_it_is_parsed(site: Site) -> None:
    device = await site.pair()
    for body in (b" " * (1024 * KIB + 1), chunked(2048 * KIB)):
        answer = await site.http.post("/api/v1/captures", content=body, headers=device.headers)
        assert answer.status_code == 413 and answer.json()["code"] == "too_large"
    assert (await site.http.get("/api/v1/captures", headers=device.headers)).json()["captures"] == []


@pytest.mark.parametrize("path", ["/api/v1/devices", "/api/v1/exports", "/exports", "/devices/pairing-code"])
async def test_every_other_body_is_refused_above_64_kibibytes(site: Site, path: str) -> None:
    person = await site.person()
    for body in (b" " * (64 * KIB + 1), chunked(128 * KIB)):
        kind = "application/json" if path.startswith("/api/") else "application/x-www-form-urlencoded"
        answer = await person.post(path, content=body, headers={"Content-Type": kind})
        unread = path == "/devices/pairing-code" and not isinstance(body, bytes)
        assert answer.status_code == (200 if unread else 413), answer.text


async def test_a_number_beyond_every_column_is_refused_and_breaks_nothing(site: Site) -> None:
    person, many = await site.person(), "9" * 30
    case = await site.services.cases.open(await site.services.operators.ensure_default_operator(), CaseOrder("Silence period"))
    answer = await person.get(f"/api/v1/clusters?after={many}")
    assert (answer.status_code, answer.json()["code"]) == (422, "bad_input")
    for path in (f"/images?after={many}", f"/cases/{case.id}?before={many}", f"/cases/{case.id}/exhibits/{many}/withdraw"):
        answer = await person.request("POST" if path.endswith("withdraw") else "GET", path, data={"reason": "r"})
        assert answer.status_code < 500, (path, answer.status_code)


async def test_a_cursor_beyond_the_calendar_is_refused(site: Site) -> None:
    person = await site.person()
    for moment in ("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "2024-07-06T10:00:00", "x"):
        cursor = base64.urlsafe_b64encode(f"{moment}|{'0' * 64}".encode()).decode()
        answer = await person.get("/api/v1/captures", params={"cursor": cursor})
        assert (answer.status_code, answer.json()["field"]) == (422, "cursor"), moment


async def test_a_form_in_another_encoding_than_utf_8_is_refused_unread(site: Site) -> None:
    body = b'--x\r\nContent-Disposition: form-data; name="title"\r\n\r\na\\ud800\r\n--x--\r\n'
    for path in ("/cases", f"/cases/{'0' * 32}/exports", f"/cases/{'0' * 32}/imports", "/sign-in"):
        for encoding in ("unicode_escape", "undefined", "utf-7", "utf-16", "no-such-encoding", "latin-1"):
            kind = f'multipart/form-data; boundary=x; charset="{encoding}"'
            answer = await site.http.post(path, content=body, headers={"Content-Type": kind})
            assert answer.status_code == 415, (path, encoding, answer.text)


async def test_a_choice_of_a_rule_that_nothing_can_hold_is_refused(site: Site) -> None:
    person = await site.person()
    case = await site.services.cases.open(await site.services.operators.ensure_default_operator(), CaseOrder("Silence period"))
    for silence, election in (("a\0/b", "c"), ("a/b", "c\0"), ("a/" + "b" * 301, "c")):
        forms = {"notices/new": {"silence": silence}, "judgings": {"rule": silence.replace("/", " ")}}
        for path, form in forms.items():
            answer = await person.post(f"/cases/{case.id}/{path}", data=form | {"election": election})
            assert answer.status_code == 422, (path, answer.status_code)


async def test_json_is_strict_shallow_and_of_known_members(site: Site) -> None:
    good = {"pairing_code": "X", "public_key": "AAAA", "label": "L"}
    wrong = [
        b"",
        b"[]",
        b"{",
        b"[" * 5000,
        b'{"a":' * 20 + b"1" + b"}" * 20,
        b'{"label":"a","label":"b"}',
        b'{"pairing_code":NaN}',
        b"\xff\xfe",
        json.dumps(good | {"extra": 1}).encode(),
        json.dumps(good | {"label": ""}).encode(),
        json.dumps(good | {"label": "x" * 201}).encode(),
        json.dumps(good | {"public_key": "not base64!"}).encode(),
        json.dumps({"pairing_code": 1, "public_key": "", "label": "L"}).encode(),
    ]
    for body in wrong:
        answer = await site.http.post("/api/v1/devices", content=body, headers={"Content-Type": "application/json"})
        assert answer.status_code == 422, (body[:60], answer.status_code)
        problem = answer.json()
        assert problem["type"].startswith("https://holdstill.local/problems/") and problem["status"] == 422


async def test_extensions_may_read_answers_and_websites_may_not(site: Site) -> None:
    asked = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization,content-type"}
    for origin in ("chrome-extension://abcdefghijklmnopabcdefghijklmnop", "moz-extension://6f1ac2f2-0a0e-4a5c-9a55-8f1f2d9b6c11"):
        answer = await site.http.options("/api/v1/captures", headers=asked | {"Origin": origin})
        assert answer.headers["access-control-allow-origin"] == origin
        assert "access-control-allow-credentials" not in answer.headers
    for origin in ("https://evil.example", "null", "chrome-extension://x.evil.example", "https://chrome-extension"):
        answer = await site.http.options("/api/v1/captures", headers=asked | {"Origin": origin})
        assert "access-control-allow-origin" not in answer.headers, origin
    page = await site.http.get("/", headers={"Origin": "chrome-extension://abcdefghijklmnopabcdefghijklmnop"})
    assert "access-control-allow-origin" not in page.headers, "pages are nobody's to read"


async def test_strange_paths_are_404_and_say_nothing(site: Site) -> None:
    device = await site.pair()
    for path in (
        "/api/v1/captures/..%2f..%2fetc%2fpasswd",
        "/api/v1/captures/%00",
        "/api/v1/captures/" + "a" * 5000,
        "/api/v1/uploads/../../x",
        "/api/v1/nothing",
        "/log/tile/0/x001",
        "/log/tile/99/000",
        "/log/tile/-1/000",
        "/log/tile/0/000.p/0",
        "/log/tile/0/000.p/256",
        "/log/tile/entries/999",
        "/static/../cli.py",
    ):
        answer = await site.http.get(path, headers=device.headers)
        assert answer.status_code in (404, 405), (path, answer.status_code)


async def test_the_log_is_public_and_holds_hashes_only(site: Site) -> None:
    assert (await site.http.get("/log/checkpoint")).status_code == 404
    device = await site.pair("Private name")
    await device.capture()
    checkpoint = (await site.http.get("/log/checkpoint")).text
    size = int(checkpoint.split("\n")[1])
    entries = await site.http.get(f"/log/tile/entries/000.p/{size}")
    assert len(entries.content) == size * 34 and entries.content[:2] == b"\x00\x20"
    tile = await site.http.get(f"/log/tile/0/000.p/{size}")
    assert len(tile.content) == size * 32
    assert b"Private" not in entries.content + tile.content + checkpoint.encode()


async def test_numbers_for_prometheus_name_routes_not_captures(site: Site) -> None:
    device = await site.pair()
    capture_id = await device.capture()
    text = (await site.http.get("/metrics")).text
    assert 'route="/api/v1/captures/{capture_id}/seal"' in text and "holdstill_log_size" in text
    assert capture_id not in text and "Firefox" not in text
    assert (await site.http.get("/healthz")).json() == (await site.http.get("/readyz")).json() == {"status": "ok"}
