"""Who is asked for a review: owners by GitHub's rules, else the last authors of the files, no one when in doubt."""

from typing import Any

import pytest

from functions.pr_creator.reviewers import reviewers
from infra.local.sandboxes.http import Reply
from shared.code_host import writer as code_writer
from shared.contracts import Branch
from shared.pull_request.code_owners import owners
from tests.functions.pull_requests.conftest import WritingSteps, incident, pull_request_request


def request(steps: WritingSteps, *files: str) -> Any:
    """A pull request of these files."""
    branch = Branch(
        status="success", repo="octo/shop", branch="b", base_branch="main", base_commit=steps.git("rev-parse", "main")
    )
    return pull_request_request(incident(), branch.model_copy(update={"files": list(files)}))


def requested_reviewers(pull_request: Any) -> tuple[str, ...]:
    """Return the reviewers that the repository itself gives."""
    writer = code_writer.connect(pull_request.branch.repo)
    assert writer is not None
    return reviewers(pull_request, writer.reader)


# The examples of GitHub's own page.
RULES = """
# comment
*                @everyone   # inline comment
*.js             @js-owner
*.go docs@example.com
/build/logs/     @doctocat
docs/*           @writer
apps/            @octocat
/scripts/        @doctocat @octocat
**/logs          @logger
/apps/github     @nobody-else
/apps/free
src/**/test?.py  @tester
with\\ space.txt  @spaced @octo-org/team
"""


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("README.md", ["everyone"]),
        ("lib/a.js", ["js-owner"]),
        ("main.go", []),
        ("build/logs/a/b.txt", ["logger"]),
        ("x/build/logs.txt", ["everyone"]),
        ("docs/getting-started.md", ["writer"]),
        ("docs/build-app/troubleshooting.md", ["everyone"]),
        ("deep/docs/a.md", ["everyone"]),
        ("deep/apps/x/y", ["octocat"]),
        ("scripts/x", ["doctocat", "octocat"]),
        ("deep/scripts/x", ["everyone"]),
        ("a/logs/b", ["logger"]),
        ("apps/github", ["nobody-else"]),
        ("apps/github/x.py", ["nobody-else"]),
        ("apps/free", []),
        ("src/test1.py", ["tester"]),
        ("src/a/b/test1.py", ["tester"]),
        ("src/a/test12.py", ["everyone"]),
        ("with space.txt", ["spaced", "octo-org/team"]),
    ],
)
def test_last_rule_that_matches_names_the_owners(path: str, expected: list[str]) -> None:
    """As GitHub's documentation says, folders and exceptions included."""
    assert owners(RULES, [path]) == expected


@pytest.mark.parametrize(
    ("rule", "path", "is_owned"),
    [
        ("pay*", "pay-service/main.py", True),
        ("/pay*", "deep/pay-service/main.py", False),
        ("src/**/", "src/deep/main.py", True),
        ("/*", "src/main.py", False),
        ("**/*", "src/deep/main.py", True),
        ("/src/*/*", "src/deep/main.py", True),
        ("/src/*/*", "src/deep/deeper/main.py", False),
        ("guide", "guide book", False),
        ("[ab].py", "a.py", False),
        ("/[slug]/", "[slug]/page.tsx", True),
        ("!secret", "secret", False),
        ("!secret", "!secret", False),
        (r"\*.py", "a.py", False),
    ],
)
def test_rule_owns_what_github_says(rule: str, path: str, is_owned: bool) -> None:
    """Folders that a wildcard names, folders without their folders, and what .gitignore has but CODEOWNERS lacks."""
    assert owners(f"{rule} @ada", [path]) == (["ada"] if is_owned else [])


def test_person_in_a_comment_is_not_asked() -> None:
    """Only names before the comment own."""
    assert owners("* @ada # ask @grace about it", ["a.py"]) == ["ada"]


def test_owners_of_several_files_are_named_once() -> None:
    """In the order of the files."""
    assert owners("/a @one @two\n/b @two @three\n", ["a", "b"]) == ["one", "two", "three"]


@pytest.mark.parametrize(
    "text", ["", "\n\n#\n", "[[[ @x\n", "\\ @x", "* \ud83d\ude00", "@only-an-owner", "\\", "/ @x", "!"]
)
def test_malformed_owners_file_names_no_owner(text: str) -> None:
    """People write these by hand."""
    assert owners(text, ["src/cart.py"]) == []


def test_owners_of_the_changed_files_are_asked(steps: WritingSteps) -> None:
    """Not those of other files, and none by mail address."""
    assert requested_reviewers(request(steps, "src/cart.py")) == ("ada", "octo/payments")
    assert requested_reviewers(request(steps, "run.sh")) == ("fallback",)


def test_without_owners_the_last_authors_are_asked(steps: WritingSteps) -> None:
    """Those GitHub knows by their account, the last first."""
    tree = steps.git("ls-tree", "main").replace("CODEOWNERS", "NO-OWNERS")
    pruned = steps.git_with_input(tree + "\n", "mktree", "--missing")
    commit = steps.git("commit-tree", pruned, "-p", "main", "-m", "No owners")
    steps.git("update-ref", "refs/heads/main", commit)

    assert requested_reviewers(request(steps, "src/cart.py")) == ("grace", "ada")


def test_team_of_another_organisation_is_not_asked(steps: WritingSteps) -> None:
    """GitHub would refuse the request."""
    blob = steps.git_with_input("* @other/team @ada\n", "hash-object", "-w", "--stdin")
    tree = steps.git_with_input(f"100644 blob {blob}\tCODEOWNERS\n", "mktree")
    steps.git("update-ref", "refs/heads/main", steps.git("commit-tree", tree, "-p", "main", "-m", "Owners"))

    assert requested_reviewers(request(steps, "a.py")) == ("ada",)


def test_failing_github_does_not_stop_the_pull_request(steps: WritingSteps) -> None:
    """No reviewer is requested, and nothing is raised."""
    steps.github.fault = lambda _: Reply(500)

    assert requested_reviewers(request(steps, "src/cart.py")) == ()
