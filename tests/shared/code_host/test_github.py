"""Access to GitHub: credentials, errors, and the choice of the repository."""

import json
import socket
import traceback
from pathlib import Path

import pytest
import requests
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from pydantic import SecretStr

from infra import bundle
from infra.local.sandboxes.github.server import GithubSandbox
from infra.local.sandboxes.http import Reply, Request, Sandbox
from shared.code_host import reader as code_reader
from shared.code_host import writer as code_writer
from shared.code_host.github import GithubSettings, writing
from shared.code_host.github_reader import GithubReader
from shared.code_host.github_writer import GithubWriter
from shared.errors import Misconfigured, Refused, Rejected, Throttled, Unavailable, Uncertain

RECORDED = bundle.ROOT.parent / "shared" / "payloads" / "github_api"


class Scripted(Sandbox):
    """Answers each path with its scripted reply."""

    def __init__(self, answers: dict[str, Reply]) -> None:
        super().__init__()
        self.answers = answers

    def answer(self, request: Request) -> Reply:
        """Return the answer for the path, else GitHub's 404."""
        return self.answers.get(request.path, Reply.of_json({"message": "Not Found"}, 404))


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No setting of the machine leaks into a test."""
    for name in ("GITHUB_REPO", "GITHUB_TOKEN", "GITHUB_BASE_BRANCH", "GITHUB_API_URL", "CODE_SEARCH_PROVIDER"):
        monkeypatch.delenv(name, raising=False)


def test_no_repository_means_no_reader_and_no_writer() -> None:
    """Both are None, not an error: the analysis continues without code."""
    assert code_reader.connect(None) is None
    assert code_writer.connect(None) is None


def test_unauthenticated_access_may_read_but_not_write(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a token, public repositories can be read."""
    monkeypatch.setenv("GITHUB_ALLOWED_REPOS", '["octo/*"]')
    reader = code_reader.connect("octo/shop")

    assert reader is not None
    assert reader.repo == "octo/shop"
    assert code_writer.connect("octo/shop") is None


