"""The callback endpoints of one execution and the requests they received."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field

from infra.local.engine.language.values import Value


@dataclass
class CallbackEndpoint:
    """One endpoint: its HTTP method, its received requests, the number of waiting steps."""

    id: str
    method: str
    url: str
    received: list[Value] = field(default_factory=list)
    waiters: int = 0


class CallbackRegistry:
    """Endpoints below `base_url`; `wake_waiters` is called when an endpoint receives a request."""

    def __init__(self, base_url: str, wake_waiters: Callable[[], None]) -> None:
        self._base_url = base_url.rstrip("/")
        self._wake_waiters = wake_waiters
        self._lock = threading.Lock()
        self._endpoints: dict[str, CallbackEndpoint] = {}

    def create(self, method: str) -> str:
        """Return the URL of a new endpoint."""
        identifier = str(uuid.uuid4())
        endpoint = CallbackEndpoint(identifier, method, f"{self._base_url}/callbacks/{identifier}")
        with self._lock:
            self._endpoints[identifier] = endpoint
        return endpoint.url

    def endpoints(self) -> list[CallbackEndpoint]:
        """Return every endpoint, oldest first."""
        with self._lock:
            return list(self._endpoints.values())

    def find(self, url_or_id: str) -> CallbackEndpoint | None:
        """Return the endpoint with this URL or ID, or None."""
        with self._lock:
            return self._endpoints.get(url_or_id.rpartition("/")[2])

    def deliver(self, endpoint: CallbackEndpoint, request: Value) -> None:
        """Deliver a request to an endpoint."""
        with self._lock:
            endpoint.received.append(request)
        self._wake_waiters()

    def take(self, endpoint: CallbackEndpoint) -> Value:
        """Return the oldest request not taken yet, or None."""
        with self._lock:
            return endpoint.received.pop(0) if endpoint.received else None
