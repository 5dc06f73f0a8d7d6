"""How `make test` shares the run out to its processes (pytest-xdist): browsers from one end, all the rest from the other.

A test that waits for a browser leaves the machine to others; one that computes does not. So the first process takes work from
the front of the list of files (`tests/e2e`, `tests/extension` …) and every other one from its back (`tests/web`, `tests/trust`)
until they meet: two browsers stand side by side only towards the end, and most fixtures of the session are made once only.
"""

from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from xdist.scheduler import LoadScopeScheduling

if TYPE_CHECKING:
    from xdist.workermanage import WorkerController

WHOLE_FOLDERS = ("tests/extension/capture", "tests/extension/recorded")
"""Folders with one browser for all their files: they stay together."""


class TwoEnds(LoadScopeScheduling):
    """Work in units of one file (or one of WHOLE_FOLDERS), in the order of their paths, taken from both ends."""

    def _split_scope(self, nodeid: str) -> str:
        path = PurePosixPath(nodeid.split("::", 1)[0])
        return next((folder for folder in WHOLE_FOLDERS if path.is_relative_to(folder)), path.as_posix())

    def _assign_work_unit(self, node: "WorkerController") -> None:
        """The next unit in line becomes the one at the node's own end; the rest is the library's."""
        if node is not self.nodes[0]:
            self.workqueue.move_to_end(next(reversed(self.workqueue)), last=False)
        super()._assign_work_unit(node)
