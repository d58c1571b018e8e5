"""Plays one scenario: sandboxes on loopback hold its telemetry and code, the agents' own functions read and reason."""

import inspect
import os
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, TypeVar

from functions.code_analyzer.main import code_analyzer
from functions.incident_detection.main import incident_detection
from functions.rca.main import rca
from functions.solution_generator.main import solution_generator
from functions.suggestion.main import suggestion
from infra.evals import telemetry
from infra.evals.scenario import EvalScenario
from infra.local.sandboxes.github.server import GithubSandbox
from infra.local.sandboxes.loki.server import LokiSandbox
from infra.local.sandboxes.prometheus.server import PrometheusSandbox
from shared.bounds import Contract
from shared.contracts import (
    Alert,
    CodeAnalysis,
    CodeAnalysisRequest,
    DetectionRequest,
    Incident,
    RootCauseRequest,
    RootCauses,
    Solution,
    SolutionRequest,
    StepRequest,
    SuggestionRequest,
    Suggestions,
)
from shared.step.recorder import recording

TOKEN = "eval-token"  # noqa: S105  # opens a sandbox on loopback
NOWHERE = "http://127.0.0.1:9"
UNSET = (
    "GRAFANA_BASICAUTH",
    "GRAFANA_TOKEN",
    "GRAFANA_URL",
    "PROMETHEUS_BASICAUTH",
    "SERVICE_REPOS",
    "GITHUB_BASE_BRANCH",
)
"""Settings of this machine that would lead a scenario past the sandboxes."""

Answer = TypeVar("Answer", bound=Contract)


class Ask(Protocol):
    """How a step is called."""

    def __call__(self, step: object, request: StepRequest, kind: type[Answer]) -> Answer:
        """Return the answer of a step to a request."""
        ...


@dataclass
class Played:
    """What the agents answered in one run, what it cost and how long it took."""

    alert: Alert
    commits: list[str]
    incident: Incident
    root_causes: RootCauses | None = None
    suggestions: Suggestions | None = None
    code: CodeAnalysis | None = None
    solution: Solution | None = None
    seconds: float = 0
    tokens: int = 0
    cost_usd: float = 0
    model_failures: list[str] = field(default_factory=list)

    @property
    def answers(self) -> list[Any]:
        """Every answer that was given."""
        answers = (self.incident, self.root_causes, self.suggestions, self.code, self.solution)
        return [answer for answer in answers if answer is not None]


def ask_inline(step: object, request: StepRequest, kind: type[Answer]) -> Answer:
    """Call the step's undecorated function; pass its answer on through JSON, as deployed functions do."""
    answer = inspect.unwrap(step)(request)  # type: ignore[arg-type]  # a step is a function wrapped by @step
    return kind.model_validate_json(answer.model_dump_json())


def play(scenario: EvalScenario, ask: Ask = ask_inline) -> Played:
    """Run the agents over the scenario, in workflow order, with the model that the environment configures."""
    with tempfile.TemporaryDirectory() as folder, ExitStack() as sandboxes:
        alert, commits, variables = set_up(scenario, Path(folder), sandboxes)
        with environment(variables), recording() as done:
            began = time.monotonic()
            played = run_steps(alert, commits, ask)
            played.seconds = time.monotonic() - began
    played.tokens = sum(reply.tokens_in + reply.tokens_out for reply in done.replies)
    played.cost_usd = sum(reply.cost_usd for reply in done.replies)
    played.model_failures = [f"{type(each.error).__name__}: {each.error}" for each in done.model_failures]
    return played


def run_steps(alert: Alert, commits: list[str], ask: Ask = ask_inline) -> Played:
    """Return what the agents answer to an alert, in workflow order, as far as detection lets them."""
    incident = ask(incident_detection, DetectionRequest(alert=alert), Incident)
    played = Played(alert, commits, incident)
    if not incident.needs_response:
        return played
    played.root_causes = ask(rca, RootCauseRequest(alert=alert, incident=incident), RootCauses)
    played.suggestions = ask(suggestion, SuggestionRequest(alert=alert, incident=incident), Suggestions)
    if incident.looks_like_regression:
        played.code = ask(code_analyzer, CodeAnalysisRequest(alert=alert, incident=incident), CodeAnalysis)
    request = SolutionRequest(
        alert=alert,
        incident=incident,
        code_analysis=played.code,
        root_causes=played.root_causes,
        suggestions=played.suggestions,
    )
    played.solution = ask(solution_generator, request, Solution)
    return played


def set_up(scenario: EvalScenario, folder: Path, sandboxes: ExitStack) -> tuple[Alert, list[str], dict[str, str]]:
    """Start the scenario's sandboxes; return its alert, the commits of its repository, and the variables to set."""
    loki = sandboxes.enter_context(LokiSandbox(telemetry.streams(scenario)))
    prometheus = sandboxes.enter_context(PrometheusSandbox())
    for metric in scenario.metrics:
        for name, labels, samples in telemetry.series(metric, scenario):
            prometheus.load(name, labels, samples)
    variables = {
        "GRAFANA_HOST": NOWHERE if scenario.logs_are_down else loki.url,
        "PROMETHEUS_HOST": prometheus.url if scenario.metrics else "",
        "TRACES_PROVIDER": "embedded",
        "TRACES_PATH": str(folder / "traces.sqlite"),
        "GITHUB_REPO": "",
        **dict.fromkeys(UNSET, ""),
    }
    commits: list[str] = []
    if scenario.repository:
        git_dir, commits = telemetry.build_repository(scenario.repository, scenario, folder)
        github = sandboxes.enter_context(GithubSandbox(git_dir, scenario.repository.name, token=TOKEN))
        variables |= {"GITHUB_REPO": scenario.repository.name, "GITHUB_TOKEN": TOKEN, "GITHUB_API_URL": github.url}
    return _alert(scenario, commits), commits, variables


def _alert(scenario: EvalScenario, commits: list[str]) -> Alert:
    fires = scenario.alert
    deployed = scenario.repository.deployed if scenario.repository else None
    return Alert(
        incident_id=f"inc-eval-{scenario.name.replace('_', '-')}"[:63],
        service_name=scenario.service,
        status=fires.status,
        lookup_window_s=round(scenario.window_minutes * 60),
        start=telemetry.start(scenario),
        end=telemetry.END,
        received_at=telemetry.END,
        started_at=telemetry.moment(scenario, fires.minute) if fires.minute is not None else None,
        alert_name=fires.name,
        summary=fires.summary,
        labels=fires.labels,
        annotations=fires.annotations,
        commit=commits[deployed - 1] if deployed else None,
    )


@contextmanager
def environment(variables: Mapping[str, str]) -> Iterator[None]:
    before = dict(os.environ)
    os.environ.update(variables)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
