"""A second process that appends and sequences: `python -m tests.services.sequencer_process URL FOLDER FIRST COUNT`."""

import asyncio
import sys
from pathlib import Path

from tests.services.stage import Stage, leaf


async def main(url: str, folder: str, first: int, count: int) -> None:
    stage = Stage.build(url, Path(folder))
    for number in range(first, first + count):
        await stage.append(leaf(number))
        await stage.log.sequence()
    await stage.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])))
