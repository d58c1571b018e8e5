"""No text makes a mail fail, adds a header or carries a secret."""

from email import message_from_bytes, policy

import pytest
from hypothesis import given
from hypothesis import settings as settings_of_hypothesis
from hypothesis import strategies as st

from shared.errors import Refused
from shared.outbox.mail.compose import compose
from tests.shared.outbox.mail.mails import mail


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
