"""Every request the steps send and every answer of the sandbox match GitHub's own description of its API."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from infra.local.sandboxes.github.server import GithubSandbox
from infra.local.sandboxes.http import Reply, Request
from shared.code_host import reader as code_reader
from shared.contracts import FileEdit
from tests.functions.pull_requests.conftest import FIX, REPO, TOKEN, WritingSteps, incident, point_at
from tests.functions.pull_requests.openapi import OpenApi, fetched, path_of


@pytest.fixture(scope="session")
def github_api() -> OpenApi:
    """GitHub's description, from the user's cache or from npm; skipped without npm, but required in CI."""
    cache = Path(os.environ.get("XDG_CACHE_HOME", str(Path.home() / ".cache"))) / "incident-copilot"
    try:
        if shutil.which("npm") is None and not any(cache.glob("octokit-openapi-*.json")):
            raise FileNotFoundError("npm is not installed")
        return OpenApi(fetched(cache))
    except (OSError, subprocess.SubprocessError) as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(f"GitHub's OpenAPI description is not available: {error}")


@dataclass
class Exchange:
    """One request and the sandbox's answer."""

    request: Request
    reply: Reply


class RecordingSandbox(GithubSandbox):
    """Records its exchanges."""

    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        self.exchanges: list[Exchange] = []

    def answer(self, request: Request) -> Reply:
        """Answer as GitHub would, and record it."""
        reply = super().answer(request)
        self.exchanges.append(Exchange(request, reply))
        return reply


@pytest.fixture
def exchanges(steps: WritingSteps, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[list[Exchange]]:
    """Every kind of request the steps send: read, search, write, find again, refresh, also as an app."""
    with RecordingSandbox(steps.git_dir, REPO, token=TOKEN, collaborators=frozenset({"ada"})) as github:
        point_at(github, monkeypatch)
        reader = code_reader.connect(None)
        assert reader is not None
        head = reader.resolve("main") or ""
        reader.paths(head)
        reader.read("src/cart.py", head)
        reader.commit(head)
        reader.commits("main", path="src/cart.py", until=reader.commit(head).at, limit=3)
        reader.search("return sum")
        steps.both(incident(1))
        steps.both(incident(2))
        steps.both(incident(3), FileEdit(path="docs/new.md", original=None, new="New\n"), _deletion())
        monkeypatch.setenv("TRACES_PATH", str(tmp_path / "forgotten.sqlite3"))
        steps.both(incident(1), FIX.model_copy(update={"reason": "another reason"}))
        _as_app(monkeypatch)
        yield github.exchanges


def _deletion() -> FileEdit:
    return FileEdit(path="run.sh", original="echo one", new=None)


def _as_app(monkeypatch: pytest.MonkeyPatch) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )
    monkeypatch.setenv("GITHUB_APP_ID", "7")
    monkeypatch.setenv("GITHUB_APP_INSTALLATION_ID", "9")
    monkeypatch.setenv("GITHUB_APP_PRIVATE_KEY", pem.decode())
    reader = code_reader.connect(None)
    assert reader is not None
    reader.default_branch()


def test_every_request_is_one_github_describes(github_api: OpenApi, exchanges: list[Exchange]) -> None:
    """Address, parameters and body, with no field GitHub does not know."""
    problems = {}
    for each in exchanges:
        request = each.request
        body = request.json() if request.body else None
        errors = github_api.request_problems(request.method, path_of(request.raw_path), request.query, body)
        problems.update({f"{request.method} {request.raw_path}": errors} if errors else {})

    assert problems == {}
    written = {(each.request.method, each.request.path.removeprefix(f"/repos/{REPO}")) for each in exchanges}
    for expected in (
        ("POST", "/git/trees"),
        ("POST", "/git/commits"),
        ("POST", "/git/refs"),
        ("POST", "/pulls"),
        ("POST", "/issues/1/labels"),
        ("POST", "/pulls/1/requested_reviewers"),
        ("GET", "/search/code"),
        ("POST", "/app/installations/9/access_tokens"),
    ):
        assert expected in written


def test_sandbox_answers_in_githubs_shapes(github_api: OpenApi, exchanges: list[Exchange]) -> None:
    """Every field it returns has the type and values of GitHub's."""
    problems: dict[str, list[str]] = {}
    for each in exchanges:
        request, reply = each.request, each.reply
        if reply.status >= 400 or not reply.headers.get("Content-Type", "").startswith("application/json"):
            continue
        body = Request(request.method, request.raw_path, request.headers, reply.body).json()
        errors = github_api.answer_problems(request.method, path_of(request.raw_path), reply.status, body)
        if errors:
            problems[f"{request.method} {request.path} {reply.status}"] = errors[:5]

    assert problems == {}


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/repos/o/r/pulls", {"title": "x", "head": "h"}),
        ("POST", "/repos/o/r/pulls", {"title": "x", "head": "h", "base": "b", "drafty": True}),
        ("POST", "/repos/o/r/git/refs", {"ref": 1, "sha": "x"}),
        ("POST", "/repos/o/r/git/trees", {"tree": [{"mode": "999"}]}),
        ("PUT", "/repos/o/r/nowhere", None),
    ],
)
def test_wrong_requests_are_reported(github_api: OpenApi, method: str, path: str, body: Any) -> None:
    """The check itself can fail."""
    assert github_api.request_problems(method, path, {}, body)
