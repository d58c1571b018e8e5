"""The local Host: real waits and requests, an in-memory log, callbacks on loopback."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from infra.local.engine.language.errors import tagged, timeout_error, value_error
from infra.local.engine.language.values import Value, to_text
from infra.local.engine.runtime.callbacks import CallbackRegistry
from infra.local.engine.runtime.waiting import Cancellation
from shared import clock

T = TypeVar("T")
_LOGGER = logging.getLogger(__name__)


@dataclass(frozen=True)
class LogEntry:
    """An entry written by `sys.log`; `at` is UTC."""

    at: datetime
    severity: str
    payload: Value


def no_other_workflow(workflow: str, argument: Value) -> Value:
    """Raise an error: without a server no other workflow is deployed."""
    del argument
    raise tagged("SystemError", f"workflow {workflow!r} is not deployed here")


class LocalHost:
    """
    The services one execution may use.

    `time_scale` multiplies every sleep and every wait before a retry, so that tests are fast; timeouts of requests and
    callbacks are not scaled.
    """

    def __init__(
        self,
        environment: Mapping[str, str],
        cancellation: Cancellation,
        callbacks: CallbackRegistry,
        *,
        time_scale: float = 1.0,
        execute: Callable[[str, Value], Value] = no_other_workflow,
    ) -> None:
        self.logs: list[LogEntry] = []
        self._environment = dict(environment)
        self._cancellation = cancellation
        self._callbacks = callbacks
        self._time_scale = time_scale
        self._execute = execute

    @property
    def environment(self) -> Mapping[str, str]:
        """The built-in and the user's environment variables."""
        return self._environment

    def now_s(self) -> float:
        """Return the seconds since the Unix epoch."""
        return clock.now().timestamp()

    def sleep(self, seconds: float) -> None:
        """Wait this many seconds, scaled; raises ExecutionCancelled."""
        self._cancellation.sleep(seconds * self._time_scale)

    def wait_for(self, work: Callable[[], T], timeout_s: float) -> T:
        """Return what `work` returns; raises WorkflowError (TimeoutError) or ExecutionCancelled."""
        return self._cancellation.wait_for(work, timeout_s)

    def log(self, severity: str, payload: Value) -> None:
        """Store one log entry."""
        self.logs.append(LogEntry(clock.now(), severity, payload))
        _LOGGER.info("workflow.logged %s %s", severity, payload if isinstance(payload, str) else to_text(payload))

    def create_callback(self, method: str) -> str:
        """Return the URL of a new callback endpoint for this HTTP method."""
        return self._callbacks.create(method)

    def await_callback(self, url: str, timeout_s: float) -> Value:
        """Return the callback received at the URL; raises WorkflowError (TimeoutError, ValueError)."""
        endpoint = self._callbacks.find(url)
        if endpoint is None:
            raise value_error(f"{url!r} is not a callback of this execution")
        requests: list[Value] = []

        def is_received() -> bool:
            if not requests and (request := self._callbacks.take(endpoint)) is not None:
                requests.append(request)
            return bool(requests)

        endpoint.waiters += 1
        try:
            if not self._cancellation.wait(is_received, timeout_s):
                raise timeout_error(f"no callback within {timeout_s:g} seconds")
        finally:
            endpoint.waiters -= 1
        return requests[0]

    def execute(self, workflow: str, argument: Value) -> Value:
        """Run another deployed workflow to its end and return its result; raises WorkflowError."""
        return self._execute(workflow, argument)
