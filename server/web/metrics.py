"""Numbers for Prometheus: requests by route and outcome, and the state of the log when scraped. Nothing personal."""

import time

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from server.composition import Services

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
BUCKETS_S = (0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0)


class Metrics:
    """The counters of one application (a registry of its own, so that two applications in one process do not mix)."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "holdstill_http_requests", "Answered requests", ("method", "route", "status"), registry=self._registry
        )
        self._seconds = Histogram(
            "holdstill_http_request_seconds",
            "Time to the start of the answer",
            ("route",),
            buckets=BUCKETS_S,
            registry=self._registry,
        )
        self._log_size = Gauge("holdstill_log_size", "Leaves under the newest published checkpoint", registry=self._registry)
        self._cosignatures = Gauge("holdstill_log_cosignatures", "Cosignatures on the newest checkpoint", registry=self._registry)
        self._stamped = Gauge("holdstill_log_stamped_size", "Leaves under the newest stamped checkpoint", registry=self._registry)
        self._pending = Gauge("holdstill_stamps_pending", "Stamps asked for without an answer", registry=self._registry)
        self._devices = Gauge("holdstill_devices", "Active devices", registry=self._registry)
        self._warm = Gauge("holdstill_images_ready", "Whether this process has its index of pictures", registry=self._registry)

    def count(self, scope: Scope, status: int, seconds: float) -> None:
        """Counts one answer under its route's template, never under its path."""
        route = getattr(scope.get("route"), "path", "unmatched")
        self._requests.labels(scope["method"] if scope["method"] in METHODS else "other", route, str(status)).inc()
        self._seconds.labels(route).observe(seconds)

    async def render(self, services: Services) -> bytes:
        """The text exposition, the gauges read from the database now."""
        newest = await services.log.newest()
        stamped = await services.log.newest_stamped()
        self._log_size.set(0 if newest is None else newest.size)
        self._cosignatures.set(0 if newest is None else newest.cosignatures)
        self._stamped.set(0 if stamped is None else stamped.published.size)
        self._pending.set(sum(1 for outcome in await services.stamps.recent() if outcome.state == "pending"))
        self._devices.set((await services.operators.count())[1])
        self._warm.set(services.images.warming.state == "ready")
        return generate_latest(self._registry)


class MeasureRequests:
    """Plain ASGI: bodies stream through untouched."""

    def __init__(self, app: ASGIApp, *, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes everything on; counts at the start of the answer."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.monotonic()

        async def send_counted(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._metrics.count(scope, message["status"], time.monotonic() - began)
            await send(message)

        await self._app(scope, receive, send_counted)
