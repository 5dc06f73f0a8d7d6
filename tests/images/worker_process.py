"""A worker in a process of its own, for a test that kills it: `python -m tests.images.worker_process FOLDER DATABASE_URL`."""

import asyncio
import sys
from pathlib import Path

from server.composition import Overrides, build
from server.worker import register_tasks
from tests.services.stage import HeldClock
from tests.web.site import settings_of


async def main(folder: str, database_url: str) -> None:
    services = build(settings_of(Path(folder), database_url), Overrides(clock=HeldClock(), migrated=True))
    register_tasks(services)
    async with services.running():
        await services.jobs.run_worker()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
