"""Writing to GitHub: one commit on one branch, in spite of repeated runs and faults."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from infra.local.sandboxes.github.server import GithubSandbox
from infra.local.sandboxes.http import Reply, Request
from shared.code_host.github import GithubSettings
from shared.code_host.github_reader import GithubReader
from shared.code_host.github_writer import GithubWriter
from shared.code_host.port import FileWrite, PullRequestDraft
from shared.errors import Refused, Rejected, Unavailable, Uncertain
from tests.shared.code_host.github_faults import commit_by_hand, done_but_answered_502, failing, posts

Git = Callable[..., str]
BRANCH = "incident/INC-1"
MESSAGE = "Stop dividing by an empty cart\n\nIncident: INC-1"
FIX = FileWrite("src/cart.py", "def total(items):\n    return sum(items)\n")


@pytest.fixture
def healthy(git: Git) -> Iterator[None]:
    """Check after the test that the repository is valid."""
    yield
    assert git("fsck", "--strict", "--no-dangling") == ""


@pytest.mark.usefixtures("healthy")
def test_all_files_are_in_one_commit_on_the_base(writer: GithubWriter, base: str, git: Git) -> None:
    """Edited, new and deleted files are in one commit whose only parent is the base."""
    files = [FIX, FileWrite("docs/why.md", "Because.\n"), FileWrite("large.txt", None)]
    written = writer.commit_files(BRANCH, base, MESSAGE, files)

    assert written.created is True
    assert git("rev-parse", BRANCH) == written.commit
    assert git("rev-parse", f"{BRANCH}^@") == base
    assert git("log", "-1", "--format=%B", BRANCH) == MESSAGE
    assert git("show", "--format=", "--name-status", BRANCH).splitlines() == [
        "A\tdocs/why.md",
        "D\tlarge.txt",
        "M\tsrc/cart.py",
    ]
    assert "3 files changed" in git("show", "--stat", BRANCH)
    assert git("rev-parse", "main") == base


@pytest.mark.usefixtures("healthy")
def test_modes_line_ends_and_byte_order_marks_are_kept(
    writer: GithubWriter, settings: GithubSettings, base: str, git: Git
) -> None:
    """File mode, CRLF and byte order mark stay, and the other files are unchanged."""
    text = "\ufeffone\r\nzwei ü\r\n"
    writer.commit_files(BRANCH, base, MESSAGE, [FileWrite("run.sh", "#!/bin/sh\nls\n"), FileWrite("windows.txt", text)])

    listing = git("ls-tree", "-r", "--format=%(objectmode) %(path)", BRANCH).splitlines()
    assert {"100755 run.sh", "100644 windows.txt", "120000 link.txt"} <= set(listing)
    assert GithubReader(settings, "octo/shop").read("windows.txt", BRANCH) == text


@pytest.mark.usefixtures("healthy")
def test_same_commit_twice_is_one_branch_with_one_commit(
    writer: GithubWriter, settings: GithubSettings, base: str, git: Git, sandbox: GithubSandbox
) -> None:
    """A second run, in another process, finds the first one's branch."""
    first = writer.commit_files(BRANCH, base, MESSAGE, [FIX])
    second = GithubWriter(settings, sandbox.repo).commit_files(BRANCH, base, MESSAGE, [FIX])

    assert (second.commit, second.created) == (first.commit, False)
    assert git("rev-list", "--count", f"main..{BRANCH}") == "1"
    assert posts(sandbox, "/git/commits") == posts(sandbox, "/git/refs") == 1


def test_writing_takes_few_requests(writer: GithubWriter, base: str, sandbox: GithubSandbox) -> None:
    """Four reads (repository, branch, base, its tree), three writes (tree, commit, branch), for any number of files."""
    writer.commit_files(BRANCH, base, MESSAGE, [FIX, FileWrite("a.txt", "a"), FileWrite("b.txt", "b")])

    assert len(sandbox.requests) == 7


