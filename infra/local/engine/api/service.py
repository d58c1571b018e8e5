"""The service behind both servers: deploy workflows; start, watch, list and cancel executions."""

from __future__ import annotations

import itertools
import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from infra.local.engine.api import filters
from infra.local.engine.api.deployments import Deployment, Deployments, check_labels
from infra.local.engine.api.errors import FailedPrecondition, InvalidArgument, NotFound
from infra.local.engine.api.execution import Execution, ExecutionRequest, Parts, State
from infra.local.engine.language import limits
from infra.local.engine.language.errors import WorkflowError, tagged
from infra.local.engine.language.values import Value, from_json, to_json
from infra.local.engine.runtime.callbacks import CallbackRegistry
from infra.local.engine.runtime.history import History, StepEntry
from infra.local.engine.runtime.local_host import LocalHost
from infra.local.engine.runtime.waiting import Cancellation

StepListener: TypeAlias = Callable[[str, StepEntry], None]
"""Receives the execution's name and the entry, at the start and the end of each step."""

_DEFAULT_PAGE = 100
_MAX_PAGE = 1000
_PROJECT_NUMBER = "000000000000"


@dataclass(frozen=True)
class Page:
    """A page of executions and the token of the next page, empty on the last one."""

    executions: list[Execution]
    next_token: str


def no_listener(execution: str, entry: StepEntry) -> None:
    """Ignore every step entry."""
    del execution, entry


class WorkflowsService:
    """
    All deployments and all executions, in memory.

    `time_scale` multiplies sleeps and waits before retries; `base_url` is the root of the callback URLs.
    """

    def __init__(self, *, time_scale: float = 1.0, listener: StepListener = no_listener) -> None:
        self.deployments = Deployments()
        self.base_url = ""
        self._time_scale = time_scale
        self._listener = listener
        self._lock = threading.Lock()
        self._sequence = itertools.count(1)
        self._executions: dict[str, Execution] = {}

    def create_execution(
        self, workflow: str, request: ExecutionRequest, on_end: Callable[[], None] = lambda: None
    ) -> Execution:
        """Start a workflow; raises NotFound, InvalidArgument."""
        deployment = self.deployments.get(workflow)
        _check(request)
        name = f"{workflow}/executions/{uuid.uuid4()}"
        execution = self._execution(name, deployment, request)
        with self._lock:
            self._executions[name] = execution
        execution.start(on_end)
        return execution

    def get_execution(self, name: str) -> Execution:
        """Return an execution; raises NotFound."""
        with self._lock:
            execution = self._executions.get(name)
        if execution is None:
            raise NotFound(f"execution {name!r} does not exist")
        return execution

    def list_executions(
        self, workflow: str, *, text: str = "", order_by: str = "", size: int = 0, token: str = ""
    ) -> Page:
        """Return executions that match a filter, newest first by default; raises NotFound, InvalidArgument."""
        self.deployments.get(workflow)
        comparisons = filters.parse(text)
        is_ascending = _is_ascending(order_by)
        with self._lock:
            executions = [item for name, item in self._executions.items() if name.startswith(f"{workflow}/executions/")]
        executions = [execution for execution in executions if filters.matches(execution, comparisons)]
        executions.sort(key=lambda execution: execution.sequence, reverse=not is_ascending)
        return _page(executions, size, token, is_ascending=is_ascending)

    def cancel_execution(self, name: str) -> Execution:
        """Cancel a running execution and return it ended; raises NotFound, FailedPrecondition."""
        execution = self.get_execution(name)
        if execution.state is not State.ACTIVE:
            raise FailedPrecondition(f"execution {name!r} has ended: {execution.state}")
        execution.cancel()
        # A step that is computing ends first; every wait ends at once.
        execution.wait(1.0)
        return execution

    def stop(self) -> None:
        """Cancel everything that still runs."""
        with self._lock:
            executions = list(self._executions.values())
        for execution in executions:
            execution.cancel()
        for execution in executions:
            execution.wait(1.0)

    def _execution(self, name: str, deployment: Deployment, request: ExecutionRequest) -> Execution:
        cancellation = Cancellation()
        callbacks = CallbackRegistry(f"{self.base_url}/v1/{name}", cancellation.wake_waiters)
        host = LocalHost(
            _environment(name, deployment),
            cancellation,
            callbacks,
            time_scale=self._time_scale,
            execute=lambda workflow, argument: self._execute(deployment.name, workflow, argument, cancellation),
        )
        history = History(lambda entry: self._listener(name, entry))
        parts = Parts(cancellation, callbacks, host, history)
        return Execution(name, next(self._sequence), deployment, request, parts)

    def _execute(self, caller: str, workflow: str, argument: Value, cancellation: Cancellation) -> Value:
        """Run another workflow of the caller's project; cancelling the caller cancels it too."""
        name = f"{caller.rpartition('/')[0]}/{workflow}"
        try:
            child = self.create_execution(name, ExecutionRequest(to_json(argument)), cancellation.wake_waiters)
        except (NotFound, InvalidArgument) as error:
            raise tagged("SystemError", f"workflow {workflow!r} cannot be run: {error}") from error
        try:
            cancellation.wait(lambda: child.ending is not None, None)
        finally:
            child.cancel()
        return _outcome(child)


