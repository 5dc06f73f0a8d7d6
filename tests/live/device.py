"""A browser over HTTP, without a browser: pairs, makes the simulator's capture, commits, uploads, seals."""

import base64
import hashlib
import json
import time
from collections.abc import Callable
from typing import Any

import httpx2

from server.trust.dsse import sign_envelope
from tests.e2e.processes import NotReady
from tests.simulator import PNG
from tests.trust.archive import make_wacz
from tests.trust.parties import Device, statement_payload

DSSE_TYPE = "application/vnd.in-toto+json"


class HttpDevice:
    """A paired device. `pinned` is what the service said at pairing. Every call fails on an answer that is no success."""

    def __init__(self, url: str, pairing_code: str) -> None:
        self.device = Device()
        self._http = httpx2.Client(base_url=url, timeout=60)
        key = base64.b64encode(self.device.spki_der).decode()
        self.pinned = self._json(
            "POST", "/api/v1/devices", json={"pairing_code": pairing_code, "public_key": key, "label": "Trial"}
        )
        self._http.headers["Authorization"] = f"Bearer {self.pinned['token']}"

    def close(self) -> None:
        self._http.close()

    def challenge(self) -> dict[str, Any]:
        return self._json("GET", "/api/v1/challenge")

    def make_artifacts(self) -> dict[str, bytes]:
        """A page archive signed by this device, and a shot."""
        return {"page.wacz": make_wacz(self.device.sign_page_digest), "screenshot.viewport.png": PNG}

    def commit(self, artifacts: dict[str, bytes], **changes: object) -> dict[str, Any]:
        """Signs a statement that names the newest challenge, and commits to it."""
        challenge = self.challenge()
        not_before = None
        if challenge["checkpoint"] is not None:
            not_before = {
                "origin": self.pinned["origin"],
                "treeSize": int(challenge["checkpoint"].splitlines()[1]),
                "checkpointSha256": challenge["checkpoint_sha256"],
                "timestamps": challenge["timestamps"],
            }
        payload = statement_payload(artifacts, {"nonce": challenge["nonce"], "notBefore": not_before, **changes})
        envelope = sign_envelope(payload, SignsStatements(self.device))
        return self._json("POST", "/api/v1/captures", content=envelope, headers={"Content-Type": DSSE_TYPE})

    def upload(self, capture_id: str, artifacts: dict[str, bytes], missing: list[str]) -> None:
        for data in artifacts.values():
            sha256 = hashlib.sha256(data).hexdigest()
            if sha256 in missing:
                self._send("PUT", f"/api/v1/captures/{capture_id}/artifacts/{sha256}", content=data)

    def seal(self, capture_id: str) -> dict[str, Any]:
        return self._json("POST", f"/api/v1/captures/{capture_id}/seal")

    def capture(self) -> str:
        """A whole capture; gives its id."""
        artifacts = self.make_artifacts()
        committed = self.commit(artifacts)
        self.upload(committed["capture_id"], artifacts, committed["missing"])
        return str(self.seal(committed["capture_id"])["capture_id"])

    def read(self, capture_id: str) -> dict[str, Any]:
        return self._json("GET", f"/api/v1/captures/{capture_id}")

    def _json(self, method: str, path: str, **request: Any) -> dict[str, Any]:
        answer: dict[str, Any] = json.loads(self._send(method, path, **request).content)
        return answer

    def _send(self, method: str, path: str, **request: Any) -> httpx2.Response:
        response = self._http.request(method, path, **request)
        assert response.is_success, f"{method} {path}: {response.status_code} {response.text[:500]}"
        return response


class SignsStatements:
    """The device as an envelope signer."""

    def __init__(self, device: Device) -> None:
        self._device = device
        self.key_id = device.key_id

    def sign(self, message: bytes) -> bytes:
        return self._device.sign(message)


def until(read: Callable[[], Any], *, timeout_s: float = 160, logs: Callable[[], str] = str) -> Any:
    """What `read()` gives once it is something. Raises: NotReady with `logs()`."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        if found := read():
            return found
        time.sleep(0.2)
    raise NotReady(f"nothing after {timeout_s:.0f} s\n{logs()}")
