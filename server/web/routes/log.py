"""The log for monitors and witnesses, as C2SP tlog-tiles. Public: hashes only, nothing personal."""

import re
from http import HTTPStatus

from fastapi import APIRouter, Response

from server.errors import OutsideLog
from server.web.deps import ServicesDep

router = APIRouter(prefix="/log", tags=["log"])
_INDEX = re.compile(r"((?:x\d{3}/){0,5}\d{3})(?:\.p/(\d{1,3}))?", re.ASCII)
_LEVEL = re.compile(r"\d{1,2}", re.ASCII)
FULL_TILE = 256
FULL_TILE_CACHE = {"Cache-Control": "public, max-age=31536000, immutable"}
PARTIAL_TILE_CACHE = {"Cache-Control": "public, max-age=60"}


@router.get("/checkpoint", response_class=Response)
async def checkpoint(services: ServicesDep) -> Response:
    """The newest published checkpoint, with the cosignatures it has. 404 while the log is empty."""
    newest = await services.log.newest()
    if newest is None:
        raise OutsideLog(what="checkpoint", size=0)
    return Response(newest.note, media_type="text/plain; charset=utf-8", headers={"Cache-Control": "no-cache"})


@router.get("/tile/entries/{path:path}", response_class=Response)
async def entries(path: str, services: ServicesDep) -> Response:
    """An entry bundle: uint16 length and the 32-byte leaf, up to 256 times."""
    index, width = _tile_place(path)
    return _tile(await services.log.entries(index, width), width)


@router.get("/tile/{level}/{path:path}", response_class=Response)
async def tile(level: str, path: str, services: ServicesDep) -> Response:
    """A hash tile: up to 256 hashes of 32 bytes."""
    if _LEVEL.fullmatch(level) is None:
        raise OutsideLog(what="tile", size=0)
    index, width = _tile_place(path)
    return _tile(await services.log.tile(int(level), index, width), width)


def _tile(data: bytes, width: int) -> Response:
    headers = FULL_TILE_CACHE if width == FULL_TILE else PARTIAL_TILE_CACHE
    return Response(data, status_code=HTTPStatus.OK, media_type="application/octet-stream", headers=headers)


def _tile_place(path: str) -> tuple[int, int]:
    """(index, width) of a tile path such as `x001/234.p/7`. Raises: OutsideLog. Source: C2SP tlog-tiles."""
    match = _INDEX.fullmatch(path)
    if match is None:
        raise OutsideLog(what="tile", size=0)
    index = int(match[1].replace("x", "").replace("/", ""))
    width = FULL_TILE if match[2] is None else int(match[2])
    if not 1 <= width <= FULL_TILE or (match[2] is not None and width == FULL_TILE):
        raise OutsideLog(what="tile", size=0)
    return index, width