def test_branch_with_commits_of_people_is_returned_unchanged(writer: GithubWriter, base: str, git: Git) -> None:
    """Our commit below theirs still makes it ours once its pull request is open, also when the base has changed."""
    ours = writer.commit_files(BRANCH, base, MESSAGE, [FIX]).commit
    theirs = commit_by_hand(git, ours, "Polish")
    writer.pulls.open(PullRequestDraft(BRANCH, "main", "Stop dividing", "", marker="-"))
    git("update-ref", f"refs/heads/{BRANCH}", theirs)
    moved = commit_by_hand(git, base, "Meanwhile")

    assert writer.commit_files(BRANCH, moved, MESSAGE, [FIX]).commit == theirs


def test_commits_of_people_before_there_is_a_pull_request_are_not_ours(
    writer: GithubWriter, base: str, git: Git
) -> None:
    """The pull request would say that it holds our change alone."""
    ours = writer.commit_files(BRANCH, base, MESSAGE, [FIX]).commit
    git("update-ref", f"refs/heads/{BRANCH}", commit_by_hand(git, ours, "Polish"))

    with pytest.raises(Refused, match="someone else"):
        writer.commit_files(BRANCH, base, MESSAGE, [FIX])


@pytest.mark.parametrize("message", ["Polish", MESSAGE])
@pytest.mark.parametrize("path", ["src/cart.py", "docs/why.md"])
def test_branch_that_takes_our_name_is_not_ours(writer: GithubWriter, base: str, message: str, path: str) -> None:
    """Whoever may push knows its name, and our message, once a person is asked to approve the change."""
    if path != FIX.path:
        base = writer.commit_files("incident/ours", base, MESSAGE, [FIX]).commit
    writer.commit_files(BRANCH, base, message, [FileWrite(path, "EVIL = 1\n")])

    with pytest.raises(Refused, match="someone else"):
        writer.commit_files(BRANCH, base, MESSAGE, [FIX])


def test_commit_like_ours_on_another_one_is_not_ours(writer: GithubWriter, base: str) -> None:
    """The branch would bring what lies below it."""
    evil = writer.commit_files("incident/evil", base, "Polish", [FileWrite("docs/why.md", "EVIL = 1\n")]).commit
    writer.commit_files(BRANCH, evil, MESSAGE, [FIX])

    with pytest.raises(Refused, match="someone else"):
        writer.commit_files(BRANCH, base, MESSAGE, [FIX])


def test_branch_of_someone_else_is_refused(writer: GithubWriter, base: str, git: Git) -> None:
    """A branch that is not ours is never written to."""
    theirs = commit_by_hand(git, commit_by_hand(git, base, "One"), "Two")
    git("update-ref", f"refs/heads/{BRANCH}", theirs)

    with pytest.raises(Refused, match="someone else"):
        writer.commit_files(BRANCH, base, MESSAGE, [FIX])
    assert git("rev-parse", BRANCH) == theirs


@pytest.mark.parametrize(
    ("file", "reason"),
    [
        (FileWrite("link.txt", "text"), "link or a submodule"),
        (FileWrite("link.txt/x", "text"), "'link.txt' is a file, a link"),
        (FileWrite("src/cart.py/x", "text"), "'src/cart.py' is a file"),
        (FileWrite("src", "text"), "it is a folder"),
        (FileWrite("absent.txt", None), "does not exist"),
        (FileWrite("src/cart.py", "\ud800"), "UTF-8"),
        (FileWrite("run.sh", "#!/bin/sh\n"), "nothing would change"),
    ],
)
def test_file_that_cannot_be_written_is_rejected_without_a_branch(
    writer: GithubWriter, base: str, git: Git, file: FileWrite, reason: str
) -> None:
    """The message says why."""
    with pytest.raises(Rejected, match=reason):
        writer.commit_files(BRANCH, base, MESSAGE, [file])
    assert git("branch", "--list", "incident/*") == ""


@pytest.mark.parametrize(("branch", "sha"), [("../../octo/other", "0" * 40), (BRANCH, ".."), (BRANCH, "main")])
def test_malformed_branch_or_sha_is_rejected(
    writer: GithubWriter, sandbox: GithubSandbox, branch: str, sha: str
) -> None:
    """No request is sent."""
    with pytest.raises(Rejected):
        writer.commit_files(branch, sha, MESSAGE, [FIX])
    assert sandbox.requests == []


