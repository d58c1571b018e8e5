"""Opening a pull request on GitHub: one labelled draft, in spite of repeated runs and faults."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import requests
from pydantic import SecretStr

from infra.local.sandboxes.github.server import GithubSandbox
from infra.local.sandboxes.http import Reply, Request
from shared.code_host.github import GithubSettings
from shared.code_host.github_writer import GithubWriter
from shared.code_host.port import FileWrite, PullRequestDraft
from shared.errors import Refused, Throttled, Uncertain
from tests.shared.code_host.github_faults import done_but_answered_502, failing, posts

Git = Callable[..., str]
BRANCH = "incident/INC-1"
TOKEN = "ghp_0123456789secret"
MESSAGE = "Stop dividing by an empty cart"
FIX = FileWrite("src/cart.py", "def total(items):\n    return sum(items)\n")
MARKER = '<!-- incident-copilot {"incident_id":"INC-1"} -->'


def draft(**changes: Any) -> PullRequestDraft:
    """A draft of our branch into main."""
    defaults = {"title": "Fix", "body": f"Evidence\n\n{MARKER}", "labels": ("incident",)}
    return PullRequestDraft(BRANCH, "main", marker=MARKER, **{**defaults, **changes})


def pulls(git_dir: Path) -> list[dict[str, Any]]:
    """Return the pull requests that the sandbox stored."""
    stored: list[dict[str, Any]] = json.loads((git_dir / "pulls.json").read_text())["pulls"]
    return stored


def test_pull_request_is_a_labelled_draft(writer: GithubWriter, base: str, git_dir: Path) -> None:
    """Title, body, branches and labels are set; labels that the repository does not have are created."""
    writer.commit_files(BRANCH, base, MESSAGE, [FIX])
    opened = writer.pulls.open(draft(title="Fix the cart", body="Evidence: …", labels=("incident", "severity:high")))

    stored = json.loads((git_dir / "pulls.json").read_text())
    assert (opened.number, opened.draft, opened.created) == (1, True, True)
    assert opened.url.endswith("/octo/shop/pull/1")
    assert (stored["pulls"][0]["title"], stored["pulls"][0]["body"]) == ("Fix the cart", "Evidence: …")
    assert (stored["pulls"][0]["head"], stored["pulls"][0]["base"]) == (BRANCH, "main")
    assert stored["pulls"][0]["labels"] == stored["labels"] == ["incident", "severity:high"]


def test_same_pull_request_twice_is_one(
    writer: GithubWriter, settings: GithubSettings, base: str, sandbox: GithubSandbox
) -> None:
    """A second run finds the open one and sends no POST."""
    writer.commit_files(BRANCH, base, MESSAGE, [FIX])
    first = writer.pulls.open(draft())
    second = GithubWriter(settings, sandbox.repo).pulls.open(draft(title="Fix again"))

    assert (second.number, second.url, second.created) == (first.number, first.url, False)
    assert posts(sandbox, "/pulls") == posts(sandbox, "/labels") == 1


def test_502_on_a_pull_request_is_uncertain_after_one_post(
    writer: GithubWriter, base: str, sandbox: GithubSandbox
) -> None:
    """PyGithub's default retry of a POST would open two."""
    writer.commit_files(BRANCH, base, MESSAGE, [FIX])
    sandbox.fault = failing("/pulls", Reply(502))

    with pytest.raises(Uncertain, match="502 about a pull request"):
        writer.pulls.open(draft(labels=()))
    assert posts(sandbox, "/pulls") == 1


def test_truncated_answer_to_a_pull_request_is_uncertain_after_one_post(
    writer: GithubWriter, base: str, sandbox: GithubSandbox
) -> None:
    """A connection lost after sending does not show what happened."""
    writer.commit_files(BRANCH, base, MESSAGE, [FIX])
    sandbox.fault = failing("/pulls", Reply(201, b'{"number": 1}' * 9, is_truncated=True))

    with pytest.raises(Uncertain):
        writer.pulls.open(draft(labels=()))
    assert posts(sandbox, "/pulls") == 1


def test_pull_request_opened_in_spite_of_a_502_is_found_at_once(
    writer: GithubWriter, base: str, sandbox: GithubSandbox
) -> None:
    """It is reported as created now."""
    writer.commit_files(BRANCH, base, MESSAGE, [FIX])
    done_but_answered_502(sandbox, "/pulls")

    assert writer.pulls.open(draft()).created is True
    assert posts(sandbox, "/pulls") == 1


