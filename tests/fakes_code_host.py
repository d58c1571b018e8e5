"""A code host made of a real local git repository: real data, no network."""

import os
import re
import subprocess
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

from shared.code_host.port import Commit, Comparison, Deployment, FileChange, Release
from shared.errors import Refused

_STATUS: dict[str, Literal["added", "removed", "modified", "renamed"]] = {
    "A": "added",
    "D": "removed",
    "M": "modified",
    "T": "modified",
    "R": "renamed",
}

START = datetime(2026, 1, 5, 8, tzinfo=UTC)
"""Default time of a Repository's first commit."""


def git(repository: Path, *arguments: str, moment: str | None = None) -> str:
    """Run git in `repository` and return what it printed; `moment` dates what it writes."""
    dates = {"GIT_AUTHOR_DATE": moment, "GIT_COMMITTER_DATE": moment} if moment else {}
    done = subprocess.run(
        ["git", "-c", "core.quotePath=false", *arguments],
        cwd=repository,
        env={**os.environ, **dates, "GIT_CONFIG_GLOBAL": os.devnull},
        capture_output=True,
        check=True,
    )
    return done.stdout.decode("utf-8", "surrogateescape")


class Repository:
    """A new local repository to write histories in; every commit is one minute after the previous one."""

    def __init__(self, folder: Path, start: datetime = START) -> None:
        self.folder = folder
        self._at = start
        folder.mkdir(parents=True)
        self.git("init", "-q", "-b", "main")

    def git(self, *arguments: str) -> str:
        """Run git as a fixed author at the repository's own time."""
        moment = self._at.isoformat()
        identity = ("-c", "user.name=Ada", "-c", "user.email=ada@example.invalid", "-c", "core.autocrlf=false")
        return git(self.folder, *identity, *arguments, moment=moment)

    def commit(self, files: Mapping[str, str | None], message: str = "Change", at: datetime | None = None) -> str:
        """Write files (None deletes a file), commit, and return the sha."""
        self._at = at or self._at + timedelta(minutes=1)
        for path, text in files.items():
            file = self.folder / path
            if text is None:
                file.unlink()
                continue
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(text.encode())
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", message)
        return self.head()

    def become(self, tree: Mapping[str, str]) -> str:
        """Commit exactly `tree`, removing every other file."""
        present = {path for path in self.git("ls-files", "-z").split("\0") if path}
        return self.commit({**dict.fromkeys(present - tree.keys()), **tree})

    def head(self) -> str:
        """Return the sha of the newest commit."""
        return self.git("rev-parse", "HEAD").strip()


