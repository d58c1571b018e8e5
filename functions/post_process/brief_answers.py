"""The sections that answer: why, what to do now, which pull request, which code."""

import re
from difflib import unified_diff

from shared.contracts import (
    CodeAnalysis,
    Evidence,
    FileEdit,
    Incident,
    PostProcessRequest,
    ProblematicFile,
    PullRequest,
    SuspectCommit,
)

from .brief_blocks import LEFT_OUT, Block, Code, Items, Line, Link, Links, Quote, Section, Words, at_time, clip, prose

ACTIONS = 6
WORTH_SHOWING = 0.5
COMMAND_CHARS = 600
DIFF_LINES = 40
_PRIORITIES = ("high", "medium", "low")
_COMMAND = re.compile(
    r"(\$ |sudo )?(kubectl|gcloud|gsutil|git|gh|curl|docker|helm|terraform|aws|az|psql|redis-cli|systemctl|argocd|flux"
    r"|ssh)\s"
)


def cause(request: PostProcessRequest) -> Section:
    """Return the most likely cause with its confidence and the words it rests on; or that there is none."""
    causes = request.root_causes.root_causes if request.root_causes else []
    if not causes:
        reasoning = clip(request.incident.reasoning, 900) if request.incident else ""
        verdict = "No cause was found in the evidence." if request.root_causes else "Causes were not ranked."
        none = Line(verdict, is_strong=True)
        shown = [Quote(clip(piece.text, 300), _source(piece)) for piece in _evidence(request)[:3]]
        return Section("Most likely cause", (none, *([Words(reasoning)] if reasoning else []), *shown))
    best, *others = causes
    seen = {piece.id: piece for piece in _evidence(request)}
    blocks: list[Block] = [Words(prose(best.hypothesis, 900), is_strong=True), Line(confidence(best.confidence))]
    blocks += [
        Quote(
            clip(quote.text, 400), _source(seen[quote.evidence_id]) if quote.evidence_id in seen else quote.evidence_id
        )
        for quote in best.quotes[:3]
    ]
    blocks += [
        Words(prose(other.hypothesis, 300), lead=f"Also possible ({round(other.confidence * 100)} %):")
        for other in others[:3]
    ]
    return Section("Most likely cause", tuple(blocks))


def confidence(share: float) -> str:
    """Return a confidence as a number and as a word."""
    word = "high" if share >= 0.75 else "medium" if share >= 0.45 else "low"
    return f"Confidence: {round(share * 100)} % ({word})"


def do_now(request: PostProcessRequest) -> Section:
    """Return what to do, the first action first, each once."""
    actions = list(_actions(request).values())[:ACTIONS]
    if not actions:
        return Section("Do now", (Line("Nothing was suggested. Start with the evidence and the links below."),))
    blocks: list[Block] = []
    for number, (text, steps) in enumerate(actions, 1):
        blocks.append(Words(prose(text, 400), is_strong=number == 1, lead=f"{number}."))
        blocks += _steps(steps)
    return Section("Do now", tuple(blocks))


def recommended(request: PostProcessRequest) -> str:
    """Return the first action, empty when nobody recommended one."""
    first = request.suggestions.recommended_action if request.suggestions else ""
    return first or (request.solution.recommended_solution if request.solution else "")


def pull_request(request: PostProcessRequest) -> Section:
    """Return the pull request with its change, or why there is none."""
    made = request.pull_request
    if made is not None and made.awaits_approval and made.approval_url:
        return _to_approve(request, made, made.approval_url)
    if made is None or made.pr_url is None or made.status not in ("success", "exists"):
        return Section("Pull request", (Words(_why_no_pull_request(request), lead="None."),))
    button = Links((Link(f"Review pull request #{made.pr_number or ''}".rstrip(" #"), made.pr_url),), is_button=True)
    state = "A draft for your review; nothing is merged by itself." if made.draft else "Ready for your review."
    return Section("Pull request", (button, Line(state), *_change(request)))


def _to_approve(request: PostProcessRequest, made: PullRequest, url: str) -> Section:
    until = f" until {made.approve_until:%d %b %H:%M} UTC" if made.approve_until else ""
    button = Links((Link("Look at it and approve", url),), is_button=True)
    return Section(
        "Pull request",
        (button, Line(f"Nothing is written before you approve. The link works once{until}."), *_change(request)),
    )


def code(request: PostProcessRequest) -> Section | None:
    """Return the failing lines and the suspect commits; the stack trace stands in when no code could be read."""
    analysis = request.code_analysis
    blocks: list[Block] = []
    for place in analysis.problematic_files[:2] if analysis else []:
        blocks += _place(place)
    for commit in suspects(analysis)[:2]:
        blocks += _commit(commit)
    if not blocks and request.incident:
        blocks = _stack(request.incident)
    return Section("Code", tuple(blocks), expendable=1) if blocks else None