def test_absent_base_is_refused(writer: GithubWriter) -> None:
    """GitHub's 404 names the base."""
    with pytest.raises(Refused, match="404 about the commit '0000"):
        writer.commit_files(BRANCH, "0" * 40, MESSAGE, [FIX])


def test_path_that_git_forbids_is_refused(writer: GithubWriter, base: str, git: Git) -> None:
    """GitHub's 422 is quoted, and no branch is left."""
    with pytest.raises(Refused, match="malformed path"):
        writer.commit_files(BRANCH, base, MESSAGE, [FileWrite("../outside.txt", "x")])
    assert git("branch", "--list", "incident/*") == ""


@pytest.mark.parametrize("ending", ["/git/trees", "/git/commits"])
def test_no_reply_before_the_branch_is_unavailable(
    writer: GithubWriter, base: str, git: Git, sandbox: GithubSandbox, ending: str
) -> None:
    """Objects without a branch count as nothing happened; they are not sent again here."""
    sandbox.fault = failing(ending, Reply(502))
    with pytest.raises(Unavailable):
        writer.commit_files(BRANCH, base, MESSAGE, [FIX])
    assert posts(sandbox, ending) == 1
    assert git("branch", "--list", "incident/*") == ""


def test_no_reply_at_the_branch_is_uncertain_and_a_second_run_resolves_it(
    writer: GithubWriter, base: str, git: Git, sandbox: GithubSandbox
) -> None:
    """One POST, then Uncertain; the next run creates the one branch."""
    sandbox.fault = failing("/git/refs", Reply(502), times=1)
    with pytest.raises(Uncertain, match="502"):
        writer.commit_files(BRANCH, base, MESSAGE, [FIX])
    assert posts(sandbox, "/git/refs") == 1

    assert writer.commit_files(BRANCH, base, MESSAGE, [FIX]).created is True
    assert git("rev-list", "--count", f"main..{BRANCH}") == "1"


def test_branch_created_in_spite_of_a_502_is_found_at_once(
    writer: GithubWriter, base: str, git: Git, sandbox: GithubSandbox
) -> None:
    """A read after the error finds the branch."""
    done_but_answered_502(sandbox, "/git/refs")
    written = writer.commit_files(BRANCH, base, MESSAGE, [FIX])

    assert (written.created, written.commit) == (True, git("rev-parse", BRANCH))
    assert posts(sandbox, "/git/refs") == 1


def test_failed_search_does_not_hide_the_first_error(writer: GithubWriter, base: str, sandbox: GithubSandbox) -> None:
    """When the search fails too, the write may still have happened."""
    is_down = []

    def fault(request: Request) -> Reply | None:
        if request.method == "POST" and request.path.endswith("/git/refs"):
            is_down.append(True)
        return Reply(500) if is_down else None

    sandbox.fault = fault
    with pytest.raises(Uncertain):
        writer.commit_files(BRANCH, base, MESSAGE, [FIX])


def test_slower_run_of_the_same_incident_uses_the_branch_of_the_faster(
    writer: GithubWriter, base: str, git: Git, sandbox: GithubSandbox
) -> None:
    """Two parallel runs create one branch, and both return it."""

    faster = writer.commit_files("incident/faster", base, MESSAGE, [FIX]).commit

    def fault(request: Request) -> Reply | None:
        if request.method == "POST" and request.path.endswith("/git/refs"):
            git("update-ref", f"refs/heads/{BRANCH}", faster)
        return None

    sandbox.fault = fault
    written = writer.commit_files(BRANCH, base, MESSAGE, [FIX])

    assert (written.created, written.commit) == (False, git("rev-parse", BRANCH))


def test_archive_is_an_obstacle_before_anything_is_written(git_dir: Path, writer: GithubWriter, base: str) -> None:
    """The reason is known before the first write; a write is refused by GitHub."""
    assert writer.obstacle() is None
    with GithubSandbox(git_dir, "octo/shop", token="t", is_archived=True) as github:
        archived = GithubWriter(GithubSettings(github_token=SecretStr("t"), github_api_url=github.url), "octo/shop")

        assert archived.obstacle() == "octo/shop is archived, so it is read-only"
        with pytest.raises(Refused, match="archived"):
            archived.commit_files(BRANCH, base, MESSAGE, [FIX])
