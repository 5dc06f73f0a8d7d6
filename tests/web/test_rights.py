"""Every route asks for a right, and every role of this and of another organisation is stopped where the matrix says."""

import re
from typing import Any

import pytest
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from server.operators.roles import ROLE_RIGHTS, TOKEN_SCOPES, OperatorRole, Right
from server.operators.tokens import TokenOrder
from server.web.deps import _device, _operator, _reader, may
from tests.web.site import Site

NOBODY_NEEDED = {
    "/healthz", "/readyz", "/metrics", "/log/checkpoint", "/log/tile/{level}/{path:path}", "/log/tile/entries/{path:path}",
    "/api/v1/devices", "/sign-in", "/sign-in/{token}", "/join/{token}",
    "/sign-in/passkey", "/sign-in/passkey/answer", "/sign-in/issuer", "/sign-in/issuer/return",
    "/alerts/{alert_id}",
    "/h/{token}", "/h/{token}/{visit}", "/h/{token}/{visit}/files/{file}", "/h/{token}/{visit}/receipt",
}  # fmt: skip
SIGNED_IN_ONLY = {"/sign-out"}
OUTSIDE = {"/api/v1/openapi.json", "/static"}
"""The contract, and files that everybody gets. Anything else that is no APIRoute would be walked by nobody."""
UUID = "00000000-0000-4000-8000-000000000000"


def dependencies(dependant: Dependant) -> list[Any]:
    found = [dependant.call]
    for one in dependant.dependencies:
        found += dependencies(one)
    return found


def all_routes(routes: Any) -> list[APIRoute]:
    """Every route, also those that the framework keeps inside an included router."""
    found: list[APIRoute] = []
    for route in routes:
        if isinstance(route, APIRoute):
            found.append(route)
        inner = getattr(route, "original_router", None)
        if inner is not None:
            found += all_routes(inner.routes)
    return found


def routes_of(site: Site) -> list[tuple[str, str, Right | str]]:
    """(method, path, the right it asks for or `device`, `reader`, `operator`, `nobody`) of every route there is."""
    found = []
    for route in all_routes(site.http._transport.app.routes):
        calls = dependencies(route.dependant)
        rights = [call.right for call in calls if isinstance(call, may)]
        named: list[Right | str] = [*rights]
        for call, name in ((_device, "device"), (_reader, "reader"), (_operator, "operator")):
            if call in calls and not rights:
                named.append(name)
        assert len(named) <= 1, f"{route.path} asks twice: {named}"
        methods = sorted(route.methods - {"OPTIONS"})  # what a protocol can do, not what is stored
        found += [(method, route.path, named[0] if named else "nobody") for method in methods]
    return found


def filled(path: str) -> str:
    values = {
        "capture_id": "0" * 64,
        "upload_id": "0" * 32,
        "sha256": "0" * 64,
        "name": "page.wacz",
        "token": "x",
        "kind": "platform",
        "of": "entities",
        "notice_kind": "dsa_notice",
        "event_kind": "noted",
    }
    return re.sub(r"\{(\w+)(:\w+)?\}", lambda found: values.get(found[1], UUID), path)


def outside(routes: Any) -> set[str]:
    """Paths of whatever answers and is no APIRoute, wherever it was included or mounted."""
    found: set[str] = set()
    for route in routes:
        inner = getattr(route, "original_router", None)
        if inner is not None:
            found |= outside(inner.routes)
        elif not isinstance(route, APIRoute):
            found.add(getattr(route, "path", repr(route)))
    return found


async def test_every_route_names_the_right_it_needs(site: Site) -> None:
    routes = routes_of(site)
    assert len(routes) > 120
    assert outside(site.http._transport.app.routes) == OUTSIDE
    assert {path for _, path, needs in routes if needs == "nobody"} == NOBODY_NEEDED
    assert {path for _, path, needs in routes if needs == "operator"} == SIGNED_IN_ONLY


@pytest.mark.parametrize("role", [*OperatorRole])
async def test_every_route_stops_every_role_without_the_right(site: Site, role: OperatorRole) -> None:
    """The refusal comes before anything is looked up: the same 403 whether the thing exists or not."""
    mine = await site.services.operators.ensure_default_operator()
    person = await site.person(await site.colleague(mine.organisation_id, role.value))
    stopped = 0
    for method, path, needs in routes_of(site):
        wanted = Right.READ if needs == "reader" else needs
        answer = await person.request(method, filled(path)) if needs not in ("nobody", "operator") else None
        if answer is None:
            continue
        if wanted == "device" or wanted not in ROLE_RIGHTS[role]:
            assert answer.status_code == 403, (role, method, path, answer.status_code)
            stopped += 1
        else:
            assert answer.status_code != 403, (role, method, path)
    assert stopped > 5


