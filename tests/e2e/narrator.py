"""Tells a person what is going on: numbered steps, each with its time, details below it."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager


class Narrator:
    """Prints `step n/total  what …  time`, and details indented. At a terminal the step's line stands while it runs."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._done = 0
        self._begun = time.monotonic()
        self._terminal = sys.stdout.isatty()

    @contextmanager
    def step(self, what: str) -> Iterator[None]:
        """One step: its time when it ends, `failed` when it raises."""
        self._done += 1
        label = f"[{self._done}/{self._total}] {what}"
        print(label, end=" …" if self._terminal else " …\n", flush=True)
        begun = time.monotonic()
        self._details: list[str] = []
        outcome = "failed"
        try:
            yield
            outcome = "ok"
        finally:
            took = f"{time.monotonic() - begun:.1f} s"
            line = f"{label}  {outcome}, {took}" if self._terminal else f"      {outcome}, {took}"
            print(("\r" if self._terminal else "") + line, flush=True)
            for detail in self._details:
                print(f"      {detail}", flush=True)

    def tell(self, text: str) -> None:
        """A detail of the step that is running; several lines are kept as they are."""
        self._details.extend(text.rstrip().splitlines())

    def close(self, text: str) -> None:
        """The last words, with the time of the whole."""
        print(f"\n{text} ({time.monotonic() - self._begun:.0f} s)", flush=True)
