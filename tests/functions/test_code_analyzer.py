"""code_analyzer: places and commits that explain the incident, or why the code was not read."""

import inspect
from datetime import timedelta
from typing import Any

import pytest
from pytest_mock import MockerFixture

from functions.code_analyzer.main import code_analyzer as step
from shared.contracts import CodeAnalysis, CodeAnalysisRequest, Incident
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


class Host:
    """A code host of which each reading is counted; its analysis has no places, so nobody is asked for owners."""

    repo = "octo/billing"

    def __init__(self, mocker: MockerFixture) -> None:
        self.readings = 0
        mocker.patch("shared.code_host.reader.connect", return_value=self)
        mocker.patch("functions.code_analyzer.read_code.analyze", self.analyze)

    def analyze(self, *_: object) -> CodeAnalysis:
        """Count it, and answer."""
        self.readings += 1
        return CodeAnalysis(code_available=True, repo=self.repo, analysis_summary=f"reading {self.readings}")


@pytest.fixture
def host(mocker: MockerFixture) -> Host:
    """One that can be read."""
    return Host(mocker)


def _after(read: CodeAnalysis, judged: Incident, facts: Incident | None = None) -> CodeAnalysis:
    """Return the answer after the code was read from the facts, and these were judged."""
    request = CodeAnalysisRequest(
        alert=requests.alert(), incident=judged, facts=facts or requests.incident(), read_before=read
    )
    answer = code_analyzer(request)
    assert isinstance(answer, CodeAnalysis)
    return answer


def _read_only() -> CodeAnalysis:
    facts = requests.incident()
    answer = code_analyzer(CodeAnalysisRequest(alert=requests.alert(), incident=facts, facts=facts, reads_only=True))
    assert isinstance(answer, CodeAnalysis)
    return answer


def test_reading_asks_no_model(host: Host, mocker: MockerFixture) -> None:
    """It runs beside the judgement, and its answer is that of the rules."""
    mocker.patch("shared.agent.agent.Agent.refine", side_effect=AssertionError("a model was asked"))

    assert _read_only().analysis_summary == "reading 1"


def test_what_was_read_is_not_read_again(host: Host) -> None:
    """A judge changes severity, words and kind; none of them leads to other code."""
    judged = requests.incident(
        severity="low", reasoning="Judged.", initial_symptoms=["Late."], incident_type_hint="config_issue"
    )

    assert _after(_read_only(), judged).analysis_summary == "reading 1"
    assert host.readings == 1


@pytest.mark.parametrize(
    "change", [{"onset": None}, {"stack_traces": []}, {"patterns": []}, {"end": requests.END + timedelta(minutes=1)}]
)
def test_code_is_read_again_where_it_rests_on_something_else(host: Host, change: dict[str, Any]) -> None:
    """Facts that were read anew may lead to another commit or file."""
    assert _after(_read_only(), requests.incident(**change)).analysis_summary == "reading 2"


@pytest.mark.parametrize(
    "change",
    [{"degraded": "The search was refused."}, {"hints": ["The deployments were not read."]}, {"code_available": False}],
)
def test_code_that_was_not_read_whole_is_read_again(host: Host, change: dict[str, Any]) -> None:
    """A host that was away may be back."""
    assert _after(_read_only().replace(**change), requests.incident()).analysis_summary == "reading 2"
