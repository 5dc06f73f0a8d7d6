"""Every route, with the ids of what one organisation has, asked by every role of another: nothing shown, told or changed.

A second walk puts such an id into a form about what the other organisation has itself: two checks of one route are two doors.
A third asks every list before and after another organisation came to have the same: what is not shown may still take a place.
"""

import re
from typing import Any

from server.operators.roles import OperatorRole
from tests.media.pictures import encoded, scene
from tests.web.belongings import CANARY, absent_of, bare, everything, filled
from tests.web.site import Site
from tests.web.test_rights import NOBODY_NEEDED, all_routes, routes_of

ANSWERS = {
    "capture": "{capture_id}", "purpose": "p", "recipient": "r", "title": "t", "at": "2024-07-06", "text": "t", "kind": "order",
    "name": "n", "source": "s", "confidence": "likely", "reason": "r", "role": "reader", "operator_id": "{operator_id}",
    "whom": "nobody", "email": "",
    "tlp": "TLP:RED", "from_id": "{entity_id}", "to_id": "{entity_id}", "entity_id": "{entity_id}", "low": "1", "high": "2",
    "unit": "posts", "window": "w", "method": "m", "as_of": "2024-07-06", "verdict": "rejected", "version": "1", "note": "n",
    "layer": "2", "state": "present", "seen_at": "2024-07-06", "exhibit": "1", "facts": "f", "after": "1",
    "roles": "fact_checker", "label": "l", "scopes": "read", "login": "elsewhere",
    "password": "correct horse battery", "case": "{case_id}", "due_at": "2024-07-06",
    "other": "{cluster_id}", "profile": "public", "provider": "p", "images": "{sha256}", "image": "{sha256}",
}  # fmt: skip
FORMS = {
    "/handovers": {"kind": "capture", "thing": "{capture_id}", "days": "3"},
    "/submissions": {
        "kind": "case_export",
        "thing": "{case_export_id}",
        "addressee": "a",
        "channel": "post",
        "sent_at": "2026-03-01",
    },
    "/submissions/{submission_id}/replies": {"replied_at": "2026-03-01", "case_number": "7"},
    "/captures/{capture_id}/masks": {"artifact": "screenshot.viewport.png"},
    "/cases/{case_id}/judgings": {"rule": "FR-L49 FR-MET", "election": "FR-2024-AN-R2"},
    "/activities/{activity_id}/correct": {"on": "2024-07-06", "kind": "training", "measure": "17.2.1"},
    "/statistics/readings": {"kind": "account", "case": "{case_id}"},
    "/cases/{case_id}/entities": {"kind": "account"},
    "/cases/{case_id}/notices/tables": {"unit": "notices"},
    "/activities": {"on": "2024-07-06", "kind": "training", "measure": "17.2.1"},
    "/cases/{case_id}/deposits": {"said_by": "s"},
}
"""What these forms want besides."""
THINGS = tuple(f"kind={kind}&thing={{{name}}}" for kind, name in
    (("capture", "capture_id"), ("bundle", "export_id"), ("case_export", "case_export_id")))  # fmt: skip
FORMS_ABOUT = {("GET", f"{path}?{thing}") for path in ("/handovers/new", "/submissions/new") for thing in THINGS}
LEADS_ON = {("GET", "/cases/join/{token}"), ("GET", "/images/search?capture={capture_id}"), *FORMS_ABOUT}
"""The same for every token, on to the page of whatever capture is named, and an empty form about whatever is named."""
QUERIES = {"/api/v1/images/search": ("image={sha256}", "capture={capture_id}"), "/images/search": ("capture={capture_id}",),
    "/api/v1/search": ("q=zebrafinch", "q=zebrafinch&case={case_id}"), "/cases/{case_id}/picks/{of}": ("q=zebrafinch",),
    "/cases/{case_id}/picks/{of}/list.json": ("q=zebrafinch",),
    "/statistics/{statistic_id}/sample": ("seed=1&size=3",), "/judgings/{judging_id}": ("place=unknown",),
    "/handovers/new": THINGS, "/submissions/new": THINGS, "/cases/{case_id}/entities": ("entity={entity_id}", "q=Zebra"),
    "/cases/{case_id}/findings/new": ("type=silence_violation",), "/": ("q=ebrafinc",), "/api/v1/captures": ("q=ebrafinc",),
    "/statistics": ("case={case_id}",), "/activities": ("case={case_id}",),
    "/search": ("q=note", "q=facts&case={case_id}"), "/cases/{case_id}": ("q=Zebra",),
}  # fmt: skip
LISTED = {"cursor", "limit", "after", "before", "repeated", "host", "moved", "view", "notes", "state", "profile", "unit", "first",
    "last", "form"}  # fmt: skip
