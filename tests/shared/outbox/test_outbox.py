"""Which channels are set up, and who is on call."""

import pytest

from shared import outbox
from shared.errors import Misconfigured
from shared.outbox.archive import FileArchive
from shared.outbox.mail.gmail import Gmail
from shared.outbox.mail.smtp import Smtp
from shared.outbox.pagerduty import PagerDuty, PagerDutyChanges
from shared.outbox.slack import SlackBot, SlackWebhook
from shared.outbox.teams import Teams
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
    assert [connect() for connect in outbox.HOOKS.values()] == [None] * 4


def test_everything_set_means_every_channel(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each channel's variables bring its adapter."""
    for name, value in {**GMAIL, "POST_PROCESS_URL": "https://example.com/h", "SAVE_OUTPUT": "1"}.items():
        monkeypatch.setenv(name, value)

    assert isinstance(outbox.connect_mail(), Gmail)
    assert isinstance(outbox.connect_hook(), Webhook)
    assert isinstance(outbox.connect_archive(), FileArchive)


SMTP = {"SMTP_HOST": "smtp.example.com", "SMTP_FROM": "copilot@example.com"}


@pytest.mark.parametrize(
    ("variables", "kind"),
    [
        (SMTP, Smtp),
        (GMAIL, Gmail),
        ({**GMAIL, **SMTP}, Gmail),
        ({**GMAIL, **SMTP, "MAIL_PROVIDER": "smtp"}, Smtp),
    ],
)
def test_mail_goes_by_the_provider_that_is_named_or_set_up(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], kind: type
) -> None:
    """MAIL_PROVIDER decides where both are set up."""
    for name, value in variables.items():
        monkeypatch.setenv(name, value)

    assert isinstance(outbox.connect_mail(), kind)


@pytest.mark.parametrize(
    ("variables", "missing"),
    [
        ({"MAIL_PROVIDER": "smtp"}, "SMTP_HOST.*SMTP_FROM"),
        ({"MAIL_PROVIDER": "gmail", **SMTP}, "GMAIL_CLIENT_ID"),
        ({"SMTP_PASSWORD": "s3cr3t"}, "SMTP_HOST"),
        ({**SMTP, "SMTP_USER": "me"}, "SMTP_USER and SMTP_PASSWORD"),
    ],
)
def test_partly_set_provider_names_what_is_missing(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], missing: str
) -> None:
    """A provider that is named but not set up is a mistake, whatever the other has."""
    for name, value in variables.items():
        monkeypatch.setenv(name, value)

    with pytest.raises(Misconfigured, match=missing):
        outbox.connect_mail()


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


@pytest.mark.parametrize(
    ("variables", "name", "kind"),
    [
        ({"SLACK_WEBHOOK_URL": "https://hooks.slack.com/services/x"}, "slack", SlackWebhook),
        ({"SLACK_BOT_TOKEN": "xoxb-1", "SLACK_CHANNEL": "C0123456"}, "slack", SlackBot),
        ({"PAGERDUTY_ROUTING_KEY": "k"}, "pagerduty", PagerDuty),
        ({"PAGERDUTY_ROUTING_KEY": "k"}, "pagerduty_change", PagerDutyChanges),
        ({"TEAMS_WEBHOOK_URL": "https://prod.logic.azure.com/workflows/x"}, "teams", Teams),
    ],
)
def test_each_hook_has_variables_of_its_own(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], name: str, kind: type
) -> None:
    """They can be set at the same time."""
    for variable, value in variables.items():
        monkeypatch.setenv(variable, value)

    assert isinstance(outbox.HOOKS[name](), kind)


def test_bot_is_taken_when_a_webhook_is_set_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """One message in Slack, and the bot has threads."""
    monkeypatch.setenv("SLACK_WEBHOOK_URL", "https://hooks.slack.com/services/x")
    monkeypatch.setenv("SLACK_BOT_TOKEN", "xoxb-1")
    monkeypatch.setenv("SLACK_CHANNEL", "C0123456")

    assert isinstance(outbox.connect_slack(), SlackBot)


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("https://hooks.slack.com/services/x", SlackWebhook),
        ("https://events.pagerduty.com/v2/enqueue", PagerDuty),
        ("https://example.webhook.office.com/webhookb2/x", Teams),
        ("https://prod.logic.azure.com/workflows/x", Webhook),
    ],
)
def test_address_of_a_known_system_gets_its_shape(monkeypatch: pytest.MonkeyPatch, url: str, kind: type) -> None:
    """As before each had variables of its own; a workflow of Azure may be anybody's, and gets the JSON."""
    monkeypatch.setenv("POST_PROCESS_URL", url)
    monkeypatch.setenv("PAGERDUTY_ROUTING_KEY", "k")

    assert isinstance(outbox.connect_hook(), kind)


def test_pagerduty_by_its_address_is_not_called_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both have the same key; the change events are sent all the same."""
    monkeypatch.setenv("POST_PROCESS_URL", "https://events.pagerduty.com/v2/enqueue")
    monkeypatch.setenv("PAGERDUTY_ROUTING_KEY", "k")

    assert outbox.connect_pagerduty() is None
    assert isinstance(outbox.connect_pagerduty_change(), PagerDutyChanges)


def test_pagerduty_by_its_address_needs_its_routing_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """PagerDuty's URL without a key is a wrong setting."""
    monkeypatch.setenv("POST_PROCESS_URL", "https://events.pagerduty.com/v2/enqueue")

    with pytest.raises(Misconfigured, match="PAGERDUTY_ROUTING_KEY"):
        outbox.connect_hook()


def test_incident_has_a_page_where_one_is_set_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """The id cannot leave its place in the address; a wrong setting links nothing."""
    assert outbox.incident_page("inc-1") is None
    monkeypatch.setenv("INCIDENT_PAGE_URL", "https://console.example.com/incidents/{incident_id}?tab=brief")
    assert outbox.incident_page("inc-1/../x") == "https://console.example.com/incidents/inc-1%2F..%2Fx?tab=brief"
    monkeypatch.setenv("INCIDENT_PAGE_URL", "https://console.example.com/")
    assert outbox.incident_page("inc-1") is None


def test_nobody_is_scheduled_by_default_and_a_wrong_provider_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """The list decides until a schedule is chosen, which needs its key."""
    assert outbox.scheduled() == ()
    monkeypatch.setenv("ONCALL_PROVIDER", "opsgenie")
    with pytest.raises(Misconfigured, match="ONCALL_PROVIDER"):
        outbox.scheduled()
    monkeypatch.setenv("ONCALL_PROVIDER", "pagerduty")
    with pytest.raises(Misconfigured, match="PAGERDUTY_API_TOKEN"):
        outbox.scheduled()
