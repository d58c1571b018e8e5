"""Starting and finding executions: over real gRPC to a scripted service and to the local engine."""

import json
import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import grpc
import pytest
from google.cloud.workflows import executions_v1 as api

from infra.local.engine.server import EngineServer
from shared import clock
from shared.cloud import workflows
from shared.cloud.workflows import WorkflowExecutions, WorkflowSettings, label
from shared.contracts import SignedAlert
from shared.errors import IncidentCopilotError, Misconfigured, Refused, Rejected, Throttled, Unavailable, Uncertain

MOMENT = datetime(2026, 1, 31, 8, 0, tzinfo=UTC)
INCIDENT_ID = "inc-20260131-0123456789"
WORKFLOW = "projects/p/locations/us-central1/workflows/incident"


class FakeExecutions:
    """google.cloud.workflows.executions.v1.Executions: keeps what is created, or fails with `status`."""

    def __init__(self) -> None:
        self.executions: list[api.Execution] = []
        self.pages: list[int] = []
        self.status: grpc.StatusCode | None = None
        self._server = grpc.server(ThreadPoolExecutor(4))
        methods = {
            "CreateExecution": self._method(self._create, api.CreateExecutionRequest, api.Execution),
            "GetExecution": self._method(self._get, api.GetExecutionRequest, api.Execution),
            "ListExecutions": self._method(self._list, api.ListExecutionsRequest, api.ListExecutionsResponse),
        }
        service = "google.cloud.workflows.executions.v1.Executions"
        self._server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, methods),))
        self.address = f"127.0.0.1:{self._server.add_insecure_port('127.0.0.1:0')}"
        self._server.start()

    def stop(self) -> None:
        """Stop the server."""
        self._server.stop(grace=0).wait()

    def add(self, incident_id: str, started: datetime) -> None:
        """Add an execution, newer than those before."""
        name = f"{WORKFLOW}/executions/{len(self.executions)}"
        self.executions.insert(0, api.Execution(name=name, start_time=started, labels={"incident_id": incident_id}))

    def _method(self, answer: Callable[[Any], Any], request: Any, reply: Any) -> Any:
        def serve(call: Any, context: grpc.ServicerContext) -> Any:
            if self.status:
                context.abort(self.status, "scripted")
            return answer(call)

        return grpc.unary_unary_rpc_method_handler(serve, request.deserialize, reply.serialize)

    def _create(self, call: api.CreateExecutionRequest) -> api.Execution:
        assert call.parent == WORKFLOW
        call.execution.name = f"{WORKFLOW}/executions/{len(self.executions)}"
        call.execution.start_time = clock.now()
        self.executions.insert(0, call.execution)
        return call.execution

    def _get(self, call: api.GetExecutionRequest) -> api.Execution:
        return next(execution for execution in self.executions if execution.name == call.name)

    def _list(self, call: api.ListExecutionsRequest) -> api.ListExecutionsResponse:
        assert (call.parent, call.view) == (WORKFLOW, api.ExecutionView.FULL)
        start = int(call.page_token or 0)
        end = start + call.page_size
        self.pages.append(start)
        token = str(end) if end < len(self.executions) else ""
        return api.ListExecutionsResponse(executions=self.executions[start:end], next_page_token=token)


@pytest.fixture
def service() -> Iterator[FakeExecutions]:
    """The scripted service."""
    fake = FakeExecutions()
    yield fake
    fake.stop()


@pytest.fixture
def executions(service: FakeExecutions) -> Iterator[WorkflowExecutions]:
    """The executions, read and started through it."""
    yield from connected(service.address)


def connected(endpoint: str, **settings: Any) -> Iterator[WorkflowExecutions]:
    """The executions of a workflow of project p, closed at the end."""
    facts = {"google_cloud_project": "p", "workflows_endpoint": endpoint, "workflow_timeout_s": 5, **settings}
    executions = WorkflowExecutions(WorkflowSettings(**facts))
    yield executions
    executions.close()


def alert(**changes: Any) -> SignedAlert:
    """An alert of checkout, as the workflow carries it."""
    facts = {"incident_id": INCIDENT_ID, "service_name": "checkout", "start": MOMENT, "end": MOMENT}
    return SignedAlert(**{**facts, "received_at": MOMENT, "nonce": "n-1", "signature": "s", **changes})


def test_execution_carries_the_alert_and_its_labels(executions: WorkflowExecutions, service: FakeExecutions) -> None:
    """The argument is the whole alert; the labels name incident and service; Workflows logs errors only."""
    sent = alert(service_name="Zahlung/Ü.eu", summary="5 % errors €")

    name = executions.start(sent)

    (started,) = service.executions
    assert started.name == name == f"{WORKFLOW}/executions/0"
    assert SignedAlert.model_validate(json.loads(started.argument)["alert"]) == sent
    assert dict(started.labels) == {"incident_id": INCIDENT_ID, "service_name": "zahlung---eu"}
    assert started.call_log_level == api.Execution.CallLogLevel.LOG_ERRORS_ONLY


def test_argument_over_32_kb_is_rejected(executions: WorkflowExecutions, service: FakeExecutions) -> None:
    """What Workflows would refuse is not sent."""
    with pytest.raises(Rejected, match=INCIDENT_ID):
        executions.start(alert(labels={str(n): "é" * 500 for n in range(64)}))

    assert service.executions == []


