"""Which channels a deployment has, by its settings and the versions of its secrets."""

import pytest

from infra.channels.deployed_channels import CHANNELS, check_channels
from infra.doctor import variables

MAIL = {"GMAIL_USER_EMAIL": "x@example.com", "GMAIL_CLIENT_ID": "id", "ON_CALL_ENGINEERS": '["on-call@example.com"]'}


def test_every_variable_of_a_channel_is_read_by_a_function() -> None:
    """A renamed variable would leave a channel that nobody can set up."""
    rows = variables.every()

    assert [name for channel in CHANNELS for name in channel.settings if rows[name].is_secret] == []
    assert [name for channel in CHANNELS for name in channel.secrets if not rows[name].is_secret] == []


@pytest.mark.parametrize(
    ("version", "state", "word"),
    [(0, "cannot tell", "until the first deployment"), (1, "wrong", "have no value"), (2, "ok", "is set up")],
)
def test_mail_by_gmail_counts_with_its_secrets(version: int, state: str, word: str) -> None:
    """Before the first deployment they cannot have a value, after it they must."""
    (check,) = check_channels(MAIL, lambda name: version if name.startswith("GMAIL_") else 0)

    assert check.state == state
    assert word in check.what
    assert state == "ok" or "make secret NAME=GMAIL_CLIENT_SECRET" in check.fix


def test_schedule_names_receivers_as_a_list_does() -> None:
    """ONCALL_PROVIDER=pagerduty needs no ON_CALL_ENGINEERS."""
    settings = {"SMTP_HOST": "smtp.example.com", "SMTP_FROM": "x@example.com"}

    assert check_channels(settings, lambda _: 1)[0].state == "wrong"
    assert check_channels({**settings, "ONCALL_PROVIDER": "pagerduty"}, lambda _: 1)[0].state == "ok"


def test_no_channel_says_how_to_set_one_up() -> None:
    """Every way is named."""
    (check,) = check_channels({"ON_CALL_ENGINEERS": '["on-call@example.com"]'}, lambda _: 1)

    assert check.state == "wrong"
    assert all(name in check.fix for name in ("MAIL_PROVIDER", "SLACK_WEBHOOK_URL", "POST_PROCESS_URL", "make secret"))
