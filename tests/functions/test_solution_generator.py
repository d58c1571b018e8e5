"""solution_generator: mitigations always, a patch only when it is certain."""

import inspect

from pytest_mock import MockerFixture

from functions.solution_generator.main import solution_generator as step
from shared.contracts import Solution, SolutionRequest
from shared.errors import Unavailable
from tests.functions import post_process_requests as requests

solution_generator = inspect.unwrap(step)


def _solution(**changes: object) -> Solution:
    fields = {"alert": requests.alert(), "incident": requests.incident(), **changes}
    answer = solution_generator(SolutionRequest.model_validate(fields))
    assert isinstance(answer, Solution)
    return answer


def test_without_code_there_is_a_mitigation_and_the_reason_for_no_patch() -> None:
    """The reader can act, and knows what is missing."""
    solution = _solution()

    assert solution.mitigations
    assert not solution.has_patch
    assert solution.patch_withheld


def test_repository_that_cannot_be_read_withholds_the_patch(mocker: MockerFixture) -> None:
    """A patch is made against the code as it is now, or not at all."""
    mocker.patch("shared.code_host.reader.connect", side_effect=Unavailable("GitHub is away"))

    solution = _solution(code_analysis=requests.code_analysis())

    assert not solution.has_patch
    assert "GitHub is away" in (solution.patch_withheld or "")
    assert solution.mitigations
