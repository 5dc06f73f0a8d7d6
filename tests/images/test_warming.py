"""A process that could not load its index of pictures says so where people and monitors look, and tries again."""

import pytest

from server.images import warming
from tests.web.site import Site


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
