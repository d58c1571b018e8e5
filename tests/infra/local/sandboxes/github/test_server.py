"""The GitHub sandbox: the wire format that clients parse, over a repository that plain git reads."""

import json
import re
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import github
import pytest
import requests

from infra import bundle
from infra.local.sandboxes.github.server import GithubSandbox
from infra.local.sandboxes.http import Reply

REPO = "octo/shop"
TOKEN = "sandbox-token"
RECORDED = bundle.ROOT.parent / "shared" / "payloads" / "github_api"


def git(git_dir: Path, *args: str) -> str:
    """Run plain git on the bare repository."""
    command = ["git", "-c", "safe.directory=*", f"--git-dir={git_dir}", *args]
    return subprocess.run(command, capture_output=True, check=True, text=True, timeout=30).stdout.strip()


def commit(work: Path, message: str, at: str) -> None:
    """Commit everything in the work tree at a fixed time."""
    identity = ["-c", "user.name=Ada", "-c", "user.email=ada@example.com", "-c", "core.autocrlf=false"]
    env = {"GIT_AUTHOR_DATE": at, "GIT_COMMITTER_DATE": at, "GIT_CONFIG_GLOBAL": "/dev/null", "PATH": "/usr/bin:/bin"}
    subprocess.run(["git", "-C", work, "add", "-A"], check=True, env=env, timeout=30)
    subprocess.run(["git", "-C", work, *identity, "commit", "-qm", message], check=True, env=env, timeout=30)


