"""An HTTP proxy before a service that counts requests and how long they take."""

import threading
import time
from collections import Counter
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler

from infra import bundle
from infra.chaos.proxy import FaultProxy
from shared.step import waking

PUBLIC = ("alert_intake", "workflow_starter", "incident_sweeper")
"""Functions that something else than the workflow calls."""


class HttpCounter(FaultProxy):
    """
    Forwards HTTP as it is, and counts into `counts`: requests of each service, writing ones apart.

    Of functions also `function_ms`, which is what Cloud Run bills where an instance has one request at a time; of the
    model, the calls of each model.
    """

    def __init__(self, name: str, target: str, kill: Callable[[str], None], counts: Counter[str]) -> None:
        self._counts = counts
        self._counting = threading.Lock()
        super().__init__(name, target, kill)

    def answer(self, call: BaseHTTPRequestHandler) -> None:
        """Pass one request on, and count it."""
        began = time.monotonic()
        super().answer(call)
        milliseconds = round((time.monotonic() - began) * 1000)
        with self._counting:
            self._counts.update(counted(self.name, call.command, call.path, milliseconds))


def counted(name: str, method: str, path: str, milliseconds: int) -> dict[str, int]:
    """Return what one request counts as."""
    if name == "gemini":
        return {f"calls of {path.rpartition('/')[2].partition(':')[0]}": 1}
    if name == "gmail":
        return {"mails" if "/send" in path else "mail_tokens": 1}
    if name == "github" and path.startswith("/search/code"):
        return {"github_searches": 1, "github_reads": 1}
    if name not in bundle.names():
        return {f"{name}_{'reads' if method == 'GET' else 'writes'}": 1}
    kind = "wakes" if path == waking.PATH else "function_requests" if name in PUBLIC else "step_requests"
    return {kind: 1, "function_ms": milliseconds, f"{name}_ms": milliseconds}
