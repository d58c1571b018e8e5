"""Promises of the revert: what git would write, or the reason there is none."""

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


def taken_back(repository: Repository, sha: str) -> dict[str, str | None]:
    """Take `sha` back at the head and return every written file, or fail with the refusal."""
    reader = GitReader(repository.folder)
    found = revert_edits(reader, sha, "HEAD")
    assert not isinstance(found, Refusal), found.reason
    return {write.path: write.text for write in edits.apply(found, lambda path: reader.read(path, "HEAD"))}


def refusal(repository: Repository, sha: str) -> str:
    """Return why `sha` cannot be taken back."""
    found = revert_edits(GitReader(repository.folder), sha, "HEAD")
    assert isinstance(found, Refusal)
    return found.reason


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    """Return an empty repository."""
    return Repository(tmp_path / "repository")


def test_untouched_file_goes_back_to_what_it_was(repository: Repository) -> None:
    """A change nobody built on is undone to the byte."""
    repository.commit({"a.py": FILE})
    bad = repository.commit({"a.py": FILE.replace("line 6", "bad 6")})

    assert taken_back(repository, bad) == {"a.py": FILE}


def test_later_changes_elsewhere_are_kept(repository: Repository) -> None:
    """Only the one commit is undone."""
    repository.commit({"a.py": FILE})
    bad = repository.commit({"a.py": FILE.replace("line 3\n", "bad 3\nbad 4\n")})
    repository.commit({"a.py": "new\n" + FILE.replace("line 3\n", "bad 3\nbad 4\n").replace("line 9", "good 9")})

    assert taken_back(repository, bad) == {"a.py": "new\n" + FILE.replace("line 9", "good 9")}


def test_edit_of_a_repeated_line_grows_until_it_is_unique(repository: Repository) -> None:
    """Every edit's original occurs exactly once, with no more context than that needs."""
    text = "def a():\n    pass\n\n\ndef b():\n    pass\n\n\ndef c():\n    pass\n"
    repository.commit({"a.py": text.replace("def b():\n    pass", "def b():\n    work()")})
    bad = repository.commit({"a.py": text})

    found = revert_edits(GitReader(repository.folder), bad, "HEAD")

    assert isinstance(found, Sequence)
    assert [each.original for each in found] == ["def b():\n    pass\n\n"]


def test_added_file_is_deleted_and_removed_file_comes_back(repository: Repository) -> None:
    """Creation and removal are undone too."""
    repository.commit({"old.py": FILE, "keep.py": "x\n"})
    bad = repository.commit({"old.py": None, "new.py": "print()\n" * 9 + "unique\n"})

    assert taken_back(repository, bad) == {"new.py": None, "old.py": FILE}


def test_renamed_file_gets_its_name_back_with_later_changes(repository: Repository) -> None:
    """A rename is undone as a deletion and a creation that keeps what was done since."""
    repository.commit({"old.py": FILE})
    bad = repository.commit({"old.py": None, "new.py": FILE.replace("line 2\n", "bad 2\n")})
    repository.commit({"new.py": FILE.replace("line 2\n", "bad 2\n") + "more\n"})

    assert taken_back(repository, bad) == {"new.py": None, "old.py": FILE + "more\n"}


def test_crlf_file_stays_crlf(repository: Repository) -> None:
    """Newline style is kept, as is a missing final newline."""
    text = FILE.replace("\n", "\r\n").removesuffix("\r\n")
    repository.commit({"a.txt": text})
    bad = repository.commit({"a.txt": text.replace("line 6", "bad 6")})

    assert taken_back(repository, bad) == {"a.txt": text}


def test_conversion_of_newlines_is_taken_back(repository: Repository) -> None:
    """A commit that turned LF into CRLF is undone to LF."""
    repository.commit({"a.txt": "a\nb\n"})
    bad = repository.commit({"a.txt": "a\r\nb\r\n"})

    assert taken_back(repository, bad) == {"a.txt": "a\nb\n"}


def test_many_changes_of_one_file_become_one_edit(repository: Repository) -> None:
    """More hunks than a patch holds edits are joined per file."""
    text = "".join(f"{number}\n" for number in range(100))
    repository.commit({"a.txt": text})
    bad = repository.commit({"a.txt": "".join(f"{number}{'!' if number % 3 else ''}\n" for number in range(100))})

    assert taken_back(repository, bad) == {"a.txt": text}
    assert len(revert_edits(GitReader(repository.folder), bad, "HEAD")) == 1  # type: ignore[arg-type]  # no refusal


