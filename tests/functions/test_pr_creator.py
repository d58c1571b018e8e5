"""pr_creator: what it opens is in tests/functions/pull_requests; here is what it does not open, and why."""

import inspect

import pytest
from pytest_mock import MockerFixture

from functions.pr_creator.main import pr_creator as step
from shared.contracts import Branch, PullRequest, PullRequestRequest
from tests.functions import post_process_requests as requests

pr_creator = inspect.unwrap(step)


def _pull_request(branch: Branch) -> PullRequest:
    full = requests.full()
    fields = {"incident": full.incident, "code_analysis": full.code_analysis, "solution": full.solution}
    answer = pr_creator(PullRequestRequest.model_validate({"alert": full.alert, **fields, "branch": branch}))
    assert isinstance(answer, PullRequest)
    return answer


@pytest.mark.parametrize("status", ["refused", "skipped"])
def test_branch_that_was_not_written_opens_nothing_and_keeps_its_reason(mocker: MockerFixture, status: str) -> None:
    """The code host is not even asked."""
    connect = mocker.patch("shared.code_host.writer.connect")
    branch = Branch.model_validate({"status": status, "message": "It changes a workflow file."})

    pull_request = _pull_request(branch)

    assert (pull_request.status, pull_request.message) == (status, "It changes a workflow file.")
    assert not connect.called


def test_pull_request_of_another_incident_on_the_same_files_is_linked(mocker: MockerFixture) -> None:
    """A storm on one file is one pull request."""
    connect = mocker.patch("shared.code_host.writer.connect")
    url = "https://github.com/acme/billing/pull/7"

    pull_request = _pull_request(Branch(status="exists", branch="incident/a", linked_pr_number=7, linked_pr_url=url))

    assert (pull_request.status, pull_request.pr_number, pull_request.pr_url) == ("exists", 7, url)
    assert not connect.called
