"""RCAAgent: turns an incident's evidence into ranked hypotheses."""

from pathlib import Path

from shared.agent import Agent
from shared.analysis.explain import explain
from shared.contracts import RootCauseRequest, RootCauses
from shared.evidence import grounded
from shared.step import step

PROMPT = Path(__file__).with_name("prompt.md")


@step("RCAAgent")
def rca(request: RootCauseRequest) -> RootCauses:
    """Explain the incident from the evidence it carries; no tools, no network but the model."""
    agent = Agent[RootCauses](
        "rca",
        tier="light",
        prompt=PROMPT,
        opinion=RootCauses,
        check=lambda causes: grounded(causes, request.incident.evidence),
    )
    return agent.refine(explain(request), {"alert": request.alert, "incident": request.incident})
