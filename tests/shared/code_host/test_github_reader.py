"""Reading a repository of GitHub: refs, files, commits, search."""

import subprocess
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from infra.local.sandboxes.github.server import GithubSandbox
from infra.local.sandboxes.http import Reply
from shared.code_host.github import GithubSettings, is_ref
from shared.code_host.github_reader import GithubReader, quoted
from shared.errors import Refused

Git = Callable[..., str]
TEXT_FILES = ["large.txt", "latin.txt", "logo.bin", "run.sh", "src/cart.py", "src/deep/new.py", "windows.txt"]


@pytest.fixture
def reader(settings: GithubSettings, sandbox: GithubSandbox) -> GithubReader:
    """A reader that has asked nothing yet."""
    return GithubReader(settings, sandbox.repo)


def test_branch_tag_and_short_sha_resolve(reader: GithubReader, git: Git) -> None:
    """Each way to name a commit gives its full sha."""
    head, tagged = git("rev-parse", "main"), git("rev-parse", "v1.0")

    assert [reader.resolve(ref) for ref in ("main", head[:8], head, "v1.0")] == [head, head, head, tagged]
    assert reader.default_branch() == "main"


def test_unknown_ref_is_none(reader: GithubReader) -> None:
    """Absence is none."""
    assert reader.resolve("release/none") is None


@pytest.mark.parametrize("ref", ["..", "../../octo/secret", "a/../b", "", "a b", "main?x=1", ".hidden", "a//b", "x^{}"])
def test_ref_that_git_cannot_know_reaches_no_address(reader: GithubReader, sandbox: GithubSandbox, ref: str) -> None:
    """A ref from a log must not climb to another repository."""
    assert reader.resolve(ref) is None
    with pytest.raises(Refused):
        reader.commit(ref)
    with pytest.raises(Refused):
        reader.paths(ref)
    assert sandbox.requests == []


@pytest.mark.parametrize("ref", ["main", "feature/x-1_2", "v1.0.0", "a" * 40, "dépendance"])
def test_ordinary_refs_are_refs(ref: str) -> None:
    """Git's own rules, no stricter."""
    assert is_ref(ref)


def test_paths_are_the_regular_files(reader: GithubReader) -> None:
    """Folders and links are none."""
    assert sorted(reader.paths("main")) == TEXT_FILES


def test_cut_tree_is_completed(git_dir: Path) -> None:
    """When GitHub cuts a large tree, each folder is asked for by itself."""
    with GithubSandbox(git_dir, "octo/shop", tree_limit=3) as github:
        reader = GithubReader(GithubSettings(github_api_url=github.url), "octo/shop")

        assert sorted(reader.paths("main")) == TEXT_FILES


def test_text_is_read_as_it_is(reader: GithubReader) -> None:
    """Byte order mark, line ends and accents survive."""
    assert reader.read("windows.txt", "main") == "\ufeffone\r\ntwö\r\n"


@pytest.mark.parametrize("path", ["absent.py", "src", "link.txt", "logo.bin", "latin.txt", "large.txt", "../x", ""])
def test_what_is_no_text_file_is_none(reader: GithubReader, path: str) -> None:
    """Absent, folder, link, binary, not UTF-8, larger than 1 MB."""
    assert reader.read(path, "main") is None


def test_file_is_read_at_the_commit_asked_for(reader: GithubReader) -> None:
    """Yesterday's text is not today's."""
    assert "len" not in (reader.read("src/cart.py", "v1.0") or "")
    assert "len" in (reader.read("src/cart.py", "main") or "")


def test_nothing_is_asked_twice(reader: GithubReader, sandbox: GithubSandbox, git: Git) -> None:
    """The repository, one tree, one file, one commit: four requests, however often they are wanted."""
    head = git("rev-parse", "main")
    for _ in range(3):
        reader.paths(head)
        reader.read("src/cart.py", head)
        reader.read("absent.py", head)
        reader.commit(head)

    assert len(sandbox.requests) == 4


def test_commits_come_newest_first(reader: GithubReader, git: Git) -> None:
    """Author, time in UTC, message, parents and a link; no changes in a listing."""
    newest, oldest = reader.commits("main")

    assert (newest.subject, oldest.message) == ("Average the cart", "Start the shop\n\nWith a cart.")
    assert newest.at == datetime(2026, 3, 2, 10, tzinfo=UTC)
    assert newest.at.tzinfo is UTC
    assert (newest.author, newest.parents, newest.changes) == ("Ada", (oldest.sha,), ())
    assert newest.url.endswith(f"/octo/shop/commit/{git('rev-parse', 'main')}")


