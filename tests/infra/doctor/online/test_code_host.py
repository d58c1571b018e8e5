"""GitHub is read once per repository, and says itself who may write; nothing is written."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.doctor.check import Check
from infra.doctor.online.code_host import check_github
from infra.doctor.online.run import check_network
from infra.local.sandboxes.github.server import GithubSandbox
from infra.local.sandboxes.http import Reply
from tests.fakes_code_host import Repository

TOKEN = "sandbox-token"


@pytest.fixture(scope="module")
def git_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bare repository with one commit on main."""
    folder = tmp_path_factory.mktemp("code")
    Repository(folder / "work").commit({"shop.py": "PRICE = 1\n"}, "Start")
    subprocess.run(["git", "clone", "-q", "--bare", folder / "work", folder / "shop.git"], check=True, timeout=30)
    return folder / "shop.git"


@pytest.fixture
def github(git_dir: Path, tmp_path: Path) -> Iterator[GithubSandbox]:
    """A GitHub with one private repository."""
    with GithubSandbox(git_dir, "octo/shop", token=TOKEN, pulls_path=tmp_path / "pulls.json") as sandbox:
        yield sandbox


def checked(github: GithubSandbox, **others: str) -> list[Check]:
    """Return the checks with the right token, unless another is named."""
    values = {"GITHUB_REPO": "octo/shop", "GITHUB_TOKEN": TOKEN, "GITHUB_API_URL": github.url, **others}
    return check_network({name: value for name, value in values.items() if value}, {"GitHub": check_github})


def states(checks: list[Check]) -> list[str]:
    """Return how each check ended."""
    return [check.state for check in checks]


def test_readable_and_writable_repository_is_ok_and_nothing_is_written(github: GithubSandbox) -> None:
    """The right to write is read from the repository's permissions."""
    checks = checked(github, GITHUB_BASE_BRANCH="main")

    assert [str(check) for check in checks] == [
        "ok           GitHub lets octo/shop be read",
        "ok           GitHub says that GITHUB_TOKEN may write to octo/shop",
    ]
    assert {request.method for request in github.requests} == {"GET"}


def test_wrong_token_is_named_and_not_printed(github: GithubSandbox) -> None:
    """The fix names the token and the repository's name."""
    (check,) = checked(github, GITHUB_TOKEN="some-other-token")

    assert (check.state, "GITHUB_TOKEN" in check.fix, "some-other-token" in str(check)) == ("wrong", True, False)


def test_missing_branch_and_repository_are_wrong(github: GithubSandbox) -> None:
    """As the first incident would meet them."""
    assert "GITHUB_BASE_BRANCH" in checked(github, GITHUB_BASE_BRANCH="mian")[1].fix
    assert "SERVICE_REPOS" in checked(github, GITHUB_REPO="", SERVICE_REPOS='{"a": "octo/other"}')[0].fix


def test_reading_token_may_not_write(github: GithubSandbox) -> None:
    """GitHub's own permissions decide."""
    body = {"name": "shop", "full_name": "octo/shop", "default_branch": "main", "url": f"{github.url}/repos/octo/shop"}
    github.fail_next(Reply.of_json({**body, "permissions": {"pull": True, "push": False, "admin": False}}))

    checks = checked(github)

    assert states(checks) == ["ok", "wrong"]
    assert "PR_MODE=off" in checks[1].fix


def test_right_to_write_of_a_fine_grained_token_stays_open(github: GithubSandbox) -> None:
    """GitHub shows the account's permissions, not the token's."""
    body = {"name": "shop", "full_name": "octo/shop", "default_branch": "main", "url": f"{github.url}/repos/octo/shop"}
    github.fail_next(Reply.of_json({**body, "permissions": {"pull": True, "push": True}}))

    assert states(checked(github, GITHUB_TOKEN="github_pat_11AAAAAAA")) == ["ok", "cannot tell"]


def test_without_pull_requests_no_right_to_write_is_needed(github: GithubSandbox) -> None:
    """PR_MODE=off reads only."""
    assert states(checked(github, PR_MODE="off")) == ["ok", "ok"]


def test_no_repository_was_not_asked() -> None:
    """Nothing is claimed of it."""
    assert states(check_network({}, {"GitHub": check_github})) == ["cannot tell"]