def test_the_matrix_is_the_one_agreed_on() -> None:
    """Research 2b, row by row; what a role has beyond it would be a leak, what it lacks a day's work undone."""
    has = {role: {right.value for right in rights} for role, rights in ROLE_RIGHTS.items()}
    assert has[OperatorRole.EXTERNAL_RECIPIENT] == set()
    assert has[OperatorRole.ADMIN] == {"account", "metadata", "administer"}
    assert has[OperatorRole.FACT_CHECKER] == {"account", "capture", "read", "write", "export_public"}
    more = has[OperatorRole.INVESTIGATOR] - has[OperatorRole.FACT_CHECKER]
    assert more == {"read_cases", "create_cases", "group", "review", "export_platform", "draft_authority"}
    assert has[OperatorRole.CASE_LEAD] - has[OperatorRole.INVESTIGATOR] == {"lead", "export_authority"}


async def test_a_token_has_its_scopes_only_and_makes_nothing_that_outlives_it(site: Site) -> None:
    person = await site.person()
    made = await person.post("/account/tokens", data={"label": "nightly list", "scopes": ["read"], "days": "3"})
    token = re.search(r'id="token"[^>]*>(hsa_[\w-]+)<', made.text)
    assert token is not None
    headers = {"Authorization": f"Bearer {token[1]}"}
    assert (await site.http.get("/api/v1/captures", headers=headers)).status_code == 200
    for method, path in (("POST", "/account/tokens"), ("POST", "/devices/pairing-code"), ("POST", "/people/invitations")):
        assert (await site.http.request(method, path, headers=headers)).status_code == 403, path
    assert (await site.http.post("/api/v1/exports", json={}, headers=headers)).status_code == 403
    site.clock.move(3 * 86400)
    assert (await site.http.get("/api/v1/captures", headers=headers)).status_code == 401
    assert token[1] not in (await (await site.person()).get("/account")).text


async def test_each_scope_of_a_token_opens_what_needs_it_and_nothing_else(site: Site) -> None:
    """One route of each right (the walk above says that every route asks by its right) with a token of each scope."""
    mine = await site.services.operators.ensure_default_operator()
    all_of_them = await site.colleague(mine.organisation_id, *(role.value for role in OperatorRole))
    doors = {needs: (method, filled(path)) for method, path, needs in routes_of(site) if needs not in ("nobody", "operator")}
    assert set(doors) >= {right for rights in ROLE_RIGHTS.values() for right in rights} - {Right.READ_CASES, Right.METADATA}
    opened: set[Right] = set()
    for scope in sorted(TOKEN_SCOPES):
        _, secret = await site.services.tokens.create(all_of_them, TokenOrder("one", (scope.value,), 3))
        for needs, (method, path) in doors.items():
            answer = await site.http.request(method, path, headers={"Authorization": f"Bearer {secret}"})
            if (Right.READ if needs == "reader" else needs) != scope:
                assert answer.status_code == 403, (scope, method, path, answer.status_code)
            elif answer.status_code != 403:  # a service may ask for more: what is handed over is prepared first
                opened.add(scope)
    assert opened >= {Right.READ, Right.CREATE_CASES, Right.DRAFT_AUTHORITY}


async def test_a_revoked_token_and_a_token_of_a_person_who_left_are_nobody(site: Site) -> None:
    admin = await site.services.operators.ensure_default_operator()
    fellow = await site.colleague(admin.organisation_id, "investigator")
    first, secret = await site.services.tokens.create(fellow, TokenOrder("one", ("read",), 3))
    _, other = await site.services.tokens.create(fellow, TokenOrder("two", ("read",), 3))
    stranger = await site.person(await site.other_organisation())
    assert (await stranger.post(f"/account/tokens/{first.id}/revoke")).status_code == 404
    await site.services.tokens.revoke(fellow, first.id)
    assert (await site.http.get("/api/v1/captures", headers={"Authorization": f"Bearer {secret}"})).status_code == 401
    assert (await site.http.get("/api/v1/captures", headers={"Authorization": f"Bearer {other}"})).status_code == 200
    await site.services.people.disable(admin, fellow.operator_id)
    assert (await site.http.get("/api/v1/captures", headers={"Authorization": f"Bearer {other}"})).status_code == 401
    await site.sound()


async def test_a_right_that_is_taken_away_is_gone_from_the_token_too(site: Site) -> None:
    admin = await site.services.operators.ensure_default_operator()
    fellow = await site.colleague(admin.organisation_id, "case_lead")
    _, secret = await site.services.tokens.create(fellow, TokenOrder("one", ("read", "lead"), 3))
    await site.services.people.change_roles(admin, fellow.operator_id, ["fact_checker"])
    assert (await site.services.tokens.authenticate(secret)).rights == {Right.READ}