@pytest.fixture(scope="module")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bare repository with two commits: text, CRLF, an executable, a binary, a link; then an edit and a rename."""
    work = tmp_path_factory.mktemp("work")
    subprocess.run(["git", "init", "-q", "-b", "main", work], check=True, timeout=30)
    (work / "src").mkdir()
    (work / "src" / "cart.py").write_text("def total(items):\n    return sum(items)\n")
    (work / "src" / "old_name.py").write_text("VALUE = 1\n" * 20)
    (work / "windows.txt").write_bytes(b"one\r\ntwo\r\n")
    (work / "logo.bin").write_bytes(bytes(range(256)))
    (work / "link").symlink_to("windows.txt")
    (work / "run.sh").write_text("#!/bin/sh\n")
    (work / "run.sh").chmod(0o755)
    commit(work, "Start the shop\n\nWith a cart.", "2026-03-01T10:00:00+0000")
    (work / "src" / "cart.py").write_text("def total(items):\n    return sum(items) / len(items)\n")
    (work / "src" / "old_name.py").rename(work / "src" / "new_name.py")
    (work / "logo.bin").write_bytes(bytes(range(255, -1, -1)))
    commit(work, "Average the cart", "2026-03-02T10:00:00+0000")
    bare = tmp_path_factory.mktemp("pristine") / "shop.git"
    subprocess.run(["git", "clone", "-q", "--bare", work, bare], check=True, timeout=30)
    return bare


@pytest.fixture
def git_dir(pristine: Path, tmp_path: Path) -> Path:
    """A fresh copy of the repository for one test."""
    copy = tmp_path / "shop.git"
    subprocess.run(["cp", "-r", pristine, copy], check=True, timeout=30)
    return copy


@pytest.fixture
def sandbox(git_dir: Path) -> Iterator[GithubSandbox]:
    """The sandbox, listening."""
    with GithubSandbox(git_dir, REPO, token=TOKEN) as running:
        yield running


@pytest.fixture
def repository(sandbox: GithubSandbox) -> Any:
    """The repository as PyGithub sees it; without retries, so that a failing test fails fast."""
    client = github.Github(
        auth=github.Auth.Token(TOKEN),
        base_url=sandbox.url,
        retry=None,
        seconds_between_requests=None,
        seconds_between_writes=None,
    )
    yield client.get_repo(REPO)
    client.close()


def call(sandbox: GithubSandbox, method: str, path: str, **options: Any) -> requests.Response:
    """Call the API with the right token."""
    headers = {"Authorization": f"Bearer {TOKEN}", **options.pop("headers", {})}
    return requests.request(method, sandbox.url + path, headers=headers, timeout=10, **options)


def test_branch_written_through_the_api_is_seen_by_plain_git(repository: Any, git_dir: Path) -> None:
    """Blob, tree, commit and reference result in an ordinary branch of a valid repository."""
    base = repository.get_branch("main").commit
    blob = repository.create_git_blob("fixed\n", "utf-8")
    element = github.InputGitTreeElement("src/cart.py", "100644", "blob", sha=blob.sha)
    tree = repository.create_git_tree([element], base.commit.tree)
    created = repository.create_git_commit("Fix the cart", tree, [base.commit])
    repository.create_git_ref("refs/heads/incident/1", created.sha)

    assert git(git_dir, "rev-parse", "incident/1") == created.sha
    assert git(git_dir, "show", "incident/1:src/cart.py") == "fixed"
    assert git(git_dir, "diff", "--name-only", "main", "incident/1") == "src/cart.py"
    assert git(git_dir, "fsck", "--strict") == ""


def test_tree_edits_keep_delete_and_set_modes(repository: Any, git_dir: Path) -> None:
    """A null sha deletes, inline content is stored, other paths stay."""
    base = repository.get_branch("main").commit
    removed = github.InputGitTreeElement("windows.txt", "100644", "blob", sha=None)
    script = github.InputGitTreeElement("bin/new.sh", "100755", "blob", content="#!/bin/sh\r\n")
    tree = repository.create_git_tree([removed, script], base.commit.tree)

    listing = git(git_dir, "ls-tree", "-r", tree.sha)
    assert "windows.txt" not in listing
    assert re.search(r"100755 blob \w+\tbin/new.sh", listing)
    assert re.search(r"100755 blob \w+\trun.sh", listing)
    assert re.search(r"120000 blob \w+\tlink", listing)


def test_commit_lists_its_files_as_github_does(repository: Any) -> None:
    """Status, counts and patch per file; a rename has its old path; a binary file has no patch."""
    files = {file.filename: file for file in repository.get_commit("main").files}

    assert files["src/cart.py"].status == "modified"
    assert (files["src/cart.py"].additions, files["src/cart.py"].deletions) == (1, 1)
    assert files["src/cart.py"].patch.startswith("@@ -1,2 +1,2 @@\n def total(items):\n-")
    assert not files["src/cart.py"].patch.endswith("\n")
    assert (files["src/new_name.py"].status, files["src/new_name.py"].previous_filename) == (
        "renamed",
        "src/old_name.py",
    )
    assert files["src/new_name.py"].patch is None
    assert files["logo.bin"].patch is None


def test_first_commit_adds_everything(repository: Any) -> None:
    """A commit without parents is compared with nothing."""
    first = repository.get_commit(repository.get_commit("main").parents[0].sha)

    assert first.parents == []
    assert {file.status for file in first.files} == {"added"}
    assert first.commit.message == "Start the shop\n\nWith a cart."


def test_commits_are_paged_and_filtered(sandbox: GithubSandbox) -> None:
    """Pages are linked as GitHub links them; path and until narrow the list."""
    first = call(sandbox, "GET", f"/repos/{REPO}/commits?per_page=1")
    second = call(sandbox, "GET", first.links["next"]["url"].removeprefix(sandbox.url))
    early = call(sandbox, "GET", f"/repos/{REPO}/commits?until=2026-03-01T12:00:00Z")
    windows = call(sandbox, "GET", f"/repos/{REPO}/commits?path=windows.txt")

    subjects = [reply.json()[0]["commit"]["message"].split("\n")[0] for reply in (first, second)]
    assert subjects == ["Average the cart", "Start the shop"]
    assert "next" not in second.links
    assert [row["sha"] for row in early.json()] == [row["sha"] for row in windows.json()] == [second.json()[0]["sha"]]


def test_contents_of_files_folders_and_nothing(repository: Any) -> None:
    """A file is returned byte for byte, a folder as a list, a missing path as 404."""
    assert repository.get_contents("windows.txt").decoded_content == b"one\r\ntwo\r\n"
    assert [row.path for row in repository.get_contents("src")] == ["src/cart.py", "src/new_name.py"]
    with pytest.raises(github.UnknownObjectException):
        repository.get_contents("absent.txt")


def test_compare_counts_both_sides(repository: Any) -> None:
    """A comparison counts the commits of each side since the merge base."""
    first = repository.get_commit("main").parents[0].sha
    compared = repository.compare(first, "main")

    assert (compared.status, compared.ahead_by, compared.behind_by) == ("ahead", 1, 0)
    assert len(list(compared.files)) == 3


def test_search_finds_every_word_in_this_repository_only(sandbox: GithubSandbox) -> None:
    """All words must be in the file; another repository finds nothing."""
    here = call(sandbox, "GET", "/search/code", params={"q": f'"sum(items)" repo:{REPO}'}).json()
    elsewhere = call(sandbox, "GET", "/search/code", params={"q": "sum repo:octo/other"}).json()

    assert [row["path"] for row in here["items"]] == ["src/cart.py"]
    assert elsewhere["total_count"] == 0


def test_pull_request_is_in_a_readable_file_and_on_an_escaped_page(
    sandbox: GithubSandbox, repository: Any, git_dir: Path
) -> None:
    """It is found by its head, labelled, stored as JSON, and shown without running its HTML."""
    first = repository.get_commit("main").parents[0].sha
    repository.create_git_ref("refs/heads/base", first)
    pull = repository.create_pull("base", "main", title="<script>alert(1)</script>", body="a <b> & c", draft=True)
    pull.add_to_labels("incident", "incident")

    pulls = list(repository.get_pulls(state="open", head="octo:main"))
    page = requests.get(pull.html_url, timeout=10)
    assert [row.number for row in pulls] == [pull.number]
    assert [label.name for label in pulls[0].labels] == ["incident"]
    assert json.loads((git_dir / "pulls.json").read_text())["pulls"][0]["draft"] is True
    assert page.headers["Content-Type"].startswith("text/html")
    assert "<script>" not in page.text
    assert "&lt;script&gt;" in page.text
    assert "return sum(items) / len(items)" in page.text


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "message"),
    [
        ("POST", "git/refs", {"ref": "refs/heads/main", "sha": "HEAD"}, 422, "Reference already exists"),
        ("POST", "git/refs", {"ref": "refs/heads/x", "sha": "0" * 40}, 422, "Object does not exist"),
        ("GET", "commits/nowhere", None, 422, "No commit found for SHA: nowhere"),
        ("GET", "git/ref/heads/nowhere", None, 404, "Not Found"),
        ("POST", "pulls", {"title": "t", "head": "main", "base": "main"}, 422, "No commits between main and main"),
        ("POST", "git/trees", {"tree": "x"}, 422, "wasn't supplied"),
    ],
)
def test_errors_have_githubs_shape(
    sandbox: GithubSandbox, git_dir: Path, method: str, path: str, body: Any, status: int, message: str
) -> None:
    """Each error has GitHub's status and message."""
    if body and body.get("sha") == "HEAD":
        body = {**body, "sha": git(git_dir, "rev-parse", "HEAD")}
    reply = call(sandbox, method, f"/repos/{REPO}/{path}", json=body)

    assert reply.status_code == status
    assert message in json.dumps(reply.json())


