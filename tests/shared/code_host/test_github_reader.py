"""Reading a GitHub repository: refs, files, commits, search."""

import subprocess
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from infra.local.sandboxes.github.server import GithubSandbox
from infra.local.sandboxes.http import Reply
from shared.code_host.github import GithubSettings, is_ref
from shared.code_host.github_reader import GithubReader, search_phrase
from shared.errors import Refused
from shared.http.parallel import in_parallel

Git = Callable[..., str]
TEXT_FILES = ["large.txt", "latin.txt", "logo.bin", "run.sh", "src/cart.py", "src/deep/new.py", "windows.txt"]


@pytest.fixture
def reader(settings: GithubSettings, sandbox: GithubSandbox) -> GithubReader:
    """A reader that has sent no request yet."""
    return GithubReader(settings, sandbox.repo)


def test_branch_tag_and_short_sha_resolve(reader: GithubReader, git: Git) -> None:
    """Each kind of ref gives the full sha."""
    head, tagged = git("rev-parse", "main"), git("rev-parse", "v1.0")

    assert [reader.resolve(ref) for ref in ("main", head[:8], head, "v1.0")] == [head, head, head, tagged]
    assert reader.default_branch() == "main"


def test_unknown_ref_resolves_to_none(reader: GithubReader) -> None:
    """A missing ref is not an error."""
    assert reader.resolve("release/none") is None


@pytest.mark.parametrize("ref", ["..", "../../octo/secret", "a/../b", "", "a b", "main?x=1", ".hidden", "a//b", "x^{}"])
def test_malformed_ref_sends_no_request(reader: GithubReader, sandbox: GithubSandbox, ref: str) -> None:
    """A ref from a log must not reach another repository."""
    assert reader.resolve(ref) is None
    with pytest.raises(Refused):
        reader.commit(ref)
    with pytest.raises(Refused):
        reader.paths(ref)
    assert sandbox.requests == []


@pytest.mark.parametrize("ref", ["main", "feature/x-1_2", "v1.0.0", "a" * 40, "dépendance"])
def test_ordinary_refs_are_valid(ref: str) -> None:
    """The rules are git's own, not stricter."""
    assert is_ref(ref)


def test_paths_are_the_regular_files(reader: GithubReader) -> None:
    """Folders and links are left out."""
    assert sorted(reader.paths("main")) == TEXT_FILES


def test_truncated_tree_is_completed(git_dir: Path) -> None:
    """When GitHub truncates a large tree, each folder is requested separately."""
    with GithubSandbox(git_dir, "octo/shop", tree_limit=3) as github:
        reader = GithubReader(GithubSettings(github_api_url=github.url), "octo/shop")

        assert sorted(reader.paths("main")) == TEXT_FILES


def test_text_is_read_unchanged(reader: GithubReader) -> None:
    """Byte order mark, line ends and accents are kept."""
    assert reader.read("windows.txt", "main") == "\ufeffone\r\ntwö\r\n"


@pytest.mark.parametrize("path", ["absent.py", "src", "link.txt", "logo.bin", "latin.txt", "large.txt", "../x", ""])
def test_path_without_a_text_file_reads_as_none(reader: GithubReader, path: str) -> None:
    """Absent, folder, link, binary, not UTF-8, larger than 1 MB."""
    assert reader.read(path, "main") is None


def test_file_is_read_at_the_requested_commit(reader: GithubReader) -> None:
    """An old commit has the old text."""
    assert "len" not in (reader.read("src/cart.py", "v1.0") or "")
    assert "len" in (reader.read("src/cart.py", "main") or "")


def test_nothing_is_requested_twice(reader: GithubReader, sandbox: GithubSandbox, git: Git) -> None:
    """The repository, one tree, one file and one commit are four requests, however often they are read."""
    head = git("rev-parse", "main")
    for _ in range(3):
        reader.paths(head)
        reader.read("src/cart.py", head)
        reader.read("absent.py", head)
        reader.commit(head)

    assert len(sandbox.requests) == 4


