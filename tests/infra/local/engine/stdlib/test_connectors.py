"""Connectors: which names deploy, and which calls work locally."""

import pytest

from infra.local.engine import DefinitionRejected, WorkflowError, load, run
from infra.local.engine.api.execution import ExecutionRequest
from infra.local.engine.server import EngineServer

PUBLISH = "googleapis.pubsub.v1.projects.topics.publish"
RUN = "googleapis.workflowexecutions.v1.projects.locations.workflows.executions.run"


@pytest.mark.parametrize("call", [PUBLISH, RUN, "googleapis.bigquery.v2.jobs.query", "gke.create_job"])
def test_well_formed_connector_deploys(call: str) -> None:
    """Its arguments belong to a Google API, so all are accepted."""
    assert load(f"- a: {{call: {call}, args: {{anything: 1}}, result: r}}\n- b: {{return: '${{r}}'}}")


@pytest.mark.parametrize("call", ["googleapis.pubsub", "googleapis.pubsub.projects.topics.publish", "gke"])
def test_malformed_connector_name_is_rejected(call: str) -> None:
    """A connector has an api, a version, resources and a method."""
    with pytest.raises(DefinitionRejected, match="no function or subworkflow"):
        load(f"- a: {{call: {call}}}")


def test_connector_fails_when_it_is_called() -> None:
    """The error says that only Google Cloud serves it."""
    with pytest.raises(WorkflowError) as raised:
        run(load(f"- a: {{call: {PUBLISH}}}"))

    assert "SystemError" in raised.value.value["tags"]  # type: ignore[index]  # the engine's own errors are maps
    assert PUBLISH in str(raised.value)


def test_executions_connector_runs_another_workflow() -> None:
    """The child's result is the value of the call."""
    with EngineServer() as engine:
        engine.deploy("child", "main: {params: [n], steps: [{r: {return: '${n.a + 1}'}}]}")
        call = f"{{call: {RUN}, args: {{workflow_id: child, argument: {{a: 2}}}}, result: r}}"
        parent = engine.deploy("parent", f"- a: {call}\n- b: {{return: '${{r}}'}}")
        execution = engine.service.create_execution(parent.name, ExecutionRequest())

        assert execution.wait(5)
        assert execution.ending is not None
        assert execution.ending.result == "3"