def test_execution_is_found_by_its_incident(executions: WorkflowExecutions, service: FakeExecutions) -> None:
    """The execution labelled with the incident is found over several pages; an absent incident has none."""
    service.add(INCIDENT_ID, clock.now())
    for n in range(150):
        service.add(f"inc-other-{n}", clock.now())

    assert executions.find(INCIDENT_ID) == f"{WORKFLOW}/executions/0"
    assert service.pages == [0, 100]
    assert executions.find("inc-absent") is None


def test_search_stops_at_the_age_limit(executions: WorkflowExecutions, service: FakeExecutions) -> None:
    """Executions older than the requested time are not paged through."""
    for _ in range(250):
        service.add("inc-old", clock.now() - timedelta(days=2))
    service.add("inc-new", clock.now())

    assert executions.find("inc-absent", timedelta(hours=1)) is None
    assert service.pages == [0]


@pytest.mark.parametrize(
    ("status", "on_start", "on_find"),
    [
        (grpc.StatusCode.PERMISSION_DENIED, Refused, Refused),
        (grpc.StatusCode.NOT_FOUND, Refused, Refused),
        (grpc.StatusCode.RESOURCE_EXHAUSTED, Throttled, Throttled),
        (grpc.StatusCode.UNAVAILABLE, Uncertain, Unavailable),
        (grpc.StatusCode.DEADLINE_EXCEEDED, Uncertain, Unavailable),
        (grpc.StatusCode.INTERNAL, Uncertain, Unavailable),
    ],
)
def test_failure_says_who_must_act(
    executions: WorkflowExecutions,
    service: FakeExecutions,
    status: grpc.StatusCode,
    on_start: type[IncidentCopilotError],
    on_find: type[IncidentCopilotError],
) -> None:
    """A start without an answer may have happened, a search has not; other errors need the operator or time."""
    service.status = status

    with pytest.raises(on_start, match=WORKFLOW):
        executions.start(alert())
    with pytest.raises(on_find, match=WORKFLOW):
        executions.find(INCIDENT_ID)


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        (api.Execution.State.ACTIVE, None),
        (api.Execution.State.QUEUED, None),
        (api.Execution.State.UNAVAILABLE, None),
        (api.Execution.State.SUCCEEDED, "The workflow execution ended SUCCEEDED"),
        (api.Execution.State.CANCELLED, "The workflow execution ended CANCELLED"),
        (api.Execution.State.FAILED, "The workflow execution ended FAILED post_process: connection refused"),
    ],
)
def test_ending_is_returned_after_the_execution_ended(
    executions: WorkflowExecutions, service: FakeExecutions, state: api.Execution.State, expected: str | None
) -> None:
    """An execution that is running, or whose state Workflows does not know, has no ending."""
    service.add(INCIDENT_ID, clock.now())
    service.executions[0].state = state
    if state is api.Execution.State.FAILED:
        service.executions[0].error = api.Execution.Error(payload="post_process: connection refused")

    assert executions.ending(service.executions[0].name) == expected


def test_unknown_execution_has_ended_and_no_reply_raises(
    executions: WorkflowExecutions, service: FakeExecutions
) -> None:
    """An execution unknown to Workflows will publish nothing; no answer from Workflows says nothing about it."""
    service.status = grpc.StatusCode.NOT_FOUND
    assert executions.ending(f"{WORKFLOW}/executions/9") == "The workflow execution is unknown to Workflows"

    service.status = grpc.StatusCode.UNAVAILABLE
    with pytest.raises(Unavailable):
        executions.ending(f"{WORKFLOW}/executions/9")
    service.status = grpc.StatusCode.PERMISSION_DENIED
    with pytest.raises(Refused):
        executions.ending(f"{WORKFLOW}/executions/9")


def test_missing_service_is_unavailable_within_the_timeout() -> None:
    """Without an engine the call raises within the timeout."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        start = time.monotonic()
        for executions in connected(f"127.0.0.1:{taken.getsockname()[1]}", workflow_timeout_s=1):
            with pytest.raises(Unavailable):
                executions.find(INCIDENT_ID)

        assert time.monotonic() - start < 30


def test_local_engine_runs_what_is_started() -> None:
    """Google's client against the local engine: an execution is started and found by its label; others are not."""
    source = "main:\n  params: [args]\n  steps:\n    - done:\n        return: ${args.alert.incident_id}\n"
    deadline = clock.now() + timedelta(seconds=20)
    with EngineServer(project="p") as engine:
        engine.deploy("incident", source)
        for executions in connected(engine.grpc_address):
            name = executions.start(alert())

            assert name.startswith(f"{WORKFLOW}/executions/")
            assert executions.find(INCIDENT_ID) == name
            assert executions.find("inc-absent") is None
            while (ending := executions.ending(name)) is None:
                assert clock.now() < deadline
            assert ending == "The workflow execution ended SUCCEEDED"
            assert "unknown" in str(executions.ending(f"{WORKFLOW}/executions/0"))


@pytest.mark.parametrize(
    ("value", "expected"),
    [("inc-1_a", "inc-1_a"), ("Checkout API/v2", "checkout-api-v2"), ("ü", "-"), ("x" * 70, "x" * 63)],
)
def test_label_follows_the_rules_of_workflows(value: str, expected: str) -> None:
    """Lower-case letters, digits, `_` and `-`, at most 63."""
    assert label(value) == expected


def test_connect_without_a_project_is_misconfigured(monkeypatch: pytest.MonkeyPatch) -> None:
    """The missing variable is named."""
    monkeypatch.delenv("GOOGLE_CLOUD_PROJECT", raising=False)

    with pytest.raises(Misconfigured, match="GOOGLE_CLOUD_PROJECT"):
        workflows.connect()
