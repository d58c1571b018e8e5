"""Mail is signed in to and hooks are reached; no message is sent."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.doctor.check import Check
from infra.doctor.online import channels
from infra.doctor.online.run import check_network
from infra.local.sandboxes.gmail.server import GmailSandbox
from infra.local.sandboxes.hook.server import HookSandbox
from infra.local.sandboxes.http import Reply
from tests.shared.outbox.mail.mail_server import MailServer, running


@pytest.fixture
def gmail(tmp_path: Path) -> Iterator[GmailSandbox]:
    """A Gmail on loopback."""
    with GmailSandbox(tmp_path) as sandbox:
        yield sandbox


def of_gmail(gmail: GmailSandbox, **others: str) -> Check:
    """Return the check of a mailbox with the right grant, unless another is named."""
    values = {**gmail.grant.settings(gmail.url), **others}
    (check,) = check_network(values, {"mail": channels.check_mail})
    return check


def of_hook(url: str) -> Check:
    """Return the check of a hook at `url`."""
    (check,) = check_network({"POST_PROCESS_URL": url}, {"the hooks": channels.check_hooks})
    return check


def test_grant_is_exchanged_and_no_mail_is_sent(gmail: GmailSandbox) -> None:
    """The token is refreshed as before each mail."""
    check = of_gmail(gmail)

    assert (check.state, "GMAIL_REFRESH_TOKEN" in check.what) == ("ok", True)
    assert [request.path for request in gmail.requests] == ["/token"]


@pytest.mark.parametrize(("name", "fix"), [("GMAIL_REFRESH_TOKEN", "make gmail-grant"), ("GMAIL_CLIENT_SECRET", "")])
def test_refused_grant_is_wrong_and_not_printed(gmail: GmailSandbox, name: str, fix: str) -> None:
    """The fix is a new grant."""
    check = of_gmail(gmail, **{name: "refused-secret"})

    assert (check.state, fix in check.fix, "refused-secret" in str(check)) == ("wrong", True, False)


def test_busy_token_service_cannot_tell(gmail: GmailSandbox) -> None:
    """The grant may be right."""
    gmail.fail_next(Reply.of_text("", 429))

    assert of_gmail(gmail).state == "cannot tell"


def test_mail_server_is_signed_in_to_and_gets_no_mail() -> None:
    """By SMTP as by Gmail; a refused password names its variables."""
    with running(MailServer(replies={"AUTH": ["235 ok", "535 no"]})) as server:
        values = {
            "MAIL_PROVIDER": "smtp",
            "SMTP_HOST": "127.0.0.1",
            "SMTP_PORT": str(server.port),
            "SMTP_TLS": "off",
            "SMTP_USER": "me",
            "SMTP_PASSWORD": "refused-secret",
            "SMTP_FROM": "copilot@example.com",
        }
        (right,), (other,) = (check_network(values, {"mail": channels.check_mail}) for _ in range(2))

    assert (right.state, other.state, server.count("MAIL")) == ("ok", "wrong", 0)
    assert "SMTP_PASSWORD" in other.fix
    assert "refused-secret" not in str(other)


def test_no_mail_account_cannot_tell() -> None:
    """It is no mistake, and worth a line."""
    assert [check.state for check in check_network({}, {"mail": channels.check_mail})] == ["cannot tell"]


def test_hook_that_listens_is_reached_without_a_request(tmp_path: Path) -> None:
    """The connection alone is made."""
    with HookSandbox(tmp_path) as hook:
        check = of_hook(f"{hook.url}/secret-path")
        url = hook.url

    assert (check.state, hook.requests, "secret-path" in str(check)) == ("ok", [], False)
    assert of_hook(url).state == "wrong"


def test_hook_without_tls_is_wrong(tmp_path: Path) -> None:
    """A server that speaks plain HTTP on the port of an https address."""
    with HookSandbox(tmp_path) as hook:
        check = of_hook(f"https://127.0.0.1:{hook.port}/x")

    assert (check.state, "POST_PROCESS_URL" in check.fix) == ("wrong", True)


def test_hook_behind_a_proxy_was_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """A direct connection would say nothing about the way that messages take."""
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")

    assert of_hook("https://hook.example.com/x").state == "cannot tell"


def test_name_that_does_not_exist_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    """Looking it up fails before any connection."""

    def unresolved(*_: object, **__: object) -> None:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "create_connection", unresolved)

    check = of_hook("https://hook.exmaple.com/x")

    assert (check.state, "Name or service not known" in check.what) == ("wrong", True)
