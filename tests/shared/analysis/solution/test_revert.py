"""The revert: what git would write, or the reason why it is refused."""

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.analysis.solution.revert import Refusal, revert_edits
from shared.code_host import edits
from shared.contracts import FileEdit
from tests.fakes_code_host import GitReader, Repository

Tree = Mapping[str, str]

FILE = "".join(f"line {number}\n" for number in range(1, 13))


def reverted(repository: Repository, sha: str) -> dict[str, str | None]:
    """Revert `sha` at the head and return every written file, or fail with the refusal."""
    reader = GitReader(repository.folder)
    result = revert_edits(reader, sha, "HEAD")
    assert not isinstance(result, Refusal), result.reason
    return {write.path: write.text for write in edits.apply(result, lambda path: reader.read(path, "HEAD"))}


def refusal(repository: Repository, sha: str) -> str:
    """Return why `sha` cannot be reverted."""
    result = revert_edits(GitReader(repository.folder), sha, "HEAD")
    assert isinstance(result, Refusal)
    return result.reason


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    """Return an empty repository."""
    return Repository(tmp_path / "repository")


def test_file_without_later_changes_is_restored(repository: Repository) -> None:
    """Without later changes, the file is identical to the one before the commit."""
    repository.commit({"a.py": FILE})
    bad = repository.commit({"a.py": FILE.replace("line 6", "bad 6")})

    assert reverted(repository, bad) == {"a.py": FILE}


def test_later_changes_elsewhere_are_kept(repository: Repository) -> None:
    """Only the one commit is reverted."""
    repository.commit({"a.py": FILE})
    bad = repository.commit({"a.py": FILE.replace("line 3\n", "bad 3\nbad 4\n")})
    repository.commit({"a.py": "new\n" + FILE.replace("line 3\n", "bad 3\nbad 4\n").replace("line 9", "good 9")})

    assert reverted(repository, bad) == {"a.py": "new\n" + FILE.replace("line 9", "good 9")}


def test_edit_of_a_repeated_line_gets_context_until_it_is_unique(repository: Repository) -> None:
    """Every edit's original occurs exactly once, with no more context than needed."""
    text = "def a():\n    pass\n\n\ndef b():\n    pass\n\n\ndef c():\n    pass\n"
    repository.commit({"a.py": text.replace("def b():\n    pass", "def b():\n    work()")})
    bad = repository.commit({"a.py": text})

    result = revert_edits(GitReader(repository.folder), bad, "HEAD")

    assert isinstance(result, Sequence)
    assert [each.original for each in result] == ["def b():\n    pass\n\n"]


def test_added_file_is_deleted_and_removed_file_is_restored(repository: Repository) -> None:
    """The creation and the removal of files are reverted too."""
    repository.commit({"old.py": FILE, "keep.py": "x\n"})
    bad = repository.commit({"old.py": None, "new.py": "print()\n" * 9 + "unique\n"})

    assert reverted(repository, bad) == {"new.py": None, "old.py": FILE}


def test_renamed_file_gets_its_name_back_with_later_changes(repository: Repository) -> None:
    """A rename is reverted as a deletion and a creation that keeps later changes."""
    repository.commit({"old.py": FILE})
    bad = repository.commit({"old.py": None, "new.py": FILE.replace("line 2\n", "bad 2\n")})
    repository.commit({"new.py": FILE.replace("line 2\n", "bad 2\n") + "more\n"})

    assert reverted(repository, bad) == {"new.py": None, "old.py": FILE + "more\n"}


def test_crlf_file_stays_crlf(repository: Repository) -> None:
    """The newline style and a missing final newline are kept."""
    text = FILE.replace("\n", "\r\n").removesuffix("\r\n")
    repository.commit({"a.txt": text})
    bad = repository.commit({"a.txt": text.replace("line 6", "bad 6")})

    assert reverted(repository, bad) == {"a.txt": text}


def test_conversion_of_newlines_is_reverted(repository: Repository) -> None:
    """A commit that changed LF to CRLF is reverted to LF."""
    repository.commit({"a.txt": "a\nb\n"})
    bad = repository.commit({"a.txt": "a\r\nb\r\n"})

    assert reverted(repository, bad) == {"a.txt": "a\nb\n"}


def test_many_changes_of_one_file_become_one_edit(repository: Repository) -> None:
    """When there are more hunks than a patch may hold edits, they are joined per file."""
    text = "".join(f"{number}\n" for number in range(100))
    repository.commit({"a.txt": text})
    bad = repository.commit({"a.txt": "".join(f"{number}{'!' if number % 3 else ''}\n" for number in range(100))})

    assert reverted(repository, bad) == {"a.txt": text}
    assert len(revert_edits(GitReader(repository.folder), bad, "HEAD")) == 1  # type: ignore[arg-type]  # not a Refusal


