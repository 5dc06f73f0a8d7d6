"""Where replays live: an origin of their own, on another host name than the application, best one per capture."""

import ipaddress
from urllib.parse import urlsplit

from server.settings import Settings

CAPTURE = "{capture}"
LABEL_CHARS = 32


def check_replay_url(settings: Settings) -> None:
    """Returns when replays would be apart from the application: cookies know hosts but not ports.

    Raises: ValueError when replay_url is no http(s) origin, has the application's host name or lies above it, or has `{capture}`
    elsewhere than as its first label.
    """
    if not settings.replay_url:
        return
    place = f"HOLDSTILL_REPLAY_URL ({settings.replay_url[:200]})"
    parts = urlsplit(settings.replay_url.replace(CAPTURE, "a" * LABEL_CHARS))
    rest = (parts.path.strip("/"), parts.query, parts.fragment, parts.username or "")
    if parts.scheme not in ("http", "https") or not parts.hostname or any(rest) or not _has_port(parts.netloc):
        raise ValueError(f"{place} is not an origin: write https://{CAPTURE}.replay.example, without a path")
    if "{" in settings.replay_url.replace(CAPTURE, "", 1) or (
        CAPTURE in settings.replay_url and f"//{CAPTURE}." not in settings.replay_url
    ):
        raise ValueError(f"{place}: {CAPTURE} may stand once, as the first part of the host name")
    own = urlsplit(settings.public_url)
    if parts.hostname == (own.hostname or "") or (own.hostname or "").endswith(f".{parts.hostname}"):
        raise ValueError(f"{place} needs another host name than HOLDSTILL_PUBLIC_URL, not above it: cookies do not know ports")
    if own.scheme == "https" and parts.scheme != "https":
        raise ValueError(f"{place} must be https when HOLDSTILL_PUBLIC_URL is: browsers would not load the frame")


def replay_port(settings: Settings) -> int:
    """The port on which `serve` listens for replays."""
    return settings.port + 1 if settings.replay_port is None else settings.replay_port


def replay_origin(settings: Settings, capture_id: str) -> str | None:
    """The origin for one capture's replay, None when replay is not set up.

    Names under `localhost` lead to this machine in Chromium and Firefox without any set-up, and count as secure: service
    workers run.
    """
    label = capture_id[:LABEL_CHARS]
    if settings.replay_url:
        return settings.replay_url.replace(CAPTURE, label).rstrip("/")
    if not _is_loopback(urlsplit(settings.public_url).hostname or ""):
        return None
    return f"http://{label}.localhost:{replay_port(settings)}"


def host_of(origin: str) -> str:
    """`host[:port]` as a Host header has it."""
    return urlsplit(origin).netloc.lower()


def _has_port(netloc: str) -> bool:
    """False when what stands behind the colon is no port."""
    try:
        return urlsplit(f"//{netloc}").port != 0
    except ValueError:
        return False


def _is_loopback(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
