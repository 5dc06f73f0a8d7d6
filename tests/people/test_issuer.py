"""An OpenID Connect issuer in a process of its own: whom its word lets in, whom it does not, and every word that is no proof."""

import subprocess
import sys
import urllib.parse
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from pydantic import ValidationError

from server.operators.issuer import normal_email
from server.operators.roles import ROLE_RIGHTS, OperatorRole
from server.settings import OidcSettings
from tests.people.conftest import ORIGIN, Town
from tests.people.issuer import CLIENT, SECRET
from tests.web.site import open_site, settings_of

ROOT = Path(__file__).resolve().parents[2]
IDA = {"sub": "u-1", "email": "Ida@desk.example", "email_verified": True, "name": "Ida"}


@pytest.fixture(scope="module")
def issuer() -> Iterator[str]:
    """The address of a running issuer."""
    command = [sys.executable, "-m", "tests.people.issuer"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


@pytest.fixture
async def town(database_url: str, tmp_path: Path, issuer: str) -> AsyncIterator[Town]:
    """A service that believes this issuer, by the machine's clock."""
    oidc = OidcSettings(issuer=issuer, client_id=CLIENT, client_secret=SECRET, name="Newsroom ID", timeout_s=60)
    settings = settings_of(tmp_path, database_url).model_copy(update={"public_url": ORIGIN, "oidc": oidc})
    async with open_site(settings) as running:
        yield Town(running)


async def tell(issuer: str, claims: dict[str, Any] = IDA, **orders: Any) -> None:
    """What the issuer says next."""
    async with httpx2.AsyncClient(timeout=60) as client:
        assert (await client.post(f"{issuer}/next", json={"claims": claims, **orders})).status_code == 200


async def way_back(begun: httpx2.Response) -> str:
    """The address with which the issuer sends the browser back."""
    assert begun.status_code == 303, begun.text
    async with httpx2.AsyncClient(timeout=60) as client:
        return str((await client.get(begun.headers["location"])).headers["location"])


async def arrive(browser: httpx2.AsyncClient, start: str = "/sign-in/issuer") -> httpx2.Response:
    """There and back."""
    return await browser.get(await way_back(await browser.get(start)))


async def people_of(town: Town) -> list[Any]:
    return list(await town.services.people.list(await town.admin()))


def test_an_issuer_is_reached_by_https_or_on_this_machine() -> None:
    for address in ("http://id.example", "https://id.example?x=1", "https://a:b@id.example", "ftp://id.example", ""):
        with pytest.raises(ValidationError):
            OidcSettings(issuer=address, client_id="c")
    assert "hidden" not in repr(OidcSettings(issuer="https://id.example", client_id="c", client_secret="hidden"))  # type: ignore[arg-type]


async def test_who_was_invited_comes_in_with_the_rights_of_the_invitation(town: Town, issuer: str) -> None:
    admin = await town.admin()
    await tell(issuer, IDA | {"roles": ["admin"], "groups": ["admin"]})
    nobody = await arrive(town.browser())
    assert nobody.status_code == 401 and "nobody invited you" in nobody.text
    assert len(await people_of(town)) == 1
    await town.services.people.invite(admin, ["fact_checker"], " IDA@desk.example ")
    browser = town.browser()
    begun = await browser.get("/sign-in/issuer")
    asked = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(begun.headers["location"]).query))
    assert asked["code_challenge_method"] == "S256" and len(asked["nonce"]) == 43 and asked["state"] not in str(begun.cookies)
    assert SECRET not in begun.headers["location"] and "httponly" in begun.headers["set-cookie"].lower()
    back = await browser.get(await way_back(begun))
    assert (back.status_code, back.headers["location"]) == (303, "/")
    [joined] = [one for one in await people_of(town) if one.name == "Ida"]
    actor = await town.services.sessions.authenticate(browser.cookies["holdstill_session"])
    assert (actor.operator_id, actor.rights) == (joined.id, ROLE_RIGHTS[OperatorRole.FACT_CHECKER])
    kinds = [kind for kind, _ in await town.events(actor)]
    assert kinds == ["operator.joined", "operator.identity_bound", "operator.signed_in"]
    assert "desk.example" not in str(await town.events(actor)) and "u-1" not in str(await town.events(actor))
    assert await town.services.people.open_invitations(admin) == []
    await tell(issuer, {"sub": "u-1"})  # from now on by the subject: no address needed, whoever has it now
    assert (await arrive(town.browser())).status_code == 303
    await tell(issuer, IDA | {"sub": "u-2"})
    assert "bound to somebody else" in (await arrive(town.browser())).text
    await town.services.people.disable(admin, joined.id)
    await tell(issuer)
    assert (await arrive(town.browser())).status_code == 401
    await town.site.sound()


