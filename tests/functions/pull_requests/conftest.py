"""The two steps that write, as HTTP functions, against a GitHub sandbox over a real repository."""

import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from functions.file_updater.main import file_updater
from functions.pr_creator.main import pr_creator
from infra.local.sandboxes.github.server import GithubSandbox
from shared import clock, traces
from shared.contracts import (
    Alert,
    Branch,
    CodeAnalysis,
    Confirmation,
    FileEdit,
    FileUpdateRequest,
    Incident,
    Patch,
    PullRequest,
    PullRequestRequest,
    Solution,
    StepRequest,
    SuspectCommit,
)
from shared.pull_request import approval
from shared.step import steps as steps_table
from tests import step_calls
from tests.builders import NOW, a_record, an_alert, an_incident

REPO, TOKEN = "octo/shop", "ghp_0123456789secret"
GOOD = "def total(items):\n    return sum(items)\n"
BAD = "def total(items):\n    return sum(items) / len(items)\n"
FIX = FileEdit(path="src/cart.py", original="sum(items) / len(items)", new="sum(items)", reason="reverts the mean")
CULPRIT = "cccce36bc33469580fb836e737faabf2ea30fc5b"
"""The commit that FIX reverts."""
NO_GIT_CONFIG = {"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1", "PATH": "/usr/local/bin:/usr/bin:/bin"}


@dataclass
class WritingSteps:
    """The two steps, the sandbox and its repository."""

    github: GithubSandbox
    git_dir: Path

    def git(self, *args: str) -> str:
        """Run git on the repository behind the sandbox, as a person would."""
        return self.git_with_input("", *args)

    def git_with_input(self, text: str, *args: str) -> str:
        """Run git with `text` as its input."""
        command = ["git", "-c", "safe.directory=*", "-c", "user.name=Eve", "-c", "user.email=eve@example.com"]
        command += [f"--git-dir={self.git_dir}", *args]
        done = subprocess.run(
            command, input=text.encode(), capture_output=True, check=True, timeout=30, env=NO_GIT_CONFIG
        )
        return done.stdout.decode().strip()

    def pulls(self) -> list[dict[str, Any]]:
        """Return the pull requests that the sandbox stores."""
        path = self.git_dir / "pulls.json"
        stored: list[dict[str, Any]] = json.loads(path.read_text())["pulls"] if path.exists() else []
        return stored

    def branches(self) -> list[str]:
        """Return the incident branches."""
        return self.git("for-each-ref", "--format=%(refname:short)", "refs/heads/incident/").split()

    def update(self, request: FileUpdateRequest) -> Branch:
        """Call file_updater over HTTP; fail on any status but 200."""
        return Branch.model_validate(answered(file_updater, request))

    def create(self, request: PullRequestRequest) -> PullRequest:
        """Call pr_creator over HTTP; fail on any status but 200."""
        return PullRequest.model_validate(answered(pr_creator, request))

    def both(self, alert: Alert, *edits: FileEdit) -> tuple[Branch, PullRequest]:
        """Call both steps, as the workflow does."""
        branch = self.update(update_request(alert, *edits))
        return branch, self.create(pull_request_request(alert, branch))


def status_of(step: Any, request: StepRequest) -> tuple[int, Any]:
    """Call a step as the workflow does, with what the request holds in the trace; return status and body."""
    return step_calls.called(step, request)


def answered(step: Any, request: StepRequest) -> Any:
    """Return the answer that a step, which must succeed, left in the trace."""
    status, body = status_of(step, request)
    assert status == 200, body
    return step_calls.answer_of(steps_table.BY_NAME[step.__name__], request).body


def code_analysis() -> CodeAnalysis:
    """What code_analyzer found: the second commit."""
    suspect = SuspectCommit(
        sha=CULPRIT, author="Ada", at=NOW, subject="Average the cart", score=0.9, why="it added len(items)"
    )
    return CodeAnalysis(code_available=True, repo=REPO, base_branch="main", suspect_commits=[suspect])


def solution(*edits: FileEdit) -> Solution:
    """A patch of these edits, by default of the fix."""
    patch = Patch(
        strategy="revert",
        reverts=CULPRIT,
        files_to_modify=list(edits or (FIX,)),
        test_cases=["An empty cart costs nothing."],
        rollback_plan="Revert the merge.",
    )
    return Solution(incident_category="code_issue", patch=patch, recommended_solution="Stop dividing by the length")


def update_request(alert: Alert, *edits: FileEdit, **changes: Any) -> FileUpdateRequest:
    """What the workflow sends to file_updater."""
    facts = {"incident": confirmed_incident(), "code_analysis": code_analysis(), "solution": solution(*edits)}
    return FileUpdateRequest(alert=alert, **{**facts, **changes})


def pull_request_request(alert: Alert, branch: Branch, **changes: Any) -> PullRequestRequest:
    """What the workflow sends to pr_creator."""
    fields = {
        "incident": confirmed_incident(),
        "code_analysis": code_analysis(),
        "solution": solution(),
        "branch": branch,
    }
    return PullRequestRequest(alert=alert, **{**fields, **changes})


