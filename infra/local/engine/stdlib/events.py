"""Modules `events` and `experimental.executions`: callbacks and other workflows."""

from __future__ import annotations

from infra.local.engine.language import limits
from infra.local.engine.language.errors import value_error
from infra.local.engine.language.values import Value
from infra.local.engine.stdlib import arguments
from infra.local.engine.stdlib.function import Function, Host, hosted

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"})


def create_callback_endpoint(host: Host, http_callback_method: Value = "POST") -> Value:
    """Return a map with the `url` of a new callback endpoint for the method."""
    method = arguments.text(http_callback_method, "http_callback_method")
    if method not in _METHODS:
        raise value_error(f"{method!r} is not a method of a callback; use one of {', '.join(sorted(_METHODS))}")
    return {"url": host.create_callback(method)}


def await_callback(host: Host, callback: Value, timeout: Value = limits.CALLBACK_TIMEOUT_S) -> Value:
    """Return the request received at a callback's URL: `http_request`, `received_time` and `type`."""
    details = arguments.mapping(callback, "callback")
    url = arguments.text(details.get("url"), "callback.url")
    return host.await_callback(url, arguments.seconds(timeout, "timeout", limits.SLEEP_MAX_S))


def run(
    host: Host, workflow_id: Value, argument: Value = None, location: Value = None, project_id: Value = None
) -> Value:
    """Return the result of another workflow deployed here; always in this location and project."""
    del location, project_id
    return host.execute(arguments.text(workflow_id, "workflow_id"), argument)


def run_each(
    host: Host,
    workflow_id: Value,
    arguments_: Value,
    location: Value = None,
    project_id: Value = None,
    concurrency_limit: Value = None,
) -> Value:
    """Return the results of another workflow run once per argument, in argument order."""
    del location, project_id, concurrency_limit
    workflow = arguments.text(workflow_id, "workflow_id")
    return [host.execute(workflow, argument) for argument in arguments.items(arguments_, "arguments")]


FUNCTIONS: tuple[Function, ...] = (
    hosted("events.create_callback_endpoint", create_callback_endpoint),
    hosted("events.await_callback", await_callback),
    hosted("experimental.executions.run", run),
    hosted("experimental.executions.map", run_each),
)
