"""Read one GitHub repository."""

import base64
import queue
import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from itertools import islice
from typing import Literal
from urllib.parse import quote

import github
from github.Commit import Commit as GithubCommit
from github.Deployment import Deployment as GithubDeployment
from github.File import File
from github.GitRelease import GitRelease
from github.NamedUser import NamedUser
from github.Repository import Repository

from shared import clock
from shared.code_host.github import GithubRepository, GithubSettings, TreeFile, is_ref, list_files, reading, require
from shared.code_host.port import Commit, Comparison, Deployment, FileChange, Release
from shared.errors import Refused

_MAX_FILE_BYTES = 1024 * 1024
# A query may have 256 characters: https://docs.github.com/en/rest/search/search
_MAX_SEARCHED_CHARS = 128
# One page of a list.
_MAX_LISTED = 30
_MAX_STATES = 8
_MAX_STATES_OF_ONE = 10
_MAX_COMPARED = 250
# GitHub lets a client have 100 requests at once, and asks for few:
# https://docs.github.com/en/rest/using-the-rest-api/best-practices-for-using-the-rest-api
_MAX_AT_ONCE = 4
_STATUS: dict[str, Literal["added", "removed", "modified", "renamed"]] = {
    "added": "added",
    "copied": "added",
    "removed": "removed",
    "renamed": "renamed",
}


