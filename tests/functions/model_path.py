"""The steps that call a model, run in one process against the Gemini sandbox."""

import inspect
from dataclasses import dataclass, replace
from types import ModuleType

import pytest

from functions.code_analyzer import main as code_analyzer
from functions.incident_detection import main as incident_detection
from functions.post_process import opening
from functions.post_process.brief.render import Brief, render
from functions.post_process.brief.view import Usage
from functions.rca import main as rca
from functions.solution_generator import main as solution_generator
from functions.suggestion import main as suggestion
from infra.local.sandboxes.gemini.server import API_KEY, GeminiSandbox
from shared import telemetry, traces
from shared.agent.claim_checks import GroundingContext
from shared.code_host import reader as code_reader
from shared.code_host import repository_policy
from shared.code_host.port import CodeReader
from shared.contracts import (
    Alert,
    CodeAnalysis,
    CodeAnalysisRequest,
    DetectionRequest,
    Incident,
    PostProcessRequest,
    RootCauseRequest,
    RootCauses,
    Solution,
    SolutionRequest,
    SuggestionRequest,
    Suggestions,
)
from shared.step import recorder
from shared.telemetry.port import LogLine, LogPage, LogQuery

MODEL_STEPS: tuple[ModuleType, ...] = (
    incident_detection,
    code_analyzer,
    rca,
    suggestion,
    solution_generator,
)


@dataclass(frozen=True)
class Answers:
    """What every step answered, and the brief; `dropped` holds claims that failed a check, `ran` the tools that ran."""

    incident: Incident
    code: CodeAnalysis | None
    causes: RootCauses
    advice: Suggestions
    solution: Solution
    brief: Brief
    dropped: list[str]
    ran: list[str]

    def text(self) -> str:
        """Return all answers and the rendered brief as one text."""
        answers = (self.incident, self.code, self.causes, self.advice, self.solution)
        return "\n".join(
            [*(answer.model_dump_json() for answer in answers if answer), self.brief.html, self.brief.text]
        )


class FixedLogs:
    """A log store with fixed lines."""

    def __init__(self, lines: tuple[LogLine, ...]) -> None:
        self.lines = lines
        self.queries: list[LogQuery] = []

    def search(self, query: LogQuery) -> LogPage:
        """Return the lines that contain every word of the query."""
        self.queries.append(query)
        matches = tuple(line for line in self.lines if all(word in line.text for word in query.containing))
        selector = '{service_name="checkout-api"}'
        return LogPage(matches, selector, is_complete=True, selector=selector)

    def other_label(self, _query: LogQuery) -> str:
        """Know no other label."""
        return ""


def use(monkeypatch: pytest.MonkeyPatch, gemini: GeminiSandbox, timeout_s: float = 20) -> None:
    """Let every step call this Gemini, each with a timeout of `timeout_s` seconds."""
    monkeypatch.setenv("MODEL_PROVIDER", "gemini")
    monkeypatch.setenv("GEMINI_API_KEY", API_KEY)
    monkeypatch.setenv("GEMINI_BASE_URL", gemini.url)
    for module in MODEL_STEPS:
        row = module.AGENT.row
        row = replace(row, model=replace(row.model, timeout_s=timeout_s))
        monkeypatch.setattr(module, "AGENT", replace(module.AGENT, row=row))


def connect(monkeypatch: pytest.MonkeyPatch, logs: FixedLogs, reader: CodeReader | None = None) -> None:
    """Let the steps read these logs and this repository."""
    monkeypatch.setattr(telemetry, "connect_logs", lambda: logs)
    monkeypatch.setattr(telemetry, "connect_metrics", lambda: None)
    monkeypatch.setattr(code_reader, "connect", lambda repo: reader)
    monkeypatch.setattr(repository_policy, "repository_of", lambda alert: reader.repo if reader else None)
    monkeypatch.setattr(repository_policy, "base_branch_of", lambda alert: None)


def walk(alert: Alert, *, reads_code: bool = False) -> Answers:
    """Run every step in the order of the workflow, and render the brief."""
    with recorder.recording() as done:
        incident = inspect.unwrap(incident_detection.incident_detection)(DetectionRequest(alert=alert))
        return _answered(alert, incident, reads_code, done)


def _answered(alert: Alert, incident: Incident, reads_code: bool, done: recorder.Recording) -> Answers:
    causes = inspect.unwrap(rca.rca)(RootCauseRequest(alert=alert, incident=incident))
    advice = inspect.unwrap(suggestion.suggestion)(SuggestionRequest(alert=alert, incident=incident))
    analysis_request = CodeAnalysisRequest(alert=alert, incident=incident)
    code = inspect.unwrap(code_analyzer.code_analyzer)(analysis_request) if reads_code else None
    analyses = {"incident": incident, "root_causes": causes, "suggestions": advice, "code_analysis": code}
    solution = inspect.unwrap(solution_generator.solution_generator)(SolutionRequest(alert=alert, **analyses))
    request = PostProcessRequest(alert=alert, **analyses, solution=solution)
    brief = render(request, [], Usage(), opening.opening(request, traces.connect()))
    ran = [entry.call.tool_name for entry in done.calls]
    return Answers(incident, code, causes, advice, solution, brief, done.claims_dropped, ran)


def grounding(*answers: CodeAnalysis) -> GroundingContext:
    """Return what a model may cite that has read these answers."""
    return GroundingContext(answers)
