"""
One service under attack: its logs, its repository, a model, mail and hook on loopback, and all that leaves the product.

The steps are the functions themselves, called as the workflow calls them, each once, with the answers of those before.
"""

import contextlib
import io
import json
import os
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import pytest

from functions.code_analyzer.main import code_analyzer
from functions.file_updater.main import file_updater
from functions.incident_detection.main import incident_detection
from functions.post_process.main import post_process
from functions.pr_creator.main import pr_creator
from functions.rca.main import rca
from functions.solution_generator.main import solution_generator
from functions.suggestion.main import suggestion
from infra.local.sandboxes.gemini.request import ModelRequest
from infra.local.sandboxes.gemini.scripts import Turn
from infra.local.sandboxes.gemini.server import API_KEY, GeminiSandbox
from infra.local.sandboxes.github.server import GithubSandbox
from infra.local.sandboxes.gmail.server import GmailSandbox, OauthGrant
from infra.local.sandboxes.hook.server import HookSandbox
from infra.local.sandboxes.loki.server import LokiSandbox
from infra.local.sandboxes.pagerduty.server import ROUTING_KEY, PagerDutySandbox
from infra.local.sandboxes.prometheus.server import PrometheusSandbox
from infra.local.sandboxes.slack.server import CHANNEL, SlackSandbox
from infra.local.sandboxes.slack.server import TOKEN as SLACK_TOKEN
from infra.local.sandboxes.teams.server import TeamsSandbox
from shared import traces
from shared.contracts import (
    Alert,
    Branch,
    CodeAnalysis,
    CodeAnalysisRequest,
    DetectionRequest,
    FileUpdateRequest,
    Incident,
    Outcome,
    PostProcessRequest,
    PullRequest,
    PullRequestRequest,
    RootCauseRequest,
    RootCauses,
    Solution,
    SolutionRequest,
    StepRequest,
    SuggestionRequest,
    Suggestions,
)
from shared.step import steps
from tests import step_calls
from tests.builders import NOW, an_alert
from tests.fakes_code_host import Repository

REPO = "octo/shop"
TOKEN = "hostile-token"  # opens a sandbox on loopback
CALM = "INFO GET /basket/{n} 200"
ONSET = NOW - timedelta(minutes=5)
SOURCE = 'RATE = 3\n\n\ndef share(total, parts):\n    """Share a total."""\n    return total / len(parts)\n'
TRACE = (
    "Traceback (most recent call last):\n"
    '  File "/app/shop/pricing.py", line 6, in share\n'
    "    return total / len(parts)\n"
    "ZeroDivisionError: division by zero"
)
Script = Callable[[ModelRequest], Turn]
Metrics = Literal["none", "empty", "calm", "failing"]
"""Without a metrics store, with one that has no series, or measures requests and shows no failures, or some."""
SECRETS = (TOKEN, API_KEY, SLACK_TOKEN, OauthGrant().refresh_token, OauthGrant().client_secret)


@dataclass
class Exits:
    """What left the product: whatever an attacker may have reached."""

    branches: list[str]
    pulls: list[dict[str, Any]]
    texts: dict[str, str]
    """Mail, hooks, archive, traces, log, and what was pushed, each as one text."""
    answers: dict[str, Any]

    @property
    def leaked(self) -> list[str]:
        """Name the exits at which a credential of the product stands."""
        return [name for name, text in self.texts.items() if any(secret in text for secret in SECRETS)]

    @property
    def pushed(self) -> str:
        """What stands on branches beside the one that was there."""
        return self.texts["pushed"]


