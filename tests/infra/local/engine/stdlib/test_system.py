"""Sleeping, logging and the environment."""

import time
from collections.abc import Callable
from typing import Any

import pytest

from infra.local.engine import WorkflowError

Run = Callable[..., Any]


def test_sleep_waits_for_the_requested_time(run_workflow: Run) -> None:
    """The time is real unless scaled."""
    started = time.monotonic()
    run_workflow("- z: {call: sys.sleep, args: {seconds: 0.2}}", time_scale=1)
    assert time.monotonic() - started >= 0.2

    started = time.monotonic()
    run_workflow("- z: {call: sys.sleep, args: {seconds: 3600}}", time_scale=0.00001)
    assert time.monotonic() - started < 600


@pytest.mark.parametrize(
    ("call", "tag"),
    [
        ("{call: sys.sleep, args: {seconds: -1}}", "ValueError"),
        ("{call: sys.sleep, args: {seconds: 31536001}}", "ValueError"),
        ("{call: sys.sleep, args: {seconds: '1'}}", "TypeError"),
        ("{call: sys.sleep_until, args: {time: soon}}", "ValueError"),
        ("{call: sys.sleep_until, args: {time: '2999-01-01T00:00:00Z'}}", "ValueError"),
        ("{call: sys.log}", "TypeError"),
        ("{call: sys.log, args: {text: a, json: {a: 1}}}", "TypeError"),
        ("{call: sys.log, args: {json: text}}", "TypeError"),
        ("{call: sys.log, args: {text: a, severity: LOUD}}", "ValueError"),
    ],
)
def test_invalid_arguments_raise(run_workflow: Run, call: str, tag: str) -> None:
    """The error is the one the reference documents."""
    with pytest.raises(WorkflowError, match=tag):
        run_workflow(f"- a: {call}")


def test_sleep_until_a_past_time_returns_at_once(run_workflow: Run) -> None:
    """The next step runs without a wait."""
    run_workflow("- z: {call: sys.sleep_until, args: {time: '2020-01-01T00:00:00Z'}}\n- r: {return: 1}", time_scale=1)


@pytest.mark.parametrize(
    "call",
    [
        "{call: sys.log, args: {text: hi, severity: WARNING}}",
        "{call: sys.log, args: {json: {k: 1}}}",
        "{call: sys.log, args: {data: [1, 2]}}",
        "{call: sys.log, args: [hi, ERROR]}",
        "{call: sys.log, args: [null, ERROR, hi]}",
    ],
)
def test_log_accepts_each_documented_form(run_workflow: Run, call: str) -> None:
    """Data, text or json, as named or positional arguments."""
    assert run_workflow(f"- a: {call}\n- r: {{return: ok}}") == "ok"


def test_environment_is_read_by_a_computed_name(run_workflow: Run) -> None:
    """The name may come from a variable."""
    source = "main: {params: [name], steps: [{r: {return: '${sys.get_env(name)}'}}]}"
    assert run_workflow(source, "rca", environment={"rca": "http://127.0.0.1:1"}) == "http://127.0.0.1:1"
