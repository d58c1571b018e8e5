"""The routes of the REST API and their handlers."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from infra.local.engine.api import resources
from infra.local.engine.api.deployments import Deployment, DeploymentSettings
from infra.local.engine.api.errors import InvalidArgument, NotFound
from infra.local.engine.api.execution import ExecutionRequest
from infra.local.engine.api.resources import Json
from infra.local.engine.api.service import WorkflowsService
from infra.local.engine.language.values import Value
from shared import clock

_STEPS_PAGE = 1000


@dataclass(frozen=True)
class RouteCall:
    """An API request: path parameters, query, decoded body and, for callbacks, the raw request."""

    path: Mapping[str, str]
    query: Mapping[str, str]
    body: Mapping[str, object]
    received: Mapping[str, Value] = field(default_factory=dict)

    def text(self, key: str) -> str:
        """Return a string from the body, empty if absent; raises InvalidArgument for another type."""
        value = self.body.get(key, "")
        if not isinstance(value, str):
            raise InvalidArgument(f"{key!r} must be a string")
        return value

    def size(self) -> int:
        """Return the requested page size, 0 if absent; raises InvalidArgument."""
        value = self.query.get("pageSize", "0")
        if not value.isdigit():
            raise InvalidArgument(f"pageSize must be a number of at least 0, found {value!r}")
        return int(value)


Handler: TypeAlias = Callable[[WorkflowsService, RouteCall], Json]


def create_workflow(service: WorkflowsService, call: RouteCall) -> Json:
    """Deploy a new workflow."""
    identifier = call.query.get("workflowId", "")
    if not re.fullmatch(r"[A-Za-z]([\w-]{0,62}[A-Za-z0-9])?", identifier):
        raise InvalidArgument(f"workflowId {identifier!r} is not a valid name")
    name = f"{call.path['parent']}/workflows/{identifier}"
    return resources.operation(service.deployments.create(name, call.text("sourceContents"), _settings(call)), "create")


def update_workflow(service: WorkflowsService, call: RouteCall) -> Json:
    """Deploy the next revision; `updateMask`, if present, limits which fields change."""
    current = service.deployments.get(call.path["workflow"])
    mask = {name.replace("_", "").lower() for name in call.query.get("updateMask", "").split(",") if name}
    source = call.text("sourceContents") if "sourceContents" in call.body else None
    if mask and "sourcecontents" not in mask:
        source = None
    settings = _masked(current, _settings(call), mask)
    return resources.operation(service.deployments.update(current.name, source, settings), "update")


def _settings(call: RouteCall) -> DeploymentSettings:
    return DeploymentSettings(
        environment=resources.text_map(call.body.get("userEnvVars")),
        labels=resources.text_map(call.body.get("labels")),
        description=call.text("description"),
        service_account=call.text("serviceAccount"),
    )


def _masked(current: Deployment, new: DeploymentSettings, mask: set[str]) -> DeploymentSettings:
    old = current.settings
    if not mask:
        return new
    return replace(
        new,
        environment=new.environment if "userenvvars" in mask else old.environment,
        labels=new.labels if "labels" in mask else old.labels,
        description=new.description if "description" in mask else old.description,
        service_account=new.service_account if "serviceaccount" in mask else old.service_account,
    )


def get_workflow(service: WorkflowsService, call: RouteCall) -> Json:
    """Return a workflow."""
    return resources.workflow(service.deployments.get(call.path["workflow"]))


def list_workflows(service: WorkflowsService, call: RouteCall) -> Json:
    """Return every workflow of a location, always on one page."""
    return {"workflows": [resources.workflow(item) for item in service.deployments.list(call.path["parent"])]}


def delete_workflow(service: WorkflowsService, call: RouteCall) -> Json:
    """Delete a workflow."""
    return resources.operation(service.deployments.delete(call.path["workflow"]), "delete")


def get_operation(service: WorkflowsService, call: RouteCall) -> Json:
    """Return an operation, always done; its name identifies the workflow."""
    verb, _, rest = call.path["operation"].partition("-")
    identifier = re.sub(r"-\d{6}-[0-9a-f]{3}$", "", rest)
    if verb == "delete":
        return {"name": f"{call.path['parent']}/operations/{call.path['operation']}", "done": True, "response": {}}
    deployment = service.deployments.get(f"{call.path['parent']}/workflows/{identifier}")
    return resources.operation(deployment, verb)


def create_execution(service: WorkflowsService, call: RouteCall) -> Json:
    """Start an execution."""
    request = ExecutionRequest(
        call.text("argument") or "null",
        resources.text_map(call.body.get("labels")),
        call.text("callLogLevel") or "CALL_LOG_LEVEL_UNSPECIFIED",
    )
    return resources.execution(service.create_execution(call.path["workflow"], request))


def get_execution(service: WorkflowsService, call: RouteCall) -> Json:
    """Return an execution, in the FULL view unless BASIC is requested."""
    return resources.execution(service.get_execution(call.path["execution"]), call.query.get("view", "FULL"))


def list_executions(service: WorkflowsService, call: RouteCall) -> Json:
    """Return a page of executions, in the BASIC view unless FULL is requested."""
    page = service.list_executions(
        call.path["workflow"],
        text=call.query.get("filter", ""),
        order_by=call.query.get("orderBy", ""),
        size=call.size(),
        token=call.query.get("pageToken", ""),
    )
    view = "FULL" if call.query.get("view") == "FULL" else "BASIC"
    return {
        "executions": [resources.execution(item, view) for item in page.executions],
        "nextPageToken": page.next_token,
    }


def cancel_execution(service: WorkflowsService, call: RouteCall) -> Json:
    """Cancel an execution."""
    return resources.execution(service.cancel_execution(call.path["execution"]))


def list_steps(service: WorkflowsService, call: RouteCall) -> Json:
    """Return a page of step entries, oldest first."""
    execution = service.get_execution(call.path["execution"])
    if call.query.get("filter"):
        raise InvalidArgument("filtering step entries is not supported")
    entries = execution.history.entries()
    children: dict[int | None, list[int]] = defaultdict(list)
    for entry in entries:
        children[entry.parent].append(entry.id)
    token = call.query.get("pageToken", "0")
    start = int(token) if token.isdigit() else 0
    end = start + (min(call.size(), _STEPS_PAGE) or _STEPS_PAGE)
    return {
        "stepEntries": [
            resources.step_entry(execution.name, entry, children[entry.id]) for entry in entries[start:end]
        ],
        "nextPageToken": str(end) if end < len(entries) else "",
        "totalSize": len(entries),
    }


def get_step(service: WorkflowsService, call: RouteCall) -> Json:
    """Return one step entry."""
    execution = service.get_execution(call.path["execution"])
    number = call.path["entry"]
    entry = execution.history.entry(int(number)) if number.isdigit() else None
    if entry is None:
        raise NotFound(f"step entry {number!r} of {execution.name!r} does not exist")
    children = [other.id for other in execution.history.entries() if other.parent == entry.id]
    return resources.step_entry(execution.name, entry, children)


def list_callbacks(service: WorkflowsService, call: RouteCall) -> Json:
    """Return the callback endpoints of an execution."""
    execution = service.get_execution(call.path["execution"])
    return {"callbacks": [resources.callback(execution.name, item) for item in execution.callbacks.endpoints()]}


def receive_callback(service: WorkflowsService, call: RouteCall) -> Json:
    """Deliver a request to the step that waits for it."""
    execution = service.get_execution(call.path["execution"])
    endpoint = execution.callbacks.find(call.path["callback"])
    if endpoint is None or execution.ending is not None:
        raise NotFound(f"callback {call.path['callback']!r} does not exist")
    if endpoint.method != call.received["method"]:
        raise InvalidArgument(f"the callback accepts {endpoint.method}, not {call.received['method']}")
    received: Value = {
        "http_request": dict(call.received),
        "received_time": resources.timestamp(clock.now()),
        "type": "HTTP",
    }
    execution.callbacks.deliver(endpoint, received)
    return {}


_PARENT = r"/v1/(?P<parent>projects/[^/]+/locations/[^/]+)"
_WORKFLOW = r"/v1/(?P<workflow>projects/[^/]+/locations/[^/]+/workflows/[^/:]+)"
_EXECUTION = r"/v1/(?P<execution>projects/[^/]+/locations/[^/]+/workflows/[^/]+/executions/[^/:]+)"

ROUTES: tuple[tuple[str, re.Pattern[str], Handler], ...] = tuple(
    (method, re.compile(pattern), handler)
    for method, pattern, handler in (
        ("POST", rf"{_PARENT}/workflows", create_workflow),
        ("GET", rf"{_PARENT}/workflows", list_workflows),
        ("GET", rf"{_PARENT}/operations/(?P<operation>[^/]+)", get_operation),
        ("GET", _WORKFLOW, get_workflow),
        ("PATCH", _WORKFLOW, update_workflow),
        ("DELETE", _WORKFLOW, delete_workflow),
        ("POST", rf"{_WORKFLOW}/executions", create_execution),
        ("GET", rf"{_WORKFLOW}/executions", list_executions),
        ("GET", _EXECUTION, get_execution),
        ("POST", rf"{_EXECUTION}:cancel", cancel_execution),
        ("GET", rf"{_EXECUTION}/stepEntries", list_steps),
        ("GET", rf"{_EXECUTION}/stepEntries/(?P<entry>[^/]+)", get_step),
        ("GET", rf"{_EXECUTION}/callbacks", list_callbacks),
        ("*", rf"{_EXECUTION}/callbacks/(?P<callback>[^/]+)", receive_callback),
    )
)


def find(method: str, path: str) -> tuple[Handler, Mapping[str, str]]:
    """Return the handler of a request and its path parameters; raises NotFound."""
    for route_method, pattern, handler in ROUTES:
        match = pattern.fullmatch(path)
        if match is not None and route_method in {method, "*"}:
            return handler, match.groupdict()
    raise NotFound(f"{method} {path} is not a method of this API")
