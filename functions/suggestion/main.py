"""SuggestionAgent: says what the engineer on call can do now, without waiting for the cause."""

from pathlib import Path

from shared.agent import answer_checks
from shared.agent.agent import Agent
from shared.analysis.advice.suggest import suggest
from shared.contracts import SuggestionRequest, Suggestions
from shared.step import steps
from shared.step.step import step

AGENT = Agent[Suggestions](steps.SUGGESTION, Path(__file__).with_name("prompt.md"), Suggestions)


@step
def suggestion(request: SuggestionRequest) -> Suggestions:
    """Suggest what to do now from the evidence the incident carries; no tools, no network except the model."""
    offline = suggest(request)
    return AGENT.refine(
        request.incident_id,
        offline,
        {"alert": request.alert, "incident": request.incident},
        lambda advice, context: answer_checks.suggestions(advice, offline, context),
    )
