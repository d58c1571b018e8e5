"""The live view: each step's state from the trace and the engine."""

import io
from typing import Any, cast

import pytest
from rich.console import Console

from infra.local.cli.progress import ProgressRow, rows, steps
from shared.step.steps import STEPS
from shared.traces.entries import TraceDocument


def _trace(agent: str, answer: dict[str, Any] | None, errors: list[dict[str, Any]] | None = None) -> TraceDocument:
    run = {
        "runStart": "2026-05-04T03:00:00+00:00",
        "runEnd": "2026-05-04T03:00:02+00:00",
        "agent_response": answer,
        "errors": errors or [],
    }
    return cast(TraceDocument, {"traces": {agent: [run]}, "outcome": None})


def _row(lines: list[ProgressRow], name: str) -> ProgressRow:
    return next(line for line in lines if line.name == name)


def test_every_step_waits_before_anything_ran() -> None:
    """All eight are shown from the start."""
    assert [line.state for line in rows(None, set(), is_over=False)] == ["waiting"] * len(STEPS)


def test_started_step_is_running() -> None:
    """The engine reports which steps are running."""
    assert _row(rows(None, {"rca"}, is_over=False), "rca").state == "running"


def test_step_that_never_ran_is_skipped_when_the_execution_is_over() -> None:
    """A step whose condition was false is not a failure."""
    assert _row(rows(None, set(), is_over=True), "pr_creator").state == "skipped"


def test_answered_step_is_done_with_its_seconds_and_a_note() -> None:
    """The note summarises the answer."""
    line = _row(rows(_trace("RCAAgent", {"most_likely": "a divisor is zero"}), set(), is_over=False), "rca")

    assert line == ProgressRow("rca", "done", 2.0, "a divisor is zero")


def test_reading_and_the_early_brief_have_their_own_lines() -> None:
    """Whoever watches sees that people knew the facts before anything was judged."""
    answer = {"kind": "early", "mail_status": "sent", "hook_status": "off"}
    lines = rows(_trace("PostProcessAgent-early", answer), set(), is_over=False)

    assert lines[0] == ProgressRow("post_process, early", "done", 2.0, "early brief, mail sent, hook off")
    assert _row(lines, "post_process").state == "waiting"


def test_code_that_was_read_early_has_its_own_line() -> None:
    """It was read beside the judgement; explaining it comes later."""
    answer = {"analysis_summary": "Read df66917."}
    lines = rows(_trace("CodeAnalyzerAgent-read", answer), set(), is_over=False)

    assert lines[0] == ProgressRow("code_analyzer, read", "done", 2.0, "Read df66917.")
    assert _row(lines, "code_analyzer").state == "waiting"


def test_degraded_answer_shows_the_reason() -> None:
    """The reason replaces the summary."""
    line = _row(rows(_trace("RCAAgent", {"degraded": "no logs", "most_likely": "x"}), set(), is_over=False), "rca")

    assert (line.state, line.note) == ("degraded", "no logs")


def test_failed_run_shows_its_error() -> None:
    """A run without an answer failed."""
    line = _row(rows(_trace("RCAAgent", None, [{"message": "away"}]), set(), is_over=False), "rca")

    assert (line.state, line.note) == ("failed", "away")


def test_step_that_died_without_a_trace_is_failed_by_the_outcome() -> None:
    """A killed function leaves no run; the outcome names it."""
    failures = [{"step": "rca", "message": "connection refused"}]
    trace = cast(TraceDocument, {"traces": {}, "outcome": {"failures": failures}})

    assert _row(rows(trace, set(), is_over=True), "rca").state == "failed"


def test_failed_execution_marks_post_process_as_failed() -> None:
    """Only a failure of post_process fails an execution, so that step was not skipped."""
    line = _row(rows(None, set(), is_over=True, has_failed=True), "post_process")

    assert (line.state, line.note) == ("failed", "the workflow failed before it published an outcome")


@pytest.mark.parametrize("width", [60, 80, 130])
def test_sign_state_and_seconds_are_shown_in_full_at_any_width(width: int) -> None:
    """Only the note is truncated."""
    console = Console(record=True, width=width, file=io.StringIO())
    console.print(steps([ProgressRow("incident_detection", "degraded", 12.3, "a long note " * 20)], "steps"))

    (_, drawn, *_) = console.export_text().splitlines()
    assert drawn.startswith(" ▲ incident_detection (degraded)")
    assert "12.30 s" in drawn


def test_text_with_brackets_is_shown_as_it_is() -> None:
    """Text from logs is not markup."""
    console = Console(record=True, width=160, file=io.StringIO())
    console.print(steps([ProgressRow("rca", "done", 1.0, "[red]list[int][/red]")], "steps"))

    assert "[red]list[int][/red]" in console.export_text()
