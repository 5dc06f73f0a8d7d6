"""The RFC 6962 tree: hashes, proofs and their verification, and appending with O(log n) state.

A node (level, index) is the root of the complete subtree over leaves [index << level, (index + 1) << level).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from server.trust.errors import VerificationError

HASH_BYTES = 32
EMPTY_ROOT = hashlib.sha256(b"").digest()
MAX_SIZE = 2**62

NodeReader = Callable[[int, int], bytes]
"""(level, index) → the 32-byte hash of a complete subtree. Raises VerificationError when the node is missing."""


def leaf_hash(leaf: bytes) -> bytes:
    """SHA-256(0x00 ‖ leaf): 32 bytes."""
    return hashlib.sha256(b"\x00" + leaf).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """SHA-256(0x01 ‖ left ‖ right): 32 bytes."""
    return hashlib.sha256(b"\x01" + left + right).digest()


@dataclass
class Frontier:
    """The roots of the complete subtrees of a growing tree, largest first: all the state that appending needs."""

    size: int = 0
    _peaks: list[bytes] = field(default_factory=list)

    @classmethod
    def load(cls, size: int, nodes: NodeReader) -> Frontier:
        """The frontier of a stored tree, read from at most log2(size) nodes. Raises: VerificationError if one is missing."""
        _check_size(size)
        return cls(size, [nodes(level, index) for level, index in _peaks(0, size)])

    def append(self, leaf: bytes) -> list[tuple[int, int, bytes]]:
        """Adds a leaf; gives the new complete nodes as (level, index, hash), level 0 first. Cost: amortised two hashes."""
        current = leaf_hash(leaf)
        created = [(0, self.size, current)]
        level, index = 0, self.size
        while index & 1:
            current = node_hash(self._peaks.pop(), current)
            level, index = level + 1, index >> 1
            created.append((level, index, current))
        self._peaks.append(current)
        self.size += 1
        return created

    def root(self) -> bytes:
        """The tree's root, 32 bytes; of the empty tree, SHA-256 of nothing."""
        return _fold(self._peaks)


def root_from_nodes(size: int, nodes: NodeReader) -> bytes:
    """The root of the first `size` leaves. Raises: VerificationError if a node is missing."""
    return Frontier.load(size, nodes).root()


def inclusion_proof(index: int, size: int, nodes: NodeReader) -> list[bytes]:
    """Sibling hashes that bind leaf `index` to the root of the first `size` leaves.

    Shape: list of 32-byte SHA-256 values, the leaf's sibling first, the root's child last; empty when size == 1.
    Range: 0 <= index < size.  Cost: O(log² size) reads of `nodes`.
    Not checked: that `nodes` belongs to a signed checkpoint; see verify_receipt().
    Raises: VerificationError if index is outside the tree or a node is missing.
    Source: RFC 6962 section 2.1.1 (same hashes as C2SP tlog-tiles).
    """
    _check_size(size)
    if not 0 <= index < size:
        raise VerificationError(f"leaf {index} is not in a tree of {size}")
    path = []
    start, end = 0, size
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            path.append(_range_root(middle, end, nodes))
            end = middle
        else:
            path.append(_range_root(start, middle, nodes))
            start = middle
    return path[::-1]


def consistency_proof(old_size: int, size: int, nodes: NodeReader) -> list[bytes]:
    """Hashes that show the first `old_size` leaves of a tree of `size` are the tree they were; empty for equal sizes and for 0.

    Range: 0 <= old_size <= size.  Raises: VerificationError.  Source: RFC 6962 section 2.1.2.
    """
    _check_size(size)
    if not 0 <= old_size <= size:
        raise VerificationError(f"no consistency proof from {old_size} to {size}")
    if old_size == 0:
        return []
    path = []
    start, end = 0, size
    whole = True  # the old tree still covers the range from its beginning to its own end
    while old_size != end:
        middle = start + _split(end - start)
        if old_size <= middle:
            path.append(_range_root(middle, end, nodes))
            end = middle
        else:
            path.append(_range_root(start, middle, nodes))
            start, whole = middle, False
    if not whole:
        path.append(_range_root(start, end, nodes))
    return path[::-1]


