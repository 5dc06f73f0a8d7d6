"""Replay without a browser: who may load what and for how long, what the page says in each state, which origins are refused."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.captures import replays
from server.captures.replays import StoredBytes, make_capability, read_capability
from server.settings import Settings
from server.web.pages.resources_view import SHOWN, parse_resources
from server.web.replay_app import _replayable, create_replay_app, has_player, page_policy
from server.web.replay_origin import check_replay_url, replay_origin
from server.web.replay_worker import CAPTURED_POLICY, GUARD, STILL_POLICY
from storage.zipappend import Appended
from tests.storage.test_wacz_still import archive
from tests.web.site import Site, picture

NOW = datetime(2026, 3, 4, tzinfo=UTC)
CAPTURE = "ab" * 32
REPLAY_URL = "http://{capture}.replay.test"


def settings_with(replay_url: str | None, public_url: str = "https://holdstill.example") -> Settings:
    return Settings(public_url=public_url, replay_url=replay_url)


@pytest.mark.parametrize(
    "replay_url",
    [
        "https://holdstill.example",
        "https://holdstill.example:8444",
        "https://example",
        "http://{capture}.replay.example",
        "https://replay.example/path",
        "https://replay.example?x=1",
        "https://u@replay.example",
        "https://replay.example:port",
        "https://{capture}{capture}.example",
        "https://a.{capture}.example",
        "https://{other}.example",
        "replay.example",
        "ftp://replay.example",
    ],
)
def test_an_origin_that_is_not_apart_is_refused_at_the_start_by_name(replay_url: str) -> None:
    with pytest.raises(ValueError, match=r"HOLDSTILL_REPLAY_URL \("):
        check_replay_url(settings_with(replay_url))


def test_origins_that_are_apart_are_taken_and_each_capture_has_its_own() -> None:
    for replay_url in (
        None,
        "",
        "https://{capture}.replay.example",
        "https://{capture}.holdstill.example:444",
        "https://replay.test",
    ):
        check_replay_url(settings_with(replay_url))
    assert replay_origin(settings_with(""), CAPTURE) is None and replay_origin(settings_with(None), CAPTURE) is None
    assert replay_origin(settings_with("https://{capture}.replay.example/"), CAPTURE) == f"https://{CAPTURE[:32]}.replay.example"
    assert replay_origin(settings_with(None, "http://127.0.0.1:8443"), CAPTURE) == f"http://{CAPTURE[:32]}.localhost:8444"


def test_a_capability_is_of_one_capture_one_service_and_a_time() -> None:
    made = make_capability(b"k" * 32, CAPTURE, NOW)
    before = NOW - timedelta(seconds=1)
    assert read_capability(b"k" * 32, made, before) == CAPTURE
    assert read_capability(b"k" * 32, made, NOW) is None
    assert read_capability(b"x" * 32, made, before) is None
    later = make_capability(b"x" * 32, CAPTURE, NOW + timedelta(days=1))
    assert read_capability(b"k" * 32, made[:50] + later[50:], before) is None


@given(st.text() | st.binary().map(lambda data: data.decode("latin-1")))
def test_any_text_is_a_capability_or_none(text: str) -> None:
    assert read_capability(b"k" * 32, text, NOW) is None


def test_no_policy_of_a_captured_document_knows_another_address() -> None:
    own = {"'self'", "'unsafe-inline'", "'unsafe-eval'", "'none'", "data:", "blob:"}
    assert "script-src 'none'" in STILL_POLICY
    for part in [*CAPTURED_POLICY.split(";"), *STILL_POLICY.split(";")]:
        name, *sources = part.split()
        assert name == "sandbox" or set(sources) <= own, part
    assert "sandbox allow-scripts allow-same-origin" in CAPTURED_POLICY and "allow-top" not in CAPTURED_POLICY
    assert GUARD.index("respondWith = ") < GUARD.index("importScripts("), "the player would answer before the guard stands"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
)


@given(JSON)
def test_any_list_of_resources_can_be_shown(listed: object) -> None:
    for account in (listed, {"resources": listed, "omitted": listed}, {"resources": [listed], "omitted": [{"reason": listed}]}):
        shown = parse_resources(account)
        assert shown.gap_count == sum(group.count for group in shown.gaps)


def test_a_huge_list_is_counted_whole_and_shown_in_part() -> None:
    gaps = [
        {"url": f"https://a.example/{n}", "type": "Image", "reason": "over the limit of a recording"} for n in range(SHOWN + 7)
    ]
    held = [{"url": "u", "type": "XHR", "source": "live_stream", "sizeBytes": 5}] * (SHOWN + 1)
    account = parse_resources({"resources": held, "omitted": gaps})
    assert (account.gap_count, account.gaps[0].why, len(account.gaps[0].shown)) == (SHOWN + 7, "too_large", SHOWN)
    assert (account.held[0].count, account.held[0].size_bytes, account.held[0].kinds) == (
        SHOWN + 1,
        5 * (SHOWN + 1),
        (("data", SHOWN + 1),),
    )


@pytest.fixture
async def replaying(site: Site) -> AsyncIterator[httpx2.AsyncClient]:
    """The replay origin of the site, asked without a host yet."""
    assert has_player(), "make setup fetches the player"
    site.services.settings.replay_url = REPLAY_URL
    site.http._transport.app.state.replays = True  # type: ignore[attr-defined]
    transport = httpx2.ASGITransport(app=create_replay_app(site.services))
    async with httpx2.AsyncClient(transport=transport, base_url="http://replay.test") as http:
        yield http


def test_the_player_opens_addresses_of_the_web_alone() -> None:
    """A device says the address; one that cannot be read as one must not break the player's page."""
    assert _replayable("https://story.example/1") == "https://story.example/1"
    for other in ("javascript:alert(1)", "data:text/html,x", "http://[::1", "http://[story", ""):
        assert _replayable(other) == "", other


