"""How often a wrong key may be tried: a few times a minute from one address."""

import threading
from collections import OrderedDict, deque

import flask

from shared import clock
from shared.errors import Throttled

MAX_WRONG = 5
SPAN_S = 60.0
MAX_ADDRESSES = 1_000


class LoginLimit:
    """Counts wrong keys by address, in this process; the oldest addresses are forgotten first."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._wrong: OrderedDict[str, deque[float]] = OrderedDict()

    def check(self, address: str) -> None:
        """Raise Throttled when the address tried MAX_WRONG wrong keys within SPAN_S, whatever it tries now."""
        with self._lock:
            times = self._recent(address)
            if len(times) >= MAX_WRONG:
                wait_s = SPAN_S - (clock.now().timestamp() - times[0])
                raise Throttled("Too many wrong keys; wait a minute", retry_after_s=max(1.0, wait_s))

    def note_wrong(self, address: str) -> None:
        """Count a wrong key."""
        with self._lock:
            self._recent(address).append(clock.now().timestamp())
            self._wrong.move_to_end(address)
            while len(self._wrong) > MAX_ADDRESSES:
                self._wrong.popitem(last=False)

    def _recent(self, address: str) -> deque[float]:
        times = self._wrong.setdefault(address, deque(maxlen=MAX_WRONG))
        while times and times[0] <= clock.now().timestamp() - SPAN_S:
            times.popleft()
        return times


def address_of(request: flask.Request) -> str:
    """
    Return the address that the request comes from.

    Google's front end appends it to X-Forwarded-For; what stands before is the sender's own claim.
    """
    forwarded = request.headers.get("X-Forwarded-For", "")
    return forwarded.rpartition(",")[2].strip()[:64] or request.remote_addr or ""
