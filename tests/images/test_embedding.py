"""The operator's own model: off unless named, a source of candidates only, and harmless when it breaks."""

from pathlib import Path

import pytest

from server.db import run_sql
from server.images.embedding import load_embedder
from tests.images.pages import capture_page, indexed
from tests.media.pictures import encoded, scene
from tests.services.stage import HeldClock
from tests.web.site import open_site, settings_of

DATA = encoded(scene(41), "JPEG")
CODES = "SELECT count(*) FROM image_code WHERE kind = 'embedding'"


@pytest.mark.parametrize(("model", "codes"), [("Blocks", 2), ("Broken", 0)])
async def test_a_model_brings_candidates_and_breaks_nothing(database_url: str, tmp_path: Path, model: str, codes: int) -> None:
    settings = settings_of(tmp_path, database_url, embedder=f"tests.images.model:{model}")
    async with open_site(settings, clock=HeldClock()) as site:
        await indexed(site, await capture_page(await site.pair(), {"https://a.example/1.jpg": DATA}))
        async with site.services.database.session() as session:
            assert (await run_sql(session, CODES))[0][0] == codes
        operator = await site.services.operators.ensure_default_operator()
        answer = await site.services.images.search.by_bytes(operator, encoded(scene(41).resize((300, 225)), "JPEG"))
        assert answer.more_by.startswith(model.lower())
        assert [one.kind for one in answer.matches] == ["same"]
        assert (await site.services.images.search.by_bytes(operator, encoded(scene(42)))).matches == ()


def test_none_is_on_by_default_and_a_wrong_setting_stops_the_start() -> None:
    assert load_embedder(None) is None
    with pytest.raises(ValueError, match="module:function"):
        load_embedder("tests.images.model")
    with pytest.raises(ImportError):
        load_embedder("tests.images.absent:made")
