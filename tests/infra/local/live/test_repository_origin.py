"""GIT_REPO_PATH: the origin of a clone names the repository where nothing else does."""

from pathlib import Path

import pytest

from infra.local.live.repository_origin import with_origin
from infra.local.scenarios.history import run_git
from shared.errors import Rejected


def clone(folder: Path, origin: str | None) -> dict[str, str]:
    """Make a repository with an origin; return the variable that names it."""
    run_git("init", "--quiet", str(folder), cwd=folder)
    if origin is not None:
        run_git("remote", "add", "origin", origin, cwd=folder)
    return {"GIT_REPO_PATH": str(folder)}


@pytest.mark.parametrize(
    "origin",
    [
        "https://github.com/acme/check-out.git",
        "git@git.example.com:acme/check-out.git",
        "ssh://git@github.example.com:22/acme/check-out/",
        "https://user:secret@git.example.com/acme/check-out",
    ],
)
def test_origin_names_the_repository(tmp_path: Path, origin: str) -> None:
    """However it is written."""
    assert with_origin(clone(tmp_path, origin))["GITHUB_REPO"] == "acme/check-out"


def test_what_is_named_stays(tmp_path: Path) -> None:
    """And without the variable nothing changes."""
    values = clone(tmp_path, "https://github.com/acme/other")

    assert with_origin({**values, "GITHUB_REPO": "acme/shop"})["GITHUB_REPO"] == "acme/shop"
    assert "GITHUB_REPO" not in with_origin({**values, "SERVICE_REPOS": '{"shop": "acme/shop"}'})
    assert with_origin({"A": "b"}) == {"A": "b"}


@pytest.mark.parametrize("origin", [None, "/srv/git", "file:///x"])
def test_clone_without_a_repository_of_a_host_is_said(tmp_path: Path, origin: str | None) -> None:
    """And so is a path that is none; an address that may hold a token is not repeated."""
    with pytest.raises(Rejected):
        with_origin(clone(tmp_path, origin))
    with pytest.raises(Rejected, match="no folder"):
        with_origin({"GIT_REPO_PATH": str(tmp_path / "absent")})
