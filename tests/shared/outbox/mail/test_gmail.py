"""Gmail against its sandbox, over real HTTP."""

import base64
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.local.sandboxes.gmail.server import GmailSandbox, google_error
from infra.local.sandboxes.http import Reply
from shared.errors import Refused, Throttled, Unavailable, Uncertain
from shared.outbox.mail.gmail import Gmail, GmailSettings
from tests.shared.outbox.mail.mails import PNG, mail

TOKEN = Reply.of_json({"access_token": "good", "expires_in": 3599, "token_type": "Bearer"})


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[GmailSandbox]:
    """A Gmail on loopback."""
    with GmailSandbox(tmp_path / "mails") as running:
        yield running


def settings(url: str, **changes: str | float) -> GmailSettings:
    """Settings that fit the sandbox's grant."""
    fields = {
        "gmail_client_id": "sandbox-client",
        "gmail_client_secret": "sandbox-secret",
        "gmail_refresh_token": "sandbox-refresh-token",
        "gmail_user_email": "copilot@example.com",
        "gmail_api_url": url,
        "gmail_token_url": f"{url}/token",
        "gmail_timeout_s": 5,
    }
    return GmailSettings.model_validate({**fields, **changes})


def gmail(url: str, **changes: str | float) -> Gmail:
    """A Gmail that does not wait between tries."""
    return Gmail(settings(url, **changes), sleep=lambda _: None)


def posts(sandbox: GmailSandbox) -> int:
    """How often a mail was posted, whatever the answer."""
    return sum(request.path.endswith("/send") for request in sandbox.requests)


def test_mail_arrives_with_text_html_and_image(sandbox: GmailSandbox) -> None:
    """A mail is related(alternative(text, html), image), with our Message-ID and both receivers."""
    sent = gmail(sandbox.url).send(mail())

    (got,) = sandbox.mails
    alternative, image = got.iter_parts()
    assert sent.provider_id != ""
    assert got["To"] == "ada@example.com, bo@example.com"
    assert got["From"] == "Incident CoPilot <copilot@example.com>"
    assert got["Subject"] == "[high] billing-worker: Größe fehlt"
    assert (got["Message-ID"], got["Auto-Submitted"]) == ("<inc-1.brief@incident-copilot>", "auto-generated")
    assert (got.get_content_type(), got.get_param("type")) == ("multipart/related", "multipart/alternative")
    assert [part.get_content_type() for part in alternative.iter_parts()] == ["text/plain", "text/html"]
    assert (image["Content-ID"], image.get_content()) == ("<chart-1@incident-copilot>", PNG)


def test_mail_without_images_is_a_plain_alternative(sandbox: GmailSandbox) -> None:
    """Without an image there is no related part."""
    gmail(sandbox.url).send(mail(images=()))

    assert sandbox.mails[0].get_content_type() == "multipart/alternative"


def test_revoked_grant_says_how_to_renew_it(sandbox: GmailSandbox) -> None:
    """invalid_grant is Refused and says how to get a new refresh token; the message holds no secret."""
    sandbox.is_revoked = True

    with pytest.raises(Refused, match=r"Renew it: .*GMAIL_REFRESH_TOKEN") as caught:
        gmail(sandbox.url).send(mail())

    assert "sandbox-refresh-token" not in str(caught.value)
    assert posts(sandbox) == 0


def test_wrong_client_is_refused_naming_its_variables(sandbox: GmailSandbox) -> None:
    """invalid_client names the two variables to check."""
    with pytest.raises(Refused, match=r"invalid_client.*GMAIL_CLIENT_ID and GMAIL_CLIENT_SECRET"):
        gmail(sandbox.url, gmail_client_secret="wrong").send(mail())