"""Parameters that name nothing which an organisation has; a route with any other one needs a row in QUERIES."""
FILES = {"/images/search": "picture", "/cases/{case_id}/imports": "file", "/cases/{case_id}/deposits": "file"}
SHAPELESS = {("POST", "/account/passkeys"), ("POST", "/api/v1/images/search"), ("GET", "/api/v1/images/search"),
    ("GET", "/api/v1/search"), ("GET", "/statistics/{statistic_id}/sample"),
    ("GET", "/cases/{case_id}/findings/new")}  # fmt: skip
"""Without a query or a body that nobody can write here, these are refused for their shape; with the query they are walked too."""
CROSSED: dict[str, tuple[dict[str, str], ...]] = {
    "/cases/{case_id}/exhibits": ({"capture": "{capture_id}"},),
    "/cases/{case_id}/members": ({"operator_id": "{operator_id}", "role": "reader"},),
    "/cases/{case_id}/relations": (
        {"kind": "amplifies", "from_id": "{entity_id}", "to_id": "own:{entity_id}", "confidence": "likely"},
        {"kind": "amplifies", "from_id": "own:{entity_id}", "to_id": "{entity_id}", "confidence": "likely"},
    ),
    "/cases/{case_id}/metrics": ({"entity_id": "{entity_id}", "low": "1", "high": "2"},),
    "/cases/{case_id}/notes": ({"text": "t", "corrects": "{note_id}"},),
    "/images/clusters/{cluster_id}/merge": ({"other": "{cluster_id}", "reason": "r"},),
    "/activities": ({"on": "2024-07-06", "kind": "training", "measure": "17.2.1", "text": "t", "case": "{case_id}"},),
    "/activities/{activity_id}/correct": (
        {"on": "2024-07-06", "kind": "training", "measure": "17.2.1", "text": "t", "case": "{case_id}"},
    ),
    "/statistics": ({"label": "l", "unit": "findings", "case": "{case_id}"},),
    "/statistics/unlabelled": ({"label": "l", "case": "{case_id}"},),
    "/exports": ({"capture": "{capture_id}", "purpose": "p", "recipient": "r"},),
    "/handovers": (
        {"kind": "capture", "thing": "{capture_id}", "recipient": "r", "purpose": "p", "days": "3"},
        {"kind": "bundle", "thing": "{export_id}", "recipient": "r", "purpose": "p", "days": "3"},
        {"kind": "capture", "thing": "own:{capture_id}", "recipient": "r", "purpose": "p", "supplements": "{handover_id}"},
    ),
    "/submissions": ({"kind": "case_export", "thing": "{case_export_id}", "addressee": "a", "channel": "post",
        "sent_at": "2026-03-01"},),
}  # fmt: skip
"""Forms about one's own things (the path, and `own:`) that name a thing of another organisation."""
NAMES_A_THING = {"capture", "operator_id", "from_id", "to_id", "entity_id", "other", "case", "thing", "corrects", "supplements"}
WITHIN = {"/statistics/readings", "/images/clusters/{cluster_id}/split", "/images/clusters/{cluster_id}/reject"}
"""Forms with such fields that are walked elsewhere: readings as /statistics, pictures of a cluster by its own members only."""
OF_ONE_THING = re.compile(r"\{(?!sha256|cluster_id|count_id)")
"""Paths of one thing: opening it is recorded. One picture and one group of pictures are asked along with the lists."""
BODIES: dict[str, dict[str, Any]] = {
    "/api/v1/exports": {"kind": "bundle", "captures": ["{capture_id}"], "purpose": "p", "recipient": "r"},
    "/api/v1/clusters/{cluster_id}/merge": {"other": "{cluster_id}", "reason": "r"},
    "/api/v1/clusters/{cluster_id}/split": {"images": ["{sha256}"], "reason": "r"},
    "/api/v1/clusters/{cluster_id}/reject": {"image": "{sha256}", "reason": "r"},
}


