"""Codes as PostgreSQL holds them: each distinct code once per organisation and pipeline, its uses below; exact search by GIN.

Two codes at most 31 bits apart agree, but for at most one bit, in one of 16 slots: 272 keys find every neighbour. Bits are
permuted as server.media.index does. Searches by picture ask memory (matcher.py), which is loaded from the same readings;
checking.py holds the two against each other. 64-bit codes are kept, not searched: at a million images they meet by chance.

PostgreSQL has no statistics for what 272 keys of random codes meet. When it sees the keys it expects a quarter of the table and
reads all of it, and the first ten calls of a connection are planned that way: 12 to 20 s each at a million codes. So the keys
come from a subselect, whose value no plan looks at, and the search asks for plans without full scans until its transaction ends.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import numpy as np
from sqlmodel.ext.asyncio.session import AsyncSession

from server.db import run_sql
from server.media.index import RADIUS_BITS, SLOTS, permuted
from server.media.look import Look
from server.media.pdq import MIN_QUALITY, Code

KINDS = ("pdq", "phash256", "phash64", "dhash64")
SEARCHED = ("pdq", "phash256")
WHOLE = 0
_FLIPS = [0, *(1 << bit for bit in range(16))]

_INSERT = """
INSERT INTO image_code (organisation_id, pipeline_id, kind, bits, slots)
VALUES (:organisation, :pipeline, :kind, CAST(:bits AS bit(256)), CAST(:slots AS int4[]))
ON CONFLICT (organisation_id, pipeline_id, kind, bits) DO NOTHING
"""
_USE = """
INSERT INTO image_code_use (code_id, image_id, region, quality, box)
SELECT id, :image, :region, :quality, CAST(:box AS float8[]) FROM image_code
WHERE organisation_id = :organisation AND pipeline_id = :pipeline AND kind = :kind AND bits = CAST(:bits AS bit(256))
ON CONFLICT DO NOTHING
"""
_SEARCH = """
WITH near AS MATERIALIZED (
  SELECT id, bit_count(bits # CAST(:bits AS bit(256))) AS distance FROM image_code
  WHERE slots && (SELECT CAST(:keys AS int4[])) AND organisation_id = :organisation AND pipeline_id = :pipeline
    AND kind = :kind AND bit_count(bits # CAST(:bits AS bit(256))) <= :radius
)
SELECT use.image_id, min(near.distance) AS distance FROM near JOIN image_code_use use ON use.code_id = near.id
GROUP BY use.image_id ORDER BY distance, use.image_id LIMIT :limit
"""
_BY_INDEX = """
SELECT set_config('enable_seqscan', 'off', true), set_config('jit', 'off', true),
       set_config('max_parallel_workers_per_gather', '0', true)
"""


@dataclass(frozen=True)
class Place:
    """Whose codes and edges: an organisation, the pipeline that made the codes, the rules that made the edges."""

    organisation_id: UUID
    pipeline_id: int
    rules_id: int


@dataclass(frozen=True)
class UsedCode:
    """One code of an image: of the whole frame (region 0) or of the n-th region, with that region's box as shares."""

    kind: str
    code: Code
    region: int
    quality: int
    box: tuple[float, float, float, float] | None


def codes_of(look: Look) -> list[UsedCode]:
    """Every code of a picture."""
    whole, short = look.hashes.pdq, look.hashes.short
    found = [UsedCode("pdq", whole.codes[0], WHOLE, whole.quality, None)]
    found += [
        UsedCode(kind, code, WHOLE, whole.quality, None)
        for kind, code in (("phash256", short.phash256), ("phash64", short.phash64), ("dhash64", short.dhash64))
    ]
    for number, part in enumerate(look.regions, 1):
        at = part.region
        found.append(UsedCode("pdq", part.pdq.codes[0], number, part.pdq.quality, (at.left, at.top, at.right, at.bottom)))
    return found


def codes_asked(look: Look) -> list[Code]:
    """The codes that a picture is looked for with: of its frame and of its regions that are not too plain, in all eight turns."""
    looked = [look.hashes.pdq, *(part.pdq for part in look.regions)]
    return [code for one in looked if one.quality >= MIN_QUALITY for code in one.codes]


def bit_text(code: Code) -> str:
    """256 binary digits, the first bit of the first word first; a shorter code is filled with zeros."""
    bits = np.unpackbits(np.ascontiguousarray(code).view(np.uint8), bitorder="little")
    return "".join("1" if bit else "0" for bit in bits.tolist()).ljust(256, "0")


def slot_keys(kind: str, code: Code) -> list[int]:
    """The 16 keys of a 256-bit code: kind and slot above its 16 permuted bits."""
    base = SEARCHED.index(kind) * SLOTS
    values = permuted(code[None])[0].view(np.uint16).tolist()
    return [((base + slot) << 16) | value for slot, value in enumerate(values)]


def search_keys(kind: str, code: Code) -> list[int]:
    """The 272 keys that every code within 31 bits shares at least one with."""
    return [key ^ flip for key in slot_keys(kind, code) for flip in _FLIPS]


async def store_codes(session: AsyncSession, place: Place, image_id: int, codes: Sequence[UsedCode]) -> None:
    """Codes and their uses, in the session's transaction. Idempotent. Codes of plain pictures are kept and not searched."""
    for one in codes:
        is_searched = one.kind in SEARCHED and one.quality >= MIN_QUALITY
        named = {
            "organisation": place.organisation_id,
            "pipeline": place.pipeline_id,
            "kind": one.kind,
            "bits": bit_text(one.code),
        }
        await run_sql(session, _INSERT, **named, slots=slot_keys(one.kind, one.code) if is_searched else None)
        box = None if one.box is None else list(one.box)
        await run_sql(session, _USE, **named, image=image_id, region=one.region, quality=one.quality, box=box)


@dataclass(frozen=True)
class Near:
    """What is looked for: codes of this kind within the radius, `limit` images at most."""

    kind: str
    code: Code
    radius_bits: int = RADIUS_BITS
    limit: int = 100


async def near_images(session: AsyncSession, place: Place, near: Near) -> list[tuple[int, int]]:
    """(image id, distance in bits) of every image with a code within the radius, nearest first. Exact up to 31 bits.

    Plans of this transaction avoid full scans from then on: a session of its own is best. Raises: ValueError above 31 bits.
    """
    if near.radius_bits > RADIUS_BITS:
        raise ValueError(f"the slots are exact up to {RADIUS_BITS} bits")
    await run_sql(session, _BY_INDEX)
    rows = await run_sql(
        session,
        _SEARCH,
        organisation=place.organisation_id,
        pipeline=place.pipeline_id,
        kind=near.kind,
        bits=bit_text(near.code),
        keys=search_keys(near.kind, near.code),
        radius=near.radius_bits,
        limit=near.limit,
    )
    return [(int(row.image_id), int(row.distance)) for row in rows]
