"""The sections with conclusions: the cause, the pull request."""

from shared.analysis.confidence import word
from shared.bounds import clip
from shared.contracts import (
    Evidence,
    PostProcessRequest,
    PullRequest,
    Quote,
    RootCause,
    Solution,
)
from shared.pull_request.signing import CODE_MARK

from ..agreement import without_advice
from ..model import (
    Block,
    Link,
    Links,
    QuotedText,
    Section,
    TextLine,
    Words,
    at_time,
    is_by_model,
    prose,
)
from ..reader_time import minute, zone
from .folded_diff import changes

_SOURCES = {"logs": "log line", "metrics": "metric", "code": "code", "commits": "commit", "alert": "the alert"}


def cause(request: PostProcessRequest) -> Section:
    """Return the most likely cause with its confidence; or that none is known."""
    causes = request.root_causes.root_causes if request.root_causes else []
    if not causes:
        verdict = "Not known: the evidence names no cause." if request.root_causes else "Not known: it was not sought."
        return Section("Most likely cause", (TextLine(verdict, is_strong=True),))
    best, *others = causes
    way = [_also(other, "How it came about", request) for other in others if _brought_it(other, request)]
    blocks: tuple[Block, ...] = (
        Words(prose(stated(best, request), 900), is_strong=True),
        TextLine(_confidence(best, request)),
        *way,
    )
    return Section("Most likely cause", blocks)


def stated(cause: RootCause, request: PostProcessRequest) -> str:
    """Return a hypothesis without what a model advises in it: what to do is said once, by code."""
    if not is_by_model(request.root_causes):
        return cause.hypothesis
    return without_advice(cause.hypothesis) or "Named only by what it rests on, below."


def grounds(request: PostProcessRequest) -> Section | None:
    """Return what the most likely cause rests on, and what else is possible; without a cause, what was seen."""
    causes = request.root_causes.root_causes if request.root_causes else []
    if not causes:
        return _seen(request)
    best, *others = causes
    seen = {piece.id: piece for piece in _evidence(request)}
    quotes = [
        QuotedText(
            _excerpt(quote, seen.get(quote.evidence_id)),
            _source(seen[quote.evidence_id]) if quote.evidence_id in seen else quote.evidence_id,
        )
        for quote in best.quotes[:3]
    ]
    rivals = [other for other in others if not _brought_it(other, request)]
    also = [_also(other, "Also possible", request) for other in rivals[:3]]
    return Section("What it rests on", (*quotes, *also)) if quotes or also else None


def _also(other: RootCause, lead: str, request: PostProcessRequest) -> Words:
    called = word(other.confidence, _is_confirmed(request))
    return Words(prose(stated(other, request), 600), lead=f"{lead}, {called} confidence:")


def _brought_it(cause: RootCause, request: PostProcessRequest) -> bool:
    """Return whether a hypothesis is the rollout that brought the fault along: it is no rival of the best one."""
    rollout = request.incident.rollout if request.incident else None
    return rollout is not None and rollout.evidence_id in cause.evidence_ids


def _seen(request: PostProcessRequest) -> Section | None:
    # Without a model the reasoning repeats the symptoms.
    reasoning = clip(request.incident.reasoning, 900) if request.incident and is_by_model(request.incident) else ""
    # A metric without a query is the list of what was read.
    observed = [piece for piece in _evidence(request) if piece.source != "metrics" or piece.query]
    quotes = [QuotedText(clip(piece.text, 300), _source(piece)) for piece in observed[:3]]
    blocks: list[Block] = [*([Words(reasoning)] if reasoning else []), *quotes]
    return Section("What was seen", tuple(blocks)) if blocks else None


def _confidence(cause: RootCause, request: PostProcessRequest) -> str:
    """Return a confidence as a number and as a word, and what keeps it from being high."""
    called = word(cause.confidence, _is_confirmed(request))
    alone = "; nothing but the log shows the failure" if called != word(cause.confidence) else ""
    return f"Confidence: {round(cause.confidence * 100)} % ({called}{alone})"


def _is_confirmed(request: PostProcessRequest) -> bool:
    return request.incident is not None and bool(request.incident.failure_signals)


def button(request: PostProcessRequest) -> Links | None:
    """Return the way to the pull request, or to the page where it is approved; None without one."""
    made = request.pull_request
    if made is not None and made.awaits_approval and made.approval_url:
        return Links((Link("Look at it and approve", made.approval_url),), is_button=True)
    if made is None or made.pr_url is None or made.status not in ("success", "exists"):
        return None
    return Links((Link(f"Review pull request #{made.pr_number or ''}".rstrip(" #"), made.pr_url),), is_button=True)


def pull_request(request: PostProcessRequest) -> Section:
    """Return the state of the pull request and its change, or why there is none."""
    made = request.pull_request
    if made is not None and made.awaits_approval and made.approval_url:
        return _to_approve(request, made)
    if made is None or button(request) is None:
        # A change that waits for a person who cannot approve it is made by hand, so it has to be seen.
        by_hand = changes(request, is_by_hand=True) if request.branch is None or request.branch.awaits_approval else []
        return Section("Pull request", (Words(_why_no_pull_request(request), lead="None."), *by_hand))
    state = "A draft for your review; nothing is merged by itself." if made.draft else "Ready for your review."
    if request.branch is not None and request.branch.linked_pr_url is not None:
        return Section("Pull request", (TextLine(f"Opened before, not by this incident. {made.message}"),))
    return Section("Pull request", (TextLine(state), *changes(request)))


def _to_approve(request: PostProcessRequest, made: PullRequest) -> Section:
    until = f" until {minute(made.approve_until, zone())}" if made.approve_until else ""
    return Section(
        "Pull request",
        (
            TextLine(f"Its code: {CODE_MARK}"),
            TextLine(f"Nothing is written before you approve. The code decides once{until}."),
            *([TextLine(request.branch.message)] if request.branch else []),
            *changes(request),
        ),
    )


def _why_no_pull_request(request: PostProcessRequest) -> str:
    messages = (
        request.pull_request.message if request.pull_request else "",
        request.branch.message if request.branch else "",
        (request.solution.patch_withheld or "") if request.solution else "",
    )
    return clip(next(filter(None, messages), _without_reason(request.solution)), 600)


def _without_reason(solution: Solution | None) -> str:
    """Say how far the work on a fix came, where no step says why there is no pull request."""
    if solution is None:
        return "No fix was worked out."
    return (
        "No step reported one; look for its branch first."
        if solution.patch
        else "The solution holds no change to the code."
    )


def _evidence(request: PostProcessRequest) -> list[Evidence]:
    pieces = list(request.incident.evidence) if request.incident else []
    return pieces + (list(request.code_analysis.evidence) if request.code_analysis else [])


def _source(piece: Evidence) -> str:
    """Name where a quote was read; the time of a line is the log store's, as its own clock may differ."""
    what = "stack trace" if piece.id.startswith("T") else _SOURCES[piece.source]
    if piece.at is None:
        return what
    return f"{what}, {'logged ' if piece.source == 'logs' else ''}{at_time(piece.at)} UTC"


def _excerpt(quote: Quote, piece: Evidence | None) -> str:
    """Return the quote, marked where it begins or ends within a line."""
    text = piece.text if piece else quote.text
    start = max(text.find(quote.text), 0)
    before = text[:start].rpartition("\n")[2].strip()
    after = text[start + len(quote.text) :].partition("\n")[0].strip()
    return clip(f"{'… ' if before else ''}{quote.text}{' …' if after else ''}", 400)
