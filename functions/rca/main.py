"""RCAAgent: turns an incident's evidence into ranked hypotheses."""

from pathlib import Path

from shared.agent import answer_checks
from shared.agent.agent import Agent
from shared.analysis.causes.explain import explain
from shared.contracts import CausesOpinion, RootCauseRequest, RootCauses
from shared.step import steps
from shared.step.step import step

AGENT = Agent[RootCauses](steps.RCA, Path(__file__).with_name("prompt.md"), CausesOpinion)


@step
def rca(request: RootCauseRequest) -> RootCauses:
    """Explain the incident from the evidence it carries; no tools, no network except the model."""
    alert, incident, offline = request.alert, request.incident, explain(request)
    return AGENT.refine(
        request.incident_id,
        offline,
        {"alert": alert, "incident": incident},
        lambda causes, context: answer_checks.causes(causes, offline, incident, context),
    )
