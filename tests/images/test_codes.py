"""Search in PostgreSQL is exact to 31 bits, finds each distinct code once however often it was seen, and knows whose it is."""

import secrets
from uuid import UUID

import numpy as np
from sqlmodel.ext.asyncio.session import AsyncSession

from server.db import run_sql
from server.images.codes import Near, Place, UsedCode, near_images, store_codes
from server.images.models import Image
from tests.web.site import Site

KNOWN = 400


def flipped(code: np.ndarray, bits: int, chance: np.random.Generator) -> np.ndarray:
    out = np.unpackbits(code.view(np.uint8))
    out[chance.choice(256, bits, replace=False)] ^= 1
    return np.packbits(out).view(np.uint64)


async def new_image(session: AsyncSession, organisation: UUID, site: Site) -> int:
    image = Image(
        organisation_id=organisation,
        sha256=secrets.token_hex(32),
        kind="file",
        size_bytes=1,
        first_indexed_at=site.services.clock.now(),
    )
    session.add(image)
    await session.flush()
    return image.id or 0


async def test_equal_to_a_flat_scan_for_every_distance(site: Site) -> None:
    chance = np.random.default_rng(7)
    ours = (await site.services.operators.ensure_default_operator()).organisation_id
    theirs = (await site.other_organisation()).organisation_id
    question = chance.integers(0, 2**63, 4, np.uint64)
    async with site.services.database.transaction() as session:
        await run_sql(session, "INSERT INTO image_pipeline (name) VALUES ('a'), ('b')")
        one, two = [row[0] for row in await run_sql(session, "SELECT id FROM image_pipeline ORDER BY id")]
        codes: dict[int, np.ndarray] = {}
        for number in range(KNOWN):
            code = flipped(question, number, chance) if number <= 64 else chance.integers(0, 2**63, 4, np.uint64)
            image_id = await new_image(session, ours, site)
            codes[image_id] = code
            await store_codes(session, Place(ours, one, one), image_id, [UsedCode("pdq", code, 0, 100, None)])
            if number in (0, 31):
                await store_codes(session, Place(ours, two, two), image_id, [UsedCode("phash256", code, 0, 100, None)])
        foreign = await new_image(session, theirs, site)
        await store_codes(session, Place(theirs, one, one), foreign, [UsedCode("pdq", question, 0, 100, None)])
        plain = await new_image(session, ours, site)
        await store_codes(session, Place(ours, one, one), plain, [UsedCode("pdq", flipped(question, 1, chance), 0, 20, None)])
        copy = await new_image(session, ours, site)
        await store_codes(session, Place(ours, one, one), copy, [UsedCode("pdq", question, 0, 100, None)])
        codes[copy] = question
    flat = {image: int(np.bitwise_count(code ^ question).sum()) for image, code in codes.items()}
    async with site.services.database.session() as session:
        for radius in (0, 1, 16, 30, 31):
            found = dict(await near_images(session, Place(ours, one, one), Near("pdq", question, radius, 1000)))
            assert found == {image: away for image, away in flat.items() if away <= radius}
        assert len(await near_images(session, Place(ours, two, two), Near("phash256", question))) == 2
        assert await near_images(session, Place(ours, two, two), Near("pdq", question)) == [], (
            "codes of two programs are never one"
        )
        assert await near_images(session, Place(theirs, one, one), Near("pdq", question)) == [(foreign, 0)]
        distinct = (await run_sql(session, "SELECT count(*) FROM image_code WHERE kind = 'pdq'"))[0][0]
    assert distinct == KNOWN + 2, "a code seen twice stands once"
