"""The gRPC API, called with Google's own client library."""

import json
import time
from collections.abc import Iterator

import grpc
import pytest
from google.api_core import exceptions
from google.cloud.workflows import executions_v1
from google.cloud.workflows.executions_v1.services.executions.transports import ExecutionsGrpcTransport

from infra.local.engine.server import EngineServer

State = executions_v1.Execution.State


@pytest.fixture
def client(engine: EngineServer) -> Iterator[executions_v1.ExecutionsClient]:
    """Connect to the engine of this test."""
    with grpc.insecure_channel(engine.grpc_address) as channel:
        yield executions_v1.ExecutionsClient(transport=ExecutionsGrpcTransport(channel=channel))


def start(client: executions_v1.ExecutionsClient, engine: EngineServer, argument: object, **labels: str) -> str:
    """Start an execution and return its name."""
    execution = executions_v1.Execution(argument=json.dumps(argument), labels=labels)
    return str(client.create_execution(parent=engine.name("echo"), execution=execution, timeout=5).name)


def end_of(client: executions_v1.ExecutionsClient, name: str) -> executions_v1.Execution:
    """Return an execution once it has ended."""
    deadline = time.monotonic() + 10
    while (execution := client.get_execution(name=name, timeout=5)).state == State.ACTIVE:
        assert time.monotonic() < deadline
    return execution


def test_execution_returns_its_result(client: executions_v1.ExecutionsClient, engine: EngineServer) -> None:
    """Argument, labels, times and result arrive typed."""
    ended = end_of(client, start(client, engine, {"a": 1}, team="red"))

    assert ended.state == State.SUCCEEDED
    assert (json.loads(ended.result), dict(ended.labels)) == ({"a": 1}, {"team": "red"})
    assert ended.start_time <= ended.end_time


def test_failed_execution_has_its_error(client: executions_v1.ExecutionsClient, engine: EngineServer) -> None:
    """Payload and stack trace arrive."""
    error = end_of(client, start(client, engine, {"fails": True})).error

    assert json.loads(error.payload)["code"] == 7
    assert error.stack_trace.elements[0].step == "check"


def test_executions_are_listed_in_pages(client: executions_v1.ExecutionsClient, engine: EngineServer) -> None:
    """The client follows the page tokens; the FULL view has labels."""
    names = [start(client, engine, number, team="red" if number % 2 else "blue") for number in range(5)]
    request = executions_v1.ListExecutionsRequest(
        parent=engine.name("echo"), page_size=2, filter='labels.team="blue"', view=executions_v1.ExecutionView.FULL
    )

    executions = list(client.list_executions(request=request, timeout=5))

    assert [execution.name for execution in executions] == [names[4], names[2], names[0]]
    assert {execution.labels["team"] for execution in executions} == {"blue"}


def test_cancelled_execution_ends(client: executions_v1.ExecutionsClient, engine: EngineServer) -> None:
    """Cancellation interrupts its sleep."""
    name = start(client, engine, {"wait_s": 100})

    assert client.cancel_execution(request={"name": name}, timeout=5).state == State.CANCELLED


def test_api_errors_are_the_library_exceptions(client: executions_v1.ExecutionsClient, engine: EngineServer) -> None:
    """NotFound, InvalidArgument and FailedPrecondition reach the caller."""
    with pytest.raises(exceptions.NotFound):
        client.create_execution(parent=engine.name("missing"), timeout=5)
    with pytest.raises(exceptions.InvalidArgument):
        start(client, engine, "x" * 40_000)
    name = start(client, engine, 1)
    end_of(client, name)
    with pytest.raises(exceptions.FailedPrecondition):
        client.cancel_execution(request={"name": name}, timeout=5)
