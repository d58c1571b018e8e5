"""How a brief opens: the sentences that came with the solution, and what was seen before."""

from shared import log
from shared.containment import contained
from shared.contracts import PostProcessRequest
from shared.traces.port import TraceStore

from .brief.opinion import BriefWords
from .brief.seen_before import seen_before


def opening(request: PostProcessRequest, store: TraceStore) -> BriefWords:
    """Return the summary, empty when no model wrote one or nothing is to be done, and what was seen before."""
    seen = seen_before(request, store)
    is_needed = request.incident is not None and request.incident.needs_response
    summary = request.solution.summary if request.solution and is_needed else ""
    return BriefWords(summary=summary, seen_before=seen.words, ended_by_url=seen.url)


def opening_or_none(request: PostProcessRequest, store: TraceStore) -> BriefWords:
    """Return how the brief opens; it goes out without that when it fails in a way nobody foresaw."""
    return contained(lambda: opening(request, store), _no_opening)


def _no_opening(error: Exception) -> BriefWords:
    log.error("post_process.no_opening", error_type=type(error).__name__, error=str(error))
    return BriefWords()
