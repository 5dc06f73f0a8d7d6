"""Whose word counts for a visitor's address: a neighbour, a visitor or a second hop must not choose whom a pause hits."""

import ipaddress
from typing import Any

import httpx2
import pytest
import uvicorn
from typer.testing import CliRunner
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from server.cli import app as command_line
from server.settings import Settings
from server.web.proxies import trusted_proxies
from tests.live.compose import read_compose, variables_for_trial
from tests.people.conftest import ORIGIN, Town
from tests.web.site import ORIGIN as LOG

GATEWAY, NEIGHBOUR, VISITOR = "10.213.47.1", "10.213.47.5", "203.0.113.9"


def composed() -> dict[str, Any]:
    return read_compose(
        variables_for_trial(HOLDSTILL_PUBLIC_URL="https://holdstill.example", HOLDSTILL_ORIGIN="holdstill.example/log")
    )


def settings(text: str) -> Settings:
    return Settings(FORWARDED_ALLOW_IPS=text)  # type: ignore[call-arg]


def test_only_addresses_and_networks_are_trusted_and_anything_else_stops_the_service(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FORWARDED_ALLOW_IPS", raising=False)
    assert trusted_proxies(Settings()) == ["127.0.0.1"]
    for text, trusted in (
        ("", []),
        (" 10.0.0.1 ,10.1.0.0/16,", ["10.0.0.1", "10.1.0.0/16"]),
        ("::1,2001:db8::/64", ["::1", "2001:db8::/64"]),
    ):
        monkeypatch.setenv("FORWARDED_ALLOW_IPS", text)
        assert trusted_proxies(Settings()) == trusted
    for text in ("*", "0.0.0.0/0", "::/0", "proxy.example", "10.0.0.5/24", "10.0.0.1;10.0.0.2", "127.0.0.1,*", "1"):
        with pytest.raises(ValueError, match="FORWARDED_ALLOW_IPS"):
            trusted_proxies(settings(text))


def test_the_composed_service_believes_the_gateway_of_its_network_and_no_container() -> None:
    file = composed()
    [pool] = file["networks"]["front"]["ipam"]["config"]
    trusted = trusted_proxies(settings(file["services"]["serve"]["environment"]["FORWARDED_ALLOW_IPS"]))
    assert trusted == [pool["gateway"]] == [GATEWAY]
    assert ipaddress.ip_address(GATEWAY) in ipaddress.ip_network(pool["subnet"])
    assert ipaddress.ip_address(NEIGHBOUR) in ipaddress.ip_network(pool["subnet"])
    assert all(isinstance(one.get("networks", []), list) for one in file["services"].values()), "no container has a fixed address"


HEADERS: tuple[tuple[str, str, tuple[str, ...], str], ...] = (
    ("the proxy tells", GATEWAY, (VISITOR,), VISITOR),
    ("what the visitor wrote stands left of it", GATEWAY, (f"198.51.100.1, 127.0.0.1, {VISITOR}",), VISITOR),
    ("in a header of its own", GATEWAY, ("198.51.100.1", VISITOR), VISITOR),
    ("a proxy in front of the proxy is not named", GATEWAY, (f"{VISITOR}, 192.0.2.50",), "192.0.2.50"),
    ("IPv6", GATEWAY, ("[2001:db8::7]:4711",), "2001:db8::7"),
    ("nothing told", GATEWAY, (), GATEWAY),
    ("an empty word", GATEWAY, ("",), GATEWAY),
    ("a neighbour forges", NEIGHBOUR, (VISITOR,), NEIGHBOUR),
    ("a neighbour names the proxy", NEIGHBOUR, (f"{VISITOR}, {GATEWAY}",), NEIGHBOUR),
    ("another network of the machine", "172.17.0.1", (VISITOR,), "172.17.0.1"),
    ("a direct peer", "198.51.100.77", (VISITOR,), "198.51.100.77"),
    ("a direct peer of IPv6", "2001:db8::bad", (VISITOR,), "2001:db8::bad"),
    ("the gateway's number in another family", f"::ffff:{NEIGHBOUR}", (VISITOR,), f"::ffff:{NEIGHBOUR}"),
)


@pytest.mark.parametrize(("peer", "told", "address"), [row[1:] for row in HEADERS], ids=[row[0] for row in HEADERS])
async def test_an_address_is_the_connections_or_what_the_proxy_added(peer: str, told: tuple[str, ...], address: str) -> None:
    seen: list[str] = []

    async def inner(scope: Any, _receive: Any, send: Any) -> None:
        seen.append(scope["client"][0])
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body"})

    behind = ProxyHeadersMiddleware(inner, trusted_proxies(settings(GATEWAY)))
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=behind, client=(peer, 1)), base_url=ORIGIN) as client:
        await client.get("/", headers=[("X-Forwarded-For", one) for one in told])
    assert seen == [address]


async def test_a_neighbour_that_forges_addresses_pauses_itself_and_nobody_else(town: Town) -> None:
    app: Any = ProxyHeadersMiddleware(town.site.http._transport.app, trusted_proxies(settings(GATEWAY)))

    async def tried(peer: str, told: str) -> int:
        async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app, client=(peer, 1)), base_url=ORIGIN) as client:
            return (await client.post("/sign-in/hsl_guess", headers={"X-Forwarded-For": told})).status_code

    assert [await tried(NEIGHBOUR, f"203.0.113.{number}") for number in range(22)] == [401] * 20 + [429] * 2
    assert await tried(NEIGHBOUR, VISITOR) == 429 and await tried(GATEWAY, VISITOR) == 401


def test_serve_hands_the_list_to_the_server_and_says_what_is_wrong_with_it(
    database_url: str, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[uvicorn.Config] = []

    async def serve(self: uvicorn.Server) -> None:
        given.append(self.config)

    monkeypatch.setattr(uvicorn.Server, "serve", serve)
    values = {"DATA_DIR": str(tmp_path), "DATABASE_URL": database_url, "ORIGIN": LOG, "PORT": "0", "REPLAY_PORT": "0"}
    for name, value in (values | {"PUBLIC_URL": "https://holdstill.test"}).items():
        monkeypatch.setenv(f"HOLDSTILL_{name}", value)
    monkeypatch.setenv("FORWARDED_ALLOW_IPS", GATEWAY)
    assert CliRunner().invoke(command_line, ["serve"]).exit_code == 0
    assert (given[0].forwarded_allow_ips, given[0].access_log, given[0].proxy_headers) == ([GATEWAY], False, True)
    monkeypatch.setenv("FORWARDED_ALLOW_IPS", "*")
    refused = CliRunner().invoke(command_line, ["serve"])
    assert refused.exit_code == 1 and "FORWARDED_ALLOW_IPS" in refused.stderr and len(given) == 1