def test_pull_request_opened_by_a_faster_run_is_returned(
    writer: GithubWriter, settings: GithubSettings, base: str, sandbox: GithubSandbox
) -> None:
    """After GitHub's "already exists", the open one is searched."""
    writer.commit_files(BRANCH, base, MESSAGE, [FIX])
    other = GithubWriter(settings, sandbox.repo)

    def fault(request: Request) -> Reply | None:
        if request.method == "POST" and request.path.endswith("/pulls"):
            sandbox.fault = None
            other.pulls.open(draft(labels=()))
        return None

    sandbox.fault = fault
    opened = writer.pulls.open(draft(labels=()))

    assert (opened.number, opened.created) == (1, False)


def test_branch_without_commits_is_refused_with_githubs_message(
    writer: GithubWriter, sandbox: GithubSandbox, git: Git
) -> None:
    """The 422 is quoted in full."""
    git("update-ref", f"refs/heads/{BRANCH}", "main")

    with pytest.raises(Refused, match=f"Validation Failed No commits between main and {BRANCH}"):
        writer.pulls.open(draft(labels=()))


def test_plan_without_drafts_gets_a_normal_pull_request(
    writer: GithubWriter, base: str, sandbox: GithubSandbox
) -> None:
    """The refusal is certain, so a second POST is safe; the result says that it is not a draft."""
    writer.commit_files(BRANCH, base, MESSAGE, [FIX])
    refusal = Reply.of_json({"message": "Draft pull requests are not supported in this repository."}, 422)
    sandbox.fault = failing("/pulls", refusal, times=1)

    assert writer.pulls.open(draft(labels=())).draft is False
    assert posts(sandbox, "/pulls") == 2


