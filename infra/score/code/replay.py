"""One incident through every step that reads and reasons, with its log and its repository behind sandboxes."""

import json
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from functions.alert_intake import parse_alerts
from functions.alert_intake.alert_subject import SERVICE_LABELS
from infra.evals.run_scenario import TOKEN, environment, run_steps
from infra.local.sandboxes.github.server import GithubSandbox
from infra.local.sandboxes.loki.server import LokiSandbox
from infra.local.scenarios.cases import from_case
from infra.score.code.cases import CodeCase
from infra.score.microservice.replay import UNSET
from shared import clock
from shared.contracts import Alert, CodeAnalysis, Incident, RootCauses, Solution
from shared.step.recorder import recording


@dataclass(frozen=True)
class CodeAnswer:
    """What the product answered, in `seconds`; the later answers are None where detection ended it."""

    incident: Incident
    seconds: float
    causes: RootCauses | None = None
    code: CodeAnalysis | None = None
    solution: Solution | None = None


def replay(case: CodeCase) -> CodeAnswer:
    """Alert on the incident's service and return the answers. Raises Rejected when the case cannot be set up."""
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        built = from_case(case.folder, Path(folder) / "case", case.git_dir)
        loki = stack.enter_context(LokiSandbox())
        loki.load_file(built.logs)
        if built.repo_git:
            stack.enter_context(code_host(built.repo_git, case.truth.repo))
        stack.enter_context(environment(variables(loki.url, folder)))
        alert = _alert(json.loads(built.alert.read_bytes()))
        started = time.perf_counter()
        with recording():
            played = run_steps(alert, [])
        seconds = time.perf_counter() - started
    return CodeAnswer(played.incident, seconds, played.root_causes, played.code, played.solution)


@contextmanager
def code_host(git_dir: Path, repo: str) -> Iterator[None]:
    """Serve a repository as GitHub does, and let the product read it."""
    with GithubSandbox(git_dir, repo, token=TOKEN) as github:
        named = {"GITHUB_REPO": repo, "GITHUB_TOKEN": TOKEN, "GITHUB_API_URL": github.url}
        with environment(named):
            yield


def variables(loki: str, folder: str) -> dict[str, str]:
    """Return the settings of the stack: the sandbox, and whatever else this machine has configured unset."""
    return {
        **dict.fromkeys((*UNSET, "SERVICE_REPOS", "GITHUB_BASE_BRANCH", "PROMETHEUS_HOST"), ""),
        "GRAFANA_HOST": loki,
        "MODEL_PROVIDER": "offline",
        "TRACES_PROVIDER": "embedded",
        "TRACES_PATH": f"{folder}/traces.sqlite",
    }


def _alert(body: dict[str, Any]) -> Alert:
    rules = parse_alerts.Rules(clock.now(), "score", tuple(SERVICE_LABELS), 900, "score")
    (alert,) = parse_alerts.read(body, rules).alerts
    return alert
