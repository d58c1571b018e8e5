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
    login: str | None = None
    """The author's account on the host, where the host knows it."""

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
class PullRequestDraft:
    """
    A pull request to open; `marker` is a text of its body by which it is known as ours when it is met again.

    Of `reviewers`, logins or `org/team`, those who cannot be asked are left out.
    """

    branch: str
    base_branch: str
    title: str
    body: str
    marker: str
    labels: tuple[str, ...] = ()
    reviewers: tuple[str, ...] = ()
    is_draft: bool = True


@dataclass(frozen=True)
class PullRequestOpened:
    """The pull request; `created` is false when an earlier run had opened it."""

    number: int
    url: str
    draft: bool
    created: bool
    reviewers: tuple[str, ...] = ()


@dataclass(frozen=True)
class ExistingPullRequest:
    """A pull request of the repository's own branch."""

    number: int
    url: str
    branch: str
    state: Literal["open", "merged", "closed"]


class PullRequests(Protocol):
    """The pull requests of one repository. Every method raises Unavailable, Throttled, Refused."""

    def of_branch(self, branch: str) -> ExistingPullRequest | None:
        """Return the branch's pull request, an open one before any other; none when it never had one."""
        ...

    def touching(self, paths: Sequence[str], prefix: str) -> ExistingPullRequest | None:
        """Return an open pull request of a branch that starts with `prefix` and changes one of `paths`, the oldest."""
        ...

    def open(self, draft: PullRequestDraft) -> PullRequestOpened:
        """
        Open it, or return the branch's open one with its body brought up to date when it is ours.

        Labels and reviewers are asked for and never fail it. Raises Uncertain too (it may be open).
        """
        ...


class CodeWriter(Protocol):
    """Write to one repository; every method finds its own earlier work."""

    repo: str

    @property
    def reader(self) -> CodeReader:
        """A reader of the very repository that is written to, whatever agents read the code by."""
        ...

    @property
    def pulls(self) -> PullRequests:
        """The pull requests of the repository."""
        ...

    def obstacle(self) -> str | None:
        """Return why nothing can be written here, as in an archive; none when nothing is known to stand against it."""
        ...

    def commit_files(self, branch: str, base_sha: str, message: str, files: Sequence[FileWrite]) -> BranchWritten:
        """
        Put one commit on top of `base_sha` holding all `files`, and point the new `branch` at it.

        An existing branch of that name is returned as it stands. File modes are kept.
        Raises Rejected (a file cannot be written so), Unavailable, Throttled, Refused, Uncertain.
        """
        ...
