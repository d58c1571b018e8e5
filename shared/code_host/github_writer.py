"""Write one branch with one commit, and its pull request, to one repository of GitHub."""

import re
from collections.abc import Callable, Sequence
from itertools import islice
from typing import TypeVar

import github
from github.GitCommit import GitCommit
from github.InputGitTreeElement import InputGitTreeElement
from github.PullRequest import PullRequest

from shared import log
from shared.code_host.github import GithubRepository, GithubSettings, TreeFile, is_ref, list_files, reading, writing
from shared.code_host.port import BranchWritten, FileWrite, PullRequestOpened
from shared.errors import IncidentCopilotError, Refused, Rejected, Uncertain

_NEW_FILE_MODE = "100644"
# A branch of ours holds one commit; more are what people added to it.
_COMMITS_LOOKED_AT = 30

Found = TypeVar("Found")


class GithubWriter:
    """
    Branches and pull requests of one repository; each is looked for before it is made, and made with one request.

    Source: https://docs.github.com/en/rest/git
    """

    def __init__(self, settings: GithubSettings, repo: str) -> None:
        self.repo = repo
        self._repository = GithubRepository(settings, repo)

    def commit_files(self, branch: str, base_sha: str, message: str, files: Sequence[FileWrite]) -> BranchWritten:
        """
        Put one commit on top of `base_sha` holding all `files`, and point the new `branch` at it.

        The branch comes last: until then nothing is visible. File modes are kept; new files are plain ones.
        An existing branch is returned as it stands when it is ours: its commit sits on `base_sha` or one of its
        newest commits has this message.
        Raises Rejected (a file cannot be written so, or nothing would change), Refused (also when the branch is
        someone else's), Throttled, Unavailable (nothing visible happened), Uncertain (the branch may be there).
        """
        if not is_ref(branch):
            raise Rejected(f"{branch!r} is not the name of a branch")
        if not re.fullmatch(r"[0-9a-f]{40}", base_sha):
            raise Rejected(f"{base_sha!r} is not the full sha of a commit")
        head = self._head(branch)
        if head is not None:
            return self._earlier(branch, head, base_sha, message)
        commit = self._store(base_sha, message, files)
        return self._publish(branch, commit, base_sha, message)

    def open_pull_request(
        self, branch: str, base_branch: str, title: str, body: str, labels: Sequence[str]
    ) -> PullRequestOpened:
        """
        Open a draft pull request, or return the open one of that branch; a plan without drafts gets a plain one.

        Labels that cannot be put on it are logged and left.
        Raises Refused, Throttled, Unavailable, Uncertain (it may be open).
        """
        pull = self._open_pull(branch)
        is_new = pull is None
        if pull is None:
            pull, is_new = self._create_pull(branch, base_branch, title, body)
        self._label(pull, labels)
        return PullRequestOpened(pull.number, pull.html_url, bool(pull.draft), is_new)

    def _head(self, branch: str) -> str | None:
        """Return the sha a branch points at; none when there is no such branch."""
        with reading(f"the branch {branch!r} of {self.repo!r}"):
            try:
                return self._repository.opened.get_git_ref(f"heads/{branch}").object.sha
            except github.UnknownObjectException:
                return None

    def _earlier(self, branch: str, head: str, base_sha: str, message: str) -> BranchWritten:
        """Return what an earlier run wrote. Raises Refused when someone else did."""
        with reading(f"the commits of {branch!r} in {self.repo!r}"):
            newest = islice(self._repository.opened.get_commits(sha=head), _COMMITS_LOOKED_AT)
            rows = [(commit.commit.message.strip(), [parent.sha for parent in commit.parents]) for commit in newest]
        if rows[0][1] == [base_sha] or message.strip() in [text for text, _ in rows]:
            return BranchWritten(branch, head, created=False)
        raise Refused(f"The branch {branch!r} of {self.repo!r} exists and holds someone else's commits, at {head}")

    def _store(self, base_sha: str, message: str, files: Sequence[FileWrite]) -> str:
        """Store the commit and return its sha. Objects no branch leads to are seen by nobody, so silence is safe."""
        repository = self._repository.opened
        with reading(f"the files at {base_sha!r} in {self.repo!r}"):
            base = repository.get_git_commit(base_sha)
            kept = dict(list_files(repository, base.tree.sha))
        elements = [_element(file, kept.get(file.path)) for file in files]
        with reading(f"a commit of {len(elements)} files on {base_sha!r} in {self.repo!r}"):
            return self._store_commit(base, message, elements)

    def _store_commit(self, base: GitCommit, message: str, elements: list[InputGitTreeElement]) -> str:
        repository = self._repository.opened
        tree = repository.create_git_tree(elements, base.tree)
        if tree.sha == base.tree.sha:
            raise Rejected(f"The files to write are at {base.sha} in {self.repo!r} already: nothing would change")
        return repository.create_git_commit(message, tree, [base]).sha

    def _publish(self, branch: str, commit: str, base_sha: str, message: str) -> BranchWritten:
        try:
            with writing(f"the branch {branch!r} of {self.repo!r}"):
                self._repository.opened.create_git_ref(f"refs/heads/{branch}", commit)
        except Uncertain:
            if _look_again(lambda: self._head(branch)) != commit:
                raise
        except Refused:
            # Another run of the same incident may have been faster.
            head = _look_again(lambda: self._head(branch))
            if head is None:
                raise
            return self._earlier(branch, head, base_sha, message)
        return BranchWritten(branch, commit, created=True)

    def _open_pull(self, branch: str) -> PullRequest | None:
        with reading(f"the pull requests of {branch!r} in {self.repo!r}"):
            repository = self._repository.opened
            found = repository.get_pulls(state="open", head=f"{repository.owner.login}:{branch}")
            return next((pull for pull in found if pull.head.ref == branch), None)

    def _create_pull(self, branch: str, base_branch: str, title: str, body: str) -> tuple[PullRequest, bool]:
        """Return the pull request and whether it is ours of now."""
        try:
            return self._send_pull(branch, base_branch, title, body), True
        except Uncertain:
            pull = _look_again(lambda: self._open_pull(branch))
            if pull is None:
                raise
            return pull, True
        except Refused as refusal:
            if "already exists" not in str(refusal):
                raise
            pull = _look_again(lambda: self._open_pull(branch))
            if pull is None:
                raise
            return pull, False

    def _send_pull(self, branch: str, base_branch: str, title: str, body: str) -> PullRequest:
        with writing(f"a pull request from {branch!r} to {base_branch!r} in {self.repo!r}"):
            create = self._repository.opened.create_pull
            try:
                return create(base_branch, branch, title=title, body=body, draft=True)
            except github.GithubException as error:
                # Private repositories of a free plan know no drafts; the no is certain, so asking anew is safe.
                if error.status != 422 or "draft pull requests are not supported" not in str(error).lower():
                    raise
            return create(base_branch, branch, title=title, body=body, draft=False)

    def _label(self, pull: PullRequest, labels: Sequence[str]) -> None:
        """Put on the labels that are missing; GitHub creates those the repository does not have."""
        missing = [label for label in labels if label not in {known.name for known in pull.labels}]
        if not missing:
            return
        try:
            with writing(f"the labels of pull request {pull.number} in {self.repo!r}"):
                pull.add_to_labels(*missing)
        except IncidentCopilotError as error:
            # The pull request is what was promised; its labels only help to find it.
            log.warning(
                "code_host.labels_failed",
                repo=self.repo,
                pr_number=pull.number,
                error_type=type(error).__name__,
                reason=str(error),
            )


def _look_again(find: Callable[[], Found | None]) -> Found | None:
    """Look for what a write of unknown fate may have made; none also when that cannot be told."""
    try:
        return find()
    except IncidentCopilotError:
        # A second silence must not hide the first: that one says what may have happened.
        return None


def _element(file: FileWrite, kept: TreeFile | None) -> InputGitTreeElement:
    """Return one row of the new tree. Raises Rejected for what a text file cannot replace."""
    if kept is not None and not kept.is_regular:
        raise Rejected(f"{file.path!r} is a link or a submodule: it is not replaced by a file")
    mode = kept.mode if kept is not None else _NEW_FILE_MODE
    if file.text is not None:
        if not _is_encodable(file.text):
            raise Rejected(f"The text of {file.path!r} cannot be written as UTF-8")
        return InputGitTreeElement(file.path, mode, "blob", content=file.text)
    if kept is None:
        raise Rejected(f"{file.path!r} cannot be deleted: it is not there")
    return InputGitTreeElement(file.path, mode, "blob", sha=None)


def _is_encodable(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True