def test_conflict_is_refused_naming_file_and_lines(repository: Repository) -> None:
    """A place changed again later is a human's."""
    repository.commit({"a.py": FILE})
    bad = repository.commit({"a.py": FILE.replace("line 6", "bad 6")})
    repository.commit({"a.py": FILE.replace("line 6", "worse 6")})

    assert refusal(repository, bad) == "lines 6-6 of 'a.py' were changed again later"


def test_one_conflict_refuses_the_whole_commit(repository: Repository) -> None:
    """Nothing is skipped: a commit is taken back whole or not at all."""
    repository.commit({"a.py": FILE, "b.py": FILE})
    bad = repository.commit({"a.py": FILE.replace("line 6", "bad 6"), "b.py": FILE + "bad\n"})
    repository.commit({"b.py": None})

    assert "'b.py'" in refusal(repository, bad)


def test_commit_taken_back_already_is_refused(repository: Repository) -> None:
    """There is nothing left to do."""
    repository.commit({"a.py": FILE})
    bad = repository.commit({"a.py": "bad\n"})
    repository.commit({"a.py": FILE})

    assert "already" in refusal(repository, bad)


def test_first_commit_is_refused(repository: Repository) -> None:
    """The root has nothing to go back to."""
    assert "first commit" in refusal(repository, repository.commit({"a.py": FILE}))


def test_merge_is_refused(repository: Repository) -> None:
    """Which side to keep is not for a machine."""
    start = repository.commit({"a.py": FILE})
    repository.git("checkout", "-q", "-b", "side")
    repository.commit({"b.py": "side\n"})
    repository.git("checkout", "-q", "-B", "main", start)
    repository.commit({"c.py": "main\n"})
    repository.git("merge", "-q", "--no-ff", "-m", "Merge side", "side")

    assert "merge" in refusal(repository, repository.head())


def test_binary_file_is_refused(repository: Repository) -> None:
    """What cannot be read as text cannot be edited as text."""
    repository.commit({"a.bin": "a\0b"})
    bad = repository.commit({"a.bin": "a\0c"})

    assert "'a.bin' is binary" in refusal(repository, bad)


def test_change_of_mode_alone_is_refused(repository: Repository) -> None:
    """Edits hold text, not modes."""
    repository.commit({"run.sh": "true\n"})
    repository.git("update-index", "--chmod=+x", "run.sh")
    repository.git("commit", "-q", "-m", "Make it run")

    assert "mode" in refusal(repository, repository.head())


def test_original_longer_than_an_edit_holds_is_refused(repository: Repository) -> None:
    """The bounds of the contract are reasons, not crashes."""
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
def test_outcome_is_the_one_of_git_revert(
    tmp_path_factory: pytest.TempPathFactory, trees: list[dict[str, str]], index: int
) -> None:
    """Over generated histories: equal to git, or refused; never edits where git sees a conflict."""
    repository = Repository(tmp_path_factory.mktemp("history") / "repository")
    repository.commit({"root": "root\n"})
    shas = [repository.become({"root": "root\n", **tree}) for tree in trees]
    reader, head = GitReader(repository.folder), repository.head()

    found = revert_edits(reader, shas[min(index, len(shas) - 1)], head)

    if not isinstance(found, Refusal):
        wanted = reverted_by_git(repository, shas[min(index, len(shas) - 1)])
        assert after(reader, head, found) == wanted


def reverted_by_git(repository: Repository, sha: str) -> Tree | None:
    """Revert with git and return every file's text, none when it saw a conflict."""
    try:
        repository.git("revert", "--no-edit", sha)
    except subprocess.CalledProcessError:
        return None
    reader = GitReader(repository.folder)
    return {path: reader.read(path, "HEAD") or "" for path in reader.paths("HEAD")}


def after(reader: GitReader, head: str, found: Sequence[FileEdit]) -> Tree:
    """Apply the edits to the files at `head` and return every file's text."""
    tree: dict[str, str | None] = {path: reader.read(path, head) for path in reader.paths(head)}
    tree.update({write.path: write.text for write in edits.apply(found, tree.get)})
    return {path: text for path, text in tree.items() if text is not None}