def test_wrong_token_is_401_and_unauthenticated_clients_see_nothing(sandbox: GithubSandbox, git_dir: Path) -> None:
    """A wrong token is 401; without one a private repository is 404, and a public one is read-only."""
    url = f"{sandbox.url}/repos/{REPO}"
    wrong = requests.get(url, headers={"Authorization": "token other"}, timeout=10)
    assert (wrong.status_code, wrong.json()["message"]) == (401, "Bad credentials")
    assert requests.get(url, timeout=10).status_code == 404

    with GithubSandbox(git_dir, REPO, token=TOKEN, is_public=True) as public:
        assert requests.get(f"{public.url}/repos/{REPO}", timeout=10).status_code == 200
        assert requests.post(f"{public.url}/repos/{REPO}/git/refs", json={}, timeout=10).status_code == 401


def test_parallel_runs_create_one_branch_and_one_pull_request(sandbox: GithubSandbox, git_dir: Path) -> None:
    """A reference or pull request is created once, as on GitHub."""
    parent = git(git_dir, "rev-parse", "main^")
    body = {"ref": "refs/heads/base", "sha": parent}
    pull = {"title": "t", "head": "main", "base": "base"}
    with ThreadPoolExecutor(8) as pool:
        refs = list(pool.map(lambda _: call(sandbox, "POST", f"/repos/{REPO}/git/refs", json=body), range(8)))
        pulls = list(pool.map(lambda _: call(sandbox, "POST", f"/repos/{REPO}/pulls", json=pull), range(8)))

    assert sorted(reply.status_code for reply in refs) == [201] + [422] * 7
    assert sorted(reply.status_code for reply in pulls) == [201] + [422] * 7