def test_listing_and_comparison_are_requested_once(reader: GithubReader, sandbox: GithubSandbox, git: Git) -> None:
    """Two checks of one commit ask the same of its branch."""
    for _ in range(2):
        reader.commits("main", path="README.md", limit=3)
        reader.compare("main", "main")

    paths = [request.path for request in sandbox.requests]
    assert len(paths) == len(set(paths)) == 3


def test_commits_come_newest_first(reader: GithubReader, git: Git) -> None:
    """A commit has author, time in UTC, message, parents and a link; a listing has no changes."""
    newest, oldest = reader.commits("main")

    assert (newest.subject, oldest.message) == ("Average the cart", "Start the shop\n\nWith a cart.")
    assert newest.at == datetime(2026, 3, 2, 10, tzinfo=UTC)
    assert newest.at.tzinfo is UTC
    assert (newest.author, newest.parents, newest.changes) == ("Ada", (oldest.sha,), ())
    assert newest.url.endswith(f"/octo/shop/commit/{git('rev-parse', 'main')}")


def test_commits_are_filtered(reader: GithubReader) -> None:
    """By path, by time in any zone, and by count."""
    before_second = datetime(2026, 3, 2, 11, 59, tzinfo=timezone(timedelta(hours=2)))

    assert [commit.subject for commit in reader.commits("main", path="windows.txt")] == ["Start the shop"]
    assert [commit.subject for commit in reader.commits("main", until=before_second)] == ["Start the shop"]
    assert [commit.subject for commit in reader.commits("main", limit=1)] == ["Average the cart"]
    assert reader.commits("main", limit=0) == []


def test_long_listings_are_paged(reader: GithubReader, sandbox: GithubSandbox, git: Git) -> None:
    """All commits come, also when they need several pages, with no more pages than needed."""
    tree, parent = git("rev-parse", "main^{tree}"), git("rev-parse", "main")
    identity = ("-c", "user.name=Ada", "-c", "user.email=ada@example.com")
    for number in range(40):
        parent = git(*identity, "commit-tree", tree, "-p", parent, "-m", f"Step {number}")
    git("update-ref", "refs/heads/long", parent)

    assert len(reader.commits("long", limit=35)) == 35
    assert len([request for request in sandbox.requests if request.path.endswith("/commits")]) == 2


def test_commit_lists_its_change_to_each_file(reader: GithubReader) -> None:
    """A change has status, patch and previous path; a binary file has no patch."""
    changes = {change.path: change for change in reader.commit("main").changes}

    assert changes["src/cart.py"].status == "modified"
    assert "+    return sum(items) / len(items)" in (changes["src/cart.py"].patch or "")
    assert (changes["src/deep/new.py"].status, changes["src/deep/new.py"].previous_path) == (
        "renamed",
        "src/deep/old.py",
    )
    assert changes["logo.bin"].patch is None


def test_commit_with_more_files_than_a_page_has_all_of_them(
    reader: GithubReader, sandbox: GithubSandbox, git: Git, git_dir: Path
) -> None:
    """GitHub gives 300 files per page."""
    blob = git("rev-parse", "main:run.sh")
    rows = "\n".join(f"100644 blob {blob}\tfile{number}" for number in range(310))
    tree = _make_tree(git_dir, rows)
    identity = ("-c", "user.name=Ada", "-c", "user.email=ada@example.com")
    commit = git(*identity, "commit-tree", tree, "-m", "Many files")

    assert len(reader.commit(commit).changes) == 310


def test_several_commits_are_read_once_each_in_their_order(
    reader: GithubReader, sandbox: GithubSandbox, git: Git
) -> None:
    """Some at a time, by clients of their own; what was read before is not requested again."""
    shas = git("rev-list", "main").split()
    first = reader.commit(shas[0])

    commits = reader.read_commits([*shas, shas[0]])

    assert [commit.sha for commit in commits] == [*shas, shas[0]]
    assert (commits[0], commits[1:-1]) == (first, [reader.commit(sha) for sha in shas[1:]])
    assert len(sandbox.requests) == 1 + len(shas)


