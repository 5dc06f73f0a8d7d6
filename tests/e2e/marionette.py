"""Mozilla's remote control of Firefox, as far as the tests need it: commands over a local socket, each awaited.

Source: `remote/marionette` in Firefox, protocol 3: `<bytes>:<JSON>`, `[0, id, command, parameters]` → `[1, id, error, result]`.
"""

import json
import socket
from types import TracebackType
from typing import Any


class MarionetteError(AssertionError):
    """What the browser answered instead of a result."""


class Marionette:
    """One connection. Not thread safe. Also a context manager."""

    def __init__(self, port: int, *, timeout_s: float = 300) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=timeout_s)
        self._waiting = b""
        self._count = 0
        self._receive()  # who it is
        self.call(
            "WebDriver:NewSession", capabilities={"alwaysMatch": {"acceptInsecureCerts": False, "pageLoadStrategy": "normal"}}
        )

    def call(self, command: str, **parameters: Any) -> Any:
        """The command's result; a lone "value" unwrapped. Raises: MarionetteError."""
        self._count += 1
        message = json.dumps([0, self._count, command, parameters]).encode()
        self._socket.sendall(f"{len(message)}:".encode() + message)
        _kind, answered, error, result = self._receive()
        assert answered == self._count
        if error is not None:
            raise MarionetteError(f"{command}: {error['error']}: {error['message']}")
        return result["value"] if isinstance(result, dict) and set(result) == {"value"} else result

    def run(self, script: str, *arguments: Any, chrome: bool = False, timeout_s: float = 120) -> Any:
        """What the body of an async function returns: in the page of the current window, or with the browser's own rights."""
        wrapped = (
            "const [args, done] = [[...arguments].slice(0, -1), arguments[arguments.length - 1]];"
            f"(async (...args) => {{ {script} }})(...args)"
            ".then((value) => done({value}), (error) => done({error: String(error)}));"
        )
        self.call("Marionette:SetContext", value="chrome" if chrome else "content")
        try:
            answer = self.call(
                "WebDriver:ExecuteAsyncScript",
                script=wrapped,
                args=list(arguments),
                newSandbox=True,
                sandbox="system" if chrome else None,
                scriptTimeout=int(timeout_s * 1000),
            )
        finally:
            self.call("Marionette:SetContext", value="content")
        if answer is None:
            return None  # the page was left while it ran
        if "error" in answer:
            raise MarionetteError(answer["error"])
        return answer.get("value")

    def close(self) -> None:
        self._socket.close()

    def __enter__(self) -> "Marionette":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def _receive(self) -> Any:
        while b":" not in self._waiting:
            self._read()
        length, _, rest = self._waiting.partition(b":")
        self._waiting = rest
        while len(self._waiting) < int(length):
            self._read()
        message, self._waiting = self._waiting[: int(length)], self._waiting[int(length) :]
        return json.loads(message)

    def _read(self) -> None:
        if not (more := self._socket.recv(1 << 16)):
            raise MarionetteError("the browser has gone")
        self._waiting += more
