"""What operators see of a service: a log line for each request and counts for Prometheus, nothing about a patient."""

from __future__ import annotations

import logging
import os
import time
from uuid import uuid4

from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector
from starlette.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ["FEEDBACK", "Monitor", "metrics"]

LOG = logging.getLogger("reasoner.serve")
REQUESTS = Counter("reasoner_requests_total", "Requests, by route and status.", ["method", "route", "status"])
SECONDS = Histogram(
    "reasoner_request_seconds",
    "Time from a request's head to its answer's end.",
    ["route"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)
FEEDBACK = Counter("reasoner_feedback_total", "Cards that users accepted or overrode.", ["service", "outcome", "reason"])
METHODS = {"GET", "HEAD", "POST", "OPTIONS"}
SECURITY = [
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
]
NO_CONTENT = (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'")
UNCACHED = (b"cache-control", b"no-store")


def metrics() -> tuple[bytes, str]:
    """Give the counts of all processes of the service in Prometheus's text format, with its media type."""
    registry = REGISTRY
    if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
        registry = CollectorRegistry()
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return generate_latest(registry), CONTENT_TYPE_LATEST


class Monitor:
    """Wraps an application: numbers, times, counts and logs every request, secures the answer's headers, hides our errors.

    Routes leave their path, as it is declared, in ``scope["template"]``.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        name, start, status = uuid4().hex, time.perf_counter(), 0

        async def watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = message["headers"]
                given = {key for key, _ in headers}
                headers += SECURITY
                headers += [(key, value) for key, value in (NO_CONTENT, UNCACHED) if key not in given]
                headers.append((b"x-request-id", name.encode()))
            await send(message)

        try:
            await self.app(scope, receive, watched)
        except Exception:
            LOG.exception("a request failed", extra={"about": {"request": name}})
        seconds = time.perf_counter() - start
        route = scope.get("template", "none")
        method = scope["method"] if scope["method"] in METHODS else "other"
        REQUESTS.labels(method, route, status).inc()
        SECONDS.labels(route).observe(seconds)
        if LOG.isEnabledFor(logging.INFO):
            about = {"request": name, "method": method, "route": route, "status": status}
            LOG.info("request", extra={"about": {**about, "milliseconds": round(seconds * 1000, 2)}})