def test_several_files_are_read_once_each_in_their_order(
    reader: GithubReader, sandbox: GithubSandbox, git: Git
) -> None:
    """One tree for each commit, and one request for a content that two commits share."""
    old, new = git("rev-parse", "v1.0"), git("rev-parse", "main")
    places = [
        ("src/cart.py", old),
        ("src/cart.py", new),
        ("absent.py", new),
        ("windows.txt", old),
        ("windows.txt", new),
    ]

    texts = reader.read_files(places)

    assert texts == [reader.read(path, ref) for path, ref in places]
    assert (texts[0] != texts[1], texts[2], texts[3] == texts[4]) == (True, None, True)
    assert len(sandbox.requests) == 1 + 2 + 3


def test_file_at_an_absent_ref_among_several_is_refused(reader: GithubReader) -> None:
    """As when it is read alone."""
    with pytest.raises(Refused, match="There is no ref 'nowhere'"):
        reader.read_files([("src/cart.py", "main"), ("src/cart.py", "nowhere")])


def test_threads_read_beside_each_other_with_one_request_for_the_repository(
    reader: GithubReader, sandbox: GithubSandbox
) -> None:
    """Each has a client of its own while it reads; the clients are used again."""
    paths = [f"src/{number}.py" for number in range(12)]

    listed = in_parallel(lambda path: reader.commits("main", path=path), ["src/cart.py", *paths])

    assert [[commit.subject for commit in commits] for commits in listed[:2]] == [
        ["Average the cart", "Start the shop"],
        [],
    ]
    assert [request.path for request in sandbox.requests].count("/repos/octo/shop") == 1
    assert len(sandbox.requests) == 14


def test_absent_commit_among_several_is_refused(reader: GithubReader, git: Git) -> None:
    """As when it is read alone."""
    with pytest.raises(Refused):
        reader.read_commits([git("rev-parse", "main"), "0" * 40])


def test_absent_commit_is_refused(reader: GithubReader) -> None:
    """The error names it."""
    with pytest.raises(Refused, match="No commit found for SHA: 0000000"):
        reader.commit("0" * 40)
    with pytest.raises(Refused, match="404"):
        reader.commits("nowhere")
    with pytest.raises(Refused, match="There is no ref 'nowhere'"):
        reader.paths("nowhere")


def test_search_returns_files_that_contain_the_text(reader: GithubReader) -> None:
    """At most `limit` paths; none for an empty text."""
    assert reader.search("return sum(items)") == ["src/cart.py"]
    assert len(reader.search("x", limit=1)) == 1
    assert reader.search("nowhere to be found") == []
    assert reader.search(' " ') == []


def test_search_cannot_leave_the_repository(reader: GithubReader, sandbox: GithubSandbox) -> None:
    """A text from a log stays a phrase, and rows of another repository are dropped."""
    reader.search('x" repo:octo/secret "y')
    assert sandbox.requests[-1].param("q") == '"x repo:octo/secret y" repo:octo/shop'

    foreign = {"path": "key.pem", "repository": {"full_name": "octo/secret"}}
    sandbox.fail_next(Reply.of_json({"total_count": 1, "incomplete_results": False, "items": [foreign]}))
    assert reader.search("key") == []


def test_quoted_phrase_has_a_limited_length() -> None:
    """A query may have at most 256 characters."""
    assert search_phrase("a\\b\n\tc") == '"a b c"'
    assert len(search_phrase("word " * 100)) <= 130


def test_empty_repository_has_no_refs(tmp_path: Path, git_dir: Path) -> None:
    """Nothing was pushed yet, so there are no refs and no commits."""
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
