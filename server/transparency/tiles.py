"""Hash tiles: the tree as rows of up to 256 hashes. Source: C2SP tlog-tiles.

Tile (level L, index N) holds the roots of complete subtrees of 256^L leaves: entry i is node (8 L, 256 N + i) of the tree.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from sqlmodel.ext.asyncio.session import AsyncSession

from server.db import run_sql
from server.trust.errors import VerificationError
from server.trust.merkle import HASH_BYTES, NodeReader, leaf_hash, node_hash

TILE_WIDTH = 256
TILE_HEIGHT = 8
FULL_BYTES = TILE_WIDTH * HASH_BYTES
NO_HASH = bytes(HASH_BYTES)

TileName = tuple[int, int]
"""(level, index)"""
Walk = Callable[[NodeReader], object]
"""A computation over tree nodes, such as a proof."""

_READ = """
SELECT tile.level, tile.index AS place, tile.hashes FROM tile
JOIN unnest(CAST(:levels AS integer[]), CAST(:indexes AS bigint[])) AS wanted(level, index)
ON tile.level = wanted.level AND tile.index = wanted.index
"""
_EDGES = "SELECT DISTINCT ON (level) level, index AS place, hashes FROM tile ORDER BY level, index DESC"
_WRITE = """
INSERT INTO tile (level, index, width, hashes)
SELECT level, index, length(hashes) / 32, hashes
FROM unnest(CAST(:levels AS integer[]), CAST(:indexes AS bigint[]), CAST(:hashes AS bytea[])) AS fresh(level, index, hashes)
ON CONFLICT (level, index) DO UPDATE SET width = EXCLUDED.width, hashes = EXCLUDED.hashes
"""


class ExpandedTile:
    """A tile's hashes and every complete node above them inside the tile, so that reading a node is a slice."""

    def __init__(self, hashes: bytes) -> None:
        self.heights = [hashes]
        for _ in range(TILE_HEIGHT - 1):
            below = self.heights[-1]
            pairs = range(0, len(below) - 2 * HASH_BYTES + 1, 2 * HASH_BYTES)
            self.heights.append(
                b"".join(node_hash(below[at : at + HASH_BYTES], below[at + HASH_BYTES : at + 2 * HASH_BYTES]) for at in pairs)
            )

    @property
    def width(self) -> int:
        """How many hashes the tile holds, 1 to 256."""
        return len(self.heights[0]) // HASH_BYTES

    def node(self, height: int, position: int) -> bytes | None:
        """The root of the `position`-th subtree of 2^height hashes, or None if it is not complete."""
        found = self.heights[height][position * HASH_BYTES : (position + 1) * HASH_BYTES]
        return found or None


class TileCache:
    """Tiles, least recently used dropped first; about 16 KiB each. A tile only grows, so one that is wide enough stays right."""

    def __init__(self, capacity: int = 2048) -> None:
        self.capacity = capacity
        self._tiles: OrderedDict[TileName, ExpandedTile] = OrderedDict()

    def get(self, name: TileName, width: int) -> ExpandedTile | None:
        """The tile, if it is here with at least `width` hashes."""
        tile = self._tiles.get(name)
        if tile is None or tile.width < width:
            return None
        self._tiles.move_to_end(name)
        return tile

    def put(self, name: TileName, tile: ExpandedTile) -> None:
        """Keeps the tile."""
        self._tiles[name] = tile
        self._tiles.move_to_end(name)
        if len(self._tiles) > self.capacity:
            self._tiles.popitem(last=False)


def locate(level: int, index: int) -> tuple[TileName, int, int]:
    """Where tree node (level, index) lives: the tile, the height inside it, the position at that height."""
    tile_level, height = divmod(level, TILE_HEIGHT)
    bits = TILE_HEIGHT - height
    return (tile_level, index >> bits), height, index & ((1 << bits) - 1)


