"""A hundred random commits of a real repository are reverted as `git revert` does it, or refused as it refuses them.

REAL_REPOSITORY=<a clone, bare or not> pytest tests/functions/pull_requests/test_revert_of_real_commits.py -s
"""

import os
import random
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pytest

from functions.file_updater.patch_plan import plan
from functions.file_updater.patch_policy import PatchPolicy
from shared.analysis.solution.revert import Refusal, revert_edits
from shared.contracts import CodeAnalysis, Patch, SuspectCommit
from shared.errors import Rejected
from tests.fakes_code_host import START, GitReader

REPOSITORY = os.environ.get("REAL_REPOSITORY", "")
COMMITS, SEED, LATER = 100, 20_261_123, (0, 1, 5, 20, 60)
# Limits of our patches, and cases left to people: git reverts these, ours refuses with one of these reasons.
BOUNDS = (
    "a merge", "first commit", "more than 20", "needs", "longer than", "binary, too large", "only the mode",
    "changes no file", "protected", "PR_MAX_", "mixes newline", "reverted already", "no plain file", "secret",
    "no longer parse",
)  # fmt: skip

pytestmark = pytest.mark.skipif(not REPOSITORY, reason="REAL_REPOSITORY names no clone of a real repository")


class Clone:
    """A repository and one work tree to revert in."""

    def __init__(self, repository: Path, work: Path) -> None:
        self.repository, self._work = repository, work
        self.git("worktree", "add", "-q", "--detach", "--no-checkout", str(work), "HEAD", at=repository)

    def git(self, *args: str, at: Path | None = None) -> str:
        """Run git; raises CalledProcessError."""
        identity = ("-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "core.autocrlf=false")
        command = ["git", "-c", "safe.directory=*", *identity, *args]
        where = at or self._work
        done = subprocess.run(command, cwd=where, capture_output=True, check=True, timeout=120)
        return done.stdout.decode("utf-8", "replace").strip()

    def reverted(self, sha: str, head: str) -> str | None:
        """Return the tree `git revert` makes, or None when it conflicts or has nothing to do."""
        self.git("reset", "-q", "--hard", head)
        self.git("checkout", "-q", "--detach", head)
        try:
            self.git("revert", "--no-commit", sha)
            tree = self.git("write-tree")
        except subprocess.CalledProcessError:
            return None
        finally:
            self.git("reset", "-q", "--hard", head)
        return tree if tree != self.git("rev-parse", f"{head}^{{tree}}") else None

    def merged(self, sha: str, head: str) -> str | None:
        """Return the tree `git merge-file` makes, file by file, or None for a conflict or an added or deleted file."""
        self.git("read-tree", head)
        try:
            for path in self.git("diff", "--name-only", f"{sha}^", sha).splitlines():
                for name, commit in (("ours", head), ("base", sha), ("theirs", f"{sha}^")):
                    (self._work / name).write_bytes(self.blob(f"{commit}:{path}"))
                self.git("merge-file", "ours", "base", "theirs")
                self._stage(path, (self._work / "ours").read_bytes().decode(), head)
        except subprocess.CalledProcessError:
            return None
        return self.git("write-tree")

    def blob(self, name: str) -> bytes:
        """Return a file's bytes. Raises CalledProcessError."""
        command = ["git", "cat-file", "blob", name]
        return subprocess.run(command, cwd=self._work, capture_output=True, check=True, timeout=60).stdout

    def patched(self, sha: str, head: str) -> str:
        """Return the tree our patch makes. Raises Rejected saying why there is none."""
        reader = GitReader(self.repository)
        edits = revert_edits(reader, sha, head)
        if isinstance(edits, Refusal):
            raise Rejected(edits.reason)
        patch = Patch(strategy="revert", reverts=sha, files_to_modify=list(edits))
        suspect = SuspectCommit(sha=sha, at=START, score=1, why="it is reverted")
        analysis = CodeAnalysis(code_available=True, suspect_commits=[suspect])
        planned = plan(patch, reader, head, PatchPolicy(), analysis)
        assert planned.reverts == sha
        self.git("read-tree", head)
        for write in planned.writes:
            self._stage(write.path, write.text, head)
        return self.git("write-tree")

    def _stage(self, path: str, text: str | None, head: str) -> None:
        if text is None:
            self.git("update-index", "--force-remove", path)
            return
        (self._work / ".patched").write_bytes(text.encode())
        blob = self.git("hash-object", "-w", "--no-filters", ".patched")
        listed = self.git("ls-tree", head, "--", path)
        mode = listed.split(" ")[0] if listed else "100644"
        self.git("update-index", "--add", "--cacheinfo", f"{mode},{blob},{path}")


@dataclass
class Tally:
    """How many commits had which result."""

    same: int = 0
    same_as_merge_file: int = 0
    both_refuse: int = 0
    bounded: int = 0
    careful: int = 0
    wrong: int = 0


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Clone:
    """A copy of the repository, so that the original stays as it is."""
    copy = tmp_path_factory.mktemp("real") / "repository.git"
    source = ["git", "-c", "safe.directory=*", "clone", "-q", "--bare", "--shared", REPOSITORY, str(copy)]
    subprocess.run(source, check=True, timeout=300)
    return Clone(copy, copy.parent / "work")


def test_hundred_random_commits_are_reverted_as_git_does(clone: Clone) -> None:
    """Never with a text other than git's; refused where git refuses; rarely more careful than git."""
    chosen = random.Random(SEED)
    line = clone.git("rev-list", "--first-parent", "HEAD").split()
    plain = clone.git("rev-list", "--no-merges", "--first-parent", "-n", "2000", "HEAD").split()
    position = {sha: number for number, sha in enumerate(line)}
    tally, reasons = Tally(), Counter[str]()

    for sha in chosen.sample(plain, min(COMMITS, len(plain))):
        head = line[max(position[sha] - chosen.choice(LATER), 0)]
        expected = clone.reverted(sha, head)
        try:
            made: str | None = clone.patched(sha, head)
            reason = ""
        except Rejected as refusal:
            made, reason = None, str(refusal)
        if made is not None and expected is None:
            # `git revert` uses the histogram diff, which can see a conflict that `git merge-file` does not.
            expected = clone.merged(sha, head)
            tally.same_as_merge_file += made == expected
        _count(tally, reasons, expected, made, reason)

    sys.stdout.write(f"\n{tally} of {COMMITS} in {REPOSITORY}; careful where git goes on: {dict(reasons)}\n")
    assert tally.wrong == 0
    assert tally.careful <= COMMITS // 20


def _count(tally: Tally, reasons: Counter[str], expected: str | None, made: str | None, reason: str) -> None:
    if made is not None:
        tally.same += made == expected
        tally.wrong += made != expected
    elif expected is None:
        tally.both_refuse += 1
    elif any(words in reason for words in BOUNDS):
        tally.bounded += 1
    else:
        tally.careful += 1
        reasons[reason[:90]] += 1
