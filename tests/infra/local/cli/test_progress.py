"""The live view: each step's state from the trace and the engine."""

import io
from typing import Any

import pytest
from rich.console import Console

from infra.local.cli.progress import AGENTS, StepRow, rows, steps


def _trace(agent: str, answer: dict[str, Any] | None, errors: list[dict[str, Any]] | None = None) -> dict[str, Any]:
    run = {
        "runStart": "2026-05-04T03:00:00+00:00",
        "runEnd": "2026-05-04T03:00:02+00:00",
        "agent_response": answer,
        "errors": errors or [],
    }
    return {"traces": {agent: [run]}}


def _row(lines: list[StepRow], name: str) -> StepRow:
    return next(line for line in lines if line.name == name)


def test_every_step_waits_before_anything_ran() -> None:
    """All eight are shown from the first moment."""
    assert [line.state for line in rows(None, set(), is_over=False)] == ["waiting"] * len(AGENTS)


def test_step_under_way_runs() -> None:
    """The engine says what is under way."""
    assert _row(rows(None, {"rca"}, is_over=False), "rca").state == "running"


def test_step_that_never_ran_was_skipped_once_all_is_over() -> None:
    """A guard that stayed closed is no failure."""
    assert _row(rows(None, set(), is_over=True), "pr_creator").state == "skipped"


def test_answer_is_done_with_its_seconds_and_its_point() -> None:
    """The line says what came out."""
    line = _row(rows(_trace("RCAAgent", {"most_likely": "a divisor is zero"}), set(), is_over=False), "rca")

    assert line == StepRow("rca", "done", 2.0, "a divisor is zero")


def test_degraded_answer_says_why() -> None:
    """The reason takes the place of the point."""
    line = _row(rows(_trace("RCAAgent", {"degraded": "no logs", "most_likely": "x"}), set(), is_over=False), "rca")

    assert (line.state, line.note) == ("degraded", "no logs")


def test_failed_run_says_its_error() -> None:
    """A run without an answer failed."""
    line = _row(rows(_trace("RCAAgent", None, [{"message": "away"}]), set(), is_over=False), "rca")

    assert (line.state, line.note) == ("failed", "away")


def test_step_that_died_without_a_trace_is_known_from_the_outcome() -> None:
    """A killed function leaves no run; the outcome names it."""
    trace = {"traces": {}, "outcome": {"failures": [{"step": "rca", "message": "connection refused"}]}}

    assert _row(rows(trace, set(), is_over=True), "rca").state == "failed"


def test_execution_that_failed_told_nobody() -> None:
    """Only the telling itself makes an execution fail, and that is no step left out."""
    line = _row(rows(None, set(), is_over=True, has_failed=True), "post_process")

    assert (line.state, line.note) == ("failed", "the workflow failed before anybody was told")


@pytest.mark.parametrize("width", [60, 80, 130])
def test_sign_state_and_seconds_are_shown_whole_at_any_width(width: int) -> None:
    """The note gives way, not what happened."""
    console = Console(record=True, width=width, file=io.StringIO())
    console.print(steps([StepRow("incident_detection", "degraded", 12.3, "a long note " * 20)], "steps"))

    (_, drawn, *_) = console.export_text().splitlines()
    assert drawn.startswith(" ▲ incident_detection (degraded)")
    assert "12.30 s" in drawn


def test_text_with_brackets_is_shown_as_it_is() -> None:
    """What comes from logs is no markup."""
    console = Console(record=True, width=160, file=io.StringIO())
    console.print(steps([StepRow("rca", "done", 1.0, "[red]list[int][/red]")], "steps"))

    assert "[red]list[int][/red]" in console.export_text()
