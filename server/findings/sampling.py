"""A part of a frozen list to look at by hand: the same for everybody who has the list, the seed and the size. Pure."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from server.cases.texts import one_line
from server.errors import BadInput

SIZE_LIMIT = 5_000
SEED_LIMIT = 80
METHOD = "the keys with the least SHA-256 of the seed, a LF and the key; in that order"


@dataclass(frozen=True)
class Sample:
    """`keys` of the `of` keys of a list with this hash, drawn by seed and size."""

    seed: str
    size: int
    statistic: str
    ids_sha256: str
    of: int
    keys: tuple[str, ...]

    def file(self) -> bytes:
        """The sample as a text: how it was drawn in lines that begin with `# `, then one key a line."""
        said = (
            f"# sample of {self.statistic}: {len(self.keys)} of {self.of} keys",
            f"# seed: {self.seed}",
            f"# size asked for: {self.size}",
            f"# list: SHA-256 {self.ids_sha256}",
            f"# method: {METHOD}",
        )
        return "".join(f"{line}\n" for line in (*said, *self.keys)).encode()


def sample_of(keys: Sequence[str], seed: str, size: int, statistic: str, ids_sha256: str) -> Sample:
    """The sample; the whole list where it is not longer than `size`. A larger one with the same seed begins with a smaller one.

    Raises: BadInput (no seed, a size that is not 1 to SIZE_LIMIT).
    """
    said = one_line("seed", seed, SEED_LIMIT)
    if not 1 <= size <= SIZE_LIMIT:
        raise BadInput(field="size", reason=f"1 to {SIZE_LIMIT}")
    drawn = sorted(keys, key=lambda key: hashlib.sha256(f"{said}\n{key}".encode()).digest())
    return Sample(said, size, statistic, ids_sha256, len(keys), tuple(drawn[:size]))
