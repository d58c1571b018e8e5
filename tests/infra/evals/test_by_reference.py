"""Steps give the same answers whether their inputs are sent to them or read from the trace."""

import re
from typing import Any

import pytest

from infra.evals import scenario
from infra.evals.run_scenario import Answer, play
from shared.contracts import StepRequest
from shared.step.steps import BY_NAME
from tests import step_calls


def ask_by_reference(step: Any, request: StepRequest, kind: type[Answer]) -> Answer:
    """Call a step as the workflow does; return the answer that it left in the trace."""
    status, result = step_calls.called(step, request)
    assert status == 200, result
    return kind.model_validate(step_calls.answer_of(BY_NAME[step.__name__], request).body)


SCENARIOS = [case for case in scenario.load() if case.name != "huge_volume"]
"""All but the one whose many lines take as long as all others together."""


@pytest.mark.parametrize("case", SCENARIOS, ids=lambda case: case.name)
def test_answers_by_reference_are_those_of_inline_calls(case: scenario.EvalScenario) -> None:
    """Detection, causes, advice, code and patch: nothing is lost on the way through the trace."""
    inline, by_reference = play(case), play(case, ask_by_reference)

    assert [_stable(answer) for answer in by_reference.answers] == [_stable(answer) for answer in inline.answers]


def _stable(answer: Any) -> str:
    """Return an answer without the addresses of its sandboxes, which change with each run."""
    return re.sub(r"http://127\.0\.0\.1:\d+", "", answer.model_dump_json())
