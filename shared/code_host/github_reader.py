"""Read one GitHub repository."""

import base64
import re
from collections.abc import Sequence
from datetime import datetime
from itertools import islice
from typing import Literal

import github
from github.Commit import Commit as GithubCommit
from github.File import File
from github.NamedUser import NamedUser

from shared import clock
from shared.code_host.github import GithubRepository, GithubSettings, TreeFile, is_ref, list_files, reading, require
from shared.code_host.port import Commit, FileChange
from shared.errors import Refused

_MAX_FILE_BYTES = 1024 * 1024
# A query may have 256 characters: https://docs.github.com/en/rest/search/search
_MAX_SEARCHED_CHARS = 128
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
            with reading(f"the commit {sha!r} in {self.repo!r}"):
                commit = self._repository.opened.get_commit(sha)
                self._commits[sha] = _commit(commit, tuple(_change(file) for file in commit.files))
        return self._commits[sha]

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


def _login(author: NamedUser | None) -> str | None:
    """Return the account of a person; the login of a bot ends with `[bot]`."""
    login = author.login if author else None
    return None if login is None or login.endswith("[bot]") else login
