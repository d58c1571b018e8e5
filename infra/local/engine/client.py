"""The local stack's client for the engine's REST API: an incident's execution and its steps."""

from dataclasses import dataclass
from typing import Any

import requests

from shared.errors import Unavailable

TIMEOUT_S = 30.0


@dataclass(frozen=True)
class IncidentExecution:
    """One workflow execution; `state` is the API's value, `error` is the payload of a failure."""

    name: str
    state: str
    error: str = ""

    @property
    def is_over(self) -> bool:
        """Whether it has ended, successfully or not."""
        return self.state not in ("ACTIVE", "QUEUED", "STATE_UNSPECIFIED")


class EngineClient:
    """Reads executions of one workflow; every method raises Unavailable when the engine does not answer."""

    def __init__(self, url: str, workflow: str) -> None:
        self._executions = f"{url}/v1/{workflow}/executions"
        self._url = url

    def execution(self, incident_id: str) -> IncidentExecution | None:
        """Return the incident's execution, or None if it has not started."""
        query = {"filter": f'labels.incident_id="{incident_id}"', "view": "FULL"}
        executions = _get(self._executions, query).get("executions", [])
        return _execution(executions[0]) if executions else None

    def running_steps(self, execution: IncidentExecution) -> set[str]:
        """Return the names of the steps in progress."""
        return {entry["step"] for entry in self.step_entries(execution) if entry["state"] == "STATE_IN_PROGRESS"}

    def step_entries(self, execution: IncidentExecution) -> list[dict[str, Any]]:
        """Return the steps so far, as StepEntry of the API."""
        entries = _get(f"{self._url}/v1/{execution.name}/stepEntries", {"pageSize": "1000"}).get("stepEntries", [])
        return list(entries)


def _get(url: str, query: dict[str, str]) -> Any:
    try:
        response = requests.get(url, query, timeout=TIMEOUT_S)
        response.raise_for_status()
        return response.json()
    except requests.RequestException as error:
        raise Unavailable(f"The workflow engine at {url!r} did not answer: {type(error).__name__}") from error


def _execution(resource: dict[str, Any]) -> IncidentExecution:
    error = resource.get("error") or {}
    return IncidentExecution(resource["name"], resource["state"], str(error.get("payload", "")))