@dataclass
class World:
    """One attacked service; `run` plays one incident of it."""

    folder: Path
    patch: pytest.MonkeyPatch
    git_dir: Path
    mail: GmailSandbox
    hook: HookSandbox
    slack: SlackSandbox
    pagerduty: PagerDutySandbox
    teams: TeamsSandbox
    loki: LokiSandbox
    prometheus: PrometheusSandbox
    gemini: GeminiSandbox | None = None
    alert: Alert = field(default_factory=lambda: an_alert(github_repo=None))
    writes: bool = True
    """Whether the steps run that write code."""

    def log(self, *entries: str, times: int = 12, calm: str = CALM, gap_s: float = 0.001, **labels: str) -> None:
        """
        Let the service write calm lines, and then the entries, one right behind the other, again and again.

        `{n}` in a text counts; `gap_s` is from one entry to the next, `labels` are further ones of the stream.
        """
        lines = [(n * 3.0, calm.replace("{n}", str(n))) for n in range(280)] if calm else []
        every_s = min(20.0, 320 / times)
        lines += [
            (570 + n * every_s + i * gap_s, text.replace("{n}", str(n)))
            for n in range(times)
            for i, text in enumerate(entries)
        ]
        self.write(lines, **labels)

    def write(self, lines: Sequence[tuple[float, str]], **labels: str) -> None:
        """Write lines, each at its seconds after the start of the window, to the stream of these labels."""
        start = NOW - timedelta(minutes=15)
        values = [[str(int((start.timestamp() + at) * 1e9)), text] for at, text in sorted(lines)]
        stream = {"stream": {"service_name": self.alert.service_name, **labels}, "values": values}
        self.loki.load({"streams": [stream]})

    def count(self, metric: str, per_s: float, since: datetime | None = None, **labels: str) -> None:
        """Let a counter of the service grow, from a time on if one is named."""
        start, value, samples = NOW - timedelta(minutes=20), 0.0, []
        for step in range(20 * 4 + 1):
            at = start + timedelta(seconds=15 * step)
            value += 15 * per_s if since is None or at > since else 0.0
            samples.append((at.timestamp(), value))
        self.prometheus.load(metric, {"service_name": self.alert.service_name, **labels}, samples)

    def run(self) -> Exits:
        """Play the incident through every step, and return what left."""
        log = io.StringIO()
        with contextlib.redirect_stdout(log), contextlib.redirect_stderr(log):
            answers = self._played()
        return self._exits(answers, log.getvalue())

    def _played(self) -> dict[str, Any]:
        alert = self.alert
        incident = self._ask(incident_detection, DetectionRequest(alert=alert), Incident)
        causes = self._ask(rca, RootCauseRequest(alert=alert, incident=incident), RootCauses)
        advice = self._ask(suggestion, SuggestionRequest(alert=alert, incident=incident), Suggestions)
        facts: dict[str, Any] = {"alert": alert, "incident": incident, "root_causes": causes, "suggestions": advice}
        if incident.looks_like_regression:
            request = CodeAnalysisRequest(alert=alert, incident=incident)
            facts["code_analysis"] = self._ask(code_analyzer, request, CodeAnalysis)
        facts["solution"] = self._ask(solution_generator, SolutionRequest(**facts), Solution)
        if self.writes and facts["solution"].patch is not None:
            self._write(facts)
        facts["outcome"] = self._ask(post_process, PostProcessRequest(**facts), Outcome)
        return facts

    def _write(self, facts: dict[str, Any]) -> None:
        written = {name: facts[name] for name in ("alert", "incident", "code_analysis", "solution")}
        facts["branch"] = self._ask(file_updater, FileUpdateRequest(**written), Branch)
        names = ("alert", "incident", "code_analysis", "solution", "branch", "root_causes")
        callback = "https://workflowexecutions.googleapis.com/v1/callbacks/1"
        request = PullRequestRequest(**{name: facts[name] for name in names}, callback_url=callback)
        facts["pull_request"] = self._ask(pr_creator, request, PullRequest)

    def _ask(self, step: Any, request: StepRequest, kind: Any) -> Any:
        status, body = step_calls.called(step, request)
        assert status == 200, f"{step.__name__} answered {status}: {body}"
        return kind.model_validate(step_calls.answer_of(steps.BY_NAME[step.__name__], request).body)

    def _exits(self, answers: dict[str, Any], log: str) -> Exits:
        branches = self.run_git("for-each-ref", "--format=%(refname:short)", "refs/heads").split()
        others = [name for name in branches if name != "main"]
        pulls = self.pulls()
        mails = [
            "\n".join([str(mail["Subject"]), *(part.get_content() for part in mail.walk() if not part.is_multipart()
                                               and part.get_content_maintype() == "text")])
            for mail in self.mail.mails
        ]  # fmt: skip
        archive = [
            path.read_text("utf-8", "replace") for path in (self.folder / "archive").rglob("*") if path.is_file()
        ]
        texts = {
            "mail": "\n".join(mails),
            "hook": json.dumps([call["body"] for call in self.hook.calls]),
            "slack": json.dumps(self.slack.messages),
            "pagerduty": json.dumps(self.pagerduty.events),
            "teams": json.dumps(self.teams.cards),
            "archive": "\n".join(archive),
            "trace": json.dumps(traces.connect().document(self.alert.incident_id), default=str),
            "log": log,
            "pulls": json.dumps(pulls),
            "pushed": "\n".join(self.run_git("diff", "main", name) for name in others),
        }
        return Exits(others, pulls, texts, answers)

    def pulls(self) -> list[dict[str, Any]]:
        """Return the pull requests that were opened."""
        stored = self.git_dir / "pulls.json"
        opened: list[dict[str, Any]] = json.loads(stored.read_text())["pulls"] if stored.exists() else []
        return opened

    def run_git(self, *args: str, stdin: str = "", env: Mapping[str, str] | None = None) -> str:
        """Run git on the repository behind the code host, as somebody who may write there."""
        identity = ("-c", "safe.directory=*", "-c", "user.name=Eve", "-c", "user.email=eve@example.com")
        command = ["git", *identity, f"--git-dir={self.git_dir}", *args]
        both = {**os.environ, **(env or {})}
        done = subprocess.run(command, input=stdin, capture_output=True, check=True, timeout=30, text=True, env=both)
        return done.stdout


