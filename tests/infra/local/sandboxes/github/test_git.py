"""Git behind the GitHub sandbox: what never changes is computed once, what may change is read each time."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.local.sandboxes.github.diff import changed_files
from infra.local.sandboxes.github.git import GitError, Repository
from tests import fakes_code_host


class CountedRepository(Repository):
    """Lists the commands that reach git."""

    def __init__(self, git_dir: Path) -> None:
        super().__init__(git_dir)
        self.commands: list[str] = []

    def run(self, *args: str, stdin: bytes = b"", env: dict[str, str] | None = None) -> bytes:
        """Run the command and list it."""
        self.commands.append(args[0])
        return super().run(*args, stdin=stdin, env=env)


@pytest.fixture
def work(tmp_path: Path) -> fakes_code_host.Repository:
    """A repository with two commits."""
    repository = fakes_code_host.Repository(tmp_path / "work")
    repository.commit({"cart.py": "one\n"}, "First")
    repository.commit({"cart.py": "two\n"}, "Second")
    return repository


@pytest.fixture
def git(work: fakes_code_host.Repository) -> Iterator[CountedRepository]:
    """That repository, as the sandbox reads it."""
    repository = CountedRepository(work.folder / ".git")
    yield repository
    repository.close()


def test_what_full_shas_name_is_computed_once(work: fakes_code_host.Repository, git: CountedRepository) -> None:
    """A commit, its history, its tree, a file and a diff: no command runs for the second request."""

    def read() -> list[object]:
        record = git.commit(work.head())
        (parent,) = record.parents
        (entry,) = git.tree(record.tree)
        return [
            record,
            git.resolve(record.sha),
            entry,
            git.entry(record.sha, "cart.py"),
            git.blob(entry.sha),
            git.log(record.sha),
            git.count(f"{parent}..{record.sha}"),
            git.merge_base(parent, record.sha),
            changed_files(git, parent, record.sha),
            git.grep(record.sha, ["two"]),
        ]

    first, commands = read(), len(git.commands)
    second = read()

    assert second == first
    assert len(git.commands) == commands


def test_reference_is_read_each_time(work: fakes_code_host.Repository, git: CountedRepository) -> None:
    """A branch that moved, and one that is deleted, are seen at the next request."""
    before = (git.resolve("main"), [record.message for record in git.log("main")], git.refs("refs/heads/main"))
    sha = work.commit({"cart.py": "three\n"}, "Third")
    after = (git.resolve("main"), [record.message for record in git.log("main")], git.refs("refs/heads/main"))
    work.git("checkout", "-q", "--detach")
    git.delete_ref("refs/heads/main")

    assert before[0] != sha
    assert before[1:] == (["Second", "First"], [("refs/heads/main", before[0], "commit")])
    assert after == (sha, ["Third", "Second", "First"], [("refs/heads/main", sha, "commit")])
    assert git.resolve("main") is None


def test_object_that_was_absent_can_be_written_later(git: CountedRepository) -> None:
    """Only answers are repeated, never that something is missing."""
    sha = "78981922613b2afb6025042ff6bd878ac1994e85"
    with pytest.raises(GitError):
        git.blob(sha)
    absent = git.resolve(sha, "blob")

    written = git.write_blob(b"a\n")

    assert absent is None
    assert (git.resolve(written, "blob"), git.blob(written)) == (written, b"a\n")


def test_time_relative_to_now_is_computed_each_time(work: fakes_code_host.Repository, git: CountedRepository) -> None:
    """Options name times, as `since` does."""
    for _ in range(2):
        git.log(work.head(), options=["--since=1 day ago"])

    assert git.commands == ["log", "log"]


@pytest.mark.parametrize("name", ["v1.0", "heads-only", "0123456789", "no such\nname", "-q", ""])
def test_name_is_resolved_as_a_revision_a_branch_or_a_tag(
    name: str, work: fakes_code_host.Repository, git: CountedRepository
) -> None:
    """A tag that has its own object gives its commit; what no reference has gives None, with one command."""
    work.git("tag", "-a", "-m", "Release", "v1.0")
    work.git("branch", "heads-only", "HEAD~1")

    expected = {"v1.0": work.head(), "heads-only": work.git("rev-parse", "HEAD~1").strip()}

    assert git.resolve(name) == expected.get(name)
    assert git.commands == []


def test_name_is_resolved_after_its_process_ended(work: fakes_code_host.Repository, git: CountedRepository) -> None:
    """Killed, or closed with the sandbox: the next name starts another."""
    assert git.resolve("main") == work.head()
    process = git._names._process
    assert process is not None

    process.kill()
    assert git.resolve("main") == work.head()
    git.close()
    assert git.resolve("main") == work.head()


def test_name_sees_what_was_packed_written_and_deleted_since(
    work: fakes_code_host.Repository, git: CountedRepository
) -> None:
    """The process that stays reads references and objects again for each name."""
    first = work.head()
    assert (git.resolve("main"), git.resolve("late")) == (first, None)

    work.git("pack-refs", "--all")
    work.git("gc", "-q")
    second = work.commit({"cart.py": "three\n"}, "Third")
    work.git("branch", "late")
    resolved = [git.resolve(name) for name in ("main", "late", second[:10], f"{second}~1")]
    work.git("branch", "-D", "late")

    assert resolved == [second, second, second, first]
    assert git.resolve("late") is None


def test_answers_are_dropped_before_they_fill_the_memory(
    work: fakes_code_host.Repository, git: CountedRepository, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Over the limit every answer is computed again."""
    monkeypatch.setattr("infra.local.sandboxes.github.git._MAX_REMEMBERED_BYTES", 10)
    for _ in range(2):
        assert [git.blob(git.write_blob(text)) for text in (b"x" * 8, b"y" * 8)] == [b"x" * 8, b"y" * 8]

    assert git.commands.count("cat-file") == 4