def confirmed_incident() -> Incident:
    """An incident that more than its log shows."""
    return an_incident(
        confirmations=[Confirmation(what="error_ratio: 0 % → 40 % from 02:50:00 UTC.", shows_failure=True)]
    )


def incident(number: int = 1, **changes: Any) -> Alert:
    """An alert with its own incident, open in the trace store."""
    alert = an_alert(incident_id=f"inc-20260504-{number:010d}", **changes)
    traces.connect().open_incident(a_record(alert, nonce=step_calls.NONCE))
    return alert


def approve(alert: Alert, diff: str) -> None:
    """Store that a person approved this change of the incident."""
    store = traces.connect()
    waiting = approval.Waiting(
        title="Fix",
        body="",
        repo="octo/shop",
        branch=f"incident/{alert.incident_id}",
        base_branch="main",
        base_commit="a" * 40,
        diff_ref=store.keep_text(alert.incident_id, "patch", diff),
        callback_url="https://workflowexecutions.googleapis.com/v1/callbacks/1",
        approve_until=clock.now() + timedelta(hours=1),
    )
    approval.ask(store, alert.incident_id, waiting)
    record = store.incident(alert.incident_id)
    assert record is not None
    assert record.pull_request is not None
    signed = approval.signed(alert.incident_id, record.pull_request, "approve", "Ada Lovelace", diff)
    store.set_pull_request(alert.incident_id, signed)


@pytest.fixture(scope="session")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bare repository of three commits, with one file of every difficult kind."""
    work = tmp_path_factory.mktemp("shop")
    subprocess.run(["git", "init", "-q", "-b", "main", work], check=True, env=NO_GIT_CONFIG)
    (work / "src").mkdir()
    (work / "page.html").mkdir()
    (work / "page.html" / "a.md").write_text("a\n")
    (work / "src" / "cart.py").write_text(GOOD)
    (work / "src" / "windows.py").write_bytes("\ufeffPRICE = 1\r\nNAME = 'Zoë'\r\n".encode())
    (work / "src" / "latin.py").write_bytes("NAME = 'caf\xe9'\n".encode("latin-1"))
    (work / "logo.bin").write_bytes(b"PNG\0sum")
    (work / "large.py").write_text("VALUE = 1\n" * 120_000)
    (work / "link.py").symlink_to("src/cart.py")
    (work / "run.py").write_text("#!/usr/bin/env python3\nprint(1)\n")
    (work / "run.py").chmod(0o755)
    (work / "CODEOWNERS").write_text("* @fallback\n/src/ @ada @octo/payments ops@example.com\n")
    commit(work, "Start", "ada")
    subprocess.run(["git", "-C", work, "update-index", "--add", "--cacheinfo", f"160000,{'a' * 40},module"], check=True)
    commit(work, "Link a module", "ada", paths=["src"])
    (work / "src" / "cart.py").write_text(BAD)
    commit(work, "Average the cart", "grace", paths=["src"])
    bare = tmp_path_factory.mktemp("bare") / "shop.git"
    subprocess.run(["git", "clone", "-q", "--bare", work, bare], check=True, env=NO_GIT_CONFIG)
    head = subprocess.run(["git", "-C", bare, "rev-parse", "main"], capture_output=True, check=True, env=NO_GIT_CONFIG)
    assert head.stdout.decode().strip() == CULPRIT
    return bare


def commit(work: Path, message: str, login: str, paths: list[str] | None = None) -> None:
    """Commit as an account GitHub knows."""
    identity = ["-c", f"user.name={login.title()}", "-c", f"user.email={login}@users.noreply.github.com"]
    subprocess.run(["git", "-C", work, "add", *(paths or ["-A"])], check=True, env=NO_GIT_CONFIG)
    # The same commits each time, so that CULPRIT is one of them.
    dates = {"GIT_AUTHOR_DATE": NOW.isoformat(), "GIT_COMMITTER_DATE": NOW.isoformat()}
    env = {**NO_GIT_CONFIG, **dates}
    subprocess.run(["git", "-C", work, *identity, "commit", "-qm", message], check=True, env=env)


@pytest.fixture
def steps(pristine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[WritingSteps]:
    """The steps, set up for a fresh copy of that repository."""
    git_dir = tmp_path / "shop.git"
    subprocess.run(["cp", "-r", pristine, git_dir], check=True)
    with GithubSandbox(git_dir, REPO, token=TOKEN) as github:
        point_at(github, monkeypatch)
        yield WritingSteps(github, git_dir)


@pytest.fixture
def anything_is_a_revert(monkeypatch: pytest.MonkeyPatch) -> None:
    """For tests of how a change is written, whatever it is: what says that it is a revert is believed."""
    believe = "functions.file_updater.patch_plan.reverted_commit"
    monkeypatch.setattr(believe, lambda patch, *_: patch.reverts)


def point_at(github: GithubSandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """Point the steps' settings at a sandbox."""
    monkeypatch.setenv("GITHUB_API_URL", github.url)
    monkeypatch.setenv("GITHUB_TOKEN", TOKEN)
    monkeypatch.setenv("GITHUB_REPO", REPO)
    monkeypatch.setenv("GITHUB_TIMEOUT_S", "5")
