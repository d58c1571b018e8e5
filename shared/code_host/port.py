"""What the house needs of a code host: two ports, for agents that read logs never hold the writer."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol


@dataclass(frozen=True)
class FileChange:
    """What one commit did to one file; `patch` is its unified diff, none when binary or too large for the host."""

    path: str
    status: Literal["added", "removed", "modified", "renamed"]
    patch: str | None
    previous_path: str | None = None


@dataclass(frozen=True)
class Commit:
    """A commit; `at` is when it was committed, aware UTC; `changes` is empty in listings."""

    sha: str
    author: str
    at: datetime
    message: str
    url: str
    parents: tuple[str, ...] = ()
    changes: tuple[FileChange, ...] = ()

    @property
    def subject(self) -> str:
        """The first line of the message."""
        return self.message.split("\n", 1)[0]


class CodeReader(Protocol):
    """Read one repository."""

    repo: str
    """`owner/name`."""

    def default_branch(self) -> str:
        """Return the name of the default branch. Raises Unavailable, Throttled, Refused."""
        ...

    def resolve(self, ref: str) -> str | None:
        """Return the full sha of a branch, tag or (short) sha; none when there is no such ref."""
        ...

    def paths(self, ref: str) -> Sequence[str]:
        """Return the path of every file at `ref`. Raises Unavailable, Throttled, Refused."""
        ...

    def read(self, path: str, ref: str) -> str | None:
        """Return a file's text at `ref`; none when it is absent, binary or larger than 1 MB."""
        ...

    def commits(
        self, ref: str, *, path: str | None = None, until: datetime | None = None, limit: int = 20
    ) -> Sequence[Commit]:
        """Return commits reachable from `ref`, newest first, without their changes."""
        ...

    def commit(self, sha: str) -> Commit:
        """Return one commit with its changes. Raises Refused when there is none."""
        ...

    def search(self, text: str, limit: int = 10) -> Sequence[str]:
        """Return paths of files on the default branch that contain `text`."""
        ...


@dataclass(frozen=True)
class FileWrite:
    """A file's whole new text; none deletes it."""

    path: str
    text: str | None


@dataclass(frozen=True)
class BranchWritten:
    """The branch and its commit; `created` is false when an earlier run had made it."""

    branch: str
    commit: str
    created: bool


@dataclass(frozen=True)
class PullRequestOpened:
    """The pull request; `created` is false when an earlier run had opened it."""

    number: int
    url: str
    draft: bool
    created: bool


class CodeWriter(Protocol):
    """Write to one repository; every method finds its own earlier work."""

    repo: str

    def commit_files(self, branch: str, base_sha: str, message: str, files: Sequence[FileWrite]) -> BranchWritten:
        """
        Put one commit on top of `base_sha` holding all `files`, and point the new `branch` at it.

        An existing branch of that name is returned as it stands. File modes are kept.
        Raises Unavailable, Throttled, Refused, Uncertain.
        """
        ...

    def open_pull_request(
        self, branch: str, base_branch: str, title: str, body: str, labels: Sequence[str]
    ) -> PullRequestOpened:
        """
        Open a draft pull request, or return the open one of that branch.

        Raises Unavailable, Throttled, Refused, Uncertain.
        """
        ...