class GithubReader:
    """
    One repository as it was at the first request: a branch is resolved once, and nothing is fetched twice.

    Files are read through the tree of their commit, so an absent path costs no request.
    Source: https://docs.github.com/en/rest
    """

    def __init__(self, settings: GithubSettings, repo: str) -> None:
        self.repo = repo
        self._repository = GithubRepository(settings, repo)
        self._shas: dict[str, str | None] = {}
        self._trees: dict[str, dict[str, TreeFile]] = {}
        self._texts: dict[str, str | None] = {}
        self._commits: dict[str, Commit] = {}
        self._listed: dict[tuple[str, str | None, datetime | None, int], list[Commit]] = {}
        self._compared: dict[tuple[str, str], Comparison] = {}

    def default_branch(self) -> str:
        """Return the name of the default branch. Raises Unavailable, Throttled, Refused."""
        return self._repository.opened.default_branch

    def resolve(self, ref: str) -> str | None:
        """
        Return the full sha of a branch, tag or (short) sha, or None when there is no such ref.

        Raises Unavailable, Throttled, Refused (no such repository, or no access).
        """
        if ref not in self._shas:
            self._shas[ref] = self._fetch_sha(ref) if is_ref(ref) else None
        return self._shas[ref]

    def paths(self, ref: str) -> Sequence[str]:
        """
        Return the path of every file at `ref`, without links and submodules.

        Raises Unavailable, Throttled, Refused (also when there is no such ref).
        """
        return list(self._files(ref))

    def read(self, path: str, ref: str) -> str | None:
        """
        Return a file's text at `ref` with its line ends, or None when it is absent, not UTF-8 or larger than 1 MB.

        Raises Unavailable, Throttled, Refused (also when there is no such ref).
        """
        file = self._files(ref).get(path)
        if file is None or file.size_bytes > _MAX_FILE_BYTES:
            return None
        if file.sha not in self._texts:
            with reading(f"{path!r} at {ref!r} in {self.repo!r}"):
                blob = self._repository.opened.get_git_blob(file.sha)
                self._texts[file.sha] = _text(base64.b64decode(require(blob.content)))
        return self._texts[file.sha]

    def commits(
        self, ref: str, *, path: str | None = None, until: datetime | None = None, limit: int = 20
    ) -> Sequence[Commit]:
        """
        Return at most `limit` commits reachable from `ref`, newest first, without their changes.

        Raises Unavailable, Throttled, Refused (also when there is no such ref).
        """
        self._check(ref)
        query = (ref, path, until, limit)
        if query not in self._listed:
            self._listed[query] = self._list_commits(ref, path, until, limit)
        return self._listed[query]

    def _list_commits(self, ref: str, path: str | None, until: datetime | None, limit: int) -> list[Commit]:
        with reading(f"the commits of {ref!r} in {self.repo!r}"):
            listed = self._repository.opened.get_commits(
                sha=ref,
                path=path or github.GithubObject.NotSet,
                # PyGithub ignores the time zone and sends the digits as UTC.
                until=clock.to_utc(until) if until else github.GithubObject.NotSet,
            )
            return [_commit(each) for each in islice(listed, max(0, limit))]

    def commit(self, sha: str) -> Commit:
        """Return one commit with its changes. Raises Unavailable, Throttled, Refused (also when it is absent)."""
        self._check(sha)
        if sha not in self._commits:
            self._commits[sha] = self._fetch_commit(sha, self._repository.opened)
        return self._commits[sha]

    def read_commits(self, shas: Sequence[str]) -> list[Commit]:
        """
        Return commits with their changes, in this order, a few of them fetched at a time.

        Raises Unavailable, Throttled, Refused (also when one is absent).
        """
        for sha in shas:
            self._check(sha)
        missing = [sha for sha in dict.fromkeys(shas) if sha not in self._commits]
        # PyGithub's client is not made for several threads, so each of them has its own.
        clients: queue.SimpleQueue[Repository] = queue.SimpleQueue()
        for _ in missing[:_MAX_AT_ONCE]:
            clients.put(self._repository.separate())

        def fetch(sha: str) -> Commit:
            repository = clients.get()
            try:
                return self._fetch_commit(sha, repository)
            finally:
                clients.put(repository)

        with ThreadPoolExecutor(_MAX_AT_ONCE) as pool:
            self._commits.update(zip(missing, pool.map(fetch, missing), strict=True))
        return [self._commits[sha] for sha in shas]

    def _fetch_commit(self, sha: str, repository: Repository) -> Commit:
        with reading(f"the commit {sha!r} in {self.repo!r}"):
            commit = repository.get_commit(sha)
            return _commit(commit, tuple(_change(file) for file in commit.files))

    def search(self, text: str, limit: int = 10) -> Sequence[str]:
        """
        Return paths of files on the default branch that contain `text`, at most `limit`.

        Raises Unavailable, Throttled, Refused (search needs credentials).
        """
        phrase = search_phrase(text)
        if not phrase or limit < 1:
            return []
        name = self._repository.opened.full_name
        with reading(f"files of {self.repo!r} that hold {phrase}"):
            results = self._repository.client.search_code(f"{phrase} repo:{name}")
            # The query contains untrusted text that could defeat the `repo:` qualifier, so each row is checked.
            return [row.path for row in islice(results, limit) if row.repository.full_name == name]

    def deployments(self, start: datetime, end: datetime) -> Sequence[Deployment]:
        """
        Return the newest deployments that were asked for until `end`, newest first, at most 30.

        Those since `start`, and of each environment the one before, come with their state, as far as 8 can be read.
        Raises Unavailable, Throttled, Refused (a token needs the permission to read deployments).
        Source: https://docs.github.com/en/rest/deployments/deployments, https://docs.github.com/en/rest/deployments/statuses
        """
        with reading(f"the deployments of {self.repo!r}"):
            opened = self._repository.opened
            listed = [one for one in islice(opened.get_deployments(), _MAX_LISTED) if require(one.created_at) <= end]
            chosen = _worth_a_state(listed, start)
            page = f"{opened.html_url}/deployments"
            return [_deployment(one, page, has_state=one.id in chosen) for one in listed]

    def releases(self) -> Sequence[Release]:
        """
        Return the newest releases that were published, newest first, at most 30.

        Raises Unavailable, Throttled, Refused. Source: https://docs.github.com/en/rest/releases/releases
        """
        with reading(f"the releases of {self.repo!r}"):
            listed = islice(self._repository.opened.get_releases(), _MAX_LISTED)
            return [_release(one) for one in listed if not one.draft and one.published_at is not None]

    def compare(self, base: str, head: str) -> Comparison:
        """
        Return what lies between two commits, at most the newest 250 of it.

        Raises Unavailable, Throttled, Refused (also when one is absent).
        Source: https://docs.github.com/en/rest/commits/commits#compare-two-commits
        """
        self._check(base)
        self._check(head)
        if (base, head) not in self._compared:
            self._compared[base, head] = self._compare(base, head)
        return self._compared[base, head]

    def _compare(self, base: str, head: str) -> Comparison:
        with reading(f"what lies between {base!r} and {head!r} in {self.repo!r}"):
            # Without a page size, the newest commits come first of all, in one answer.
            answer = self._repository.opened.compare(base, head)
            ahead, behind = require(answer.ahead_by), require(answer.behind_by)
            commits = tuple(_commit(each) for each in islice(answer.commits, _MAX_COMPARED))
            return Comparison(ahead, behind, commits, answer.html_url or "")

    def _fetch_sha(self, ref: str) -> str | None:
        with reading(f"the ref {ref!r} in {self.repo!r}"):
            try:
                # One file per page, because only the sha is needed.
                return require(self._repository.opened.get_commit(ref, commit_files_per_page=1).sha)
            except github.GithubException as error:
                # The repository exists, so these are about the ref: unknown, in an empty repository, malformed.
                if error.status in (404, 409, 422):
                    return None
                raise

    def _files(self, ref: str) -> dict[str, TreeFile]:
        """Return the regular files at `ref` by path."""
        sha = ref if re.fullmatch(r"[0-9a-f]{40}", ref) else self.resolve(ref)
        if sha is None:
            raise Refused(f"There is no ref {ref!r} in {self.repo!r}")
        if sha not in self._trees:
            with reading(f"the files at {ref!r} in {self.repo!r}"):
                listed = list_files(self._repository.opened, sha)
                self._trees[sha] = {path: file for path, file in listed if file.is_regular}
        return self._trees[sha]

    def _check(self, ref: str) -> None:
        if not is_ref(ref):
            raise Refused(f"There is no ref {ref!r} in {self.repo!r}")


