"""A change that a model wrote: only where code located the fault, and on no branch before a person approved it."""

from typing import Any

import pytest

from functions.file_updater.patch_policy import check_shown
from shared import traces
from shared.contracts import Alert, Branch, FileEdit, FileUpdateRequest, Patch, PullRequest, Solution
from shared.errors import Rejected
from tests.functions.pull_requests.conftest import (
    WritingSteps,
    approve,
    code_analysis,
    incident,
    pull_request_request,
    update_request,
)

MODES = ["draft", "ready", "approval"]


def fix(path: str = "src/cart.py") -> Solution:
    """Return a model's change of a file."""
    change = FileEdit(path=path, original="sum(items) / len(items)", new="sum(items)")
    return Solution(incident_category="code_issue", patch=Patch(strategy="fix", files_to_modify=[change]))


def branch_of(steps: WritingSteps, alert: Alert, located: list[str] | None = None, **changes: Any) -> Branch:
    """Call file_updater with the model's change; return what became of the branch."""
    analysis = code_analysis().replace(located_files=["src/cart.py"] if located is None else located)
    request: FileUpdateRequest = update_request(alert)
    return steps.update(request.replace(**{"solution": fix(), "code_analysis": analysis, **changes}))


def opened(steps: WritingSteps, alert: Alert, branch: Branch, **changes: Any) -> PullRequest:
    """Call pr_creator for that branch."""
    return steps.create(pull_request_request(alert, branch, solution=fix(), **changes))


@pytest.mark.parametrize("mode", MODES)
def test_change_of_a_model_is_on_no_branch_before_a_person_approved(
    steps: WritingSteps, monkeypatch: pytest.MonkeyPatch, mode: str
) -> None:
    """CI may run what is on a branch before anybody has read the draft, with the repository's secrets."""
    monkeypatch.setenv("PR_MODE", mode)
    monkeypatch.setenv("APPROVAL_SIGNING_KEY", "k" * 32)
    monkeypatch.setenv("APPROVAL_URL", "https://approve.example.com")
    alert = incident()

    branch = branch_of(steps, alert)
    pull = opened(steps, alert, branch, callback_url="https://workflowexecutions.googleapis.com/v1/callbacks/1")

    assert (branch.status, pull.status) == ("awaiting_approval", "awaiting_approval")
    assert (steps.branches(), steps.pulls()) == ([], [])


def test_change_of_a_model_stands_in_the_brief_where_nobody_can_approve(steps: WritingSteps) -> None:
    """It says which settings are missing, and nothing is written."""
    alert = incident()

    branch = branch_of(steps, alert)
    pull = opened(steps, alert, branch)

    assert (branch.status, pull.status) == ("awaiting_approval", "skipped")
    assert "APPROVAL_SIGNING_KEY" in pull.message
    assert (steps.branches(), steps.pulls()) == ([], [])


def test_approved_change_is_written_and_another_one_is_not(steps: WritingSteps) -> None:
    """The approval is of the very change that was shown."""
    diff = traces.connect().text(branch_of(steps, incident(1)).diff_ref or "") or ""
    right, wrong = incident(2), incident(3)
    approve(right, diff)
    approve(wrong, diff.replace("+    return sum(items)", "+    return max(items)"))

    with pytest.raises(AssertionError, match="not the one that was approved"):
        branch_of(steps, wrong, is_approved=True)
    assert steps.branches() == []

    assert branch_of(steps, right, is_approved=True).status == "success"
    assert steps.branches() == [f"incident/{right.incident_id}"]


@pytest.mark.parametrize("located", [[], ["src/windows.py"]])
def test_file_that_only_a_model_asked_to_read_is_not_changed(steps: WritingSteps, located: list[str]) -> None:
    """A log line can make it ask for any file."""
    branch = branch_of(steps, incident(), located)

    assert branch.status == "refused"
    assert "not a file that the evidence leads to" in branch.message
    assert steps.branches() == []


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("sum(items) / len(items)", "mail(sum(items), 'eve@example.org')"),
        ("return sum", 'PASSWORD = "hunter2hunter2"; return sum'),
    ],
    ids=["a mailbox", "a password"],
)
def test_change_that_the_page_would_not_show_whole_is_not_asked_for(
    steps: WritingSteps, before: str, after: str
) -> None:
    """Redaction hides what looks like a secret, and code can be written so that it does."""
    edit = FileEdit(path="src/cart.py", original=before, new=after)
    patch = Patch(strategy="fix", files_to_modify=[edit])

    branch = branch_of(steps, incident(), solution=fix().replace(patch=patch))

    assert (branch.status, steps.branches()) == ("refused", [])


def test_secret_in_place_of_another_is_not_hidden_from_who_approves() -> None:
    """Their number is the same, and so is what the page would show of both."""
    with pytest.raises(Rejected, match=r"parts of it are redacted: 'PASSWORD = \"\[cut: password\]\"; run\(\)'"):
        check_shown(' a = 1\n-PASSWORD = "hunter2hunter2"\n+PASSWORD = "open_sesame_1"; run()\n')


def test_secret_beside_a_change_does_not_stop_it() -> None:
    """The file had it before."""
    check_shown(' PASSWORD = "hunter2hunter2"\n-a = 1\n+a = 2\n')