def call(method: str, path: str, ids: dict[str, str]) -> dict[str, Any]:
    """What is sent with the request: the JSON that the route takes, or a form with everything."""
    if path in BODIES:
        return {
            "json": {
                name: [filled(one, ids) for one in value] if isinstance(value, list) else filled(value, ids)
                for name, value in BODIES[path].items()
            }
        }
    if method != "POST":
        return {}
    sent: dict[str, Any] = {"data": {name: filled(text, ids) for name, text in (ANSWERS | FORMS.get(path, {})).items()}}
    if path in FILES:
        sent["files"] = {FILES[path]: ("one.png", encoded(scene(21)), "image/png")}  # the very picture that the other one has
    return sent


async def walk(site: Site, role: OperatorRole, person: Any, ids: dict[str, str]) -> dict[tuple[str, str], int]:
    """What each route answered a person of this role, with real ids as with absent ones: nothing learnt."""
    absent, walked = absent_of(ids), {}
    for method, path, _needs in routes_of(site):
        if path in NOBODY_NEEDED or path == "/sign-out":
            continue
        for asked in [path, *(f"{path}?{query}" for query in QUERIES.get(path, ()) if method == "GET")]:
            real = await person.request(method, filled(asked, ids), **call(method, path, ids))
            nothing = await person.request(method, filled(asked, absent), **call(method, path, absent))
            assert CANARY not in real.text, (role, method, asked)
            sent = asked + str(BODIES.get(path, ""))
            named = [name for name, one in ids.items() if len(one) > 30 and one in real.text and f"{{{name}}}" not in sent]
            sent_along = {"upload_id", "sha256"} if method == "POST" else {"upload_id"}  # zeros; the picture or its digest
            assert not set(named) - sent_along, (role, method, asked, named)
            if "{" in sent:
                asks_first = (method, asked) in LEADS_ON
                assert asks_first or real.status_code in (403, 404, 411, 422), (role, method, asked, real.status_code)
                assert bare(real, ids) == bare(nothing, absent), (role, method, asked)
            walked[method, asked] = real.status_code
    return walked


async def lists(site: Site, person: Any, ids: dict[str, str]) -> dict[str, tuple[int, str]]:
    """What every list, search and count says to a person, and every page of one group of pictures; one at a time where one may
    ask for so many: a stranger's thing, left out after the page was cut, leaves a gap in it."""
    said: dict[str, tuple[int, str]] = {}
    for route in all_routes(site.http._transport.app.routes):
        if "GET" not in route.methods or route.path in NOBODY_NEEDED or OF_ONE_THING.search(route.path):
            continue
        queries = ["", *QUERIES.get(route.path, ())]
        if "limit" in {one.name for one in route.dependant.query_params}:
            queries += ["limit=1", "limit=1&repeated=true"]
        for query in queries:
            asked = f"{route.path}?{query}"
            said[asked] = bare(await person.get(filled(asked, ids)), {})
    return said


def fields_of(dependant: Any) -> set[str]:
    """Names of everything that a route reads from a form."""
    found = {one.name for one in dependant.body_params}
    return found.union(*(fields_of(one) for one in dependant.dependencies))


