"""Before a process that sleeps: the first request waits until the platform has started it, then it is forwarded."""

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler

from infra.chaos.proxy import FaultProxy
from shared.step import waking

NORMAL, IDLE = 0, 19
"""The priority of a process that is called, and the lowest there is, as `nice` counts."""
CAN_RAISE = os.geteuid() == 0
"""Whether a priority can be raised again once it was lowered."""


class ColdStartProxy(FaultProxy):
    """
    Forwards HTTP to `target`; after `sleep` the first request starts the process, and all wait for the same start.

    `start` starts the process and returns once it listens. The penalty stands for what the platform needs to make room
    for an instance and to load its image, before any code runs.

    There an instance has a CPU of its own. Here all share those of one machine, so a process that was only woken has
    the low priority `woken` until it is called: `set_priority` gives one to the process, if it runs. Without the right
    to raise a priority again every process keeps the normal one.
    """

    def __init__(
        self,
        name: str,
        target: str,
        start: Callable[[str], None],
        set_priority: Callable[[str, int], None] = lambda _name, _priority: None,
        woken: int = IDLE,
    ) -> None:
        super().__init__(name, target, start)
        self._start = start
        self._set_priority = set_priority
        self._woken = woken
        self._is_asleep = self._is_called = False
        self._penalty_s = 0.0
        self._starting = threading.Lock()
        self.start_s = 0.0
        """How long the last start took, from its first request, the penalty included."""

    def sleep(self, penalty_s: float) -> None:
        """Let the next request start the process, which has to be stopped already."""
        self._penalty_s, self._is_asleep, self._is_called, self.start_s = penalty_s, True, False, 0.0

    @property
    def is_asleep(self) -> bool:
        """Whether no request has come since."""
        return self._is_asleep

    def answer(self, call: BaseHTTPRequestHandler) -> None:
        """Forward one request, once the process runs."""
        if call.path != waking.PATH and not self._is_called:
            # Also while it starts because it was woken.
            self._is_called = True
            self._set_priority(self.name, NORMAL)
        with self._starting:
            if self._is_asleep:
                self._wake()
        super().answer(call)

    def _wake(self) -> None:
        began = time.monotonic()
        time.sleep(self._penalty_s)
        with _at_priority(NORMAL if self._is_called else self._woken):
            self._start(self.name)
        if self._is_called:
            self._set_priority(self.name, NORMAL)
        self.start_s, self._is_asleep = time.monotonic() - began, False


@contextmanager
def _at_priority(priority: int) -> Iterator[None]:
    """Give a priority to this thread, and so to what it starts, where it can be raised again."""
    if not CAN_RAISE:
        yield
        return
    thread = threading.get_native_id()
    before = os.getpriority(os.PRIO_PROCESS, thread)
    os.setpriority(os.PRIO_PROCESS, thread, before + priority)
    try:
        yield
    finally:
        os.setpriority(os.PRIO_PROCESS, thread, before)
