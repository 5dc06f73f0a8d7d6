"""Masked copies of captures: made by a person, linked to the original, recorded; the original stays what it is."""

import hashlib
import io

import pytest
from PIL import Image

from server.captures.masking import MaskBox
from server.errors import BadInput, Forbidden, NotFound
from server.exports.pictures import pictures_of
from server.exports.profiles import Profile
from tests.handovers.desk import SHOT, Desk
from tests.web.site import picture


async def test_boxes_drawn_on_the_page_become_a_recorded_copy_and_the_original_stays(desk: Desk) -> None:
    person = await desk.site.person()
    capture = f"/captures/{desk.capture_id}"
    assert f"{capture}/masks/{SHOT}" in (await person.get(capture)).text
    form = await person.get(f"{capture}/masks/{SHOT}")
    assert form.status_code == 200 and "script-src 'self'" in form.headers["content-security-policy"]
    data = {"artifact": SHOT, "reason": "own <b>account</b>", "x": ["10", ""], "y": ["20", ""], "width": ["300", ""],
            "height": ["40.5", ""]}  # fmt: skip
    original = (await person.get(f"/api/v1/captures/{desk.capture_id}/artifacts/{SHOT}")).content
    assert (await person.post(f"{capture}/masks", data=data)).status_code == 303
    page = (await person.get(f"{capture}/masks/{SHOT}")).text
    assert "own &lt;b&gt;account" in page and 'value="300"' in page
    [copy] = (await desk.site.services.captures.masked.of_capture(desk.lead, desk.capture_id)).copies
    assert copy.boxes == [{"x": 10, "y": 20, "width": 300, "height": 41}]
    assert copy.original_sha256 == hashlib.sha256(original).hexdigest() != copy.sha256
    shown = await person.get(f"{capture}/masked/{copy.id}")
    assert hashlib.sha256(shown.content).hexdigest() == copy.sha256 and shown.headers["content-type"] == "image/png"
    assert Image.open(io.BytesIO(shown.content)).getpixel((50, 30)) == (0, 0, 0)
    assert (await person.get(f"/api/v1/captures/{desk.capture_id}/artifacts/{SHOT}")).content == original
    [event] = [event for event in await desk.events(f"capture:{desk.capture_id}") if event.type == "capture.masked"]
    wanted = {"artifact": SHOT, "originalSha256": copy.original_sha256, "sha256": copy.sha256, "boxes": copy.boxes}
    assert {name: event.details[name] for name in wanted} == wanted and event.actor == desk.lead.urn
    assert "A masked copy exists" in (await person.get(capture)).text
    for broken in ({"x": ["1"]}, {"x": ["a", ""]}, {"width": ["0", ""]}, {"x": ["5000", ""]}, {"reason": " "}):
        assert (await person.post(f"{capture}/masks", data=data | broken)).status_code == 422, broken
    assert len((await desk.site.services.captures.masked.picture(desk.lead, desk.capture_id, SHOT)).copies) == 1
    await desk.site.sound()


async def test_the_newest_copy_counts_and_profiles_get_what_they_may(desk: Desk) -> None:
    async def given(profile: Profile) -> tuple[list[tuple[str, str]], tuple[str, ...]]:
        async with desk.site.services.database.session() as session:
            found = await pictures_of(session, desk.capture_id, profile)
        return [(one.name, one.sha256) for one in found.given], found.withheld

    original = (await given(Profile.INTERNAL))[0]
    assert [name for name, _ in original] == [SHOT]
    for profile in (Profile.PLATFORM, Profile.PUBLIC):
        assert await given(profile) == ([], (SHOT,)), "withheld, and named"
    await desk.mask(MaskBox(0, 0, 9, 9))
    desk.site.clock.move(1)
    second = await desk.mask(MaskBox(0, 0, 20, 20))
    masked = (f"{SHOT}.masked.png", second.sha256)
    for profile in (Profile.PLATFORM, Profile.PUBLIC):
        assert await given(profile) == ([masked], ())
    for profile in (Profile.INTERNAL, Profile.AUTHORITY):
        assert await given(profile) == ([*original, masked], ())


async def test_what_the_browser_marked_is_suggested_until_there_is_a_copy(desk: Desk) -> None:
    marks = [{"artifact": SHOT, "box": {"x": 5, "y": 6, "width": 70, "height": 8}, "reason": "own_account"}]
    desk.capture_id = await desk.device.capture(masks=marks)
    masked = desk.site.services.captures.masked
    assert (await masked.picture(desk.lead, desk.capture_id, SHOT)).suggested == (MaskBox(5, 6, 70, 8),)
    page = await (await desk.site.person()).get(f"/captures/{desk.capture_id}/masks/{SHOT}")
    assert "marked in the browser" in page.text and 'value="70"' in page.text
    assert (await masked.of_capture(desk.lead, desk.capture_id)).copies == (), "a suggestion is no mask"


async def test_a_picture_that_is_called_like_the_copy_of_another_takes_no_name_away(desk: Desk) -> None:
    shot = picture(words="one")
    sent = {**desk.device.artifacts(), "image.1.x": shot, "image.1.x.masked.png": picture(words="two")}
    desk.capture_id = await desk.device.capture(sent)
    for name in ("image.1.x", "image.1.x.masked.png"):
        await desk.mask(name=name)
    made = await desk.link(profile="authority")
    named = [(one["name"], one["masked_of"] is not None) for one in made.row.files]
    assert len(dict(named)) == len(named), "each name once: a recipient fetches by name"
    assert dict(named)["image.1.x.masked.png"] is False and dict(named)["image.1.x.masked-2.png"] is True
    assert dict(named)["image.1.x.masked.png.masked.png"] is True
    browser, path = await desk.opened(made)
    for one in made.row.files:
        data = (await browser.get(f"{path}/files/{one['name']}")).content
        assert hashlib.sha256(data).hexdigest() == one["sha256"], one["name"]


async def test_only_the_captures_own_organisation_covers_anything(desk: Desk) -> None:
    services = desk.site.services
    stranger = await desk.site.other_organisation()
    admin = await desk.site.colleague(desk.lead.organisation_id, "admin")
    masked, copy = services.captures.masked, await desk.mask()
    from server.captures.masked import MaskOrder
    from server.cases.service import CaseOrder

    order = MaskOrder(SHOT, (), "r")
    for person, error in ((stranger, NotFound), (admin, Forbidden)):
        with pytest.raises(error):
            await masked.make(person, desk.capture_id, order)
    with pytest.raises(NotFound):
        await masked.read(stranger, desk.capture_id, copy.id)
    case = await services.cases.open(desk.lead, CaseOrder("Shared"))
    await services.cases.exhibits.add(desk.lead, case.id, desk.capture_id)
    await services.cases.members.redeem(stranger, await services.cases.members.invite(desk.lead, case.id, "contributor"))
    assert (await masked.read(stranger, desk.capture_id, copy.id)).row.sha256 == copy.sha256, "who may look may look"
    assert (await masked.of_capture(stranger, desk.capture_id)).own is False
    with pytest.raises(NotFound):
        await masked.make(stranger, desk.capture_id, order)
    for name in ("page.wacz", "nothing.png"):
        with pytest.raises(NotFound):
            await masked.picture(desk.lead, desk.capture_id, name)
    with pytest.raises(BadInput):
        await masked.make(desk.lead, desk.capture_id, MaskOrder(SHOT, (), "x" * 501))
