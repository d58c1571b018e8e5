"""A GitHub for tests: the sandbox over a fresh copy of a small repository."""

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from infra.local.sandboxes.github.server import GithubSandbox
from shared.code_host.github import GithubSettings
from shared.code_host.github_writer import GithubWriter

REPO = "octo/shop"
TOKEN = "ghp_0123456789secret"
IDENTITY = ["-c", "user.name=Ada", "-c", "user.email=ada@example.com", "-c", "core.autocrlf=false"]


def _commit(work: Path, message: str, at: str) -> None:
    env = {"GIT_AUTHOR_DATE": at, "GIT_COMMITTER_DATE": at, "GIT_CONFIG_GLOBAL": "/dev/null", "PATH": "/usr/bin:/bin"}
    subprocess.run(["git", "-C", work, "add", "-A"], check=True, env=env, timeout=30)
    subprocess.run(["git", "-C", work, *IDENTITY, "commit", "-qm", message], check=True, env=env, timeout=30)


@pytest.fixture(scope="session")
def pristine_git_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bare repository with two commits on main, a tag, and one file of each difficult kind."""
    work = tmp_path_factory.mktemp("work")
    subprocess.run(["git", "init", "-q", "-b", "main", work], check=True, timeout=30)
    (work / "src" / "deep").mkdir(parents=True)
    (work / "src" / "cart.py").write_text("def total(items):\n    return sum(items)\n")
    (work / "src" / "deep" / "old.py").write_text("VALUE = 1\n" * 20)
    (work / "windows.txt").write_bytes("\ufeffone\r\ntwö\r\n".encode())
    (work / "latin.txt").write_bytes("caf\xe9\n".encode("latin-1"))
    (work / "logo.bin").write_bytes(b"PNG\0" + bytes(range(256)))
    (work / "large.txt").write_text("x" * (1024 * 1024 + 1))
    (work / "link.txt").symlink_to("windows.txt")
    (work / "run.sh").write_text("#!/bin/sh\n")
    (work / "run.sh").chmod(0o755)
    _commit(work, "Start the shop\n\nWith a cart.", "2026-03-01T12:00:00+0200")
    subprocess.run(["git", "-C", work, "tag", "v1.0"], check=True, timeout=30)
    (work / "src" / "cart.py").write_text("def total(items):\n    return sum(items) / len(items)\n")
    (work / "src" / "deep" / "old.py").rename(work / "src" / "deep" / "new.py")
    (work / "logo.bin").write_bytes(b"PNG\0" + bytes(range(255, -1, -1)))
    _commit(work, "Average the cart", "2026-03-02T12:00:00+0200")
    bare = tmp_path_factory.mktemp("pristine") / "shop.git"
    subprocess.run(["git", "clone", "-q", "--bare", work, bare], check=True, timeout=30)
    return bare


@pytest.fixture
def git_dir(pristine_git_dir: Path, tmp_path: Path) -> Path:
    """A copy for one test to write to."""
    copy = tmp_path / "shop.git"
    subprocess.run(["cp", "-r", pristine_git_dir, copy], check=True, timeout=30)
    return copy


@pytest.fixture
def git(git_dir: Path) -> Callable[..., str]:
    """Plain git on that repository, as a person would use it."""

    def run(*args: str) -> str:
        command = ["git", "-c", "safe.directory=*", f"--git-dir={git_dir}", *args]
        return subprocess.run(command, capture_output=True, check=True, timeout=30).stdout.decode().strip()

    return run


@pytest.fixture
def sandbox(git_dir: Path) -> Iterator[GithubSandbox]:
    """GitHub over that repository, listening."""
    with GithubSandbox(git_dir, REPO, token=TOKEN) as running:
        yield running


@pytest.fixture
def settings(sandbox: GithubSandbox) -> GithubSettings:
    """Settings that point to the sandbox."""
    return GithubSettings(github_token=SecretStr(TOKEN), github_api_url=sandbox.url, github_timeout_s=10)


@pytest.fixture
def writer(settings: GithubSettings, sandbox: GithubSandbox) -> GithubWriter:
    """A writer that has sent no request yet."""
    return GithubWriter(settings, sandbox.repo)


@pytest.fixture
def base(git: Callable[..., str]) -> str:
    """The commit to write on."""
    return git("rev-parse", "main")
