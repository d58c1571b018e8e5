"""RCAAgent: turns an incident's evidence into ranked hypotheses."""

from pathlib import Path

from shared import grounding
from shared.agent import Agent
from shared.analysis.explain import explain
from shared.contracts import RootCauseRequest, RootCauses
from shared.step import step

AGENT = Agent[RootCauses]("rca", tier="light", prompt=Path(__file__).with_name("prompt.md"), opinion=RootCauses)


@step("RCAAgent")
def rca(request: RootCauseRequest) -> RootCauses:
    """Explain the incident from the evidence it carries; no tools, no network but the model."""
    alert, incident, offline = request.alert, request.incident, explain(request)
    return AGENT.refine(
        request.incident_id,
        offline,
        {"alert": alert, "incident": incident},
        lambda causes, known: grounding.causes(causes, offline, incident, known),
    )
