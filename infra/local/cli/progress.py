"""The steps of one incident as they happen: what each is doing, how it ended, how long it took."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from rich.console import Group
from rich.text import Text

StepState = Literal["waiting", "running", "done", "degraded", "refused", "skipped", "failed"]

# Step of the workflow → the agent's name in the trace.
AGENTS = {
    "incident_detection": "IncidentDetectionAgent",
    "rca": "RCAAgent",
    "suggestion": "SuggestionAgent",
    "code_analyzer": "CodeAnalyzerAgent",
    "solution_generator": "SolutionGeneratorAgent",
    "file_updater": "FileUpdaterAgent",
    "pr_creator": "PRCreatorAgent",
    "post_process": "PostProcessAgent",
}

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
class StepRow:
    """One step's line; `seconds` is how long it ran, None when it did not run."""

    name: str
    state: StepState
    seconds: float | None = None
    note: str = ""


def rows(trace: dict[str, Any] | None, running: set[str], is_over: bool, has_failed: bool = False) -> list[StepRow]:
    """
    Return one row per step, from the trace of the finished steps and the names of the running ones.

    `has_failed` says that the execution failed, which only a failure of post_process causes.
    """
    runs = (trace or {}).get("traces", {})
    failed = {item["step"]: item for item in ((trace or {}).get("outcome") or {}).get("failures", [])}
    if has_failed:
        failed.setdefault("post_process", {"message": "the workflow failed before it published an outcome"})
    return [_row(step, runs.get(agent, []), running, is_over, failed.get(step)) for step, agent in AGENTS.items()]


def _row(
    step: str, runs: list[dict[str, Any]], running: set[str], is_over: bool, failure: dict[str, Any] | None
) -> StepRow:
    if not runs:
        if failure:
            return StepRow(step, "failed", note=failure["message"])
        return StepRow(step, "running" if step in running else "skipped" if is_over else "waiting")
    last = runs[-1]
    seconds = (_time(last["runEnd"]) - _time(last["runStart"])).total_seconds()
    answer = last["agent_response"]
    if answer is None:
        return StepRow(step, "failed", seconds, last["errors"][-1]["message"] if last["errors"] else "")
    return StepRow(step, _state(answer), seconds, _note(step, answer))


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


def steps(lines: list[StepRow], title: str) -> Group:
    """Return the rows for the terminal, a line each; a note that does not fit is truncated."""
    return Group(Text(title, style="italic"), *map(_line, lines))


def _line(line: StepRow) -> Text:
    sign, style = STYLES[line.state]
    seconds = f"{line.seconds:.2f} s" if line.seconds is not None else ""
    # Text, not markup: text from logs may hold brackets.
    drawn = Text(f" {sign} {f'{line.name} ({line.state})':<30}{seconds:>8}", style, no_wrap=True, overflow="ellipsis")
    return drawn.append(f"  {' '.join(line.note.split())}", style="dim")
