"""The timeline: a row for each run, with its model and tool calls inside, on one scale of seconds."""

from dataclasses import dataclass
from datetime import datetime

from shared.bounds import clip
from shared.step import headlines, steps

from .incident_trace import IncidentTrace, StepRun

WIDTH = 1_000
"""Units of a bar's scale: bars are drawn as SVG, as the policy of the pages takes no styles in them."""
MIN_BAR = 4


@dataclass(frozen=True)
class Bar:
    """Where something stands on the scale."""

    x: int
    width: int


@dataclass(frozen=True)
class CallRow:
    """A call of a model or a tool inside a run."""

    kind: str
    name: str
    seconds: float
    detail: str
    bar: Bar | None
    error: str
    reference: str


@dataclass(frozen=True)
class TimelineRow:
    """A run of a step, or a step that is still to come."""

    anchor: str
    label: str
    agent: str
    state: str
    seconds: float
    after_s: float
    bar: Bar | None
    headline: str
    model: str
    tokens: int
    cost_usd: float
    errors: tuple[str, ...]
    calls: tuple[CallRow, ...]


@dataclass(frozen=True)
class Scale:
    """From the opening of the incident to the end of its last run."""

    start: datetime
    total_s: float

    def seconds(self, moment: datetime) -> float:
        """Return how long after the start a moment is."""
        return (moment - self.start).total_seconds()

    def bar(self, start: datetime, end: datetime) -> Bar:
        """Return the bar of a span."""
        unit = WIDTH / self.total_s
        x = min(max(0, round(self.seconds(start) * unit)), WIDTH - MIN_BAR)
        return Bar(x, min(max(MIN_BAR, round((end - start).total_seconds() * unit)), WIDTH - x))


def timeline(trace: IncidentTrace) -> tuple[list[TimelineRow], float]:
    """Return the rows in the order in which the runs began, and how many seconds the scale has."""
    runs = trace.runs
    total_s = max([(run.end - trace.created_at).total_seconds() for run in runs] + [0.001])
    scale = Scale(trace.created_at, total_s)
    rows = [_row(run, number, scale) for number, run in enumerate(runs, 1)]
    return rows + (_to_come(runs) if trace.is_running else []), total_s


def _row(run: StepRun, number: int, scale: Scale) -> TimelineRow:
    entry = run.entry
    has_failed = entry["agent_response"] is None
    return TimelineRow(
        anchor=f"run-{number}",
        label=steps.label_of(run.agent),
        agent=run.agent,
        state="failed" if has_failed else "degraded" if entry["errors"] else "done",
        seconds=(run.end - run.start).total_seconds(),
        after_s=scale.seconds(run.start),
        bar=scale.bar(run.start, run.end),
        headline=_headline(run),
        model=entry["model"],
        tokens=entry["tokens_in"] + entry["tokens_out"],
        cost_usd=entry["cost_usd"],
        errors=tuple(f"{error['category']}: {error['message']}" for error in entry["errors"]),
        calls=tuple(_calls(run, scale)),
    )


def _headline(run: StepRun) -> str:
    """Return the run's answer in one line, in the words that the workflow has."""
    row, body = run.step, run.entry["agent_response"]
    if row is None or body is None:
        return ""
    try:
        return headlines.headline(row.answer.model_validate(body))
    except ValueError:
        return ""


def _calls(run: StepRun, scale: Scale) -> list[CallRow]:
    tools = []
    for call in run.entry["tool_calls"]:
        start, end = datetime.fromisoformat(call["start"]), datetime.fromisoformat(call["end"])
        detail = ", ".join(f"{name} {value}" for name, value in call["args"].items())
        seconds, bar = (end - start).total_seconds(), scale.bar(start, end)
        reference = call["result_ref"] or ""
        tools.append(
            CallRow("tool", call["tool_name"], seconds, clip(detail, 300), bar, call["error"] or "", reference)
        )
    turns = [
        CallRow(
            "model",
            str(turn.get("model", "")),
            float(turn.get("duration_ms") or 0) / 1000,
            f"{turn.get('tokens_in', 0):,} tokens in, {turn.get('tokens_out', 0):,} out, "
            f"${float(turn.get('cost_usd') or 0):.4f}, {turn.get('finish', '')}",
            None,
            "",
            str(turn.get("transcript_ref") or ""),
        )
        for turn in run.entry["model_calls"]
    ]
    return [*tools, *turns]


def _to_come(runs: list[StepRun]) -> list[TimelineRow]:
    """Return the steps that have no run yet: some of them may be skipped, which only the workflow knows."""
    begun = {run.agent for run in runs}
    later = [row for row in steps.STEPS if row.agent not in begun]
    return [TimelineRow("", row.label, row.agent, "waiting", 0, 0, None, "", "", 0, 0, (), ()) for row in later]
