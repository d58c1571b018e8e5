"""A scenario's git history: patches become a bare repository, with the same commits for the same dates."""

import os
import re
import subprocess
from collections.abc import Sequence
from datetime import datetime
from email import policy
from email.parser import BytesParser
from email.utils import format_datetime
from pathlib import Path

from shared.errors import Misconfigured, Rejected

BRANCH = "main"
TIMEOUT_S = 60.0


def run_git(*arguments: str, cwd: Path, identity: dict[str, str] | None = None, stdin: bytes = b"") -> str:
    """
    Run git without the user's configuration and return its output.

    Raises Misconfigured (git is not installed), Rejected (git failed or took more than a minute).
    """
    # The user's settings, such as commit.gpgsign or core.autocrlf, would change the commits.
    environment = {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": str(cwd),
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "LC_ALL": "C",
        **(identity or {}),
    }
    # A repository given by path may belong to another user: a clone in an image, a read-only share.
    settings = ("-c", "commit.gpgsign=false", "-c", "core.autocrlf=false", "-c", "safe.directory=*")
    command = ["git", *settings, *arguments]
    try:
        done = subprocess.run(
            command, cwd=cwd, env=environment, input=stdin, capture_output=True, timeout=TIMEOUT_S, check=True
        )
    except FileNotFoundError as error:
        raise Misconfigured("git is not on the PATH; install it to build a scenario") from error
    except subprocess.TimeoutExpired as error:
        raise Rejected(f"git {arguments[0]} took more than {TIMEOUT_S:.0f} s in {str(cwd)!r}") from error
    except subprocess.CalledProcessError as error:
        message = error.stderr.decode(errors="replace").strip()
        raise Rejected(f"git {arguments[0]} failed in {str(cwd)!r}: {message}") from error
    return done.stdout.decode(errors="replace")


def build_repository(patches: Sequence[tuple[Path, datetime]], repo_git: Path, scratch: Path) -> list[str]:
    """
    Apply mailbox patches, each at its date, and push them to a new bare repository; return the commits, oldest first.

    Raises Rejected (a patch is missing or does not apply), Misconfigured (no git).
    """
    scratch.mkdir(parents=True)
    run_git("init", "--quiet", "--template=", f"--initial-branch={BRANCH}", cwd=scratch)
    for patch, at in patches:
        _apply(patch, at, scratch)
    repo_git.mkdir(parents=True)
    run_git("init", "--quiet", "--bare", "--template=", f"--initial-branch={BRANCH}", cwd=repo_git)
    run_git("push", "--quiet", str(repo_git), BRANCH, cwd=scratch)
    return run_git("rev-list", "--reverse", BRANCH, cwd=scratch).split()


def _apply(patch: Path, at: datetime, work_tree: Path) -> None:
    try:
        mail = patch.read_bytes()
    except OSError as error:
        raise Rejected(f"patch {str(patch)!r} cannot be read: {error.strerror}") from error
    message = BytesParser(policy=policy.default).parsebytes(mail, headersonly=True)
    author = message["From"].addresses[0]
    identity = {
        "GIT_COMMITTER_NAME": author.display_name,
        "GIT_COMMITTER_EMAIL": author.addr_spec,
        "GIT_COMMITTER_DATE": f"{int(at.timestamp())} +0000",
    }
    # `git am` takes the author's date only from the mail.
    dated = re.sub(rb"^Date: .*$", f"Date: {format_datetime(at)}".encode(), mail, count=1, flags=re.MULTILINE)
    run_git("am", "--quiet", "--whitespace=nowarn", cwd=work_tree, identity=identity, stdin=dated)


def tag(repo_git: Path, name: str, commit: str) -> None:
    """
    Tag a commit.

    Raises Rejected (no such commit, or the tag exists), Misconfigured (no git).
    """
    run_git("tag", name, commit, cwd=repo_git)


def check_out(repo_git: Path, commit: str, folder: Path) -> None:
    """
    Check out the files of a commit into a new folder.

    Raises Rejected (no such commit), Misconfigured (no git).
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    run_git("clone", "--quiet", "--no-checkout", str(repo_git), str(folder), cwd=folder.parent)
    run_git("checkout", "--quiet", "--detach", commit, cwd=folder)


def borrow_commit(source: Path, commit: str, repo_git: Path) -> None:
    """
    Make a bare repository whose branch ends at a commit of `source`, which is only read.

    Raises Rejected (no such repository or commit, or `repo_git` exists), Misconfigured (no git).
    """
    if not source.is_dir() or not has_commit(source, commit):
        raise Rejected(f"repository {str(source)!r} does not hold commit {commit!r}")
    if repo_git.exists():
        raise Rejected(f"{str(repo_git)!r} exists already; choose an empty folder")
    objects, shallow = (
        (source / run_git("rev-parse", "--git-path", name, cwd=source).strip()).resolve()
        for name in ("objects", "shallow")
    )
    repo_git.mkdir(parents=True)
    run_git("init", "--quiet", "--bare", "--template=", f"--initial-branch={BRANCH}", cwd=repo_git)
    # Copying the history of a large project would take minutes.
    (repo_git / "objects" / "info" / "alternates").write_text(f"{objects}\n", encoding="utf-8")
    if shallow.exists():
        (repo_git / "shallow").write_bytes(shallow.read_bytes())
    run_git("update-ref", f"refs/heads/{BRANCH}", f"{commit}^{{commit}}", cwd=repo_git)


def has_commit(repo_git: Path, commit: str) -> bool:
    """Return whether a repository holds a commit; False also when there is no repository."""
    try:
        run_git("cat-file", "-e", f"{commit}^{{commit}}", cwd=repo_git)
    except Rejected:
        return False
    return True