async def frame_of(person: httpx2.AsyncClient, capture_id: str) -> tuple[str, str]:
    """(page, address of the frame)."""
    page = (await person.get(f"/captures/{capture_id}/replay")).text
    return page, page.split('id="replay-frame"')[1].split('src="')[1].split('"')[0]


async def test_an_opened_replay_ends_with_its_time_and_is_opened_again_with_one_click(
    site: Site, replaying: httpx2.AsyncClient
) -> None:
    whole = archive({"https://news.example/story": b"<p>Stood</p>"})
    capture_id = await (await site.pair()).capture({"page.wacz": whole, "screenshot.viewport.png": picture()})
    person = await site.person()
    page, frame = await frame_of(person, capture_id)
    assert frame.startswith(f"http://{capture_id[:32]}.replay.test/r/") and frame.endswith("/still/")
    assert 'sandbox="allow-scripts allow-same-origin"' in page and 'aria-current="page">As it stood' in page
    still = await replaying.get(frame.removesuffix("/") + ".wacz", headers={"Range": f"bytes={len(whole) - 3}-{len(whole) + 3}"})
    assert (still.status_code, still.content[:3], still.content[3:7]) == (206, whole[-3:], b"PK\x03\x04")
    plain = await replaying.get(frame.replace("/still/", "/page.wacz"))
    assert plain.content == whole and "sandbox" in plain.headers["content-security-policy"]
    shown = await replaying.get(frame)
    assert shown.headers["content-security-policy"] == page_policy(site.services) and "set-cookie" not in shown.headers
    elsewhere = await replaying.get(frame.replace(capture_id[:32], "0" * 32))
    assert elsewhere.status_code == 404
    site.clock.move(site.services.settings.replay_seconds)
    late = await replaying.get(frame)
    assert late.status_code == 404 and "its time is over" in late.text
    renewed = page.split('id="replay-renew" href="')[1].split('"')[0]
    assert renewed == f"/captures/{capture_id}/replay?view=still"
    again = (await person.get(renewed)).text.split('id="replay-frame"')[1].split('src="')[1].split('"')[0]
    assert (await replaying.get(again)).status_code == 200
    events = (await person.get(f"/api/v1/captures/{capture_id}/events")).json()["events"]
    assert len(events) == 4, "two looks, two events"


async def test_many_requests_for_one_replay_make_it_once(
    site: Site, replaying: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[int] = []
    whole, person = archive({"https://news.example/story": b"<p>Stood</p>"}), await site.person()

    def counted(stored: StoredBytes) -> Appended | None:
        made.append(stored.size_bytes)
        return real(stored)

    real = replays._still
    monkeypatch.setattr(replays, "_still", counted)
    capture_id = await (await site.pair()).capture({"page.wacz": whole, "screenshot.viewport.png": picture()})
    _page, frame = await frame_of(person, capture_id)
    site.services.captures.replays._stills.clear()
    made.clear()
    answers = await asyncio.gather(*(replaying.get(frame.removesuffix("/") + ".wacz") for _ in range(8)))
    assert {answer.status_code for answer in answers} == {200} and made == [len(whole)]


async def test_what_cannot_be_replayed_says_why(site: Site, replaying: httpx2.AsyncClient) -> None:
    device, person = await site.pair(), await site.person()
    artifacts = device.artifacts()
    waiting = (await device.commit(await device.statement(artifacts))).json()["capture_id"]
    assert "has not arrived yet" in (await person.get(f"/captures/{waiting}/replay")).text
    without = await device.capture({"screenshot.viewport.png": picture()})
    assert "has no page archive" in (await person.get(f"/captures/{without}/replay")).text
    damaged = bytearray(archive({"https://news.example/story": b"<p>Stood</p>"}))
    damaged[damaged.index(b"\x1f\x8b", damaged.index(b"archive/data.warc.gz"))] ^= 1  # no gzip begins so, whatever is in it
    broken = await device.capture({"page.wacz": bytes(damaged), "screenshot.viewport.png": picture(words="b")}, masks=[{}])
    await site.services.captures.checks.run(broken)
    page, frame = await frame_of(person, broken)
    assert 'id="replay-broken"' in page and 'role="alert"' in page and "is not masked here" in page
    assert "holds no list of resources" in page
    page, frame = await frame_of(person, await device.capture())
    assert not frame.endswith("/still/") and "view-still" not in page and "replay-broken" not in page, "it holds no DOM"
    assert (await person.get(f"/captures/{broken}/replay?view=other")).status_code == 422
    assert (await person.get(f"/captures/{'0' * 64}/replay")).status_code == 404


async def test_another_site_and_another_organisation_open_no_replay(site: Site, replaying: httpx2.AsyncClient) -> None:
    capture_id = await (await site.pair()).capture()
    person, stranger = await site.person(), await site.person(await site.other_organisation())
    before = (await person.get(f"/api/v1/captures/{capture_id}/events")).json()["events"]
    arrived = await person.get(f"/captures/{capture_id}/replay", headers={"Sec-Fetch-Site": "cross-site"})
    assert arrived.status_code == 403 and "/r/" not in arrived.text
    assert (await stranger.get(f"/captures/{capture_id}/replay")).status_code == 404
    assert (await person.get(f"/api/v1/captures/{capture_id}/events")).json()["events"] == before