def test_commits_are_narrowed(reader: GithubReader) -> None:
    """By path, by time in any zone, by number."""
    before_second = datetime(2026, 3, 2, 11, 59, tzinfo=timezone(timedelta(hours=2)))

    assert [commit.subject for commit in reader.commits("main", path="windows.txt")] == ["Start the shop"]
    assert [commit.subject for commit in reader.commits("main", until=before_second)] == ["Start the shop"]
    assert [commit.subject for commit in reader.commits("main", limit=1)] == ["Average the cart"]
    assert reader.commits("main", limit=0) == []


def test_long_listings_are_paged(reader: GithubReader, sandbox: GithubSandbox, git: Git) -> None:
    """More commits than a page holds come all the same, no more pages than needed."""
    tree, parent = git("rev-parse", "main^{tree}"), git("rev-parse", "main")
    identity = ("-c", "user.name=Ada", "-c", "user.email=ada@example.com")
    for number in range(40):
        parent = git(*identity, "commit-tree", tree, "-p", parent, "-m", f"Step {number}")
    git("update-ref", "refs/heads/long", parent)

    assert len(reader.commits("long", limit=35)) == 35
    assert len([request for request in sandbox.requests if request.path.endswith("/commits")]) == 2


def test_commit_tells_what_it_did_to_each_file(reader: GithubReader) -> None:
    """Status, patch and former path; a binary file has no patch."""
    changes = {change.path: change for change in reader.commit("main").changes}

    assert changes["src/cart.py"].status == "modified"
    assert "+    return sum(items) / len(items)" in (changes["src/cart.py"].patch or "")
    assert (changes["src/deep/new.py"].status, changes["src/deep/new.py"].previous_path) == (
        "renamed",
        "src/deep/old.py",
    )
    assert changes["logo.bin"].patch is None


def test_commit_of_more_files_than_a_page_has_them_all(
    reader: GithubReader, sandbox: GithubSandbox, git: Git, git_dir: Path
) -> None:
    """GitHub gives 300 files a page."""
    blob = git("rev-parse", "main:run.sh")
    rows = "\n".join(f"100644 blob {blob}\tfile{number}" for number in range(310))
    tree = _make_tree(git_dir, rows)
    identity = ("-c", "user.name=Ada", "-c", "user.email=ada@example.com")
    commit = git(*identity, "commit-tree", tree, "-m", "Many files")

    assert len(reader.commit(commit).changes) == 310


def test_absent_commit_is_refused(reader: GithubReader) -> None:
    """The message names it."""
    with pytest.raises(Refused, match="No commit found for SHA: 0000000"):
        reader.commit("0" * 40)
    with pytest.raises(Refused, match="404"):
        reader.commits("nowhere")
    with pytest.raises(Refused, match="There is no ref 'nowhere'"):
        reader.paths("nowhere")


def test_search_names_files_that_hold_the_text(reader: GithubReader) -> None:
    """At most as many as wanted; nothing for nothing."""
    assert reader.search("return sum(items)") == ["src/cart.py"]
    assert len(reader.search("x", limit=1)) == 1
    assert reader.search("nowhere to be found") == []
    assert reader.search(' " ') == []


def test_search_cannot_leave_the_repository(reader: GithubReader, sandbox: GithubSandbox) -> None:
    """A text out of a log stays a phrase, and rows of another repository are dropped."""
    reader.search('x" repo:octo/secret "y')
    assert sandbox.requests[-1].param("q") == '"x repo:octo/secret y" repo:octo/shop'

    foreign = {"path": "key.pem", "repository": {"full_name": "octo/secret"}}
    sandbox.fail_next(Reply.of_json({"total_count": 1, "incomplete_results": False, "items": [foreign]}))
    assert reader.search("key") == []


def test_quoted_phrase_is_bounded() -> None:
    """A query has room for 256 characters."""
    assert quoted("a\\b\n\tc") == '"a b c"'
    assert len(quoted("word " * 100)) <= 130


def test_empty_repository_has_no_refs(tmp_path: Path, git_dir: Path) -> None:
    """Nothing was pushed yet: no ref, and no paths to list."""
    empty = tmp_path / "empty.git"
    subprocess.run(["git", "init", "-q", "--bare", empty], check=True, timeout=30)
    with GithubSandbox(empty, "octo/empty") as github:
        reader = GithubReader(GithubSettings(github_api_url=github.url), "octo/empty")

        assert reader.resolve("main") is None
        with pytest.raises(Refused):
            reader.commits("main")


def _make_tree(git_dir: Path, rows: str) -> str:
    command = ["git", "-c", "safe.directory=*", f"--git-dir={git_dir}", "mktree"]
    done = subprocess.run(command, input=rows + "\n", capture_output=True, check=True, text=True, timeout=30)
    return done.stdout.strip()
