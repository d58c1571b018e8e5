"""The sections with conclusions: the cause, the pull request, the code."""

from datetime import datetime
from difflib import unified_diff

from shared.analysis.confidence import word
from shared.analysis.thresholds import ALTERNATIVE
from shared.bounds import clip
from shared.contracts import (
    CodeAnalysis,
    Evidence,
    FileEdit,
    Incident,
    PostProcessRequest,
    ProblematicFile,
    PullRequest,
    Quote,
    RootCause,
    SuspectCommit,
)
from shared.pull_request.signing import CODE_MARK

from ..model import (
    Block,
    Code,
    Link,
    Links,
    QuotedText,
    Section,
    TextLine,
    Words,
    at_time,
    is_by_model,
    on_day,
    prose,
)

_SOURCES = {"logs": "log line", "metrics": "metric", "code": "code", "commits": "commit", "alert": "the alert"}
WORTH_SHOWING = 0.5
DIFF_LINES = 40


def cause(request: PostProcessRequest) -> Section:
    """Return the most likely cause with its confidence; or that none is known."""
    causes = request.root_causes.root_causes if request.root_causes else []
    if not causes:
        verdict = "Not known: the evidence names no cause." if request.root_causes else "Not known: it was not sought."
        return Section("Most likely cause", (TextLine(verdict, is_strong=True),))
    return Section(
        "Most likely cause",
        (Words(prose(causes[0].hypothesis, 900), is_strong=True), TextLine(_confidence(causes[0], request))),
    )


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
    also = [
        Words(
            prose(other.hypothesis, 600),
            lead=f"Also possible, {word(other.confidence, _is_confirmed(request))} confidence:",
        )
        for other in others[:3]
    ]
    return Section("What it rests on", (*quotes, *also)) if quotes or also else None


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
        change = _change(request) if request.branch is None or request.branch.awaits_approval else []
        return Section("Pull request", (Words(_why_no_pull_request(request), lead="None."), *change))
    state = "A draft for your review; nothing is merged by itself." if made.draft else "Ready for your review."
    if request.branch is not None and request.branch.linked_pr_url is not None:
        return Section("Pull request", (TextLine(f"Opened before, not by this incident. {made.message}"),))
    return Section("Pull request", (TextLine(state), *_change(request)))


def _to_approve(request: PostProcessRequest, made: PullRequest) -> Section:
    until = f" until {made.approve_until:%d %b %H:%M} UTC" if made.approve_until else ""
    return Section(
        "Pull request",
        (
            TextLine(f"Its code: {CODE_MARK}"),
            TextLine(f"Nothing is written before you approve. The code decides once{until}."),
            *([TextLine(request.branch.message)] if request.branch else []),
            *_change(request),
        ),
    )


def code(request: PostProcessRequest) -> Section | None:
    """Return the failing lines and the suspect commits; the stack trace instead when no code could be read."""
    analysis = request.code_analysis
    blocks: list[Block] = []
    for place in analysis.problematic_files[:2] if analysis else []:
        blocks += _place(place)
    for commit in suspects(analysis)[:2]:
        blocks += _commit(commit, request.alert.received_at)
    if not blocks and request.incident:
        blocks = _stack(request.incident)
    return Section("Code", tuple(blocks), expendable=1) if blocks else None


def suspects(analysis: CodeAnalysis | None) -> list[SuspectCommit]:
    """Return the best suspect, and others only where they may well be the culprit instead."""
    commits = analysis.suspect_commits if analysis else []
    return commits[:1] + [commit for commit in commits[1:] if commit.score >= ALTERNATIVE]


def _change(request: PostProcessRequest) -> list[Block]:
    patch = request.solution.patch if request.solution else None
    if patch is None:
        return []
    paths = list(dict.fromkeys(edit.path for edit in patch.files_to_modify))
    files = "1 file" if len(paths) == 1 else f"{len(paths)} files"
    reverts = request.branch.reverts if request.branch else None
    way = f"It reverts commit {reverts[:12]}, in {files}." if reverts else f"It changes {files}."
    blocks: list[Block] = [TextLine(way)]
    for path in paths[:2]:
        lines = _diff([edit for edit in patch.files_to_modify if edit.path == path])
        rest = [f"… {len(lines) - DIFF_LINES} more lines"] if len(lines) > DIFF_LINES else []
        blocks.append(Code("\n".join(lines[:DIFF_LINES] + rest), clip(path, 200)))
    undo = Words(clip(patch.rollback_plan, 400), lead="To undo:")
    return [*blocks, undo] if patch.rollback_plan else blocks


def _diff(edits: list[FileEdit]) -> list[str]:
    """Return removed and added lines with their context; line numbers of a fragment would mislead."""
    lines: list[str] = []
    for edit in edits:
        old, new = (edit.original or "").splitlines(), (edit.new or "").splitlines()
        changed = [clip(line, 200) for line in list(unified_diff(old, new, lineterm="", n=2))[3:]]
        lines += [*(["…"] if lines else []), *("…" if line.startswith("@@") else line for line in changed)]
    return lines


def _why_no_pull_request(request: PostProcessRequest) -> str:
    messages = (
        request.pull_request.message if request.pull_request else "",
        request.branch.message if request.branch else "",
        (request.solution.patch_withheld or "") if request.solution else "",
    )
    default = "The solution holds no change to the code." if request.solution else "No fix was worked out."
    return clip(next(filter(None, messages), default), 600)


def _place(place: ProblematicFile) -> list[Block]:
    function = f" in {place.function_name}" if place.function_name else ""
    caption = clip(f"{place.path}:{place.line_start}{function}", 300)
    issue = Words(clip(place.issue_description, 500), lead="" if place.code_snippet else caption)
    return [Code(clip(place.code_snippet, 1500), caption), issue] if place.code_snippet else [issue]


def _commit(commit: SuspectCommit, received: datetime) -> list[Block]:
    share = f"{round(commit.score * 100)} %"
    name = f"Suspect commit ({share})" if commit.score >= WORTH_SHOWING else f"Commit to look at (only {share})"
    blocks: list[Block] = [
        TextLine(f"{name}: {clip(commit.subject, 200)}", is_strong=True),
        TextLine(
            f"{commit.sha[:10]} by {commit.author or 'unknown'}, {on_day(commit.at, received)} {commit.at:%H:%M} UTC"
        ),
        Words(clip(commit.why, 400)),
    ]
    return [*blocks, Links((Link(f"Commit {commit.sha[:10]}", commit.url),))] if commit.url else blocks


def _stack(incident: Incident) -> list[Block]:
    if not incident.stack_traces:
        return []
    trace = max(incident.stack_traces, key=lambda one: one.count)
    frames = (trace.app_frames or trace.frames)[-5:]
    lines = [f"{frame.path}:{frame.line or '?'} {frame.function}" for frame in frames]
    raised = clip(f"{trace.exception_type}: {trace.message}", 400)
    times = "once" if trace.count == 1 else f"{trace.count:,} times"
    return [Code(clip("\n".join([*lines, raised]), 1500), f"Stack trace seen {times}, the raise last")]


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