def suspects(analysis: CodeAnalysis | None) -> list[SuspectCommit]:
    """Return the best suspect, and others only when they explain at least half of the evidence too."""
    commits = analysis.suspect_commits if analysis else []
    return commits[:1] + [commit for commit in commits[1:] if commit.score >= WORTH_SHOWING]


def _actions(request: PostProcessRequest) -> dict[str, tuple[str, list[str]]]:
    """Return text and steps of each action, keyed by the bare words, so that one said twice stands once."""
    asked = request.suggestions.suggestions if request.suggestions else []
    planned = request.solution.mitigations if request.solution else []
    found = [(one.priority, one.description, one.steps) for one in asked]
    found += [(one.priority, one.action, one.steps) for one in planned]
    found.sort(key=lambda action: _PRIORITIES.index(action[0]))
    first = recommended(request)
    actions: dict[str, tuple[str, list[str]]] = {_bare(first): (first, [])} if first else {}
    for _, text, steps in found:
        known = actions.get(_bare(text))
        actions[_bare(text)] = (known[0], known[1] or steps) if known else (text, steps)
    return actions


def _bare(text: str) -> str:
    return re.sub(r"\W+", " ", text.lower()).strip()


def _steps(steps: list[str]) -> list[Block]:
    """Commands stand alone, to be copied; prose between them is listed."""
    blocks: list[Block] = []
    for step in steps[:6]:
        bare = step.strip().strip("`")
        if _COMMAND.match(bare):
            command = Code(bare.removeprefix("$ "), "Suggested command", is_command=True)
            blocks.append(command if len(bare) <= COMMAND_CHARS else LEFT_OUT)
        elif blocks and isinstance(blocks[-1], Items):
            blocks[-1] = Items((*blocks[-1].markdown, clip(step, 300)))
        else:
            blocks.append(Items((clip(step, 300),)))
    return blocks


def _change(request: PostProcessRequest) -> list[Block]:
    patch = request.solution.patch if request.solution else None
    if patch is None:
        return []
    paths = list(dict.fromkeys(edit.path for edit in patch.files_to_modify))
    files = "1 file" if len(paths) == 1 else f"{len(paths)} files"
    way = f"It reverts commit {patch.reverts[:12]}, in {files}." if patch.reverts else f"It changes {files}."
    blocks: list[Block] = [Line(way)]
    for path in paths[:2]:
        lines = _diff([edit for edit in patch.files_to_modify if edit.path == path])
        rest = [f"… {len(lines) - DIFF_LINES} more lines"] if len(lines) > DIFF_LINES else []
        blocks.append(Code("\n".join(lines[:DIFF_LINES] + rest), clip(path, 200)))
    return [*blocks, *([Words(clip(patch.rollback_plan, 400), lead="To undo:")] if patch.rollback_plan else [])]


def _diff(edits: list[FileEdit]) -> list[str]:
    """Return removed and added lines with what surrounds them; line numbers of a fragment would mislead."""
    lines: list[str] = []
    for edit in edits:
        old, new = (edit.original or "").splitlines(), (edit.new or "").splitlines()
        changed = [clip(line, 200) for line in list(unified_diff(old, new, lineterm="", n=2))[3:]]
        lines += [*(["…"] if lines else []), *("…" if line.startswith("@@") else line for line in changed)]
    return lines


def _why_no_pull_request(request: PostProcessRequest) -> str:
    said = (
        request.pull_request.message if request.pull_request else "",
        request.branch.message if request.branch else "",
        (request.solution.patch_withheld or "") if request.solution else "",
    )
    default = "The solution holds no change to the code." if request.solution else "No fix was worked out."
    return clip(next(filter(None, said), default), 600)


def _place(place: ProblematicFile) -> list[Block]:
    function = f" in {place.function_name}" if place.function_name else ""
    caption = clip(f"{place.path}:{place.line_start}{function}", 300)
    said = Words(clip(place.issue_description, 500), lead="" if place.code_snippet else caption)
    return [Code(clip(place.code_snippet, 1500), caption), said] if place.code_snippet else [said]


def _commit(commit: SuspectCommit) -> list[Block]:
    blocks: list[Block] = [
        Line(f"Suspect commit ({round(commit.score * 100)} %): {clip(commit.subject, 200)}", is_strong=True),
        Line(f"{commit.sha[:10]} by {commit.author or 'unknown'}, {commit.at:%d %b %H:%M} UTC"),
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
    return [Code(clip("\n".join([*lines, raised]), 1500), f"Stack trace seen {trace.count:,} times, the raise last")]


def _evidence(request: PostProcessRequest) -> list[Evidence]:
    pieces = list(request.incident.evidence) if request.incident else []
    return pieces + (list(request.code_analysis.evidence) if request.code_analysis else [])


def _source(piece: Evidence) -> str:
    return f"{piece.id}, {piece.source}" + (f", {at_time(piece.at)} UTC" if piece.at else "")
