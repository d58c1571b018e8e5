"""Gmail against its sandbox, over real HTTP."""

import base64
from collections.abc import Iterator
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as settings_of_hypothesis
from hypothesis import strategies as st

from infra.local.sandboxes.gmail.server import GmailSandbox, google_error
from infra.local.sandboxes.http import Reply
from shared.errors import Refused, Throttled, Unavailable, Uncertain
from shared.outbox.gmail import Gmail, GmailSettings, compose
from shared.outbox.port import InlineImage, Mail

PNG = b"\x89PNG\r\n\x1a\nbytes"
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


def mail(**changes: Any) -> Mail:
    """A mail with one image."""
    fields: dict[str, Any] = {
        "to": ("ada@example.com", "bo@example.com"),
        "subject": "[high] billing-worker: Größe fehlt",
        "html": '<p>Hallo</p><img src="cid:chart-1@incident-copilot">',
        "text": "Hallo",
        "message_id": "<inc-1.brief@incident-copilot>",
        "images": (InlineImage("chart-1@incident-copilot", PNG),),
    }
    return Mail(**{**fields, **changes})


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


@pytest.mark.parametrize("field", ["subject", "message_id", "in_reply_to"])
def test_line_breaks_in_headers_inject_nothing(field: str) -> None:
    """A line break in a header's text becomes a space, never a header."""
    raw = compose(mail(**{field: "<a@b>\r\nBcc: evil@example.com\n\nbody"}), "copilot@example.com")

    got = message_from_bytes(raw, policy=policy.default)
    assert got["Bcc"] is None


ENCODED_WORDS = (
    "=?utf-8?q?Bestellung_f=FCr?= für",
    "=?utf-8?b?////?= ä",
    "=?x?q?y?=",
    "=?utf-8?q?=ED=A0=80?=ß",
    "ü" * 300,
)


@pytest.mark.parametrize("text", [*ENCODED_WORDS, "x" * 1_200, "\ud800 half", "a\x00b", "شركة\u202eabc"], ids=ascii)
def test_text_arrives_as_it_was_written(text: str) -> None:
    """Whoever can write a log line may write what looks like a mail's encoding, or what no encoding holds."""
    got = message_from_bytes(compose(mail(subject=text, text=text), "copilot@example.com"), policy=policy.default)

    body = got.get_body(("plain",))
    assert body is not None
    assert got["Subject"] == text.replace("\ud800", "?").replace("\x00", " ")
    assert body.get_content() == text.replace("\ud800", "?")


@settings_of_hypothesis(max_examples=300, deadline=None)
@given(text=st.text(st.characters(codec=None), max_size=200) | st.text("=?utf-8QqBb_ÄÖ\ud800\n ", max_size=120))
def test_no_text_makes_a_mail_fail(text: str) -> None:
    """Every line stays within what a mail server takes, and the headers are ours."""
    raw = compose(mail(subject=text, text=text, html=text, message_id=f"<{text}>"), "copilot@example.com")

    got = message_from_bytes(raw, policy=policy.default)
    assert max(map(len, raw.split(b"\r\n"))) <= 998
    assert (got["To"], got["Auto-Submitted"]) == ("ada@example.com, bo@example.com", "auto-generated")


def test_answer_stands_in_the_thread_of_the_mail_it_continues() -> None:
    """Mail programs join them by both headers; a mail of its own has neither."""
    answer = message_from_bytes(compose(mail(in_reply_to="<brief@x>"), "copilot@example.com"), policy=policy.default)
    single = message_from_bytes(compose(mail(), "copilot@example.com"), policy=policy.default)

    assert (answer["In-Reply-To"], answer["References"]) == ("<brief@x>", "<brief@x>")
    assert (single["In-Reply-To"], single["References"]) == (None, None)


def test_broken_address_is_refused() -> None:
    """An invalid address is refused before anything is sent."""
    with pytest.raises(Refused, match="address"):
        compose(mail(to=("a@example.com\r\nBcc: evil@example.com",)), "copilot@example.com")


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


def test_mail_carries_no_secret_whatever_made_it() -> None:
    """Subject, text and HTML are redacted once more before they leave; the code that opens the page stays."""
    leak = "DB_PASSWORD=hunter2x, code ABCD-EFGH-IJKL"
    sent = message_from_bytes(
        compose(mail(subject=leak, text=leak, html=f"<p>{leak.replace('=', '&#61;')}</p>"), "a@example.com"),
        policy=policy.default,
    )

    texts = [part.get_content() for part in sent.walk() if part.get_content_maintype() == "text"]
    assert len(texts) == 2
    assert "hunter2x" not in "".join([sent["Subject"], *texts])
    assert all("ABCD-EFGH-IJKL" in text for text in texts)
