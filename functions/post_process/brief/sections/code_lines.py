"""The section on the code: the failing line marked among the lines that matter, and the suspect commits."""

from datetime import datetime

from shared.analysis.thresholds import ALTERNATIVE
from shared.bounds import clip
from shared.contracts import CodeAnalysis, Incident, PostProcessRequest, ProblematicFile, SuspectCommit
from shared.text.harmless import visible

from ..model import Block, Code, Link, Links, Section, TextLine, Words, on_day

WORTH_SHOWING = 0.5
LINES_BEFORE, LINES_AFTER = 6, 4
"""Of the code around the failing line: what leads to it is above it."""
MAX_LINES = 30
"""Of code in which no line was located."""
LINE_CHARS = 200
FAILS = "►"
"""Some phones draw the larger triangle as a coloured sign."""


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


def _place(place: ProblematicFile) -> list[Block]:
    function = f" in {place.function_name}" if place.function_name else ""
    caption = clip(f"{place.path}:{place.failing_line or place.line_start}{function}", 300)
    issue = Words(clip(place.issue_description, 500), lead="" if place.code_snippet else caption)
    return [_numbered(place, caption), issue] if place.code_snippet else [issue]


def _numbered(place: ProblematicFile, caption: str) -> Code:
    """Return the lines that matter with their numbers: the head of the function, and those around the failing one."""
    lines = place.code_snippet.split("\n")
    failing = place.failing_line - place.line_start if place.failing_line else -1
    is_located = 0 <= failing < len(lines)
    around = range(failing - LINES_BEFORE, failing + LINES_AFTER + 1) if is_located else range(MAX_LINES)
    wanted = [index for index in range(len(lines)) if index == 0 or index in around]
    digits = len(str(place.line_start + wanted[-1]))
    rows: list[str] = []
    # A line that others wrote can hold line ends of other kinds, and so rows with numbers and marks of its own.
    marked = None
    for before, index in zip([-1, *wanted], wanted, strict=False):
        rows += [f"{' ' * digits}   …"] if index > before + 1 else []
        marked = len(rows) if is_located and index == failing else marked
        mark = FAILS if is_located and index == failing else " "
        rows.append(
            f"{mark} {place.line_start + index:>{digits}}  {clip(visible(lines[index].rstrip()), LINE_CHARS)}".rstrip()
        )
    rows += [f"{' ' * digits}   …"] if wanted[-1] < len(lines) - 1 else []
    return Code("\n".join(rows), caption, is_numbered=True, marked=marked)


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
    return [
        Code(clip("\n".join([*lines, raised]), 1500), f"Stack trace, seen {times}; the error itself is its last line")
    ]
