"""The memory of one execution, which Google limits to 512 KB: small whatever the incident holds."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from functions.workflow_starter.signed_alert import carried
from infra.local.engine.runtime.scope import MemoryUse
from shared import traces
from shared.contracts import Alert, StepCall, StepResult
from shared.errors import Rejected
from shared.step import step, step_result
from shared.step.steps import BY_NAME, STEPS, StepRow
from tests.at_bounds import filled
from tests.builders import an_alert
from tests.step_calls import signed
from tests.workflows.test_incident import Functions, serving

KB = 1024
CALL = StepCall(incident=signed(an_alert()))
LIMIT_KB = 128
"""A quarter of what Google allows."""

NOTHING_DRAFTED = {"is_ready": False, "awaits_approval": False, "approve_within_s": 0}


@pytest.fixture
def functions() -> Iterator[Functions]:
    """Functions that answer at the bounds of their contracts, called for the largest alert."""
    with serving() as scripted:
        scripted.argument = {"alert": carried(filled(Alert).replace(is_test=False), "n" * 22).model_dump(mode="json")}
        yield scripted


def at_bounds(row: StepRow, is_stored: bool, **decisions: Any) -> dict[str, Any]:
    """Return the result of a step whose answer has every text and list at its full length."""
    result = step_result.result_of(row, CALL, filled(row.answer), traces.connect(), is_stored)
    largest = result.replace(
        headline="😀" * 200, trace="https://" + "x" * 290, signature=(result.digest and "s" * 88) or ""
    )
    return {**step_result.as_json(row, largest), **decisions}


def peak_kb(functions: Functions) -> float:
    """Run one execution; return the peak of its memory in KB."""
    memory_use = MemoryUse()
    functions.run(memory_use=memory_use)
    return memory_use.peak_bytes / KB


@pytest.mark.parametrize("is_stored", [True, False], ids=["stored", "not stored"])
@pytest.mark.parametrize("awaits", [False, True], ids=["drafted", "approval"])
def test_peak_is_under_a_quarter_of_the_limit(
    functions: Functions, record_property: Any, is_stored: bool, awaits: bool
) -> None:
    """The largest alert, every answer at its bounds, with and without a store that takes them."""
    for row in STEPS:
        functions.results[row.name] = at_bounds(row, is_stored)
    functions.results["incident_detection"] |= {"needs_response": True, "looks_like_regression": True}
    functions.results["file_updater"] |= NOTHING_DRAFTED | ({"awaits_approval": True} if awaits else {"is_ready": True})
    functions.results["pr_creator"] |= NOTHING_DRAFTED | {"awaits_approval": awaits}

    peak = peak_kb(functions)

    record_property("peak KB", round(peak, 1))
    assert peak < LIMIT_KB
    assert functions.names() == set(BY_NAME)


def test_peak_of_failures_is_under_a_quarter_of_the_limit(functions: Functions, record_property: Any) -> None:
    """Each step fails with an error as long as a step sends one."""
    message = step.error_response(Rejected("x" * 100_000)).get_json()["message"]
    for name in set(BY_NAME) - {"incident_detection", "post_process"}:
        functions.statuses[name] = [400] * 10
    functions.message = message

    peak = peak_kb(functions)

    record_property("peak KB", round(peak, 1))
    assert peak < LIMIT_KB


def test_result_never_grows_over_its_bound() -> None:
    """Whatever a digest holds: the store fails, and the answer is at its bounds."""
    for row in STEPS:
        sent = at_bounds(row, is_stored=False)
        assert len(json.dumps(sent, ensure_ascii=False).encode()) <= 8 * KB
        StepResult.model_validate(sent)
