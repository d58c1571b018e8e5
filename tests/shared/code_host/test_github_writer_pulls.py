"""Opening a pull request on GitHub: one labelled draft, however often and however badly it goes."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from infra.local.sandboxes.github import GithubSandbox
from infra.local.sandboxes.http import Reply, Request
from shared.code_host.github import GithubSettings
from shared.code_host.github_writer import GithubWriter
from shared.code_host.port import FileWrite
from shared.errors import Refused, Throttled, Uncertain
from tests.shared.code_host.github_faults import done_but_told_502, failing, posts

Git = Callable[..., str]
BRANCH = "incident/INC-1"
MESSAGE = "Stop dividing by an empty cart"
FIX = FileWrite("src/cart.py", "def total(items):\n    return sum(items)\n")


def test_pull_request_is_a_labelled_draft(writer: GithubWriter, base: str, git_dir: Path) -> None:
    """Title, body, branches and labels arrive; the labels are made when the repository has none."""
    writer.commit_files(BRANCH, base, MESSAGE, [FIX])
    opened = writer.open_pull_request(BRANCH, "main", "Fix the cart", "Evidence: …", ["incident", "severity:high"])

    kept = json.loads((git_dir / "pulls.json").read_text())
    assert (opened.number, opened.draft, opened.created) == (1, True, True)
    assert opened.url.endswith("/octo/shop/pull/1")
    assert (kept["pulls"][0]["title"], kept["pulls"][0]["body"]) == ("Fix the cart", "Evidence: …")
    assert (kept["pulls"][0]["head"], kept["pulls"][0]["base"]) == (BRANCH, "main")
    assert kept["pulls"][0]["labels"] == kept["labels"] == ["incident", "severity:high"]


def test_same_pull_request_twice_is_one(
    writer: GithubWriter, settings: GithubSettings, base: str, sandbox: GithubSandbox
) -> None:
    """A second run finds the open one and does not post."""
    writer.commit_files(BRANCH, base, MESSAGE, [FIX])
    first = writer.open_pull_request(BRANCH, "main", "Fix", "", ["incident"])
    second = GithubWriter(settings, sandbox.repo).open_pull_request(BRANCH, "main", "Fix again", "", ["incident"])

    assert (second.number, second.url, second.created) == (first.number, first.url, False)
    assert posts(sandbox, "/pulls") == posts(sandbox, "/labels") == 1


def test_502_on_a_pull_request_is_uncertain_after_one_post(
    writer: GithubWriter, base: str, sandbox: GithubSandbox
) -> None:
    """PyGithub's habit of posting again would open two."""
    writer.commit_files(BRANCH, base, MESSAGE, [FIX])
    sandbox.fault = failing("/pulls", Reply(502))

    with pytest.raises(Uncertain, match="502 about a pull request"):
        writer.open_pull_request(BRANCH, "main", "Fix", "", [])
    assert posts(sandbox, "/pulls") == 1


def test_cut_answer_to_a_pull_request_is_uncertain_after_one_post(
    writer: GithubWriter, base: str, sandbox: GithubSandbox
) -> None:
    """A connection lost after sending says nothing about what happened."""
    writer.commit_files(BRANCH, base, MESSAGE, [FIX])
    sandbox.fault = failing("/pulls", Reply(201, b'{"number": 1}' * 9, is_cut=True))

    with pytest.raises(Uncertain):
        writer.open_pull_request(BRANCH, "main", "Fix", "", [])
    assert posts(sandbox, "/pulls") == 1


def test_pull_request_opened_in_spite_of_a_502_is_found_at_once(
    writer: GithubWriter, base: str, sandbox: GithubSandbox
) -> None:
    """And it is told as made now."""
    writer.commit_files(BRANCH, base, MESSAGE, [FIX])
    done_but_told_502(sandbox, "/pulls")

    assert writer.open_pull_request(BRANCH, "main", "Fix", "", ["incident"]).created is True
    assert posts(sandbox, "/pulls") == 1


def test_pull_request_opened_by_a_faster_run_is_returned(
    writer: GithubWriter, settings: GithubSettings, base: str, sandbox: GithubSandbox
) -> None:
    """GitHub's "already exists" is answered by finding it."""
    writer.commit_files(BRANCH, base, MESSAGE, [FIX])
    other = GithubWriter(settings, sandbox.repo)

    def fault(request: Request) -> Reply | None:
        if request.method == "POST" and request.path.endswith("/pulls"):
            sandbox.fault = None
            other.open_pull_request(BRANCH, "main", "Fix", "", [])
        return None

    sandbox.fault = fault
    opened = writer.open_pull_request(BRANCH, "main", "Fix", "", [])

    assert (opened.number, opened.created) == (1, False)


def test_nothing_to_pull_is_refused_with_githubs_words(writer: GithubWriter, sandbox: GithubSandbox, git: Git) -> None:
    """422 is told in full."""
    git("update-ref", f"refs/heads/{BRANCH}", "main")

    with pytest.raises(Refused, match=f"Validation Failed No commits between main and {BRANCH}"):
        writer.open_pull_request(BRANCH, "main", "Fix", "", [])


def test_plan_without_drafts_gets_a_plain_pull_request(writer: GithubWriter, base: str, sandbox: GithubSandbox) -> None:
    """The no to the draft is certain, so a second POST is safe; the answer says it is no draft."""
    writer.commit_files(BRANCH, base, MESSAGE, [FIX])
    refusal = Reply.of_json({"message": "Draft pull requests are not supported in this repository."}, 422)
    sandbox.fault = failing("/pulls", refusal, times=1)

    assert writer.open_pull_request(BRANCH, "main", "Fix", "", []).draft is False
    assert posts(sandbox, "/pulls") == 2


def test_labels_that_fail_are_logged_and_put_on_by_the_next_run(
    writer: GithubWriter, base: str, sandbox: GithubSandbox, git_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The pull request is told all the same."""
    writer.commit_files(BRANCH, base, MESSAGE, [FIX])
    sandbox.fault = failing("/labels", Reply.of_json({"message": "Resource not accessible"}, 403), times=1)
    assert writer.open_pull_request(BRANCH, "main", "Fix", "", ["incident"]).created is True
    assert json.loads(capsys.readouterr().out)["message"] == "code_host.labels_failed"

    writer.open_pull_request(BRANCH, "main", "Fix", "", ["incident"])
    assert json.loads((git_dir / "pulls.json").read_text())["pulls"][0]["labels"] == ["incident"]


def test_secondary_limit_on_a_write_is_throttled_and_not_sent_again(
    writer: GithubWriter, base: str, sandbox: GithubSandbox
) -> None:
    """GitHub did nothing, and says how long to wait."""
    writer.commit_files(BRANCH, base, MESSAGE, [FIX])
    limit = Reply.of_json({"message": "You have exceeded a secondary rate limit."}, 403, {"Retry-After": "37"})
    sandbox.fault = failing("/pulls", limit)

    with pytest.raises(Throttled) as caught:
        writer.open_pull_request(BRANCH, "main", "Fix", "", [])
    assert caught.value.retry_after_s == 37
    assert posts(sandbox, "/pulls") == 1
