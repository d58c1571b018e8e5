"""The kinds of messages that readers get, each rendered by the product from an incident that was played."""

import base64
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from functions.post_process.brief.opinion import BriefWords
from functions.post_process.brief.render import render
from functions.post_process.brief.view import Usage
from functions.post_process.messages.held_message import update_of
from infra.evals import run_scenario
from infra.evals.run_scenario import NOWHERE, Played
from infra.evals.scenario import FOLDER, EvalScenario
from shared.admission.history import History
from shared.contracts import Branch, FileStat, Outcome, PostProcessRequest, PullRequest
from shared.outbox.port import InlineImage
from shared.traces.port import Hold, IncidentRecord
from tests.briefs.incidents import incidents
from tests.briefs.run import brief_of
from tests.functions import post_process_requests as requests

USAGE = Usage(duration_ms=9_000)
PAGES = {
    "dashboard_url": "https://grafana.example.com/d/service",
    "generator_url": "https://grafana.example.com/alerting/grafana/b1/view",
    "silence_url": "https://grafana.example.com/alerting/silence/new",
    "annotations": {"runbook_url": "https://wiki.example.com/runbooks/service"},
}
WORDS = BriefWords(
    seen_before="Seen 3 times before, last 12 Nov 2025, ended by pull request #42.",
    ended_by_url="https://github.com/acme/checkout-api/pull/42",
)


@dataclass(frozen=True)
class Message:
    """What a mail program is given."""

    subject: str
    html: str
    images: tuple[InlineImage, ...] = ()

    @property
    def page(self) -> str:
        """The page with its images inside, as a mail program shows it."""
        page = self.html
        for image in self.images:
            data = base64.b64encode(image.png).decode()
            page = page.replace(f"cid:{image.content_id}", f"data:image/png;base64,{data}")
        return page


def code_regression() -> Message:
    """A commit broke the code; a pull request with its revert is open."""
    played = _played("python_regression")
    patch = played.solution.patch if played.solution else None
    assert patch is not None
    stats = [FileStat(path=edit.path, lines_added=2, lines_removed=3) for edit in patch.files_to_modify]
    branch = Branch(status="success", repo="acme/checkout-api", branch="incident/x", stats=stats, reverts=patch.reverts)
    url = "https://github.com/acme/checkout-api/pull/57"
    return _message(played, WORDS, branch=branch, pull_request=PullRequest(status="success", pr_number=57, pr_url=url))


def rollout_on_part_of_the_pods() -> Message:
    """The new pods alone write the error."""
    return _message(_generated("rollout"))


def infrastructure_fault() -> Message:
    """A disk is full."""
    return _message(_played("disk_full"))


def fault_of_another_service() -> Message:
    """What the service calls refuses its connections."""
    return _message(_played("downstream_victim"))


def target_down() -> Message:
    """No scrape reaches the service."""
    return _message(_generated("down"))


def cannot_tell() -> Message:
    """There is no telemetry at all."""
    return _message(_played("no_logs_at_all"))


def healthy() -> Message:
    """The alert is too sensitive, and logs and metrics show it."""
    return _message(_played("transient_noise"))


def two_dependencies_down() -> Message:
    """Neither the log store nor the code host answers."""
    down = {"GITHUB_REPO": "acme/notifier", "GITHUB_API_URL": NOWHERE, "GITHUB_TOKEN": run_scenario.TOKEN}
    return _message(_played("log_store_down", down))


def no_repository() -> Message:
    """The same regression where nobody named the repository."""
    return _message(_played("python_regression", without="repository"))


def ended() -> Message:
    """The failures came and went before the brief."""
    return _message(_played("resolved_before_read"))


def update() -> Message:
    """Other alerts of the service fire while the brief is out."""
    return _held("firing", "HighLatency")


def resolution() -> Message:
    """All alerts of the incident have ended."""
    return _held("resolved", "BillingErrorRateHigh")


_ALL = (
    code_regression,
    rollout_on_part_of_the_pods,
    infrastructure_fault,
    fault_of_another_service,
    target_down,
    cannot_tell,
    healthy,
    two_dependencies_down,
    no_repository,
    ended,
    update,
    resolution,
)
KINDS: dict[str, Callable[[], Message]] = {one.__name__: cache(one) for one in _ALL}


def _played(name: str, variables: dict[str, str] | None = None, without: str = "") -> Played:
    facts: dict[str, Any] = yaml.safe_load((FOLDER / f"{name}.yaml").read_text())
    facts.pop(without, None)
    scenario = EvalScenario(name=name, **facts)
    with tempfile.TemporaryDirectory() as folder, ExitStack() as sandboxes:
        alert, commits, own = run_scenario.set_up(scenario, Path(folder), sandboxes)
        with run_scenario.environment({**own, **(variables or {})}):
            return run_scenario.run_steps(alert, commits)


def _generated(fault: str) -> Played:
    return brief_of(next(one for one in incidents(40, 1) if one.fault == fault)).played


def _message(played: Played, words: BriefWords | None = None, **made: Any) -> Message:
    alert = played.alert.replace(**PAGES)
    # Addresses of sandboxes end with the test; those of a real host look like these.
    request = PostProcessRequest(
        alert=alert,
        incident=played.incident,
        root_causes=played.root_causes,
        suggestions=played.suggestions,
        code_analysis=played.code,
        solution=played.solution,
        **made,
    )
    brief = render(request, [], USAGE, words)
    return Message(brief.subject, brief.html, brief.images)


def _held(status: str, rule: str) -> Message:
    at, alert = requests.END, requests.alert()
    outcome = Outcome(kind="full", subject="[high] billing-worker: Up to 26 % of requests fail").model_dump(mode="json")
    leader = IncidentRecord(
        alert.incident_id, alert.service_name, "closed", at, at, alert.model_dump(mode="json"), outcome=outcome
    )
    later = at + timedelta(minutes=8)
    hold = Hold(reason="update", until=later, since=later, leads=True, follows=alert.incident_id)
    followed = requests.alert(incident_id="inc-20260314-billing-8a4b", alert_name=rule, received_at=later)
    carrier = replace(
        leader,
        incident_id=followed.incident_id,
        alert=followed.replace(status=status).model_dump(mode="json"),
        created_at=later,
        hold=hold,
        outcome=None,
    )
    mail = update_of(carrier, History(leader, (), (carrier,))).mail(("a@example.com",))
    return Message(mail.subject, mail.html, mail.images)