def _outcome(child: Execution) -> Value:
    ending = child.ending
    if ending is None or ending.state is State.CANCELLED:
        raise tagged("OperationError", f"execution {child.name!r} was cancelled")
    if ending.error is not None:
        raise WorkflowError(ending.error.value)
    return from_json(ending.result)


def _check(request: ExecutionRequest) -> None:
    check_labels(request.labels)
    size_bytes = len(request.argument.encode("utf-8"))
    if size_bytes > limits.ARGUMENT_BYTES:
        raise InvalidArgument(f"the argument has {size_bytes} bytes, at most {limits.ARGUMENT_BYTES} are allowed")
    try:
        from_json(request.argument)
    except ValueError as error:
        raise InvalidArgument(f"the argument is not JSON: {error}") from error


def _environment(execution: str, deployment: Deployment) -> dict[str, str]:
    _, project, _, location, *_ = deployment.name.split("/")
    return {
        **deployment.settings.environment,
        "GOOGLE_CLOUD_PROJECT_ID": project,
        "GOOGLE_CLOUD_PROJECT_NUMBER": _PROJECT_NUMBER,
        "GOOGLE_CLOUD_LOCATION": location,
        "GOOGLE_CLOUD_SERVICE_ACCOUNT_NAME": deployment.settings.service_account or f"local@{project}",
        "GOOGLE_CLOUD_WORKFLOW_EXECUTION_ID": execution.rpartition("/")[2],
        "GOOGLE_CLOUD_WORKFLOW_ID": deployment.id,
        "GOOGLE_CLOUD_WORKFLOW_REVISION_ID": deployment.revision,
    }


def _is_ascending(order_by: str) -> bool:
    field, _, direction = order_by.strip().partition(" ")
    if field.replace("_", "").lower() not in {"", "createtime", "starttime"}:
        raise InvalidArgument(f"executions are ordered by startTime, not by {field!r}")
    return field != "" and direction.strip().lower() != "desc"


def _page(executions: list[Execution], size: int, token: str, *, is_ascending: bool) -> Page:
    if token:
        if not token.isdigit():
            raise InvalidArgument(f"{token!r} is not a page token")
        last = int(token)
        executions = [item for item in executions if (item.sequence > last) == is_ascending and item.sequence != last]
    page_size = min(size, _MAX_PAGE) if size > 0 else _DEFAULT_PAGE
    page = executions[:page_size]
    return Page(page, str(page[-1].sequence) if len(executions) > page_size else "")
