"""The interfaces of a code host: two, so that agents that read logs never get the writer."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol


@dataclass(frozen=True)
class FileChange:
    """What one commit did to one file; `patch` is its unified diff, or None when binary or too large for the host."""

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


@dataclass(frozen=True)
class Deployment:
    """
    A deployment of the repository, as the host records it; times are aware UTC.

    `ref` is what was deployed: a branch, a tag or a commit. `state` is the newest (success, failure, error, inactive,
    in_progress, queued, pending), empty when none was read; `succeeded_at` is when it was first a success.
    """

    ref: str
    sha: str
    environment: str
    at: datetime
    creator: str
    url: str
    is_production: bool = False
    state: str = ""
    succeeded_at: datetime | None = None

    @property
    def live_at(self) -> datetime:
        """When it was live, or else when it was asked for."""
        return self.succeeded_at or self.at


@dataclass(frozen=True)
class Release:
    """A release that was published; `at` is aware UTC."""

    tag: str
    name: str
    at: datetime
    author: str
    url: str


@dataclass(frozen=True)
class Comparison:
    """
    What lies between two commits.

    `ahead_by` commits of the head are not in the base, `behind_by` of the base not in the head; `commits` are the
    newest of the first, without their changes, oldest first.
    """

    ahead_by: int
    behind_by: int
    commits: tuple[Commit, ...]
    url: str


class CodeReader(Protocol):
    """Read one repository; several threads may."""

    repo: str
    """`owner/name`."""

    def default_branch(self) -> str:
        """Return the name of the default branch. Raises Unavailable, Throttled, Refused."""
        ...

    def resolve(self, ref: str) -> str | None:
        """Return the full sha of a branch, tag or (short) sha, or None when there is no such ref."""
        ...

    def paths(self, ref: str) -> Sequence[str]:
        """Return the path of every file at `ref`. Raises Unavailable, Throttled, Refused."""
        ...

    def read(self, path: str, ref: str) -> str | None:
        """Return a file's text at `ref`, or None when it is absent, binary or larger than 1 MB."""
        ...

    def read_files(self, places: Sequence[tuple[str, str]]) -> list[str | None]:
        """Return the texts at several (path, ref), in this order, as `read` does."""
        ...

    def commits(
        self, ref: str, *, path: str | None = None, until: datetime | None = None, limit: int = 20
    ) -> Sequence[Commit]:
        """Return commits reachable from `ref`, newest first, without their changes."""
        ...

    def commit(self, sha: str) -> Commit:
        """Return one commit with its changes. Raises Refused when it is absent."""
        ...

    def read_commits(self, shas: Sequence[str]) -> list[Commit]:
        """Return commits with their changes, in this order. Raises Refused when one is absent."""
        ...

    def search(self, text: str, limit: int = 10) -> Sequence[str]:
        """Return paths of files on the default branch that contain `text`."""
        ...

    def deployments(self, start: datetime, end: datetime) -> Sequence[Deployment]:
        """
        Return the newest deployments that were asked for until `end`, newest first, at most 30.

        Those since `start`, and of each environment the one before, come with their state, as far as 8 can be read.
        Raises Unavailable, Throttled, Refused.
        """
        ...

    def releases(self) -> Sequence[Release]:
        """Return the newest releases that were published, newest first, at most 30."""
        ...

    def compare(self, base: str, head: str) -> Comparison:
        """Return what lies between two commits, at most the newest 250 of it. Raises Refused when one is absent."""
        ...


@dataclass(frozen=True)
class FileWrite:
    """A file's whole new text; None deletes the file."""

    path: str
    text: str | None


@dataclass(frozen=True)
class BranchWritten:
    """The branch and its commit; `created` is false when an earlier run created it."""

    branch: str
    commit: str
    created: bool


@dataclass(frozen=True)
class PullRequestDraft:
    """
    A pull request to open; `marker` is a text in its body that identifies it as ours later.

    `reviewers` are logins or `org/team`; those who cannot be requested are left out.
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
    """The pull request; `created` is false when an earlier run opened it."""

    number: int
    url: str
    draft: bool
    created: bool
    reviewers: tuple[str, ...] = ()


@dataclass(frozen=True)
class ExistingPullRequest:
    """A pull request from a branch of the repository itself."""

    number: int
    url: str
    branch: str
    state: Literal["open", "merged", "closed"]


class PullRequests(Protocol):
    """The pull requests of one repository. Every method raises Unavailable, Throttled, Refused."""

    def of_branch(self, branch: str) -> ExistingPullRequest | None:
        """Return the branch's pull request, preferably an open one, or None when it never had one."""
        ...

    def touching(self, paths: Sequence[str], prefix: str) -> ExistingPullRequest | None:
        """Return the oldest open pull request of a branch that starts with `prefix` and changes one of `paths`."""
        ...

    def open_branches(self, prefix: str) -> list[str]:
        """Return the branches of the repository that start with `prefix` and have an open pull request."""
        ...

    def open(self, draft: PullRequestDraft) -> PullRequestOpened:
        """
        Open it, or return the branch's open one; if that is ours, update its title and body.

        A failure to set labels or reviewers is not an error. Raises Uncertain too (it may be open).
        """
        ...


class CodeWriter(Protocol):
    """Write to one repository; every method finds its own earlier work."""

    repo: str

    @property
    def reader(self) -> CodeReader:
        """A reader of the same repository, independent of CODE_SEARCH_PROVIDER."""
        ...

    @property
    def pulls(self) -> PullRequests:
        """The pull requests of the repository."""
        ...

    def obstacle(self) -> str | None:
        """Return why nothing can be written here, for example an archive, or None when no reason is known."""
        ...

    def commit_files(self, branch: str, base_sha: str, message: str, files: Sequence[FileWrite]) -> BranchWritten:
        """
        Create one commit on top of `base_sha` with all `files`, and point the new `branch` at it.

        An existing branch of that name is returned unchanged. File modes are kept.
        Raises Rejected (a file cannot be written), Unavailable, Throttled, Refused, Uncertain.
        """
        ...
