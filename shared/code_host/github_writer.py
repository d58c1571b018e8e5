"""Write one branch with one commit to one GitHub repository."""

import re
from collections.abc import Mapping, Sequence
from itertools import islice

import github
from github.Commit import Commit
from github.GitCommit import GitCommit
from github.InputGitTreeElement import InputGitTreeElement

from shared.code_host.github import (
    GithubRepository,
    GithubSettings,
    TreeFile,
    is_ref,
    reading,
    require,
    search_again,
    writing,
)
from shared.code_host.github_pulls import GithubPulls
from shared.code_host.github_reader import GithubReader
from shared.code_host.port import BranchWritten, FileWrite
from shared.errors import Refused, Rejected, Uncertain
from shared.http.parallel import Parallel
from shared.redaction import redact

_NEW_FILE_MODE = "100644"
# Our branch has one commit; any more were added by people.
_COMMITS_READ = 30


class GithubWriter:
    """
    Branches of one repository: search before creating, create with one request.

    Source: https://docs.github.com/en/rest/git
    """

    def __init__(self, settings: GithubSettings, repo: str) -> None:
        self.repo = repo
        self._repository = GithubRepository(settings, repo)
        self._reader = GithubReader(settings, repo, self._repository)

    def commit_files(self, branch: str, base_sha: str, message: str, files: Sequence[FileWrite]) -> BranchWritten:
        """
        Create one commit on top of `base_sha` with all `files`, and point the new `branch` at it.

        The branch is created last: until then nothing is visible. File modes are kept; new files get 100644. Secrets in
        the message are redacted. An existing branch is returned unchanged when it is ours: its newest commit writes
        these files and no other, or one below with this message does, once the branch has an open pull request.
        Raises Rejected (a file cannot be written, or nothing would change), Refused (also when the branch is not
        ours), Throttled, Unavailable (nothing visible happened), Uncertain (the branch may exist).
        """
        if not is_ref(branch):
            raise Rejected(f"{branch!r} is not the name of a branch")
        if not re.fullmatch(r"[0-9a-f]{40}", base_sha):
            raise Rejected(f"{base_sha!r} is not the full sha of a commit")
        message = redact(message)
        with Parallel() as calls:
            # Of these, only the branch is needed where it exists already.
            existing = calls.start(self._head, branch)
            base, tree = calls.start(self._base, base_sha), calls.start(self._reader.files, base_sha)
            head = existing.result()
        if head is not None:
            return self._existing(branch, head, base_sha, message, files)
        commit = self._store(base.result(), tree.result(), message, files)
        return self._publish(branch, commit, base_sha, message, files)

    @property
    def reader(self) -> GithubReader:
        """A REST reader of this repository, the same each time: what it has read is not fetched again to write."""
        return self._reader

    @property
    def pulls(self) -> GithubPulls:
        """The pull requests of the repository."""
        return GithubPulls(self._repository)

    def obstacle(self) -> str | None:
        """Return why nothing can be written here, or None when no reason is known."""
        repository = self._repository.opened
        if repository.archived:
            return f"{self.repo} is archived, so it is read-only"
        if repository.raw_data.get("disabled"):
            return f"{self.repo} is disabled by GitHub, so nothing can be written to it"
        return None

    def _head(self, branch: str) -> str | None:
        """Return the sha that a branch points at, or None when there is no such branch."""
        with reading(f"the branch {branch!r} of {self.repo!r}"), self._repository.connection() as lent:
            try:
                return require(lent.repository.get_git_ref(f"heads/{branch}").object).sha
            except github.UnknownObjectException:
                return None

    def _existing(
        self, branch: str, head: str, base_sha: str, message: str, files: Sequence[FileWrite]
    ) -> BranchWritten:
        """
        Return what an earlier run wrote. Raises Refused when someone else did.

        Who may push can take the name of the branch, and our message: ours is the commit that does what we would write.
        People may add to it once its pull request is open, which says what we wrote and is read with theirs.
        """
        with reading(f"the commits of {branch!r} in {self.repo!r}"):
            newest = list(islice(self._repository.opened.get_commits(sha=head), _COMMITS_READ))
            is_newest = self._holds(newest[0], base_sha, files)
            named = (each for each in newest[1:] if each.commit.message.strip() == message.strip())
            is_below = not is_newest and any(self._holds(each, base_sha, files) for each in islice(named, 1))
        if is_newest or (is_below and self._is_opened(branch)):
            return BranchWritten(branch, head, created=False)
        raise Refused(f"The branch {branch!r} of {self.repo!r} exists with someone else's commits, at {head}")

    def _holds(self, commit: Commit, base_sha: str, files: Sequence[FileWrite]) -> bool:
        """Return whether the commit writes these files and no other, on what the base has; call it inside `reading`."""
        changed = {name for file in commit.files for name in (file.filename, file.previous_filename) if name}
        texts = {file.path: file.text for file in files}
        if len(commit.parents) != 1 or changed != texts.keys():
            return False
        reader, parent = self.reader, commit.parents[0].sha
        if parent != base_sha and reader.compare(parent, base_sha).behind_by:
            return False
        return all(reader.read(path, commit.sha) == text for path, text in texts.items())

    def _is_opened(self, branch: str) -> bool:
        pull = self.pulls.of_branch(branch)
        return pull is not None and pull.state == "open"

    def _base(self, sha: str) -> GitCommit:
        """Return the commit to write on, with its tree."""
        with reading(f"the commit {sha!r} in {self.repo!r}"), self._repository.connection() as lent:
            base = lent.repository.get_git_commit(sha)
            require(require(base.tree).sha)
            return base

    def _store(self, base: GitCommit, tree: Mapping[str, TreeFile], message: str, files: Sequence[FileWrite]) -> str:
        """Store the commit and return its sha. Objects without a branch are invisible, so a missing reply is safe."""
        elements = [_element(file, tree) for file in files]
        with reading(f"a commit of {len(elements)} files on {base.sha!r} in {self.repo!r}"):
            return self._store_commit(base, message, elements)

    def _store_commit(self, base: GitCommit, message: str, elements: list[InputGitTreeElement]) -> str:
        repository = self._repository.opened
        tree = repository.create_git_tree(elements, base.tree)
        if tree.sha == base.tree.sha:
            raise Rejected(f"The files to write are already at {base.sha} in {self.repo!r}: nothing would change")
        return require(repository.create_git_commit(message, tree, [base]).sha)

    def _publish(
        self, branch: str, commit: str, base_sha: str, message: str, files: Sequence[FileWrite]
    ) -> BranchWritten:
        try:
            with writing(f"the branch {branch!r} of {self.repo!r}"):
                self._repository.opened.create_git_ref(f"refs/heads/{branch}", commit)
        except Uncertain:
            if search_again(lambda: self._head(branch)) != commit:
                raise
        except Refused:
            # Another run of the same incident may have created it first.
            head = search_again(lambda: self._head(branch))
            if head is None:
                raise
            return self._existing(branch, head, base_sha, message, files)
        return BranchWritten(branch, commit, created=True)


