"""The resources of the API as JSON: Workflow, Operation, Execution, StepEntry, Callback."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TypeAlias

from infra.local.engine.api.deployments import Deployment
from infra.local.engine.api.execution import Ending, Execution
from infra.local.engine.language.errors import WorkflowError
from infra.local.engine.language.values import to_text
from infra.local.engine.runtime.callbacks import CallbackEndpoint
from infra.local.engine.runtime.history import StepEntry
from shared import clock

Json: TypeAlias = dict[str, object]

_TYPE = "type.googleapis.com/google.cloud.workflows.v1."


def workflow(deployment: Deployment) -> Json:
    """Return a Workflow of the workflows API."""
    settings = deployment.settings
    return {
        "name": deployment.name,
        "description": settings.description,
        "state": "ACTIVE",
        "revisionId": deployment.revision,
        "createTime": timestamp(deployment.create_time),
        "updateTime": timestamp(deployment.revision_create_time),
        "revisionCreateTime": timestamp(deployment.revision_create_time),
        "labels": dict(settings.labels),
        "serviceAccount": settings.service_account,
        "sourceContents": deployment.workflow.source,
        "userEnvVars": dict(settings.environment),
    }


def operation(deployment: Deployment, verb: str) -> Json:
    """Return a long-running Operation that is already done: nothing takes long here."""
    moment = timestamp(clock.now())
    place = deployment.name.partition("/workflows/")[0]
    response: Json = {"@type": "type.googleapis.com/google.protobuf.Empty"}
    if verb != "delete":
        response = {"@type": f"{_TYPE}Workflow", **workflow(deployment)}
    return {
        "name": f"{place}/operations/{verb}-{deployment.id}-{deployment.revision}",
        "metadata": {
            "@type": f"{_TYPE}OperationMetadata",
            "createTime": moment,
            "endTime": moment,
            "target": deployment.name,
            "verb": verb,
            "apiVersion": "v1",
        },
        "done": True,
        "response": response,
    }


def execution(item: Execution, view: str = "FULL") -> Json:
    """Return an Execution of the executions API; the BASIC view omits argument, result, error and labels."""
    ending = item.ending
    answer: Json = {
        "name": item.name,
        "createTime": timestamp(item.start_time),
        "startTime": timestamp(item.start_time),
        "duration": _duration((clock.now() if ending is None else ending.end_time) - item.start_time),
        "state": "ACTIVE" if ending is None else ending.state.value,
        "workflowRevisionId": item.deployment.revision,
    }
    if ending is not None:
        answer["endTime"] = timestamp(ending.end_time)
    if view == "BASIC":
        return answer
    # After the end, the status names the last step.
    steps = item.history.current() or item.history.last()
    current = [{"routine": entry.routine, "step": entry.step} for entry in steps]
    return {
        **answer,
        "argument": item.request.argument,
        "callLogLevel": item.request.call_log_level,
        "labels": dict(item.request.labels),
        "status": {"currentSteps": current},
        # Google does not tell how near an execution came to the limit.
        "localPeakMemoryBytes": str(item.memory_use.peak_bytes),
        **({} if ending is None else _ending(ending)),
    }


def _ending(ending: Ending) -> Json:
    if ending.error is not None:
        return {"error": error(ending.error)}
    return {"result": ending.result} if ending.result else {}


def error(raised: WorkflowError) -> Json:
    """Return an Execution.Error: the raised value as JSON, a readable message and the stack trace."""
    elements = [
        {"step": step, "routine": routine, "position": {"line": str(line), "column": "1", "length": "1"}}
        for routine, step, line in raised.trace
    ]
    return {"payload": to_text(raised.value), "context": raised.context, "stackTrace": {"elements": elements}}


def step_entry(execution_name: str, entry: StepEntry, children: list[int]) -> Json:
    """Return a StepEntry of the executions API."""
    navigation: Json = {"children": [str(child) for child in children]}
    if entry.parent is not None:
        navigation["parent"] = str(entry.parent)
    answer: Json = {
        "name": f"{execution_name}/stepEntries/{entry.id}",
        "entryId": str(entry.id),
        "createTime": timestamp(entry.create_time),
        "updateTime": timestamp(entry.update_time),
        "routine": entry.routine,
        "step": entry.step,
        "stepType": entry.step_type,
        "state": entry.state.value,
        "navigationInfo": navigation,
        "stepEntryMetadata": {"threadId": entry.branch or ""},
    }
    if entry.exception is not None:
        answer["exception"] = {"payload": to_text(entry.exception)}
    return answer


def callback(execution_name: str, endpoint: CallbackEndpoint) -> Json:
    """Return a Callback of the executions API."""
    return {
        "name": f"{execution_name}/callbacks/{endpoint.id}",
        "method": endpoint.method,
        "waiters": str(endpoint.waiters),
        "availablePayloads": [to_text(request) for request in endpoint.received],
    }


def text_map(raw: object) -> Mapping[str, str]:
    """Return a JSON object as a map of strings; any other value gives an empty map."""
    return {str(key): str(value) for key, value in raw.items()} if isinstance(raw, dict) else {}


def timestamp(moment: datetime) -> str:
    """Return a time in protobuf's JSON format."""
    return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")


def _duration(length: timedelta) -> str:
    return f"{length.total_seconds():.6f}s"