def test_conflict_is_refused_naming_file_and_lines(repository: Repository) -> None:
    """An engineer must decide about lines that were changed again later."""
    repository.commit({"a.py": FILE})
    bad = repository.commit({"a.py": FILE.replace("line 6", "bad 6")})
    repository.commit({"a.py": FILE.replace("line 6", "worse 6")})

    assert refusal(repository, bad) == "lines 6-6 of 'a.py' were changed again later"


def test_one_conflict_refuses_the_whole_commit(repository: Repository) -> None:
    """No file is skipped: a commit is reverted as a whole or not at all."""
    repository.commit({"a.py": FILE, "b.py": FILE})
    bad = repository.commit({"a.py": FILE.replace("line 6", "bad 6"), "b.py": FILE + "bad\n"})
    repository.commit({"b.py": None})

    assert "'b.py'" in refusal(repository, bad)


def test_commit_that_is_already_reverted_is_refused(repository: Repository) -> None:
    """There is nothing left to revert."""
    repository.commit({"a.py": FILE})
    bad = repository.commit({"a.py": "bad\n"})
    repository.commit({"a.py": FILE})

    assert "already" in refusal(repository, bad)


def test_first_commit_is_refused(repository: Repository) -> None:
    """The first commit has no state before it."""
    assert "first commit" in refusal(repository, repository.commit({"a.py": FILE}))


def test_merge_is_refused(repository: Repository) -> None:
    """An engineer must decide which side of the merge to keep."""
    start = repository.commit({"a.py": FILE})
    repository.git("checkout", "-q", "-b", "side")
    repository.commit({"b.py": "side\n"})
    repository.git("checkout", "-q", "-B", "main", start)
    repository.commit({"c.py": "main\n"})
    repository.git("merge", "-q", "--no-ff", "-m", "Merge side", "side")

    assert "merge" in refusal(repository, repository.head())


def test_binary_file_is_refused(repository: Repository) -> None:
    """A file that is not text cannot be edited as text."""
    repository.commit({"a.bin": "a\0b"})
    bad = repository.commit({"a.bin": "a\0c"})

    assert "'a.bin' is binary" in refusal(repository, bad)


def test_change_of_the_file_mode_alone_is_refused(repository: Repository) -> None:
    """Edits hold text, not file modes."""
    repository.commit({"run.sh": "true\n"})
    repository.git("update-index", "--chmod=+x", "run.sh")
    repository.git("commit", "-q", "-m", "Make it run")

    assert "mode" in refusal(repository, repository.head())


def test_original_longer_than_an_edit_holds_is_refused(repository: Repository) -> None:
    """A revert over a limit of the contract is refused with a reason; it does not crash."""
    repository.commit({"a.txt": "x" * 50_000})
    bad = repository.commit({"a.txt": "y" * 50_000})

    assert "longer than 40000" in refusal(repository, bad)


TREES = st.lists(
    st.dictionaries(
        st.sampled_from(["a", "b", "d/c"]),
        st.lists(st.sampled_from(["1\n", "2\n", "3\n", "4\n", "5\n", "6\r\n", "7"]), max_size=8).map("".join),
        max_size=3,
    ),
    min_size=3,
    max_size=5,
)


@settings(
    database=None,
    deadline=None,
    derandomize=True,
    max_examples=60,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(trees=TREES, index=st.integers(1, 3))
def test_revert_is_the_same_as_git_revert(
    tmp_path_factory: pytest.TempPathFactory, trees: list[dict[str, str]], index: int
) -> None:
    """For generated histories: the same as git, or refused; never edits where git sees a conflict."""
    repository = Repository(tmp_path_factory.mktemp("history") / "repository")
    repository.commit({"root": "root\n"})
    shas = [repository.become({"root": "root\n", **tree}) for tree in trees]
    reader, head = GitReader(repository.folder), repository.head()

    result = revert_edits(reader, shas[min(index, len(shas) - 1)], head)

    if not isinstance(result, Refusal):
        expected = reverted_by_git(repository, shas[min(index, len(shas) - 1)])
        assert after(reader, head, result) == expected


def reverted_by_git(repository: Repository, sha: str) -> Tree | None:
    """Revert with git and return every file's text, or None when there is a conflict."""
    try:
        repository.git("revert", "--no-edit", sha)
    except subprocess.CalledProcessError:
        return None
    reader = GitReader(repository.folder)
    return {path: reader.read(path, "HEAD") or "" for path in reader.paths("HEAD")}


def after(reader: GitReader, head: str, file_edits: Sequence[FileEdit]) -> Tree:
    """Apply the edits to the files at `head` and return every file's text."""
    tree: dict[str, str | None] = {path: reader.read(path, head) for path in reader.paths(head)}
    tree.update({write.path: write.text for write in edits.apply(file_edits, tree.get)})
    return {path: text for path, text in tree.items() if text is not None}
