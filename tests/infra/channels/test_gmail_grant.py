"""`make gmail-grant` stores what Google granted, where nobody else reads it, with its day."""

import re
import stat
import subprocess
import threading
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import requests

from infra.channels.consent import Grant
from infra.channels.gmail_grant import main, store_in_file
from infra.doctor.offline import env_file
from tests.infra.channels.oauth_server import OauthServer

TODAY = date(2026, 3, 14)


@pytest.fixture
def google() -> Iterator[OauthServer]:
    """Google on loopback."""
    with OauthServer() as server:
        yield server


@pytest.fixture
def dotenv(tmp_path: Path, google: OauthServer) -> Path:
    """A .env with a client."""
    path = tmp_path / ".env"
    path.write_text(
        f"GMAIL_CLIENT_ID=client\nGMAIL_CLIENT_SECRET=client-secret\nGMAIL_TOKEN_URL={google.url}/token\n"
        "GMAIL_REFRESH_TOKEN=old\nPR_MODE=off"
    )
    return path


class Browser:
    """Opens the page that the command shows, and follows its redirect."""

    def __init__(self) -> None:
        self.threads: list[threading.Thread] = []

    def __call__(self, url: str) -> None:
        self.threads.append(threading.Thread(target=lambda: requests.get(url, timeout=5)))
        self.threads[-1].start()


@pytest.fixture
def browser() -> Iterator[Browser]:
    """A browser whose owner agrees at once."""
    opened = Browser()
    yield opened
    for thread in opened.threads:
        thread.join()


def test_token_replaces_the_old_one_and_nothing_else(
    dotenv: Path, google: OauthServer, browser: Browser, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its day stands beside it, and the token is not printed."""
    google.extra = {"refresh_token_expires_in": 604_800}

    status = main(["--env", str(dotenv), "--timeout", "10"], google.client.auth_url, browser)

    values = env_file.load(dotenv).values
    assert status == 0
    assert values["GMAIL_REFRESH_TOKEN"] == "refresh-1"
    assert (values["PR_MODE"], values["GMAIL_CLIENT_ID"]) == ("off", "client")
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", values["GMAIL_GRANTED_AT"])
    assert values["GMAIL_GRANT_DAYS"] == "7"
    printed = capsys.readouterr().out
    assert "publish the app" in printed
    assert not [secret for secret in ("refresh-1", "client-secret") if secret in printed]


def test_file_is_its_owners_alone(tmp_path: Path) -> None:
    """Whatever it was before, and also where there was none."""
    path = tmp_path / ".env"
    path.write_text("# GMAIL_REFRESH_TOKEN=example\nexport GMAIL_GRANTED_AT=2020-01-01\nGMAIL_GRANT_DAYS=7\n")
    path.chmod(0o644)

    store_in_file(path, Grant("new"), TODAY)
    store_in_file(tmp_path / "other.env", Grant("new"), TODAY)

    assert path.read_text() == "# GMAIL_REFRESH_TOKEN=example\nGMAIL_GRANTED_AT=2026-03-14\nGMAIL_REFRESH_TOKEN=new\n"
    assert [stat.S_IMODE(each.stat().st_mode) for each in (path, tmp_path / "other.env")] == [0o600, 0o600]
    assert sorted(each.name for each in tmp_path.iterdir()) == [".env", "other.env"]


def test_project_gets_a_version_of_the_secret_by_standard_input(
    dotenv: Path,
    google: OauthServer,
    browser: Browser,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """No argument list holds it, and .env stays as it is."""
    before, calls = dotenv.read_text(), []

    def run(command: list[str], **options: Any) -> subprocess.CompletedProcess[str]:
        calls.append((command, options.get("input")))
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(subprocess, "run", run)

    status = main(
        ["--env", str(dotenv), "--project", "example-project", "--timeout", "10"], google.client.auth_url, browser
    )

    ((command, text),) = calls
    assert (status, text, dotenv.read_text()) == (0, "refresh-1", before)
    assert command[:5] == ["gcloud", "secrets", "versions", "add", "GMAIL_REFRESH_TOKEN"]
    assert "refresh-1" not in " ".join(command)
    assert "GMAIL_GRANTED_AT" in capsys.readouterr().out


def test_missing_client_is_named_before_anything_opens(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """And where to read how one is made."""
    assert main(["--env", str(tmp_path / "none")]) == 1

    printed = capsys.readouterr()
    assert "GMAIL_CLIENT_ID and GMAIL_CLIENT_SECRET must be in .env" in printed.err
    assert "infra/README.md" in printed.err
    assert printed.out == ""


def test_refused_consent_stores_nothing(dotenv: Path, google: OauthServer, browser: Browser) -> None:
    """The old grant stays."""
    google.problem = "access_denied"

    assert main(["--env", str(dotenv), "--timeout", "10"], google.client.auth_url, browser) == 1
    assert env_file.load(dotenv).values["GMAIL_REFRESH_TOKEN"] == "old"