def verify_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> None:
    """Succeeds when leaf (its bytes, not its hash) stands at `index` under `root`. Raises: VerificationError.

    Source: RFC 9162 section 2.1.3.2.
    """
    if not 0 <= index < size <= MAX_SIZE:
        raise VerificationError(f"leaf {index} is not in a tree of {size}")
    node, last, current = index, size - 1, leaf_hash(leaf)
    for sibling in proof:
        if last == 0 or len(sibling) != HASH_BYTES:
            raise VerificationError("the inclusion proof has the wrong length")
        if node & 1 or node == last:
            current = node_hash(sibling, current)
            while node and not node & 1:
                node, last = node >> 1, last >> 1
        else:
            current = node_hash(current, sibling)
        node, last = node >> 1, last >> 1
    if last != 0:
        raise VerificationError("the inclusion proof has the wrong length")
    if current != root:
        raise VerificationError("the inclusion proof does not lead to the checkpoint's root")


def verify_consistency(old: tuple[int, bytes], new: tuple[int, bytes], proof: Sequence[bytes]) -> None:
    """Succeeds when the tree `new` = (size, root) begins with the tree `old`. Raises: VerificationError.

    Source: RFC 9162 section 2.1.4.2. The empty tree is a beginning of every tree, with an empty proof.
    """
    (old_size, old_root), (size, root) = old, new
    if not 0 <= old_size <= size <= MAX_SIZE:
        raise VerificationError(f"a tree of {size} cannot extend one of {old_size}")
    if old_size in (0, size):
        if proof or old_root != (root if old_size == size else EMPTY_ROOT):
            raise VerificationError("two different roots for one size, or a proof where none belongs")
        return
    path = [old_root, *proof] if old_size & (old_size - 1) == 0 else list(proof)
    if not path or any(len(value) != HASH_BYTES for value in path):
        raise VerificationError("the consistency proof has the wrong length")
    node, last = old_size - 1, size - 1
    while node & 1:
        node, last = node >> 1, last >> 1
    old_hash = new_hash = path[0]
    for value in path[1:]:
        if last == 0:
            raise VerificationError("the consistency proof has the wrong length")
        if node & 1 or node == last:
            old_hash, new_hash = node_hash(value, old_hash), node_hash(value, new_hash)
            while node and not node & 1:
                node, last = node >> 1, last >> 1
        else:
            new_hash = node_hash(new_hash, value)
        node, last = node >> 1, last >> 1
    if last != 0 or old_hash != old_root or new_hash != root:
        raise VerificationError("the older tree is not a beginning of the newer one")


def _split(width: int) -> int:
    """The largest power of two smaller than `width` (width >= 2)."""
    return 1 << ((width - 1).bit_length() - 1)


def _peaks(start: int, end: int) -> list[tuple[int, int]]:
    """The complete subtrees that cover leaves [start, end), largest first; `start` must be aligned to the range's width."""
    nodes = []
    while start < end:
        level = (end - start).bit_length() - 1
        nodes.append((level, start >> level))
        start += 1 << level
    return nodes


def _range_root(start: int, end: int, nodes: NodeReader) -> bytes:
    return _fold([nodes(level, index) for level, index in _peaks(start, end)])


def _fold(peaks: Sequence[bytes]) -> bytes:
    if not peaks:
        return EMPTY_ROOT
    current = peaks[-1]
    for peak in reversed(peaks[:-1]):
        current = node_hash(peak, current)
    return current


def _check_size(size: int) -> None:
    if not 0 <= size <= MAX_SIZE:
        raise VerificationError(f"tree size {size} is out of range")