def test_empty_repository_is_a_conflict(tmp_path: Path) -> None:
    """GitHub answers 409 while a repository has no commits."""
    subprocess.run(["git", "init", "-q", "--bare", tmp_path], check=True, timeout=30)
    with GithubSandbox(tmp_path, REPO) as empty:
        reply = requests.get(f"{empty.url}/repos/{REPO}/commits", timeout=10)

    assert (reply.status_code, reply.json()["message"]) == (409, "Git Repository is empty.")


def test_enterprise_prefix_is_kept_in_links(sandbox: GithubSandbox) -> None:
    """Clients of GitHub Enterprise use /api/v3, and get links with it."""
    body = call(sandbox, "GET", f"/api/v3/repos/{REPO}").json()

    assert body["url"] == f"{sandbox.url}/api/v3/repos/{REPO}"
    assert body["html_url"] == f"{sandbox.url}/{REPO}"


def test_fault_hook_replaces_the_answer(sandbox: GithubSandbox) -> None:
    """A test can make single requests fail."""
    sandbox.fault = lambda request: Reply(502) if request.method == "POST" else None

    assert call(sandbox, "POST", f"/repos/{REPO}/pulls", json={}).status_code == 502
    assert call(sandbox, "GET", f"/repos/{REPO}").status_code == 200


RECORDINGS = [
    ("pygithub_Commit.setUp.json", -1, f"/repos/{REPO}/commits/main"),
    ("pygithub_Repository.testGetBranch.json", -1, f"/repos/{REPO}/branches/main"),
    ("pygithub_Repository.testCompare.json", -1, f"/repos/{REPO}/compare/main...main"),
    ("pygithub_Repository.testGetContentsWithRef.json", -1, f"/repos/{REPO}/contents/windows.txt"),
    ("pygithub_Repository.testGetCommitsWithArguments.json", -1, f"/repos/{REPO}/commits"),
    ("pygithub_RateLimiting.testGetRateLimit.json", -1, "/rate_limit"),
    ("pygithub_Search.testSearchCode.json", 0, f"/search/code?q=sum+repo:{REPO}"),
]


@pytest.mark.parametrize(("recording", "index", "path"), RECORDINGS)
def test_every_field_has_the_type_that_github_sends(
    sandbox: GithubSandbox, recording: str, index: int, path: str
) -> None:
    """Fields that are in a recorded answer and in ours have the same type."""
    if not (RECORDED / recording).exists():
        pytest.skip(f"no recorded answers in {RECORDED}")
    recorded = json.loads((RECORDED / recording).read_text())[index]["response"]["body"]
    ours = call(sandbox, "GET", path).json()

    assert mismatches(recorded, ours) == []


def mismatches(recorded: Any, ours: Any, where: str = "$") -> list[str]:
    """Return where the types of two answers differ; null matches any type, lists are compared by their first item."""
    if recorded is None or ours is None:
        return []
    if type(recorded) is not type(ours):
        return [f"{where}: {type(ours).__name__}, GitHub has {type(recorded).__name__}"]
    if isinstance(recorded, list):
        return mismatches(recorded[0], ours[0], f"{where}[0]") if recorded and ours else []
    if isinstance(recorded, dict):
        shared = recorded.keys() & ours.keys()
        return [each for key in sorted(shared) for each in mismatches(recorded[key], ours[key], f"{where}.{key}")]
    return []


def test_deployments_and_releases_are_those_of_the_file(repository: Any, sandbox: GithubSandbox, git_dir: Path) -> None:
    """With their states newest first, as PyGithub reads them, and a page of each."""
    at = "2026-03-02T11:00:00+00:00"
    states = [{"state": "in_progress", "created_at": at}, {"state": "success", "created_at": at}]
    row = {"id": 7, "ref": "main", "environment": "production", "creator": "ada", "created_at": at, "statuses": states}
    release = {"id": 1, "tag_name": "v1", "published_at": at}
    (git_dir / "deployments.json").write_text(json.dumps({"deployments": [row], "releases": [release]}))

    (deployment,) = repository.get_deployments(environment="production")

    assert deployment.sha == git(git_dir, "rev-parse", "main")
    assert [one.state for one in deployment.get_statuses()] == ["success", "in_progress"]
    assert [one.tag_name for one in repository.get_releases()] == ["v1"]
    assert list(repository.get_deployments(environment="staging")) == []
    for page in ("deployments/production", "releases/tag/v1", "compare/main...main"):
        assert call(sandbox, "GET", f"/{REPO}/{page}").status_code == 200
