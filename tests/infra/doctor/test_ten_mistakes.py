"""`make doctor` against a stack with ten mistakes: one run names all ten, each with what to change."""

import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from infra.doctor.__main__ import main
from infra.local.sandboxes.gemini.server import GeminiSandbox
from infra.local.sandboxes.github.server import GithubSandbox
from infra.local.sandboxes.gmail.server import GmailSandbox
from infra.local.sandboxes.loki.server import LokiSandbox
from tests.fakes_code_host import Repository

MISTAKES = {
    "a misspelt name": ("LOKI_SERVICE_LABL is no variable", "write LOKI_SERVICE_LABEL"),
    "a value out of range": ("LOOKUP_WINDOW_SECONDS: Input should be greater", "set LOOKUP_WINDOW_SECONDS"),
    "a secret that is too short": ("GITHUB_WEBHOOK_SECRET: Value should have at least 16", "set GITHUB_WEBHOOK_SECRET"),
    "receivers that are no addresses": ("ON_CALL_ENGINEERS holds an invalid", "set ON_CALL_ENGINEERS"),
    "a label that Loki does not have": ("has the label service_name", "set LOKI_SERVICE_LABEL=app"),
    "a Prometheus that does not answer": ("Prometheus at", "check PROMETHEUS_HOST"),
    "a token that GitHub refuses": (
        "octo/shop",
        "check the name in GITHUB_REPO or SERVICE_REPOS, and that GITHUB_TOKEN",
    ),
    "a grant that was revoked": ("has expired or was revoked", "make gmail-grant"),
    "a hook that nobody listens at": ("POST_PROCESS_URL: 127.0.0.1 port", "check the address in POST_PROCESS_URL"),
    "a key that the model refuses": ("gemini-", "GEMINI_API_KEY"),
}


@pytest.fixture
def dotenv(tmp_path: Path) -> Iterator[Path]:
    """A .env of a running stack, with ten mistakes in it."""
    Repository(tmp_path / "work").commit({"shop.py": "PRICE = 1\n"}, "Start")
    git_dir = tmp_path / "shop.git"
    subprocess.run(["git", "clone", "-q", "--bare", tmp_path / "work", git_dir], check=True, timeout=30)
    lines = [{"stream": {"app": "shop"}, "values": [[str(time.time_ns()), "started"]]}]
    with ExitStack() as stack, socket.create_server(("127.0.0.1", 0)) as closed:
        loki = stack.enter_context(LokiSandbox(lines))
        github = stack.enter_context(GithubSandbox(git_dir, "octo/shop", token="right", pulls_path=tmp_path / "p.json"))
        gmail = stack.enter_context(GmailSandbox(tmp_path))
        gemini = stack.enter_context(GeminiSandbox())
        port = closed.getsockname()[1]
        # From here on nothing listens there.
        closed.close()
        path = tmp_path / ".env"
        path.write_text(
            f"""GRAFANA_HOST={loki.url}
LOKI_SERVICE_LABL=app
LOOKUP_WINDOW_SECONDS=-5
PROMETHEUS_HOST=http://127.0.0.1:{port}
GITHUB_REPO=octo/shop
GITHUB_API_URL={github.url}
GITHUB_TOKEN=a-wrong-token
GITHUB_WEBHOOK_SECRET=short
GEMINI_API_KEY=a-wrong-key
GEMINI_BASE_URL={gemini.url}
GMAIL_CLIENT_ID={gmail.grant.client_id}
GMAIL_CLIENT_SECRET={gmail.grant.client_secret}
GMAIL_REFRESH_TOKEN=a-revoked-grant
GMAIL_USER_EMAIL={gmail.grant.user_email}
GMAIL_API_URL={gmail.url}
GMAIL_TOKEN_URL={gmail.url}/token
ON_CALL_ENGINEERS=ada
POST_PROCESS_URL=https://127.0.0.1:{port}/hook
"""
        )
        yield path


def test_all_ten_are_named_with_the_remedy(dotenv: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """In one run, so that nobody finds them one after another; no secret is printed and no message sent."""
    status = main(["--env", str(dotenv)])

    printed = capsys.readouterr().out
    lines = [line for line in printed.splitlines() if line.startswith("wrong ")]
    missed = [
        mistake
        for mistake, (what, fix) in MISTAKES.items()
        if not [line for line in lines if what in line and fix in line.partition("Fix: ")[2]]
    ]
    assert (status, missed, len(MISTAKES)) == (1, [], 10), printed
    assert not [secret for secret in ("a-wrong-token", "a-wrong-key", "a-revoked-grant") if secret in printed]
