"""code_analyzer: places and commits that explain the incident, or why the code was not read."""

import inspect

import pytest
from pytest_mock import MockerFixture

from functions.code_analyzer.main import code_analyzer as step
from shared.contracts import CodeAnalysis, CodeAnalysisRequest
from shared.errors import IncidentCopilotError, Refused, Unavailable
from tests.functions import post_process_requests as requests

code_analyzer = inspect.unwrap(step)


def _analysis() -> CodeAnalysis:
    answer = code_analyzer(CodeAnalysisRequest(alert=requests.alert(), incident=requests.incident()))
    assert isinstance(answer, CodeAnalysis)
    return answer


def test_service_without_a_repository_says_which_setting_is_missing(mocker: MockerFixture) -> None:
    """The operator knows what to set; nothing failed, as it is not set up."""
    mocker.patch("shared.code_host.reader.connect", return_value=None)

    analysis = _analysis()

    assert not analysis.code_available
    assert analysis.degraded is None
    assert ["SERVICE_REPOS" in hint for hint in analysis.hints] == [True]


@pytest.mark.parametrize("error", [Unavailable("GitHub is away"), Refused("no access")])
def test_repository_that_cannot_be_read_degrades_the_answer(mocker: MockerFixture, error: IncidentCopilotError) -> None:
    """The brief is written without code, and says why."""
    mocker.patch("shared.code_host.reader.connect", side_effect=error)

    analysis = _analysis()

    assert not analysis.code_available
    assert str(error) in (analysis.degraded or "")
    assert analysis.suspect_commits == []
