"""SuggestionAgent: says what the engineer on call can do now, without waiting for the cause."""

from pathlib import Path

from shared.agent import answer_checks
from shared.agent.agent import Agent
from shared.analysis.advice import templates
from shared.analysis.advice.suggest import suggest
from shared.contracts import AdviceOpinion, SuggestionRequest, Suggestions
from shared.step import steps
from shared.step.step import step

AGENT = Agent[Suggestions](steps.SUGGESTION, Path(__file__).with_name("prompt.md"), AdviceOpinion)


@step
def suggestion(request: SuggestionRequest) -> Suggestions:
    """
    Suggest what to do now from the evidence the incident carries; no tools, no network except the model.

    Code makes the advice and its commands; the model orders it and adds remarks.
    """
    all_templates, problem = templates.configured()
    offline = suggest(request, all_templates).replace(degraded=problem)
    return AGENT.refine(
        request.incident_id,
        offline,
        {"alert": request.alert, "incident": request.incident},
        lambda advice, context: answer_checks.suggestions(advice, offline, context),
    )