class GitReader:
    """A CodeReader over a local repository; `calls` lists the requests a real host would get."""

    def __init__(
        self,
        repository: Path,
        branch: str = "HEAD",
        repo: str = "acme/shop",
        deployed: Sequence[Deployment] = (),
        released: Sequence[Release] = (),
    ) -> None:
        self.repo = repo
        self._deployed, self._released = deployed, released
        self.calls: list[str] = []
        self._repository = repository
        self._branch = branch

    def default_branch(self) -> str:
        """Return the branch it was created with."""
        self.calls.append("default_branch")
        return self._branch

    def resolve(self, ref: str) -> str | None:
        """Return the full sha, or None when git knows no such commit."""
        self.calls.append(f"resolve {ref}")
        try:
            return git(self._repository, "rev-parse", "--verify", "--quiet", f"{ref}^{{commit}}").strip()
        except subprocess.CalledProcessError:
            return None

    def paths(self, ref: str) -> Sequence[str]:
        """Return every path at `ref`."""
        self.calls.append(f"paths {ref}")
        return [path for path in git(self._repository, "ls-tree", "-r", "-z", "--name-only", ref).split("\0") if path]

    def read(self, path: str, ref: str) -> str | None:
        """Return the file's text, or None when absent, binary or larger than 1 MB."""
        self.calls.append(f"read {path}")
        done = subprocess.run(["git", "cat-file", "blob", f"{ref}:{path}"], cwd=self._repository, capture_output=True)
        if done.returncode or len(done.stdout) > 1_000_000 or b"\0" in done.stdout:
            return None
        try:
            return done.stdout.decode("utf-8")
        except UnicodeDecodeError:
            return None

    def read_files(self, places: Sequence[tuple[str, str]]) -> list[str | None]:
        """Return the texts."""
        return [self.read(path, ref) for path, ref in places]

    def commits(
        self, ref: str, *, path: str | None = None, until: datetime | None = None, limit: int = 20
    ) -> Sequence[Commit]:
        """Return commits newest first, as a host's listing does: without their changes."""
        self.calls.append(f"commits {path or ''}")
        arguments = ["log", "-z", f"--max-count={limit}", f"--format={_FORMAT}", ref]
        arguments += [f"--until={until.isoformat()}"] if until else []
        arguments += ["--", path] if path else []
        return [_commit(record) for record in git(self._repository, *arguments).split("\0") if record]

    def commit(self, sha: str) -> Commit:
        """Return one commit with its changes against its first parent."""
        self.calls.append(f"commit {sha}")
        try:
            listed = _commit(git(self._repository, "log", "-1", f"--format={_FORMAT}", sha).rstrip("\n"))
        except subprocess.CalledProcessError as error:
            raise Refused(f"there is no commit {sha!r}") from error
        parent = (
            listed.parents[0]
            if listed.parents
            else git(self._repository, "hash-object", "-t", "tree", "/dev/null").strip()
        )
        names = git(self._repository, "diff", "-M", "--name-status", "-z", parent, listed.sha).split("\0")[:-1]
        patches = _patches(git(self._repository, "diff", "-M", "-U3", "--no-color", parent, listed.sha))
        return Commit(**{**listed.__dict__, "changes": tuple(_changes(names, patches))})

    def read_commits(self, shas: Sequence[str]) -> list[Commit]:
        """Return commits with their changes."""
        return [self.commit(sha) for sha in shas]

    def search(self, text: str, limit: int = 10) -> Sequence[str]:
        """Return files of the branch that contain every word of `text`: a host's search skips what is between them."""
        self.calls.append(f"search {text}")
        words = [part for word in text.split() for part in ("-e", word)]
        try:
            matches = git(self._repository, "grep", "-l", "-z", "-F", "--all-match", *words, self._branch).split("\0")
        except subprocess.CalledProcessError:
            return []
        return [path.split(":", 1)[1] for path in matches if path][:limit]

    def deployments(self, start: datetime, end: datetime) -> Sequence[Deployment]:
        """Return the deployments it was created with."""
        self.calls.append("deployments")
        return [one for one in self._deployed if one.at <= end]

    def releases(self) -> Sequence[Release]:
        """Return the releases it was created with."""
        self.calls.append("releases")
        return self._released

    def compare(self, base: str, head: str) -> Comparison:
        """Return what lies between two commits."""
        self.calls.append(f"compare {base[:7]} {head[:7]}")
        log = git(self._repository, "log", "-z", "--reverse", f"--format={_FORMAT}", f"{base}..{head}")
        commits = tuple(_commit(record) for record in log.split("\0") if record)
        behind = len(git(self._repository, "rev-list", f"{head}..{base}").split())
        return Comparison(len(commits), behind, commits, f"https://example.invalid/compare/{base}...{head}")


_FORMAT = "%H%x1f%an%x1f%cI%x1f%P%x1f%B"


def _commit(record: str) -> Commit:
    sha, author, at, parents, message = record.split("\x1f", 4)
    return Commit(
        sha=sha,
        author=author,
        at=datetime.fromisoformat(at).astimezone(UTC),
        message=message.strip(),
        url=f"https://example.invalid/commit/{sha}",
        parents=tuple(parents.split()),
    )


def _changes(names: list[str], patches: list[str | None]) -> list[FileChange]:
    changes: list[FileChange] = []
    position = 0
    while position < len(names):
        status = _STATUS[names[position][0]]
        width = 3 if status == "renamed" else 2
        *_, old, path = [None, *names[position + 1 : position + width]]
        patch = patches[len(changes)] if len(changes) < len(patches) else None
        changes.append(FileChange(path=path or "", status=status, patch=patch, previous_path=old))
        position += width
    return changes


def _patches(diff: str) -> list[str | None]:
    """Return each file's hunks, in order; None where git shows no hunk."""
    sections = re.split(r"^diff --git .*\n", diff, flags=re.MULTILINE)[1:]
    starts = [re.search(r"^@@ ", section, flags=re.MULTILINE) for section in sections]
    return [section[start.start() :] if start else None for section, start in zip(sections, starts, strict=True)]