def widths_of(walk: Walk) -> dict[TileName, int]:
    """The tiles that `walk` reads nodes from, each with the width it must have.

    The walk is run once over zeros: walks over a Merkle tree never branch on hash values.
    """
    widths: dict[TileName, int] = {}

    def remember(level: int, index: int) -> bytes:
        name, height, position = locate(level, index)
        widths[name] = max(widths.get(name, 0), (position + 1) << height)
        return NO_HASH

    walk(remember)
    return widths


def cached_nodes(walk: Walk, cache: TileCache) -> NodeReader | None:
    """A reader that holds every node `walk` will ask for, or None if a tile is not in the cache. Asks no database."""
    held = {name: cache.get(name, width) for name, width in widths_of(walk).items()}
    tiles = {name: tile for name, tile in held.items() if tile is not None}
    return reader_of(tiles) if len(tiles) == len(held) else None


async def stored_nodes(session: AsyncSession, walk: Walk, cache: TileCache | None = None) -> NodeReader:
    """A reader over the tiles as stored now, in one query; `cache` keeps them.

    The reader raises VerificationError for a node that is not stored.
    """
    names = sorted(widths_of(walk))
    levels, indexes = [level for level, _ in names], [index for _, index in names]
    held: dict[TileName, ExpandedTile] = {}
    for row in await run_sql(session, _READ, levels=levels, indexes=indexes):
        tile = held[row.level, row.place] = ExpandedTile(bytes(row.hashes))
        if cache is not None:
            cache.put((row.level, row.place), tile)
    return reader_of(held)


def reader_of(tiles: dict[TileName, ExpandedTile]) -> NodeReader:
    """A node reader over tiles in memory. Raises (when read): VerificationError for a node they do not hold."""

    def read(level: int, index: int) -> bytes:
        name, height, position = locate(level, index)
        tile = tiles.get(name)
        node = tile.node(height, position) if tile is not None else None
        if node is None:
            raise VerificationError(f"tree node {index} of level {level} is not stored")
        return node

    return read


@dataclass
class _Edge:
    index: int
    hashes: bytearray


class TileEdge:
    """The right edge of the stored tree: all that appending needs. Collects the tiles it changes."""

    def __init__(self, edges: Iterable[tuple[int, int, bytes]]) -> None:
        self._edges: dict[int, _Edge] = {}
        self._changed: dict[TileName, bytearray] = {}
        for level, index, hashes in edges:
            if len(hashes) == FULL_BYTES:
                self._edges[level] = _Edge(index + 1, bytearray())
            else:
                self._edges[level] = _Edge(index, bytearray(hashes))

    @classmethod
    async def load(cls, session: AsyncSession) -> "TileEdge":
        """The edge as stored."""
        return cls((row.level, row.place, bytes(row.hashes)) for row in await run_sql(session, _EDGES))

    @property
    def size(self) -> int:
        """Number of leaves in the stored tree."""
        edge = self._edges.get(0)
        return 0 if edge is None else edge.index * TILE_WIDTH + len(edge.hashes) // HASH_BYTES

    def append(self, leaf: bytes) -> None:
        """Adds one 32-byte leaf."""
        self._push(0, leaf_hash(leaf))

    async def save(self, session: AsyncSession) -> None:
        """Writes the changed tiles in the session's transaction."""
        if self._changed:
            names = list(self._changed)
            await run_sql(
                session,
                _WRITE,
                levels=[level for level, _ in names],
                indexes=[index for _, index in names],
                hashes=[bytes(self._changed[name]) for name in names],
            )
        self._changed = {}

    def tiles(self) -> dict[TileName, bytes]:
        """The tiles changed since the last save, by name."""
        return {name: bytes(hashes) for name, hashes in self._changed.items()}

    def _push(self, level: int, node: bytes) -> None:
        edge = self._edges.setdefault(level, _Edge(0, bytearray()))
        edge.hashes += node
        self._changed[level, edge.index] = edge.hashes
        if len(edge.hashes) == FULL_BYTES:
            expanded = ExpandedTile(bytes(edge.hashes))
            top = expanded.heights[TILE_HEIGHT - 1]
            self._edges[level] = _Edge(edge.index + 1, bytearray())
            self._push(level + 1, node_hash(top[:HASH_BYTES], top[HASH_BYTES:]))
