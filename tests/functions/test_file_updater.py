"""file_updater: says why it writes nothing; what it writes is in tests/functions/pull_requests."""

import inspect

import pytest
from pytest_mock import MockerFixture

from functions.file_updater.main import file_updater as step
from shared.contracts import Branch, FileUpdateRequest
from tests.functions import post_process_requests as requests

file_updater = inspect.unwrap(step)


def _branch(**changes: object) -> Branch:
    solution = requests.solution().replace(**changes)
    facts = {"incident": requests.incident(), "code_analysis": requests.code_analysis(), "solution": solution}
    request = FileUpdateRequest(alert=requests.alert(), **facts)
    answer = file_updater(request)
    assert isinstance(answer, Branch)
    return answer


def test_solution_without_a_patch_is_skipped_with_its_reason() -> None:
    """The brief repeats the reason."""
    branch = _branch(patch=None, patch_withheld="No commit is certain enough to revert.")

    assert (branch.status, branch.message) == ("skipped", "No commit is certain enough to revert.")


def test_pull_requests_that_are_switched_off_write_nothing(
    mocker: MockerFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PR_MODE=off means that the code host is not even opened for writing."""
    monkeypatch.setenv("PR_MODE", "off")
    connect = mocker.patch("shared.code_host.writer.connect")

    branch = _branch()

    assert (branch.status, connect.called) == ("skipped", False)
    assert "PR_MODE" in branch.message


def test_service_without_a_repository_is_named() -> None:
    """The operator knows what to set."""
    branch = _branch()

    assert branch.status == "refused"
    assert "SERVICE_REPOS" in branch.message


def test_missing_credential_is_named(mocker: MockerFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    """The operator knows what to set."""
    monkeypatch.setenv("GITHUB_REPO", "example/billing")
    mocker.patch("shared.code_host.writer.connect", return_value=None)

    assert "GITHUB_TOKEN" in _branch().message