def _element(file: FileWrite, tree: Mapping[str, TreeFile]) -> InputGitTreeElement:
    """Return one row of the new tree. Raises Rejected when it cannot be written or deleted."""
    existing = tree.get(file.path)
    if existing is not None and not existing.is_regular:
        raise Rejected(f"{file.path!r} is a link or a submodule: a file cannot replace it")
    if existing is None:
        _check_path_is_free(file.path, tree)
    mode = existing.mode if existing is not None else _NEW_FILE_MODE
    if file.text is not None:
        if not _is_encodable(file.text):
            raise Rejected(f"The text of {file.path!r} cannot be written as UTF-8")
        return InputGitTreeElement(file.path, mode, "blob", content=file.text)
    if existing is None:
        raise Rejected(f"{file.path!r} cannot be deleted: it does not exist")
    return InputGitTreeElement(file.path, mode, "blob", sha=None)


def _is_encodable(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _check_path_is_free(path: str, tree: Mapping[str, TreeFile]) -> None:
    """Reject a new file at the path of a folder, or below a path that is not a folder: git would drop one of them."""
    parents = ["/".join(path.split("/")[:depth]) for depth in range(1, path.count("/") + 1)]
    taken = next((folder for folder in parents if folder in tree), None)
    if taken is not None:
        raise Rejected(f"{path!r} cannot be created: {taken!r} is a file, a link or a submodule")
    if any(other.startswith(f"{path}/") for other in tree):
        raise Rejected(f"{path!r} cannot be created: it is a folder")
