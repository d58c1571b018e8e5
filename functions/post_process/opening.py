"""Asks the model for the opening of the brief; if that fails, the template opens it instead."""

from pathlib import Path

from shared import log
from shared.agent.agent import Agent
from shared.agent.claim_checks import GroundingContext
from shared.contracts import PostProcessRequest
from shared.step import steps
from shared.traces.port import TraceStore

from .brief.opinion import BriefOpinion, BriefWords
from .brief.seen_before import seen_before

AGENT = Agent[BriefWords](steps.POST_PROCESS, Path(__file__).with_name("prompt.md"), BriefOpinion)


def opening(request: PostProcessRequest, store: TraceStore) -> BriefWords:
    """Return the summary, empty when there is no model, no incident, or no valid answer, and what was seen before."""
    seen = seen_before(request, store)
    return _summary(request).replace(seen_before=seen.words, ended_by_url=seen.url)


def _summary(request: PostProcessRequest) -> BriefWords:
    if request.incident is None or not request.incident.needs_response:
        return BriefWords()
    facts = {
        "alert": request.alert,
        "incident": request.incident,
        "root_causes": request.root_causes,
        "suggestions": request.suggestions,
        "code_analysis": request.code_analysis,
        "solution": request.solution,
        "pull_request": request.pull_request,
    }
    return AGENT.refine(request.incident_id, BriefWords(), facts, _check)


def _check(words: BriefWords, context: GroundingContext) -> tuple[BriefWords, list[str]]:
    """Drop what the evidence does not support."""
    drops: list[str] = []
    return words.replace(summary=context.prose(words.summary, drops)), drops


def opening_or_none(request: PostProcessRequest, store: TraceStore) -> BriefWords:
    """Return how the model opens the brief; the template opens it when that fails in a way nobody foresaw."""
    try:
        return opening(request, store)
    except Exception as error:  # noqa: BLE001  # words are not worth a brief
        log.error("post_process.no_opening", error_type=type(error).__name__, error=str(error))
        return BriefWords()
