"""What the local stack asks of the engine over its REST API: the execution of an incident, and its steps."""

from dataclasses import dataclass
from typing import Any

import requests

from shared.errors import Unavailable

TIMEOUT_S = 5.0


@dataclass(frozen=True)
class IncidentExecution:
    """One workflow execution; `state` as the API spells it, `error` what ended it."""

    name: str
    state: str
    error: str = ""

    @property
    def is_over(self) -> bool:
        """Whether it has ended, well or not."""
        return self.state not in ("ACTIVE", "QUEUED", "STATE_UNSPECIFIED")


class EngineClient:
    """Reads executions of one workflow; every method raises Unavailable when the engine does not answer."""

    def __init__(self, url: str, workflow: str) -> None:
        self._executions = f"{url}/v1/{workflow}/executions"
        self._url = url

    def execution(self, incident_id: str) -> IncidentExecution | None:
        """Return the execution that answers the incident, none before it has started."""
        query = {"filter": f'labels.incident_id="{incident_id}"', "view": "FULL"}
        found = _get(self._executions, query).get("executions", [])
        return _execution(found[0]) if found else None

    def running_steps(self, execution: IncidentExecution) -> set[str]:
        """Return the names of the steps under way."""
        entries = _get(f"{self._url}/v1/{execution.name}/stepEntries", {"pageSize": "1000"}).get("stepEntries", [])
        return {entry["step"] for entry in entries if entry["state"] == "STATE_IN_PROGRESS"}


def _get(url: str, query: dict[str, str]) -> Any:
    try:
        response = requests.get(url, query, timeout=TIMEOUT_S)
        response.raise_for_status()
        return response.json()
    except requests.RequestException as error:
        raise Unavailable(f"The workflow engine at {url!r} did not answer: {type(error).__name__}") from error


def _execution(found: dict[str, Any]) -> IncidentExecution:
    error = found.get("error") or {}
    return IncidentExecution(found["name"], found["state"], str(error.get("payload", "")))