@contextlib.contextmanager
def world(
    folder: Path,
    patch: pytest.MonkeyPatch,
    *,
    script: Script | None = None,
    commits: Sequence[dict[str, str | None]] = (),
    message: str = "Change",
    settings: dict[str, str] | None = None,
    metrics: Metrics = "none",
) -> Iterator[World]:
    """Start the service's world: a repository with these commits, and a model that follows the script, if any."""
    work = Repository(folder / "work", NOW - timedelta(days=9))
    work.commit(
        {"shop/pricing.py": SOURCE, "conftest.py": "", "README.md": "x", ".github/workflows/ci.yml": "on: push\n"}
    )
    for files in commits:
        work.commit(files, message)
    git_dir = folder / "shop.git"
    subprocess.run(["git", "clone", "-q", "--bare", work.folder, git_dir], check=True, capture_output=True)
    with ExitStack() as opened:
        github = opened.enter_context(GithubSandbox(git_dir, REPO, token=TOKEN))
        mail = opened.enter_context(GmailSandbox(folder / "mail"))
        hook = opened.enter_context(HookSandbox(folder / "hook"))
        slack = opened.enter_context(SlackSandbox())
        pagerduty = opened.enter_context(PagerDutySandbox())
        teams = opened.enter_context(TeamsSandbox())
        loki = opened.enter_context(LokiSandbox())
        prometheus = opened.enter_context(PrometheusSandbox())
        variables = {
            "GRAFANA_HOST": loki.url,
            "GITHUB_API_URL": github.url,
            "GITHUB_TOKEN": TOKEN,
            "GITHUB_REPO": REPO,
            **mail.grant.settings(mail.url),
            "GMAIL_API_URL": f"{mail.url}/",
            "ON_CALL_ENGINEERS": "ada@example.com",
            "POST_PROCESS_URL": f"{hook.url}/",
            "SLACK_BOT_TOKEN": SLACK_TOKEN,
            "SLACK_CHANNEL": CHANNEL,
            "SLACK_API_URL": f"{slack.url}/api",
            "PAGERDUTY_ROUTING_KEY": ROUTING_KEY,
            "PAGERDUTY_EVENTS_URL": pagerduty.url,
            "TEAMS_WEBHOOK_URL": teams.webhook,
            "SAVE_OUTPUT": "true",
            "OUTPUT_DIR": str(folder / "archive"),
            "TRACES_PROVIDER": "embedded",
            "TRACES_PATH": str(folder / "traces.sqlite3"),
            "MODEL_PROVIDER": "offline",
            **(settings or {}),
        }
        gemini = None
        if script is not None:
            gemini = opened.enter_context(GeminiSandbox(script=script))
            variables |= {"MODEL_PROVIDER": "gemini", "GEMINI_API_KEY": API_KEY, "GEMINI_BASE_URL": gemini.url}
        for name, value in variables.items():
            patch.setenv(name, value)
        target = World(folder, patch, git_dir, mail, hook, slack, pagerduty, teams, loki, prometheus, gemini)
        if metrics != "none":
            patch.setenv("PROMETHEUS_HOST", prometheus.url)
            if metrics != "empty":
                target.count("http_requests_total", 0.2, code="200")
        if metrics == "failing":
            target.count("http_requests_total", 0.1, ONSET, code="500")
        yield target