@pytest.mark.parametrize(
    ("reply", "error", "tries"),
    [
        (google_error(401, "UNAUTHENTICATED", "bad token", "authError"), Refused, 1),
        (google_error(403, "PERMISSION_DENIED", "no scope", "insufficientPermissions"), Refused, 1),
        (google_error(400, "INVALID_ARGUMENT", "no raw", "badRequest"), Refused, 1),
        (google_error(429, "RESOURCE_EXHAUSTED", "slow down", "rateLimitExceeded"), Throttled, 3),
        (google_error(403, "PERMISSION_DENIED", "slow down", "userRateLimitExceeded"), Throttled, 3),
        (google_error(503, "UNAVAILABLE", "backend", "backendError"), Unavailable, 3),
        (google_error(504, "DEADLINE_EXCEEDED", "late", "timeout"), Uncertain, 1),
        (google_error(408, "TIMEOUT", "late", "timeout"), Uncertain, 1),
        (Reply(200, b'{"id": "1234567890"}', is_truncated=True), Uncertain, 1),
    ],
)
def test_each_answer_means_one_error(sandbox: GmailSandbox, reply: Reply, error: type[Exception], tries: int) -> None:
    """Each answer to a mail becomes its error; a mail is sent again only when nothing was sent."""
    for _ in range(tries):
        sandbox.fail_next(TOKEN, reply)

    with pytest.raises(error):
        gmail(sandbox.url).send(mail())

    assert posts(sandbox) == tries


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (Reply(429), Throttled),
        (Reply(500), Unavailable),
        (Reply(503), Unavailable),
        (Reply(307, headers={"Location": "http://127.0.0.1:1/"}), Unavailable),
        (Reply.of_text("<html>welcome</html>"), Unavailable),
        (Reply(200, b"\xff"), Unavailable),
        (Reply.of_json({"access_token": None}), Unavailable),
        (Reply.of_text("<html>", 404), Refused),
    ],
)
def test_failing_token_service_sends_nothing(sandbox: GmailSandbox, reply: Reply, error: type[Exception]) -> None:
    """Whatever a token service, or a proxy in front of it, answers: no mail is posted, and the error says who acts."""
    sandbox.fail_next(*[reply] * 3)

    with pytest.raises(error):
        gmail(sandbox.url).send(mail())

    assert posts(sandbox) == 0


@pytest.mark.parametrize("reply", [Reply.of_text("<html>"), Reply.of_json([1]), Reply(200)])
def test_answer_that_is_no_json_object_is_uncertain(sandbox: GmailSandbox, reply: Reply) -> None:
    """A 200 without Gmail's JSON, perhaps from a proxy, does not say whether the mail was sent."""
    sandbox.fail_next(TOKEN, reply)

    with pytest.raises(Uncertain, match="not a JSON object"):
        gmail(sandbox.url).send(mail())


def test_mail_is_sent_once_after_the_service_recovers(sandbox: GmailSandbox) -> None:
    """A 503 promises that nothing was sent, so the mail is retried and arrives once."""
    sandbox.fail_next(TOKEN, google_error(503, "UNAVAILABLE", "backend", "backendError"))

    gmail(sandbox.url).send(mail())

    assert len(sandbox.mails) == 1


def test_timeout_after_send_is_uncertain(sandbox: GmailSandbox) -> None:
    """No reply within the budget is Uncertain, and the mail is not posted again."""
    sandbox.fail_next(TOKEN, Reply(200, b"{}", delay_s=5))

    with pytest.raises(Uncertain, match="may have been sent"):
        gmail(sandbox.url, gmail_timeout_s=0.3).send(mail())

    assert posts(sandbox) == 1


def test_closed_port_is_unavailable() -> None:
    """A connection that was never made promises that nothing happened."""
    with pytest.raises(Unavailable, match="token service"):
        gmail("http://127.0.0.1:1").send(mail())


def test_closed_api_is_unavailable(sandbox: GmailSandbox) -> None:
    """When the API cannot be reached, nothing is sent."""
    with pytest.raises(Unavailable, match="cannot be reached"):
        gmail(sandbox.url, gmail_api_url="http://127.0.0.1:1").send(mail())


def test_raw_is_base64url(sandbox: GmailSandbox) -> None:
    """Gmail reads base64url, not base64."""
    gmail(sandbox.url).send(mail(text="ÿþý???>>>" * 50))

    raw = sandbox.requests[-1].json()["raw"]
    assert base64.urlsafe_b64decode(raw)
    assert not set(raw) & {"+", "/"}


def test_secrets_are_not_shown_by_settings() -> None:
    """Printing the settings shows no secret."""
    text = repr(settings("http://127.0.0.1:1"))

    assert "sandbox-secret" not in text
    assert "sandbox-refresh-token" not in text
