"""The whole system, from the bundles, over real HTTP and gRPC: one alert in, one published outcome out."""

import email
import io
import json
import re
import subprocess
from email.message import EmailMessage
from html import unescape
from pathlib import Path
from typing import Any

import pytest
import requests
from rich.console import Console

from infra import bundle
from infra.local.cli import demo
from shared.contracts import OutcomeKind
from shared.step.steps import BY_AGENT, BY_NAME

CASES = bundle.ROOT.parent / "shared" / "cases" / "executed"
# Different projects, log styles and depths; no expectation below is about one of them alone.
CHOSEN = ("exe-click-d340b0c12", "exe-flask-9f0da9b77", "exe-celery-8f0842b33", "exe-luigi-21", "exe-thefuck-6",
          "exe-jinja-8a39ecae1")  # fmt: skip


class Run:
    """What one demo left behind."""

    def __init__(self, output: Path, status: int, screen: str, pages: dict[str, int]) -> None:
        self.status, self.screen, self.pages = status, screen, pages
        (self.folder,) = output.iterdir()
        self.trace: dict[str, Any] = json.loads((self.folder / "trace.json").read_text())
        self.outcome: dict[str, Any] = self.trace["outcome"]
        self.briefs = self.folder / "briefs" / self.trace["invocation_id"]

    def brief(self) -> str:
        """Return the archived HTML brief."""
        return (self.briefs / "brief.html").read_text()

    def mails(self) -> list[EmailMessage]:
        """Return the mails Gmail took."""
        policy = email.policy.default
        files = sorted((self.folder / "mail").glob("*.eml"))
        return [email.message_from_bytes(file.read_bytes(), policy=policy) for file in files]  # type: ignore[misc]  # EmailMessage by policy

    def answer(self, step: str) -> dict[str, Any]:
        """Return the last answer of a step."""
        return dict(self.trace["traces"][BY_NAME[step].agent][-1]["agent_response"])

    def git(self, *arguments: str) -> str:
        """Ask git about the repository the pull request went to."""
        command = ["git", "-C", str(self.folder / "scenario" / "repo.git"), *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def _demo(output: Path, **options: Any) -> Run:
    output.mkdir()
    console = Console(record=True, width=200, file=io.StringIO())
    pages: dict[str, int] = {}
    conclude = demo._conclude

    def following(folder: Path, *rest: Any) -> int:
        """Follow each link of the brief while the stack is up."""
        for brief in folder.glob("briefs/*/brief.html"):
            links = set(map(unescape, re.findall(r'<a[^>]* href="([^"]*)"', brief.read_text())))
            # The alert's own pages are those of a Grafana that the demo does not have.
            links = {link for link in links if ".example.com/" not in link}
            pages.update({link: requests.get(link, timeout=30).status_code for link in links})
        return conclude(folder, *rest)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(demo, "_conclude", following)
        status = demo.run(demo.DemoOptions(output=output, **options), console)
    return Run(output, status, console.export_text(), pages)


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """One run of the built-in scenario, looked at from many sides."""
    return _demo(tmp_path_factory.mktemp("full") / "output")


@pytest.fixture(scope="module")
def truth(full: Run) -> dict[str, Any]:
    """What the scenario's author knows and the system is not given."""
    return dict(json.loads((full.folder / "scenario" / "truth.json").read_text()))


def test_outcome_is_published_in_full(full: Run) -> None:
    """Nothing failed, so the brief is a full one, mailed and hooked."""
    kind: OutcomeKind = "full"

    assert full.status == 0, full.screen
    assert (full.outcome["kind"], full.outcome["mail_status"], full.outcome["hook_status"]) == (kind, "sent", "called")
    assert full.outcome["failures"] == []


def test_brief_names_the_file_and_the_commit_of_the_regression(full: Run, truth: dict[str, Any]) -> None:
    """Whoever reads only the brief knows where it comes from."""
    assert truth["file"] in full.brief()
    assert truth["bad_commit"][:7] in full.brief()


def test_every_link_of_the_brief_is_answered_while_the_stack_is_up(full: Run) -> None:
    """The pull request, the suspect commit, what changed, the evidence: each page is there."""
    assert len(full.pages) >= 3
    assert {link: status for link, status in full.pages.items() if status != 200} == {}


def test_branch_holds_one_commit_that_reverts_the_regression(full: Run, truth: dict[str, Any]) -> None:
    """Plain git shows what was drafted: one commit on the base, equal to git's own revert."""
    branch = full.answer("file_updater")["branch"]

    assert full.git("rev-list", "--count", f"main..{branch}").strip() == "1"
    assert truth["bad_commit"] in full.git("log", "-1", "--format=%B", branch)
    assert full.git("diff", f"{truth['bad_commit']}^", branch, "--", truth["file"]) == full.git(
        "diff", truth["bad_commit"], "main", "--", truth["file"]
    ) or truth["file"] in full.git("show", "--stat", "--format=", branch)
    assert full.git("fsck", "--strict") == ""


def test_pull_request_is_a_draft_with_evidence(full: Run) -> None:
    """The record of the pull request is next to the repository."""
    opened = full.answer("pr_creator")

    assert (opened["status"], opened["draft"]) == ("success", True)
    assert opened["pr_url"] in full.brief()


def test_trace_holds_every_agents_run(full: Run) -> None:
    """Each of the eight ran once and left its input and its answer."""
    for agent in BY_AGENT:
        (run,) = full.trace["traces"][agent]
        assert run["agent_input"]
        assert run["agent_response"]
        assert run["errors"] == []


def test_facts_and_brief_went_to_the_engineer_on_call_in_one_thread(full: Run) -> None:
    """One incident, one early brief and one brief that answers it."""
    early, brief = full.mails()

    assert early["To"] == brief["To"] == "on-call@example.com"
    assert brief["In-Reply-To"] == brief["References"] == early["Message-ID"]
    assert "checkout-api" in early["Subject"]
    assert brief["Subject"] == f"Re: {early['Subject']}"


def test_facts_were_out_before_anything_was_judged(full: Run) -> None:
    """No model is asked before the run that judges."""
    (early,) = full.trace["traces"]["PostProcessAgent-early"]
    (judged,) = full.trace["traces"]["IncidentDetectionAgent"]

    assert early["agent_response"]["mail_status"] == "sent"
    assert early["runEnd"] < judged["runStart"]
    assert early["model_calls"] == full.trace["traces"]["IncidentDetectionAgent-read"][0]["model_calls"] == []


def test_hook_was_called_once_for_each_message_with_the_incident(full: Run) -> None:
    """The hook receives the same id."""
    files = sorted((full.folder / "hook").glob("*.json"), key=lambda path: int(path.stem))
    bodies = [json.loads(path.read_text())["body"] for path in files]

    assert [(body["kind"], body["incident_id"]) for body in bodies] == [
        (kind, full.trace["invocation_id"]) for kind in ("early", "full")
    ]


def test_no_process_is_left(full: Run) -> None:
    """Every process of the stack is gone."""
    running = json.loads((full.folder / "stack.json").read_text())

    assert [name for name, service in running.items() if Path(f"/proc/{service['pid']}").exists()] == []


@pytest.mark.parametrize(
    ("ended", "named"),
    [("loki", "Loki"), ("prometheus", "Prometheus"), ("github", "GitHub"), ("gmail", "Gmail"), ("hook", "hook")],
)
def test_outage_of_one_dependency_still_ends_in_a_brief_that_names_it(tmp_path: Path, ended: str, named: str) -> None:
    """Whatever is down, the brief is there and says so."""
    run = _demo(tmp_path / "output", without=(ended,))

    assert run.status == 0, run.screen
    assert run.outcome["kind"] == "degraded"
    assert named.lower() in run.brief().lower()
    assert run.outcome["mail_status"] == ("failed" if ended == "gmail" else "sent")
    briefs = [mail for mail in run.mails() if ".brief@" in mail["Message-ID"]]
    assert len(briefs) == (0 if ended == "gmail" else 1)


def test_brief_that_nobody_can_get_is_undelivered_and_the_demo_fails(tmp_path: Path) -> None:
    """A file on a disk wakes nobody; the screen names each channel that did not take it."""
    run = _demo(tmp_path / "output", without=("gmail", "hook"))

    assert run.status != 0
    assert (run.outcome["kind"], set(run.outcome["receipts"])) == ("undelivered", {"archive"})
    assert run.trace["state"] == "undelivered"
    assert "nobody has the brief (hook failed, mail failed)" in run.screen


@pytest.mark.skipif(not CASES.exists(), reason="the recorded incidents are not beside the project")
@pytest.mark.parametrize("case", CHOSEN)
def test_recorded_incident_ends_in_a_brief_that_names_exception_and_frame(tmp_path: Path, case: str) -> None:
    """Real traces in real logs: the brief names the exception and the frame in the service's own code."""
    truth = json.loads((CASES / case / "case.json").read_text())

    run = _demo(tmp_path / "output", case=CASES / case)

    assert run.status == 0, run.screen
    assert truth["exception"].split(":")[0].split(".")[-1] in run.brief()
    assert any(frame["file"] in run.brief() for frame in truth["in_repo_frames"])
    assert run.mails()