def test_labels_that_fail_are_logged_and_added_by_the_next_run(
    writer: GithubWriter, base: str, sandbox: GithubSandbox, git_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The pull request is returned anyway."""
    writer.commit_files(BRANCH, base, MESSAGE, [FIX])
    sandbox.fault = failing("/labels", Reply.of_json({"message": "Resource not accessible"}, 403), times=1)
    assert writer.pulls.open(draft()).created is True
    assert json.loads(capsys.readouterr().out)["message"] == "code_host.optional_update_failed"

    writer.pulls.open(draft())
    assert json.loads((git_dir / "pulls.json").read_text())["pulls"][0]["labels"] == ["incident"]


def test_secondary_limit_on_a_write_is_throttled_and_not_sent_again(
    writer: GithubWriter, base: str, sandbox: GithubSandbox
) -> None:
    """Nothing happened, and GitHub says how long to wait."""
    writer.commit_files(BRANCH, base, MESSAGE, [FIX])
    limit = Reply.of_json({"message": "You have exceeded a secondary rate limit."}, 403, {"Retry-After": "37"})
    sandbox.fault = failing("/pulls", limit)

    with pytest.raises(Throttled) as caught:
        writer.pulls.open(draft(labels=()))
    assert caught.value.retry_after_s == 37
    assert posts(sandbox, "/pulls") == 1


def test_pull_request_can_be_opened_without_draft(writer: GithubWriter, base: str) -> None:
    """`is_draft` decides."""
    writer.commit_files(BRANCH, base, MESSAGE, [FIX])

    assert writer.pulls.open(draft(is_draft=False)).draft is False


def test_our_own_body_is_updated(writer: GithubWriter, base: str, git_dir: Path) -> None:
    """A later run replaces the title and body of an earlier one."""
    writer.commit_files(BRANCH, base, MESSAGE, [FIX])
    writer.pulls.open(draft())

    opened = writer.pulls.open(draft(title="Better", body=f"Better evidence\n\n{MARKER}"))

    assert (opened.number, opened.created) == (1, False)
    assert (pulls(git_dir)[0]["title"], pulls(git_dir)[0]["body"]) == ("Better", f"Better evidence\n\n{MARKER}")


@pytest.mark.parametrize("body", ["I wrote my own words", f"Evidence\r\n\r\n{MARKER}", f"- [x] done\n{MARKER}"])
def test_body_changed_by_a_person_is_not_updated(writer: GithubWriter, base: str, sandbox: Any, body: str) -> None:
    """Without our marker, or with only boxes ticked, nothing is written."""
    writer.commit_files(BRANCH, base, MESSAGE, [FIX])
    writer.pulls.open(draft(body=body))

    writer.pulls.open(draft(body=body.replace("[x]", "[ ]").replace("\r\n", "\n")))

    assert "PATCH" not in {request.method for request in sandbox.requests}


def test_state_of_a_pull_request_is_open_closed_or_merged(
    writer: GithubWriter, base: str, sandbox: GithubSandbox
) -> None:
    """A closed or merged pull request is found too; an open one comes first."""
    assert writer.pulls.of_branch(BRANCH) is None
    writer.commit_files(BRANCH, base, MESSAGE, [FIX])
    opened = writer.pulls.open(draft())
    existing = writer.pulls.of_branch(BRANCH)
    assert existing is not None
    assert (existing.number, existing.url, existing.state) == (1, opened.url, "open")

    by_hand(sandbox, "PATCH", "pulls/1", {"state": "closed"})
    closed = writer.pulls.of_branch(BRANCH)
    assert closed is not None
    assert closed.state == "closed"

    writer.pulls.open(draft(is_draft=False))
    by_hand(sandbox, "PUT", "pulls/2/merge", {})
    merged = writer.pulls.of_branch(BRANCH)
    assert merged is not None
    assert (merged.number, merged.state) == (2, "merged")


def test_open_pull_request_on_the_same_files_is_found(writer: GithubWriter, base: str, git: Git) -> None:
    """Only an incident's pull request that changes one of the files matches."""
    writer.commit_files(BRANCH, base, MESSAGE, [FIX])
    writer.pulls.open(draft())
    writer.commit_files("feature/x", base, "By hand", [FileWrite("run.sh", "#!/bin/sh\nls\n")])
    writer.pulls.open(replace(draft(), branch="feature/x"))

    existing = writer.pulls.touching(["src/cart.py", "other.py"], "incident/")

    assert existing is not None
    assert (existing.number, existing.branch) == (1, BRANCH)
    assert writer.pulls.touching(["run.sh"], "incident/") is None
    assert writer.pulls.open_branches("incident/") == [BRANCH]
    assert sorted(writer.pulls.open_branches("")) == sorted([BRANCH, "feature/x"])


def test_reviews_are_requested_from_people_and_teams(writer: GithubWriter, base: str, git_dir: Path) -> None:
    """Both are in one request, and a second run requests no review twice."""
    writer.commit_files(BRANCH, base, MESSAGE, [FIX])

    first = writer.pulls.open(draft(reviewers=("ada", "octo/payments")))
    second = writer.pulls.open(draft(reviewers=("ada", "octo/payments")))

    assert first.reviewers == second.reviewers == ("ada", "octo/payments")
    assert (pulls(git_dir)[0]["reviewers"], pulls(git_dir)[0]["teams"]) == (["ada"], ["payments"])


def test_reviewer_whom_github_refuses_is_left_out(git_dir: Path, base: str) -> None:
    """GitHub refuses all because of one; the others are requested singly, and the pull request stays open."""
    with GithubSandbox(git_dir, "octo/shop", token="t", collaborators=frozenset({"ada"})) as github:
        writer = GithubWriter(GithubSettings(github_token=SecretStr("t"), github_api_url=github.url), "octo/shop")
        writer.commit_files(BRANCH, base, MESSAGE, [FIX])

        opened = writer.pulls.open(draft(reviewers=("gone", "ada", "sandbox")))

    assert (opened.created, opened.reviewers) == (True, ("ada",))


def by_hand(sandbox: GithubSandbox, method: str, path: str, body: dict[str, Any]) -> None:
    """Do what a person does on the web site."""
    headers = {"Authorization": f"Bearer {TOKEN}"}
    url = f"{sandbox.url}/repos/octo/shop/{path}"
    requests.request(method, url, json=body, headers=headers, timeout=10).raise_for_status()


def test_pull_request_and_commit_carry_no_secret_whatever_made_them(
    writer: GithubWriter, base: str, git_dir: Path, git: Git
) -> None:
    """Title, body and message are redacted once more; the marker by which we find our own stays, and so does code."""
    code = "password = read('hunter2x')\n"
    writer.commit_files(BRANCH, base, "Fix password=hunter2x", [FileWrite("src/cart.py", code)])
    writer.pulls.open(draft(title="Fix token=Zx81kk2mQ0Pw", body=f"GET /?api_key=Zx81kk2mQ0Pw\n\n{MARKER}"))

    (stored,) = pulls(git_dir)
    assert git("log", "-1", "--format=%B", BRANCH) == "Fix password=[cut: password]"
    assert "Zx81kk2mQ0Pw" not in stored["title"] + stored["body"]
    assert MARKER in stored["body"]
    assert git("show", f"{BRANCH}:src/cart.py") == code.rstrip()