async def test_an_address_that_is_not_verified_or_not_clear_lets_nobody_in(town: Town, issuer: str) -> None:
    admin = await town.admin()
    fellow = await town.site.colleague(admin.organisation_id, "investigator", name="Ida")
    assert (
        await (await town.person(admin)).post(f"/people/{fellow.operator_id}/email", data={"email": IDA["email"]})
    ).status_code == 303
    for lie in ({"email_verified": False}, {"email_verified": "true"}, {"email_verified": None}, {"email": ["ida@desk.example"]}):
        await tell(issuer, IDA | lie)
        assert "nobody invited you" in (await arrive(town.browser())).text, lie
    other = await town.site.other_organisation()
    double = await town.services.people.invite(other, ["admin"], "ida@desk.example")
    await tell(issuer)
    assert "several people" in (await arrive(town.browser())).text, "no organisation decides for another whose address it is"
    await town.services.people.withdraw(other, double.invitation_id)
    await town.services.people.invite(admin, ["admin"], "ida@desk.example")
    assert (await arrive(town.browser())).status_code == 303, "somebody who is here goes before who was only invited here"
    second = await town.site.colleague(other.organisation_id, "admin", name="Ida too")
    await town.services.people.change_email(other, second.operator_id, "ida@desk.example")
    await tell(issuer, IDA | {"sub": "u-9"})
    assert "several people" in (await arrive(town.browser())).text
    stranger = await town.person(other)
    assert (await stranger.post(f"/people/{fellow.operator_id}/email", data={"email": "x@y.example"})).status_code == 404


async def test_another_organisation_that_writes_an_invited_address_gets_nobody(town: Town, issuer: str) -> None:
    admin, other = await town.admin(), await town.site.other_organisation()
    decoy = await town.site.colleague(other.organisation_id, "investigator", name="Decoy")
    await town.services.people.change_email(other, decoy.operator_id, "ida@desk.example")
    await town.services.people.invite(admin, ["fact_checker"], "ida@desk.example")
    await tell(issuer)
    assert "several people" in (await arrive(town.browser())).text
    assert await town.services.accounts.identities(decoy) == []


def test_only_letters_of_which_every_address_system_says_so_are_one() -> None:
    assert normal_email(" IDA@Desk.Example ") == "ida@desk.example"
    assert normal_email("\u212aate@desk.example") != "kate@desk.example", "the sign of kelvin is no k: another mailbox"
    assert normal_email("\u00d6l@desk.example") == "\u00d6l@desk.example"


BELIEVED, OWN, LET = "cannot be believed", "not of a sign-in that this browser began", "did not let you through"
LIES: dict[str, tuple[dict[str, Any], str]] = {
    "another nonce": ({"claims": IDA | {"nonce": "another"}}, BELIEVED),
    "no nonce": ({"claims": IDA | {"nonce": None}}, BELIEVED),
    "another audience": ({"claims": IDA | {"aud": "another-client"}}, BELIEVED),
    "two audiences": ({"claims": IDA | {"aud": [CLIENT, "another"]}}, BELIEVED),
    "another party": ({"claims": IDA | {"azp": "another"}}, BELIEVED),
    "another issuer": ({"claims": IDA | {"iss": "https://evil.example"}}, BELIEVED),
    "expired": ({"claims": IDA | {"exp": 1_700_000_000}}, BELIEVED),
    "without an end": ({"claims": IDA | {"exp": None}}, BELIEVED),
    "of the future": ({"claims": IDA | {"iat": 4_000_000_000, "exp": 4_000_000_060}}, BELIEVED),
    "of nobody": ({"claims": IDA | {"sub": None}}, BELIEVED),
    "of a long subject": ({"claims": IDA | {"sub": "x" * 256}}, BELIEVED),
    "of another access token": ({"claims": IDA | {"at_hash": "wrong"}}, BELIEVED),
    "signed by another key": ({"claims": IDA, "sign": "evil"}, BELIEVED),
    "not signed": ({"claims": IDA, "sign": "none"}, BELIEVED),
    "signed with the shared secret": ({"claims": IDA, "sign": "secret"}, BELIEVED),
    "signed with the public key as a secret": ({"claims": IDA, "sign": "public"}, BELIEVED),
    "signed with a key that it brings along": ({"claims": IDA, "sign": "own"}, BELIEVED),
    "signed with a key of another kind": ({"claims": IDA, "sign": "other_kind"}, BELIEVED),
    "another state": ({"claims": IDA, "back": {"state": "hsc_guess"}}, OWN),
    "mixed up with another issuer": ({"claims": IDA, "back": {"iss": "https://evil.example"}}, BELIEVED),
    "a guessed code": ({"claims": IDA, "back": {"code": "guess"}}, BELIEVED),
    "denied": ({"claims": IDA, "back": {"error": "access_denied"}}, LET),
}


