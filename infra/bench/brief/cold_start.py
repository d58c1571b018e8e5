"""Before a process that sleeps: the first request waits until the platform has started it, then it is forwarded."""

import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler

from infra.chaos.proxy import FaultProxy


class ColdStartProxy(FaultProxy):
    """
    Forwards HTTP to `target`; after `sleep` the first request starts the process, and all wait for the same start.

    `start` starts the process and returns once it listens. The penalty stands for what the platform needs to make room
    for an instance and to load its image, before any code runs.
    """

    def __init__(self, name: str, target: str, start: Callable[[str], None]) -> None:
        super().__init__(name, target, start)
        self._start = start
        self._is_asleep = False
        self._penalty_s = 0.0
        self._starting = threading.Lock()
        self.start_s = 0.0
        """How long the last start took, from its first request, the penalty included."""

    def sleep(self, penalty_s: float) -> None:
        """Let the next request start the process, which has to be stopped already."""
        self._penalty_s, self._is_asleep, self.start_s = penalty_s, True, 0.0

    @property
    def is_asleep(self) -> bool:
        """Whether no request has come since."""
        return self._is_asleep

    def answer(self, call: BaseHTTPRequestHandler) -> None:
        """Forward one request, once the process runs."""
        with self._starting:
            if self._is_asleep:
                self._wake()
        super().answer(call)

    def _wake(self) -> None:
        began = time.monotonic()
        time.sleep(self._penalty_s)
        self._start(self.name)
        self.start_s, self._is_asleep = time.monotonic() - began, False
