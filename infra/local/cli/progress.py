"""The steps of one incident as they happen: what each is doing, how it ended, how long it took."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal

from rich.console import Group
from rich.text import Text

from shared.step import steps as table
from shared.traces.entries import RunEntry, TraceDocument

StepState = Literal["waiting", "running", "done", "degraded", "refused", "skipped", "failed"]

STYLES: dict[StepState, tuple[str, str]] = {
    "waiting": ("·", "dim"),
    "running": ("▶", "cyan"),
    "done": ("✓", "green"),
    "degraded": ("▲", "yellow"),
    "refused": ("▲", "yellow"),
    "skipped": ("-", "dim"),
    "failed": ("✗", "red"),
}


# The first of these fields that an answer has summarises its step best.
NOTE_FIELDS = (
    "pr_url",
    "branch",
    "most_likely",
    "recommended_action",
    "analysis_summary",
    "patch_withheld",
    "recommended_solution",
    "message",
)


@dataclass(frozen=True)
class ProgressRow:
    """One step's line; `seconds` is how long it ran, None when it did not run."""

    name: str
    state: StepState
    seconds: float | None = None
    note: str = ""


def rows(trace: TraceDocument | None, running: set[str], is_over: bool, has_failed: bool = False) -> list[ProgressRow]:
    """
    Return one row per step, from the trace of the finished steps and the names of the running ones.

    `has_failed` says that the execution failed, which only a failure of post_process causes.
    """
    runs: dict[str, list[RunEntry]] = trace["traces"] if trace else {}
    outcome = (trace["outcome"] if trace else None) or {}
    failed = {item["step"]: item for item in outcome.get("failures", [])}
    if has_failed:
        failed.setdefault("post_process", {"message": "the workflow failed before it published an outcome"})
    return [
        *_before(runs),
        *(_row(row, runs.get(row.agent, []), running, is_over, failed.get(row.name)) for row in table.STEPS),
    ]


def _before(runs: dict[str, list[RunEntry]]) -> list[ProgressRow]:
    """Return the runs before the judgement and beside it: what read telemetry and code, and the early brief."""
    read = ((row, table.READ) for row in (table.INCIDENT_DETECTION, table.CODE_ANALYZER))
    stages = (*read, (table.POST_PROCESS, table.EARLY))
    done = [(row, stage, runs.get(row.run_name(stage), [])) for row, stage in stages]
    return [
        replace(_row(row, entries, set(), True, None), name=f"{row.name}, {stage}")
        for row, stage, entries in done
        if entries
    ]


def _row(
    row: table.StepRow, runs: list[RunEntry], running: set[str], is_over: bool, failure: dict[str, Any] | None
) -> ProgressRow:
    step = row.name
    if not runs:
        if failure:
            return ProgressRow(step, "failed", note=failure["message"])
        if step in running:
            return ProgressRow(step, "running", note=row.label)
        return ProgressRow(step, "skipped" if is_over else "waiting", note="" if is_over else row.label)
    last = runs[-1]
    seconds = (_time(last["runEnd"]) - _time(last["runStart"])).total_seconds()
    answer = last["agent_response"]
    if answer is None:
        return ProgressRow(step, "failed", seconds, last["errors"][-1]["message"] if last["errors"] else "")
    return ProgressRow(step, _state(answer), seconds, _note(step, answer))


def _state(answer: dict[str, Any]) -> StepState:
    if answer.get("status") in ("refused", "skipped"):
        return "refused" if answer["status"] == "refused" else "skipped"
    return "degraded" if answer.get("degraded") or answer.get("kind") == "degraded" else "done"


def _note(step: str, answer: dict[str, Any]) -> str:
    if answer.get("degraded"):
        return str(answer["degraded"])
    if step == "incident_detection":
        return f"{answer['severity']}, {answer['incident_type_hint']}"
    if step == "post_process":
        return f"{answer['kind']} brief, mail {answer['mail_status']}, hook {answer['hook_status']}"
    return next((str(answer[field]) for field in NOTE_FIELDS if answer.get(field)), "")


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)


def steps(lines: list[ProgressRow], title: str) -> Group:
    """Return the rows for the terminal, a line each; a note that does not fit is truncated."""
    return Group(Text(title, style="italic"), *map(_line, lines))


def _line(line: ProgressRow) -> Text:
    sign, style = STYLES[line.state]
    seconds = f"{line.seconds:.2f} s" if line.seconds is not None else ""
    # Text, not markup: text from logs may hold brackets.
    drawn = Text(f" {sign} {f'{line.name} ({line.state})':<33}{seconds:>8}", style, no_wrap=True, overflow="ellipsis")
    return drawn.append(f"  {' '.join(line.note.split())}", style="dim")