async def test_a_word_that_is_no_proof_is_refused_and_leaves_nothing(town: Town, issuer: str) -> None:
    admin = await town.admin()
    await town.services.people.invite(admin, ["fact_checker"], "ida@desk.example")
    for number, (lie, (orders, said)) in enumerate(LIES.items()):
        town.site.http._transport.client = (f"192.0.2.{number}", 1)  # type: ignore[attr-defined]
        await tell(issuer, **orders)
        refused = await arrive(town.browser())
        assert refused.status_code == 401 and said in refused.text, lie
        assert "holdstill_session" not in refused.cookies, lie
        assert len(await people_of(town)) == 1 and len(await town.services.people.open_invitations(admin)) == 1, lie
    await tell(issuer)
    assert (await arrive(town.browser())).status_code == 303, "nothing but the lies stood in the way"


async def test_the_way_to_the_issuer_is_paused_for_an_address_that_only_fails(town: Town, issuer: str) -> None:
    await tell(issuer, IDA | {"email": "nobody@desk.example"})
    for _ in range(20):
        assert (await town.browser().get("/sign-in/issuer")).status_code == 303
    paused = await town.browser().get("/sign-in/issuer")
    assert paused.status_code == 429 and 0 < int(paused.headers["retry-after"]) <= 60


async def test_an_answer_counts_once_and_in_the_browser_that_asked(town: Town, issuer: str) -> None:
    admin = await town.admin()
    await town.services.people.invite(admin, ["fact_checker"], "ida@desk.example")
    await tell(issuer)
    browser = town.browser()
    back = await way_back(await browser.get("/sign-in/issuer"))
    assert (await town.browser().get(back)).status_code == 401, "stolen on the way"
    assert (await browser.get(back)).status_code == 303, "a thief does not use it up"
    assert (await browser.get(back)).status_code == 401, "replayed"
    linked = await town.browser().get("/sign-in/issuer", headers={"sec-fetch-site": "cross-site"})
    assert linked.status_code == 403, "another site begins nothing here"


async def test_a_signed_in_person_binds_and_unbinds_the_issuer(town: Town, issuer: str) -> None:
    admin = await town.admin()
    browser = await town.person(admin)
    await tell(issuer, {"sub": "u-7"})
    assert "Connect Newsroom ID" in (await browser.get("/account")).text
    assert (await arrive(browser, "/account/issuer")).headers["location"] == "/account"
    assert (await arrive(town.browser())).status_code == 303
    thief = await town.person(await town.site.other_organisation())
    back = await way_back(await browser.get("/account/issuer"))
    assert (await thief.get(back)).status_code == 401, "another person's binding"
    assert "another account" in (await arrive(thief, "/account/issuer")).text
    [identity] = await town.services.accounts.identities(admin)
    assert (await thief.post(f"/account/identities/{identity.id}/remove")).status_code == 404
    assert (await browser.post(f"/account/identities/{identity.id}/remove")).status_code == 303
    assert (await arrive(town.browser())).status_code == 401
    kinds = [kind for kind, _ in await town.events(admin)]
    assert kinds.count("operator.identity_bound") == kinds.count("operator.identity_removed") == 1


async def test_a_subject_that_was_taken_off_does_not_come_back_by_its_address(town: Town, issuer: str) -> None:
    admin = await town.admin()
    await town.services.people.change_email(admin, admin.operator_id, "ida@desk.example")
    browser = await town.person(admin)
    await tell(issuer)
    assert (await arrive(town.browser())).status_code == 303
    [identity] = await town.services.accounts.identities(admin)
    assert (await browser.post(f"/account/identities/{identity.id}/remove")).status_code == 303
    refused = await arrive(town.browser())
    assert refused.status_code == 401 and "off your account" in refused.text
    assert (await arrive(browser, "/account/issuer")).headers["location"] == "/account", "the person binds it again"
    assert (await arrive(town.browser())).status_code == 303


async def test_an_issuer_that_does_not_answer_as_one_is_out_of_reach(town: Town, issuer: str) -> None:
    browser = town.browser()
    for orders in (
        {"discovery": {"token_endpoint": "http://evil.example/token"}},
        {"discovery": {"jwks_uri": None}},
        {"pad": 300_000},
    ):
        await tell(issuer, **orders)
        answer = await browser.get("/sign-in/issuer")
        assert answer.status_code == 502 and "gave no answer that can be read" in answer.text, orders
    await tell(issuer, discovery={"issuer": "https://evil.example"})
    assert (await browser.get("/sign-in/issuer")).status_code == 401
    town.services.settings.oidc.issuer = "http://127.0.0.1:9"
    assert (await browser.get("/sign-in/issuer")).status_code == 502
    town.services.settings.oidc = None
    assert (await browser.get("/sign-in/issuer")).status_code == 401
    assert "/sign-in/issuer" not in (await browser.get("/sign-in")).text
