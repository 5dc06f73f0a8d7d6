"""What is killed × where the capture stands, for any browser.

Killed: the background, the browser (kill -9), the service (kill -9). Standing: queued, committing, uploading, sealing.
In each of the twelve the capture ends sealed, once: none is lost and none is there twice. The capture that is committing waits
for an answer the service has already given, so that the service knows what the browser does not; the same for the one that is
sealing. Three captures stand in three states at once, so that one killing serves three.
"""

import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Generic, TypeVar

from tests.e2e.chromium import Chromium, wait_for
from tests.e2e.firefox import Firefox
from tests.e2e.gate import BYTES, COMMIT, SEAL, Gate
from tests.e2e.site import DemoSite
from tests.e2e.stack import Stack

KILLED = ("background", "browser", "service")
PICTURES, KILOBYTES = 3, 60
Browser = TypeVar("Browser", Chromium, Firefox)


class KillMatrix(ABC, Generic[Browser]):
    """One browser, paired through the gate. What differs between browsers is left to its kinds."""

    def __init__(self, browser: Browser, site: DemoSite, stack: Stack, gate: Gate) -> None:
        self.browser = browser
        self.site = site
        self.stack = stack
        self.gate = gate

    @abstractmethod
    def capture(self, url: str) -> Callable[[], None]:
        """Opens the page and clicks; gives what closes it."""

    @abstractmethod
    def end_background(self) -> None:
        """Ends the extension's background as the browser itself does, in the middle of whatever it does."""

    @abstractmethod
    def queue(self) -> AbstractContextManager[Callable[[], None]]:
        """The list of captures in a tab: gives what loads it anew."""

    def kill(self, killed: str) -> None:
        """`killed`: one of KILLED; what was killed is started again."""
        if killed == "background":
            self.end_background()
        elif killed == "browser":
            self.browser.kill()
            self.browser.start()
        else:
            assert self.stack.serve is not None
            self.stack.serve.kill()
            self.stack.start_serve()

    def begin(self, state: str) -> str:
        """Captures a page; gives the capture's id once it stands in `state`."""
        before = {item["captureId"] for item in self.browser.items()}
        close = self.capture(self.site.many(PICTURES, KILOBYTES))
        item = self.browser.wait_for_item(lambda item: item["captureId"] not in before and item["state"] == state)
        close()
        return str(item["captureId"])

    def sealed_once(self, captures: list[str]) -> None:
        """Each is sealed in the browser with two receipts of its own, and the service logged its commit and its seal once.

        A person looks at the list of captures now and then, which makes the queue go on before its alarm of 30 seconds.
        """
        with self.queue() as look:

            def done() -> bool:
                states = {item["captureId"]: item["state"] for item in self.browser.items()}
                if all(states.get(capture_id) == "sealed" for capture_id in captures):
                    return True
                look()
                time.sleep(1)
                return False

            wait_for(done, 90, lambda: str([(one["captureId"][:8], one["state"], one["reason"]) for one in self.browser.items()]))
        items = {item["captureId"]: item for item in self.browser.items()}
        for capture_id in captures:
            assert items[capture_id]["committed"]["index"] < items[capture_id]["sealed"]["index"]
            events = self.stack.event_types(self.browser.token, capture_id)
            assert (events.count("capture.committed"), events.count("capture.sealed")) == (1, 1), events

    def loses_nothing(self, killed: str) -> None:
        """Kills while captures stand in each of the states; all are sealed in the end, once. Raises: AssertionError."""
        self.gate.hold(BYTES, is_answered=False)
        uploading = self.begin("uploading")
        self.gate.wait()
        self.gate.hold(COMMIT, is_answered=True)
        committing = self.begin("committing")
        self.gate.wait()
        queued = self.begin("queued")
        self.kill(killed)
        self.gate.open()
        self.sealed_once([uploading, committing, queued])

        self.gate.hold(SEAL, is_answered=True)
        sealing = self.begin("uploading")
        self.gate.wait()
        self.kill(killed)
        self.gate.open()
        self.sealed_once([sealing])
        ids = [item["captureId"] for item in self.browser.items()]
        assert len(ids) == len(set(ids))
        self.stack.log_check()