def search_phrase(text: str) -> str:
    """Return `text` as one quoted phrase of a code search, which cannot hold a qualifier; empty without words."""
    words = " ".join(re.findall(r'[^\s"\\]+', text))[:_MAX_SEARCHED_CHARS].rstrip()
    return f'"{words}"' if words else ""


def _text(content: bytes) -> str | None:
    if b"\0" in content:
        return None
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        return None


def _commit(commit: GithubCommit, changes: tuple[FileChange, ...] = ()) -> Commit:
    """Convert GitHub's commit to ours; call it inside `reading`."""
    details = require(commit.commit)
    # GitHub has commits without an author, mostly imported ones.
    author, committer = details.author, require(details.committer or details.author)
    return Commit(
        sha=require(commit.sha),
        author=(author.name if author else None) or "",
        at=clock.to_utc(require(committer.date)),
        message=details.message or "",
        url=commit.html_url or "",
        parents=tuple(parent.sha for parent in require(commit.parents)),
        changes=changes,
        login=_login(commit.author),
    )


def _change(file: File) -> FileChange:
    return FileChange(file.filename, _STATUS.get(file.status, "modified"), file.patch, file.previous_filename)


def _worth_a_state(listed: Sequence[GithubDeployment], start: datetime) -> set[int]:
    """Return the ids of the newest deployments since `start`, and of the last of each environment before it."""
    before: dict[str, GithubDeployment] = {}
    for one in listed:
        if one.created_at < start:
            before.setdefault(one.environment, one)
    since = [one for one in listed if one.created_at >= start]
    # Half for each, so that many of one environment leave room for what they replaced.
    half = _MAX_STATES // 2
    return {one.id for one in [*since[:half], *list(before.values())[:half]]}


def _deployment(one: GithubDeployment, page: str, *, has_state: bool) -> Deployment:
    """Convert GitHub's deployment to ours; call it inside `reading`."""
    # Newest first, as GitHub lists them.
    states = list(islice(one.get_statuses(), _MAX_STATES_OF_ONE)) if has_state else []
    succeeded = [clock.to_utc(each.created_at) for each in states if each.state == "success"]
    return Deployment(
        ref=require(one.ref),
        sha=require(one.sha),
        environment=one.environment or "",
        at=clock.to_utc(require(one.created_at)),
        creator=(one.creator.login if one.creator else None) or "",
        url=next((each.log_url for each in states if each.log_url), "") or f"{page}/{quote(one.environment or '')}",
        is_production=bool(one.production_environment),
        state=states[0].state if states else "",
        succeeded_at=min(succeeded, default=None),
    )


def _release(one: GitRelease) -> Release:
    """Convert GitHub's release to ours; call it inside `reading`."""
    author = one.author.login if one.author else None
    return Release(
        require(one.tag_name), one.name or "", clock.to_utc(one.published_at), author or "", one.html_url or ""
    )


def _login(author: NamedUser | None) -> str | None:
    """Return the account of a person; the login of a bot ends with `[bot]`."""
    login = author.login if author else None
    return None if login is None or login.endswith("[bot]") else login
