"""Read one GitHub repository."""

import base64
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import islice
from typing import Literal, NamedTuple
from urllib.parse import quote

import github
from github.Commit import Commit as GithubCommit
from github.Deployment import Deployment as GithubDeployment
from github.File import File
from github.GitRelease import GitRelease
from github.NamedUser import NamedUser

from shared import clock
from shared.code_host.github import GithubRepository, GithubSettings, TreeFile, is_ref, list_files, reading, require
from shared.code_host.port import Commit, Comparison, Deployment, FileChange, Release
from shared.errors import Refused
from shared.http.parallel import in_parallel

_MAX_FILE_BYTES = 1024 * 1024
# A query may have 256 characters: https://docs.github.com/en/rest/search/search
_MAX_SEARCHED_CHARS = 128
# One page of a list.
_MAX_LISTED = 30
_MAX_STATES = 8
_MAX_STATES_OF_ONE = 10
_MAX_COMPARED = 250
_STATUS: dict[str, Literal["added", "removed", "modified", "renamed"]] = {
    "added": "added",
    "copied": "added",
    "removed": "removed",
    "renamed": "renamed",
}


class GithubReader:
    """
    One repository as it was at the first request: a branch is resolved once, and nothing is fetched twice.

    Files are read through the tree of their commit, so an absent path costs no request. Several threads may read;
    what two of them need at the same moment may be fetched by both.
    Source: https://docs.github.com/en/rest
    """

    def __init__(self, settings: GithubSettings, repo: str, repository: GithubRepository | None = None) -> None:
        self.repo = repo
        self._repository = repository or GithubRepository(settings, repo)
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
        return [path for path, file in self.files(ref).items() if file.is_regular]

    def read(self, path: str, ref: str) -> str | None:
        """
        Return a file's text at `ref` with its line ends, or None when it is absent, not UTF-8 or larger than 1 MB.

        Raises Unavailable, Throttled, Refused (also when there is no such ref).
        """
        file = self.files(ref).get(path)
        if file is None or not file.is_regular or file.size_bytes > _MAX_FILE_BYTES:
            return None
        if file.sha not in self._texts:
            with reading(f"{path!r} at {ref!r} in {self.repo!r}"), self._repository.connection() as lent:
                blob = lent.repository.get_git_blob(file.sha)
                self._texts[file.sha] = _text(base64.b64decode(require(blob.content)))
        return self._texts[file.sha]

    def read_files(self, places: Sequence[tuple[str, str]]) -> list[str | None]:
        """
        Return the texts at several (path, ref), in this order, as `read` does, a few of them fetched at a time.

        Raises Unavailable, Throttled, Refused (also when there is no such ref).
        """
        refs = list(dict.fromkeys(ref for _, ref in places))
        files = dict(zip(refs, in_parallel(self.files, refs), strict=True))
        # One place of each content: what did not change between two commits is fetched once.
        contents = {file.sha: place for place in places if (file := files[place[1]].get(place[0]))}
        in_parallel(lambda place: self.read(*place), contents.values())
        return [self.read(*place) for place in places]

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
        with reading(f"the commits of {ref!r} in {self.repo!r}"), self._repository.connection() as lent:
            listed = lent.repository.get_commits(
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
            self._commits[sha] = self._fetch_commit(sha)
        return self._commits[sha]

    def read_commits(self, shas: Sequence[str]) -> list[Commit]:
        """
        Return commits with their changes, in this order, a few of them fetched at a time.

        Raises Unavailable, Throttled, Refused (also when one is absent).
        """
        for sha in shas:
            self._check(sha)
        in_parallel(self.commit, dict.fromkeys(shas))
        return [self._commits[sha] for sha in shas]

    def _fetch_commit(self, sha: str) -> Commit:
        with reading(f"the commit {sha!r} in {self.repo!r}"), self._repository.connection() as lent:
            commit = lent.repository.get_commit(sha)
            return _commit(commit, tuple(_change(file) for file in commit.files))

    def search(self, text: str, limit: int = 10) -> Sequence[str]:
        """
        Return paths of files on the default branch that contain `text`, at most `limit`.

        Raises Unavailable, Throttled, Refused (search needs credentials).
        """
        phrase = search_phrase(text)
        if not phrase or limit < 1:
            return []
        with reading(f"files of {self.repo!r} that hold {phrase}"), self._repository.connection() as lent:
            name = lent.repository.full_name
            results = lent.client.search_code(f"{phrase} repo:{name}")
            # The query contains untrusted text that could defeat the `repo:` qualifier, so each row is checked.
            return [row.path for row in islice(results, limit) if row.repository.full_name == name]

    def deployments(self, start: datetime, end: datetime) -> Sequence[Deployment]:
        """
        Return the newest deployments that were asked for until `end`, newest first, at most 30.

        Those since `start`, and of each environment the one before, come with their state, as far as 8 can be read.
        Raises Unavailable, Throttled, Refused (a token needs the permission to read deployments).
        Source: https://docs.github.com/en/rest/deployments/deployments, https://docs.github.com/en/rest/deployments/statuses
        """
        with reading(f"the deployments of {self.repo!r}"), self._repository.connection() as lent:
            all_listed = islice(lent.repository.get_deployments(), _MAX_LISTED)
            listed = [one for one in all_listed if require(one.created_at) <= end]
            chosen = _worth_a_state(listed, start)
            page = f"{lent.repository.html_url}/deployments"
            deployments = [(_deployment(one, page), one.url if one.id in chosen else "") for one in listed]
        urls = [url for _, url in deployments if url]
        states = dict(zip(urls, in_parallel(self._states, urls), strict=True))
        return [_with_states(deployment, states.get(url, [])) for deployment, url in deployments]

    def _states(self, deployment_url: str) -> "list[_State]":
        """Return the newest states of a deployment, newest first, as GitHub lists them."""
        with reading(f"the states of {deployment_url!r}"), self._repository.connection() as lent:
            deployment = lent.client.create_from_raw_data(GithubDeployment, {"url": deployment_url})
            listed = islice(deployment.get_statuses(), _MAX_STATES_OF_ONE)
            return [_State(each.state, each.log_url or "", clock.to_utc(each.created_at)) for each in listed]

    def releases(self) -> Sequence[Release]:
        """
        Return the newest releases that were published, newest first, at most 30.

        Raises Unavailable, Throttled, Refused. Source: https://docs.github.com/en/rest/releases/releases
        """
        with reading(f"the releases of {self.repo!r}"), self._repository.connection() as lent:
            listed = islice(lent.repository.get_releases(), _MAX_LISTED)
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
        between = f"what lies between {base!r} and {head!r} in {self.repo!r}"
        with reading(between), self._repository.connection() as lent:
            # Without a page size, the newest commits come first of all, in one answer.
            answer = lent.repository.compare(base, head)
            ahead, behind = require(answer.ahead_by), require(answer.behind_by)
            commits = tuple(_commit(each) for each in islice(answer.commits, _MAX_COMPARED))
            return Comparison(ahead, behind, commits, answer.html_url or "")

    def _fetch_sha(self, ref: str) -> str | None:
        with reading(f"the ref {ref!r} in {self.repo!r}"), self._repository.connection() as lent:
            try:
                # One file per page, because only the sha is needed.
                return require(lent.repository.get_commit(ref, commit_files_per_page=1).sha)
            except github.GithubException as error:
                # The repository exists, so these are about the ref: unknown, in an empty repository, malformed.
                if error.status in (404, 409, 422):
                    return None
                raise

    def files(self, ref: str) -> Mapping[str, TreeFile]:
        """Return every file at `ref` by path, links and submodules too. Raises as `paths`."""
        sha = ref if re.fullmatch(r"[0-9a-f]{40}", ref) else self.resolve(ref)
        if sha is None:
            raise Refused(f"There is no ref {ref!r} in {self.repo!r}")
        if sha not in self._trees:
            with reading(f"the files at {ref!r} in {self.repo!r}"), self._repository.connection() as lent:
                self._trees[sha] = dict(list_files(lent.repository, sha))
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


def _deployment(one: GithubDeployment, page: str) -> Deployment:
    """Convert GitHub's deployment to ours, without its states; call it inside `reading`."""
    return Deployment(
        ref=require(one.ref),
        sha=require(one.sha),
        environment=one.environment or "",
        at=clock.to_utc(require(one.created_at)),
        creator=(one.creator.login if one.creator else None) or "",
        url=f"{page}/{quote(one.environment or '')}",
        is_production=bool(one.production_environment),
    )


class _State(NamedTuple):
    """One state of a deployment."""

    name: str
    log_url: str
    at: datetime


def _with_states(deployment: Deployment, states: Sequence[_State]) -> Deployment:
    return replace(
        deployment,
        url=next((each.log_url for each in states if each.log_url), "") or deployment.url,
        state=states[0].name if states else "",
        succeeded_at=min((each.at for each in states if each.name == "success"), default=None),
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
