"""Which channels are set up, and who is on call."""

import pytest

from shared import outbox
from shared.errors import Misconfigured
from shared.outbox.archive import FileArchive
from shared.outbox.gmail import Gmail
from shared.outbox.webhook import Webhook

GMAIL = {
    "GMAIL_CLIENT_ID": "id",
    "GMAIL_CLIENT_SECRET": "s3cr3t",
    "GMAIL_REFRESH_TOKEN": "t0k3n",
    "GMAIL_USER_EMAIL": "copilot@example.com",
}


def test_nothing_set_means_no_channel() -> None:
    """An empty environment means no mail, no hook and no archive."""
    assert (outbox.connect_mail(), outbox.connect_hook(), outbox.connect_archive()) == (None, None, None)


def test_everything_set_means_every_channel(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each channel's variables bring its adapter."""
    for name, value in {**GMAIL, "POST_PROCESS_URL": "https://example.com/h", "SAVE_OUTPUT": "1"}.items():
        monkeypatch.setenv(name, value)

    assert isinstance(outbox.connect_mail(), Gmail)
    assert isinstance(outbox.connect_hook(), Webhook)
    assert isinstance(outbox.connect_archive(), FileArchive)


@pytest.mark.parametrize("missing", sorted(GMAIL))
def test_partly_set_mail_names_what_is_missing(monkeypatch: pytest.MonkeyPatch, missing: str) -> None:
    """Three of four Gmail variables are a mistake, and the error names the fourth."""
    for name, value in GMAIL.items():
        monkeypatch.setenv(name, "" if name == missing else value)

    with pytest.raises(Misconfigured, match=missing) as caught:
        outbox.connect_mail()

    assert "s3cr3t" not in str(caught.value)


@pytest.mark.parametrize("value", ["false", "0", ""])
def test_archive_is_off_when_save_output_is_false(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    """SAVE_OUTPUT=false saves nothing."""
    monkeypatch.setenv("SAVE_OUTPUT", value)

    assert outbox.connect_archive() is None


def test_wrong_variable_of_one_channel_does_not_stop_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """A typo in SAVE_OUTPUT stops neither mail nor hook."""
    for name, value in {**GMAIL, "POST_PROCESS_URL": "https://example.com/h", "SAVE_OUTPUT": "maybe"}.items():
        monkeypatch.setenv(name, value)

    assert isinstance(outbox.connect_mail(), Gmail)
    assert isinstance(outbox.connect_hook(), Webhook)
    with pytest.raises(Misconfigured, match="SAVE_OUTPUT"):
        outbox.connect_archive()


@pytest.mark.parametrize(
    ("value", "addresses"),
    [
        ("ada@example.com", ("ada@example.com",)),
        ('["ada@example.com", " bo@example.com", "ada@example.com"]', ("ada@example.com", "bo@example.com")),
    ],
)
def test_on_call_is_a_list_or_one_address(
    monkeypatch: pytest.MonkeyPatch, value: str, addresses: tuple[str, ...]
) -> None:
    """Both forms are read; each address counts once."""
    monkeypatch.setenv("ON_CALL_ENGINEERS", value)

    assert outbox.on_call() == addresses


@pytest.mark.parametrize(
    "value",
    [
        "",
        "[]",
        "nobody",
        '["ada@example.com", "x"]',
        "[1]",
        "[",
        '["a@example.com\\r\\nBcc: b@c.de"]',
        "a@b@example.com",
    ],
)
def test_on_call_without_a_valid_address_is_misconfigured(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    """There is no default address, and the error for a wrong one names the variable."""
    monkeypatch.setenv("ON_CALL_ENGINEERS", value)

    with pytest.raises(Misconfigured, match="ON_CALL_ENGINEERS"):
        outbox.on_call()
