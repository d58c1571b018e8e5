"""What a function loads when it is woken, before the first call that needs it. Waking gives way to calls."""

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from shared import log
from shared.errors import IncidentCopilotError

PATH = "/wake"
"""Where a function is called to be woken, by Pub/Sub; functions-framework hands every path to the function."""

GIVES_WAY_S = 30.0
"""How long waking waits for calls at most: Pub/Sub pushes again what takes a minute."""

_loads: dict[str, Callable[[], object]] = {}


def on_wake(name: str, load: Callable[[], object]) -> None:
    """Let a function load something when it is woken: what takes long the first time it is used."""
    _loads[name] = load


class _Calls:
    """How many calls an instance is working on."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._count = 0

    @contextmanager
    def one(self) -> Iterator[None]:
        """Count one while the block runs."""
        self._add(1)
        try:
            yield
        finally:
            self._add(-1)

    def wait_over(self, timeout_s: float) -> None:
        """Return once there is none, or the time is up."""
        with self._changed:
            self._changed.wait_for(lambda: self._count == 0, timeout_s)

    def _add(self, count: int) -> None:
        with self._changed:
            self._count += count
            self._changed.notify_all()


calls = _Calls()
_waking = threading.Lock()


def wake(*first: Callable[[], object]) -> None:
    """
    Load it all, `first` leading; what cannot be loaded fails in the first call that needs it, where it counts.

    An instance has one CPU: what comes to be worked on meanwhile is worked on, and waking goes on when it is over. It
    has few threads too: who wakes one that is being woken does not wait.
    """
    if not _waking.acquire(blocking=False):
        return
    try:
        _load([*first, *_loads.values()], time.monotonic() + GIVES_WAY_S)
    finally:
        _waking.release()


def _load(loads: Iterable[Callable[[], object]], ends_at: float) -> None:
    for load in loads:
        calls.wait_over(max(0.0, ends_at - time.monotonic()))
        try:
            load()
        except IncidentCopilotError as error:
            log.warning("step.not_awake", error_type=type(error).__name__, error=str(error))
