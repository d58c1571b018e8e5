"""Start the workflow that handles an incident, find one already started, and read how it ended."""

import functools
import json
import re
from datetime import timedelta

import grpc
from google.api_core import exceptions as google_errors
from google.cloud.workflows import executions_v1
from google.cloud.workflows.executions_v1.services.executions.transports import ExecutionsGrpcTransport
from pydantic import Field

from shared import clock
from shared.contracts import SignedAlert
from shared.errors import Rejected, Uncertain
from shared.http.google_errors import translated
from shared.settings import Settings

ARGUMENT_LIMIT_BYTES = 32_768
"""Of one execution's argument: https://cloud.google.com/workflows/quotas"""

REASON_CHARS = 1_000
"""How much of an execution's error is reported."""

_State = executions_v1.Execution.State
_ENDED = (_State.SUCCEEDED, _State.FAILED, _State.CANCELLED)


class WorkflowSettings(Settings):
    """Which workflow; `workflows_endpoint` is the host:port of a local engine, called without TLS."""

    google_cloud_project: str = Field(
        min_length=1, description="Id of the Google Cloud project; unset, traces are kept in a local file."
    )
    workflow_location: str = Field("us-central1", min_length=1, description="Region of the workflow.")
    workflow_name: str = Field("incident", min_length=1, description="Name of the workflow.")
    workflows_endpoint: str | None = Field(
        None, description="host:port of a local workflow engine, without TLS; unset, Google's Workflows."
    )
    workflow_timeout_s: float = Field(20, gt=0, le=300, description="Time for one request to Workflows, in seconds.")


class WorkflowExecutions:
    """Starts executions of one workflow. Nothing is retried here: Pub/Sub delivers the message again."""

    def __init__(self, settings: WorkflowSettings) -> None:
        self._timeout_s = settings.workflow_timeout_s
        place = (settings.google_cloud_project, settings.workflow_location, settings.workflow_name)
        self._workflow = "projects/{}/locations/{}/workflows/{}".format(*place)
        self._subject = f"Workflows, asked about {self._workflow!r},"
        with translated(self._subject):
            self._client = _connect(settings.workflows_endpoint)

    @property
    def timeout(self) -> timedelta:
        """How long one call may take."""
        return timedelta(seconds=self._timeout_s)

    def start(self, alert: SignedAlert) -> str:
        """
        Start one execution for the alert's incident; return its name.

        Starting is not idempotent: every call that reaches Workflows starts another execution.
        Raises Rejected (the argument is too large), Throttled (quota), Refused (permission, no such workflow),
        Uncertain (sent, no reply).
        Source: Workflow Executions API, CreateExecution.
        """
        argument = json.dumps({"alert": alert.model_dump(mode="json")}, ensure_ascii=False)
        if (size := len(argument.encode())) > ARGUMENT_LIMIT_BYTES:
            raise Rejected(f"The alert of {alert.incident_id!r} is {size} bytes, over {ARGUMENT_LIMIT_BYTES}")
        execution = executions_v1.Execution(
            argument=argument,
            labels={"incident_id": label(alert.incident_id), "service_name": label(alert.service_name)},
            call_log_level=executions_v1.Execution.CallLogLevel.LOG_ERRORS_ONLY,
        )
        # Workflows knows no request id, so no failure after sending can promise that nothing happened.
        with translated(self._subject, on_timeout=Uncertain, on_failure=Uncertain):
            request = {"parent": self._workflow, "execution": execution}
            return str(self._client.create_execution(request, retry=None, timeout=self._timeout_s).name)

    def find(self, incident_id: str, within: timedelta = timedelta(days=1)) -> str | None:
        """
        Return the name of the incident's execution started in the last `within`, or None when there is none.

        Raises Unavailable, Throttled, Refused. Source: Workflow Executions API, ListExecutions.
        """
        incident_label, oldest = label(incident_id), clock.now() - within
        # Labels are in the FULL view only, which pages by 100, newest first.
        view = executions_v1.ExecutionView.FULL
        request = executions_v1.ListExecutionsRequest(parent=self._workflow, view=view, page_size=100)
        with translated(self._subject):
            for execution in self._client.list_executions(request, retry=None, timeout=self._timeout_s):
                if execution.labels.get("incident_id") == incident_label:
                    return str(execution.name)
                if execution.start_time and execution.start_time < oldest:
                    return None
        return None

    def ending(self, execution: str) -> str | None:
        """
        Return how the execution ended, in a sentence, or None while it is running.

        Raises Unavailable, Throttled, Refused. Source: Workflow Executions API, GetExecution.
        """
        with translated(self._subject):
            try:
                details = self._client.get_execution({"name": execution}, retry=None, timeout=self._timeout_s)
            except google_errors.NotFound:
                return "The workflow execution is unknown to Workflows"
        if details.state not in _ENDED:
            return None
        return f"The workflow execution ended {details.state.name} {details.error.payload[:REASON_CHARS]}".rstrip()

    def close(self) -> None:
        """Close the connection."""
        self._client.transport.close()  # type: ignore[no-untyped-call]  # the library leaves it untyped


def connect() -> WorkflowExecutions:
    """Return the executions of the workflow that the settings name, the same one each time. Raises Misconfigured."""
    return _executions(WorkflowSettings.from_env())


@functools.cache
def _executions(settings: WorkflowSettings) -> WorkflowExecutions:
    return WorkflowExecutions(settings)


def label(value: str) -> str:
    """Return `value` as a valid label: lower-case letters, digits, `_` and `-`, at most 63."""
    return re.sub(r"[^a-z0-9_-]", "-", value.lower())[:63]


def _connect(endpoint: str | None) -> executions_v1.ExecutionsClient:
    if endpoint is None:
        return executions_v1.ExecutionsClient()
    channel = grpc.insecure_channel(endpoint)  # type: ignore[no-untyped-call]  # the library leaves it untyped
    return executions_v1.ExecutionsClient(transport=ExecutionsGrpcTransport(channel=channel))
