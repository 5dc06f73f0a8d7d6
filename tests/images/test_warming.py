"""A process that could not load its index of pictures says so where people and monitors look, and tries again."""

import pytest

from server.images import state, warming
from tests.images.pages import capture_page, indexed
from tests.media.pictures import encoded, scene
from tests.web.site import Site

PICTURE = encoded(scene(41), "JPEG", quality=90)


async def test_a_failure_is_told_and_tried_again(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    one, person = site.services.images.warming, await site.person()
    monkeypatch.setattr(warming, "PAUSE_S", 0.0)
    monkeypatch.setattr(one._reader, "warm", lambda: None)
    tries: list[tuple[str, str, str]] = []

    async def told() -> tuple[str, str]:
        page, metrics = (await person.get("/images/search")).text, (await site.http.get("/metrics")).text
        said = "could not be loaded" if "could not be loaded" in page else "still loading" if "still loading" in page else ""
        return said, next(line for line in metrics.splitlines() if line.startswith("holdstill_images_ready"))

    async def warm() -> None:
        tries.append((one.state, *await told()))
        if len(tries) < 3:
            raise ConnectionError("postgresql://secret@host is away")

    monkeypatch.setattr(one._matcher, "warm", warm)
    await one.until_ready()
    assert [(state, said) for state, said, _ in tries] == [
        ("loading", "still loading"),
        ("failed", "could not be loaded"),
        ("failed", "could not be loaded"),
    ]
    assert {gauge for _, _, gauge in tries} == {"holdstill_images_ready 0.0"}
    assert (one.state, one.reason) == ("ready", "") and await told() == ("", "holdstill_images_ready 1.0")


async def test_the_page_says_how_far_the_index_is_after_a_search_too(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """A search that was answered before everything was loaded or read is no search of everything."""
    states, person, device = site.services.images.states, await site.person(), await site.pair()
    monkeypatch.setattr(site.services.images.warming, "state", "ready")
    assert "no sealed capture waits to be read" in (await person.get("/images/search")).text
    first = await capture_page(device, {"https://a.example/1.jpg": PICTURE})
    waits = "The pictures of 1 capture are not read yet"
    found = (await person.post("/images/search", files={"picture": ("a.jpg", PICTURE)})).text
    assert "Not seen before" in found and waits in found and "waits to be read" not in found
    await indexed(site, first)
    assert waits not in (await person.get("/images/search")).text
    copy = encoded(scene(41), "JPEG", quality=60)
    second = await capture_page(device, {"https://a.example/2.jpg": copy})
    await capture_page(device, {"https://a.example/3.jpg": PICTURE})
    monkeypatch.setattr(state, "COUNTED_TO", 1)
    assert "of more than 1 capture are not read yet" in (await person.get("/images/search")).text
    stranger = await site.person(await site.other_organisation())
    assert "no sealed capture waits to be read" in (await stranger.get("/images/search")).text
    monkeypatch.setattr(site.services.images.warming, "state", "loading")
    monkeypatch.setattr(site.services.images.matcher, "loaded", lambda _organisation: 1)
    page = (await person.get("/images/search")).text
    assert "still loading here: 50 % of yours is there" in page, "a picture of the page, and the page's screenshot"
    refused = await person.post("/images/search", files={"picture": ("a.jpg", b"no picture")})
    assert refused.status_code == 422 and "still loading here" in refused.text
    lead = await site.services.operators.ensure_default_operator()
    assert (await states.of(lead)).percent == 50
    await site.services.images.indexer.run(second)
    listed = (await person.get(f"/captures/{second}")).text
    assert "Not compared with the other pictures yet" in listed and "In no other capture" not in listed, "read, and not grouped"