@pytest.mark.parametrize("name", ["shop", "octo/shop/x", "../shop", "octo/..", "octo/a b", "https://github.com/o/r"])
def test_name_that_is_not_owner_and_name_is_rejected(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing else gets into a URL; the setting's error names the variable."""
    with pytest.raises(Rejected, match="owner/name"):
        code_reader.connect(name)
    monkeypatch.setenv("GITHUB_REPO", name)
    with pytest.raises(Misconfigured, match="GITHUB_REPO"):
        code_writer.connect(None)


def test_unknown_provider_is_misconfigured(monkeypatch: pytest.MonkeyPatch) -> None:
    """The variable is named."""
    monkeypatch.setenv("CODE_SEARCH_PROVIDER", "forge")
    monkeypatch.setenv("GITHUB_REPO", "octo/shop")
    with pytest.raises(Misconfigured, match="CODE_SEARCH_PROVIDER"):
        code_reader.connect("octo/shop")


def test_wrong_token_is_refused_and_not_shown(sandbox: GithubSandbox) -> None:
    """The message names the repository and GitHub's reason, not the token."""
    settings = GithubSettings(github_token=SecretStr("ghp_wrong_one"), github_api_url=sandbox.url)
    with pytest.raises(Refused) as caught:
        GithubReader(settings, sandbox.repo).default_branch()

    assert str(caught.value) == "GitHub answered 401 about the repository 'octo/shop': Bad credentials"
    assert "ghp_wrong_one" not in repr(settings) + "".join(traceback.format_exception(caught.value))


def test_absent_repository_is_refused(settings: GithubSettings) -> None:
    """A 404 is for the operator: a wrong name or no access."""
    with pytest.raises(Refused, match=r"404 about the repository 'octo/other'"):
        GithubReader(settings, "octo/other").paths("main")


def test_public_repository_is_read_without_authentication(git_dir: Path) -> None:
    """No token is sent when there is none."""
    with GithubSandbox(git_dir, "octo/shop", token="t", is_public=True) as public:
        reader = GithubReader(GithubSettings(github_api_url=public.url), "octo/shop")

        assert "src/cart.py" in reader.paths("main")
        assert {request.headers.get("Authorization") for request in public.requests} == {None}


def test_app_requests_its_own_token(sandbox: GithubSandbox) -> None:
    """A GitHub App signs in by itself; its key may have escaped line ends."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )
    settings = GithubSettings(
        github_app_id="7",
        github_app_private_key=SecretStr(pem.decode().replace("\n", "\\n")),
        github_app_installation_id=9,
        github_api_url=sandbox.url,
    )

    assert GithubReader(settings, sandbox.repo).default_branch() == "main"
    assert sandbox.requests[0].path == "/app/installations/9/access_tokens"


@pytest.mark.parametrize(("key", "installation_id"), [("garbage", 9), ("garbage", None)])
def test_app_with_incomplete_or_wrong_settings_is_misconfigured(key: str, installation_id: int | None) -> None:
    """The error names the variables and does not contain the key."""
    settings = GithubSettings(
        github_app_id="7", github_app_private_key=SecretStr(key), github_app_installation_id=installation_id
    )
    with pytest.raises(Misconfigured, match="GITHUB_APP_PRIVATE_KEY") as caught:
        GithubWriter(settings, "octo/shop")

    assert "garbage" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_refused_connection_is_unavailable() -> None:
    """A refused connection means that nothing happened, for writes too."""
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        settings = GithubSettings(
            github_token=SecretStr("t"), github_api_url=f"http://127.0.0.1:{reserved.getsockname()[1]}"
        )
        with pytest.raises(Unavailable, match="did not answer about the repository 'octo/shop'"):
            GithubReader(settings, "octo/shop").default_branch()
        with pytest.raises(Unavailable):
            GithubWriter(settings, "octo/shop").pulls.of_branch("b")


def test_write_is_unavailable_only_when_it_was_not_sent(sandbox: GithubSandbox) -> None:
    """Without a connection, nothing happened; sent without an answer, it may have happened."""
    sandbox.fail_next(Reply(delay_s=30))
    with pytest.raises(Uncertain, match="did not answer about a thing"), writing("a thing"):
        requests.post(sandbox.url, timeout=0.2)

    address = sandbox.url
    sandbox.stop()
    with pytest.raises(Unavailable), writing("a thing"):
        requests.post(address, timeout=5)


def test_reads_are_tried_three_times_at_most(sandbox: GithubSandbox, settings: GithubSettings) -> None:
    """A gateway's error is retried twice, then raised."""
    sandbox.fail_next(Reply(502), Reply(503, headers={"Retry-After": "600"}))
    assert GithubReader(settings, sandbox.repo).default_branch() == "main"
    assert len(sandbox.requests) == 3

    sandbox.fail_next(Reply(504), Reply(504), Reply(504))
    with pytest.raises(Unavailable, match="504"):
        GithubReader(settings, sandbox.repo).default_branch()
    assert len(sandbox.requests) == 6


def test_plain_server_error_is_unavailable(sandbox: GithubSandbox, settings: GithubSettings) -> None:
    """A 500 is raised at once."""
    sandbox.fail_next(Reply.of_json({"message": "Server Error"}, 500))
    with pytest.raises(Unavailable, match="500"):
        GithubReader(settings, sandbox.repo).default_branch()
    assert len(sandbox.requests) == 1


def test_no_reply_is_unavailable_within_the_timeout(sandbox: GithubSandbox) -> None:
    """A server that never answers does not block a function."""
    settings = GithubSettings(github_token=SecretStr("x"), github_api_url=sandbox.url, github_timeout_s=1)
    sandbox.fail_next(*[Reply(delay_s=30)] * 3)
    with pytest.raises(Unavailable, match="did not answer"):
        GithubReader(settings, sandbox.repo).default_branch()


SECONDARY = "You have exceeded a secondary rate limit. Please wait a few minutes before you try again."
PRIMARY = "API rate limit exceeded for user ID 1."


@pytest.mark.parametrize(
    ("status", "message", "headers", "wait_s"),
    [
        (403, SECONDARY, {"Retry-After": "37"}, 37),
        (403, SECONDARY, {}, 60),
        (403, PRIMARY, {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "1"}, 0),
        (429, "Too many requests", {"Retry-After": "5"}, 5),
    ],
)
def test_rate_limits_are_throttled_at_once(
    sandbox: GithubSandbox, settings: GithubSettings, status: int, message: str, headers: dict[str, str], wait_s: float
) -> None:
    """GitHub's wait is passed on, without sleeping and without a retry."""
    sandbox.fail_next(Reply.of_json({"message": message}, status, headers))
    with pytest.raises(Throttled) as caught:
        GithubReader(settings, sandbox.repo).default_branch()

    assert caught.value.retry_after_s == wait_s
    assert len(sandbox.requests) == 1


def test_forbidden_without_a_limit_is_refused(sandbox: GithubSandbox, settings: GithubSettings) -> None:
    """A 403 may also be a real refusal."""
    sandbox.fail_next(Reply.of_json({"message": "Resource not accessible by personal access token"}, 403))
    with pytest.raises(Refused, match="Resource not accessible"):
        GithubReader(settings, sandbox.repo).default_branch()


@pytest.mark.parametrize("body", [b'{"trunc', b'{"default_branch": 7}'])
def test_unexpected_format_is_unavailable(sandbox: GithubSandbox, settings: GithubSettings, body: bytes) -> None:
    """An answer that cannot be parsed counts as no answer."""
    sandbox.fail_next(Reply(200, body, {"Content-Type": "application/json"}))
    with pytest.raises(Unavailable, match="GitHub answered about"):
        GithubReader(settings, sandbox.repo).default_branch()


def test_html_page_instead_of_the_api_is_misconfigured(sandbox: GithubSandbox, settings: GithubSettings) -> None:
    """A web server answers 200 to anything; the error names the variable."""
    sandbox.fail_next(Reply(200, b"<html>Welcome</html>", {"Content-Type": "text/html"}))
    with pytest.raises(Misconfigured, match="GITHUB_API_URL"):
        GithubReader(settings, sandbox.repo).resolve("main")


def test_renamed_repository_is_read_at_its_new_address(git_dir: Path) -> None:
    """A redirect loses the parameters, so the new URL is resolved first."""
    with GithubSandbox(git_dir, "octo/shop") as github:
        moved = Reply(301, b"", {"Location": f"{github.url}/repos/octo/shop"})
        github.fault = lambda request: moved if request.path == "/repos/octo/old-name" else None
        reader = GithubReader(GithubSettings(github_api_url=github.url), "octo/old-name")

        assert reader.read("src/cart.py", "main") is not None
        assert not [request for request in github.requests if "old-name/" in request.path]


def test_recorded_commit_of_github_is_parsed() -> None:
    """GitHub's own recorded answer gives the same facts."""
    recording = RECORDED / "pygithub_Commit.setUp.json"
    if not recording.exists():
        pytest.skip(f"no recorded answers in {RECORDED}")
    recorded = json.loads(recording.read_text())[-1]["response"]["body"]
    answers = {
        "/repos/octo/shop": Reply.of_json({"full_name": "octo/shop", "default_branch": "main"}),
        f"/repos/octo/shop/commits/{recorded['sha']}": Reply.of_json(recorded),
    }
    with Scripted(answers) as github:
        commit = GithubReader(GithubSettings(github_api_url=github.url), "octo/shop").commit(recorded["sha"])

    assert (commit.sha, commit.message, commit.url) == (
        recorded["sha"],
        recorded["commit"]["message"],
        recorded["html_url"],
    )
    assert commit.at.isoformat() == "2012-05-09T16:22:33+00:00"
    assert commit.parents == tuple(parent["sha"] for parent in recorded["parents"])
    assert [change.path for change in commit.changes] == [file["filename"] for file in recorded["files"]]
    assert [change.patch for change in commit.changes] == [file.get("patch") for file in recorded["files"]]