async def test_every_parameter_that_names_a_thing_is_walked(site: Site) -> None:
    for route in all_routes(site.http._transport.app.routes):
        if route.path in NOBODY_NEEDED:
            continue
        asked = {one.name for one in route.dependant.query_params} - LISTED
        assert not asked or route.path in QUERIES or asked <= {"kind"}, (route.path, asked)
        if "POST" in route.methods and fields_of(route.dependant) & NAMES_A_THING:
            assert route.path in CROSSED or route.path in WITHIN, (route.path, fields_of(route.dependant))


async def test_no_route_shows_tells_or_changes_what_another_organisation_has(site: Site) -> None:
    work, ids = await everything(site)
    stranger = await site.other_organisation()
    services, owner = site.services, work.author.organisation_id
    member = await site.person(work.author)
    listed = await lists(site, member, ids)
    items = [
        f"case:{work.case.id}",
        f"capture:{work.capture_id}",
        f"operator:{ids['operator_id']}",
        f"cluster:{ids['cluster_id']}",
    ]
    before = [len(await services.custody.chain(item, organisation_id=owner)) for item in items]
    told: dict[tuple[str, str], set[int]] = {}
    for role in OperatorRole:
        person = await site.person(await site.colleague(stranger.organisation_id, role.value))
        for asked, status in (await walk(site, role, person, ids)).items():
            told.setdefault(asked, set()).add(status)
    assert len(told) > 130
    shapeless = {asked for asked, statuses in told.items() if 422 in statuses and statuses <= {403, 422}}
    assert shapeless == SHAPELESS, "what is refused for its shape alone shows nothing"
    after = [len(await services.custody.chain(item, organisation_id=owner)) for item in items]
    assert after == before and before[-1] > 0, "nothing was written to the chains of the other organisation"
    opened = await services.findings.read(
        work.author, (await services.findings.lists.page(work.author, work.case.id, 99))[-1].finding.id
    )
    assert opened.finding.version == 1 and opened.case.tlp == "TLP:AMBER" and opened.case.state == "open"
    await cross(site, stranger, ids)
    again = await lists(site, member, ids)
    assert [asked for asked in listed if again[asked] != listed[asked]] == [], "what others have changes no list, page or count"
    assert len(listed) > 40 and sum(status == 200 for status, _ in listed.values()) > 35
    await site.sound()


async def cross(site: Site, stranger: Any, ids: dict[str, str]) -> None:
    """Forms about the stranger's own things that name one of `ids`: answered as for an id that nobody has, nothing changed."""

    async def default() -> Any:
        return stranger

    first, site.services.operators.ensure_default_operator = site.services.operators.ensure_default_operator, default  # type: ignore[method-assign]
    _, own = await everything(site)
    person, absent = await site.person(), absent_of(ids)
    site.services.operators.ensure_default_operator = first  # type: ignore[method-assign]
    assert own["sha256"] == ids["sha256"], "both have the very same picture"
    told: list[tuple[str, dict[str, str], int]] = []
    for path, forms in CROSSED.items():
        for form in forms:
            answers = []
            for there in (ids, absent):
                data = {
                    name: filled(text[4:], own) if text.startswith("own:") else filled(text, there) for name, text in form.items()
                }
                more = {name: text for name, text in ANSWERS.items() if name not in form and "{" not in text}
                answer = await person.post(filled(path, own), data=more | data)
                answers.append(bare(answer, there))
            refused = (404, 409, 422) if path != "/statistics" else (303,)  # a number of what one may see: of nothing
            if answers[0] != answers[1] or answers[0][0] not in refused:
                told.append((path, form, answers[0][0]))
    assert told == []
    listed = (await person.get(f"/api/v1/images/{own['sha256']}/sightings")).json()["sightings"]
    assert len(listed) == 1 and ids["capture_id"] not in str(listed), "the same picture of the other is not counted along"
