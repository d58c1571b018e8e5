"""The channels to people: mail, hooks, archive. Each `connect_…()` returns None when its channel is not set up."""

from collections.abc import Callable
from typing import Literal
from urllib.parse import quote, urlsplit

from pydantic import Field, SecretStr

from shared import log
from shared.errors import Misconfigured
from shared.outbox.addresses import on_call as on_call
from shared.outbox.port import Archive, Hook, Mailer
from shared.settings import Settings


# One class per channel: a wrong variable of one must not stop the others.
class MailChoice(Settings):
    """Whether mail is set up, and by whom: any variable of a provider means that it should be."""

    mail_provider: Literal["gmail", "smtp"] | None = Field(
        None,
        description="gmail, or smtp: any mail server; unset, the one whose variables are set, Gmail if both are.",
    )
    gmail_client_id: str | None = Field(None, description="OAuth client that was granted the mailbox.")
    gmail_client_secret: SecretStr | None = Field(None, description="The client's secret.")
    gmail_refresh_token: SecretStr | None = Field(None, description="The grant, scope gmail.send.")
    gmail_user_email: str | None = Field(None, description="The mailbox that sends.")
    gmail_service_account: SecretStr | None = Field(
        None,
        description="JSON key of a service account with domain-wide delegation for gmail.send, which then sends as "
        "GMAIL_USER_EMAIL; used instead of the grant.",
    )

    smtp_host: str | None = Field(None, description="Mail server, for example smtp.example.com.")
    smtp_user: str | None = Field(None, description="Account of the mail server; unset, none is needed.")
    smtp_password: SecretStr | None = Field(None, description="Password of SMTP_USER, or a password for one app.")
    smtp_from: str | None = Field(None, description="Address that sends.")

    @property
    def provider(self) -> Literal["gmail", "smtp"] | None:
        """Who sends: the one that is named, else the one of which a variable is set, so that the rest must be."""
        if self.mail_provider is not None:
            return self.mail_provider
        grant = (self.gmail_client_id, self.gmail_client_secret, self.gmail_refresh_token)
        if any((*grant, self.gmail_user_email, self.gmail_service_account)):
            return "gmail"
        return "smtp" if any((self.smtp_host, self.smtp_user, self.smtp_password, self.smtp_from)) else None


class HookChoice(Settings):
    """Whether outcomes are posted to another system."""

    post_process_url: SecretStr | None = Field(
        None,
        description="Receiver of every outcome as JSON: any https URL; unset, nothing is posted. Slack's, PagerDuty's "
        "and the old Teams connectors' get their own shape.",
    )

    @property
    def host(self) -> str:
        """The receiver's host, empty without one."""
        return _host(self.post_process_url)


class SlackChoice(Settings):
    """Whether outcomes are posted to Slack: any of its variables means that they should be."""

    slack_webhook_url: SecretStr | None = Field(
        None, description="Slack's incoming webhook; unset, nothing is posted by one."
    )
    slack_bot_token: SecretStr | None = Field(
        None,
        description="Token (xoxb-…) of a Slack app with the scope chat:write, and channels:history to find its own "
        "message again.",
    )
    slack_channel: str | None = Field(None, description="Id (C…) of the channel that the bot posts to.")


class PagerDutyChoice(Settings):
    """Whether PagerDuty gets events."""

    pagerduty_routing_key: SecretStr | None = Field(
        None, description="Integration key (Events API v2) of a PagerDuty service; unset, PagerDuty gets no event."
    )


class TeamsChoice(Settings):
    """Whether outcomes are posted to Microsoft Teams."""

    teams_webhook_url: SecretStr | None = Field(
        None, description="Webhook of a Teams workflow that posts the card it gets; unset, nothing is posted to Teams."
    )


class ScheduleChoice(Settings):
    """Who is on call: the list, or a schedule."""

    oncall_provider: Literal["list", "pagerduty"] = Field(
        "list",
        description="list: ON_CALL_ENGINEERS get the mail; pagerduty: whoever is on the schedule, and the list when "
        "that cannot be read.",
    )


class PageChoice(Settings):
    """Where an incident has a page."""

    incident_page_url: str = Field(
        "",
        pattern=r"^$|^https?://[^\s]*\{incident_id\}[^\s]*$",
        description="Address of an incident's page with {incident_id} in it, for example the console's; unset, no hook "
        "links one.",
    )


class ArchiveChoice(Settings):
    """Whether briefs are saved as files."""

    save_output: bool = Field(False, description="Save every brief as files.")


def connect_mail() -> Mailer | None:
    """Return the mailer, or None when no variable of one is set. Raises Misconfigured naming each missing one."""
    choice = MailChoice.from_env()
    if choice.provider is None:
        return None
    if choice.provider == "smtp":
        from shared.outbox.mail import smtp

        return smtp.Smtp(smtp.SmtpSettings.from_env())
    from shared.outbox.mail import gmail

    if choice.gmail_service_account is not None:
        from shared.outbox.mail import delegation

        return gmail.Gmail(delegation.DelegationSettings.from_env())
    return gmail.Gmail(gmail.GmailSettings.from_env())


def connect_hook() -> Hook | None:
    """
    Return the hook, or None without POST_PROCESS_URL. Raises Misconfigured when the URL is not https.

    An address of Slack, PagerDuty or an old Teams connector gets that system's shape, as it did before each had
    variables of its own.
    """
    choice = HookChoice.from_env()
    if choice.post_process_url is None:
        return None
    from shared.outbox import pagerduty, slack, teams, webhook

    settings = webhook.WebhookSettings.from_env()
    if choice.host == slack.HOST:
        return slack.SlackWebhook(settings.post_process_url, settings.post_process_timeout_s)
    if choice.host.endswith(teams.OLD_CONNECTORS):
        return teams.Teams(settings.post_process_url, settings.post_process_timeout_s)
    if choice.host == pagerduty.HOST:
        if PagerDutyChoice.from_env().pagerduty_routing_key is None:
            raise Misconfigured("PAGERDUTY_ROUTING_KEY is needed when POST_PROCESS_URL is PagerDuty's")
        return pagerduty.PagerDuty(pagerduty.PagerDutySettings.from_env())
    return webhook.Webhook(settings)


def connect_slack() -> Hook | None:
    """Return Slack, or None without any of its variables. Raises Misconfigured naming what is missing or wrong."""
    choice = SlackChoice.from_env()
    if not any((choice.slack_webhook_url, choice.slack_bot_token, choice.slack_channel)):
        return None
    from shared.outbox import slack

    settings = slack.SlackSettings.from_env()
    if settings.slack_bot_token is not None:
        return slack.SlackBot(settings)
    assert settings.slack_webhook_url, "the settings check that there is one of the two"
    return slack.SlackWebhook(settings.slack_webhook_url, settings.post_process_timeout_s)


def connect_pagerduty() -> Hook | None:
    """Return PagerDuty, or None without its key, and while POST_PROCESS_URL is PagerDuty's, which has the same key."""
    if PagerDutyChoice.from_env().pagerduty_routing_key is None:
        return None
    from shared.outbox import pagerduty

    if HookChoice.from_env().host == pagerduty.HOST:
        return None
    return pagerduty.PagerDuty(pagerduty.PagerDutySettings.from_env())


def connect_pagerduty_change() -> Hook | None:
    """Return what takes change events, or None without PagerDuty's key."""
    if PagerDutyChoice.from_env().pagerduty_routing_key is None:
        return None
    from shared.outbox import pagerduty

    return pagerduty.PagerDutyChanges(pagerduty.PagerDutySettings.from_env())


def connect_teams() -> Hook | None:
    """Return Teams, or None without its webhook. Raises Misconfigured when its URL is not https."""
    if TeamsChoice.from_env().teams_webhook_url is None:
        return None
    from shared.outbox import teams

    settings = teams.TeamsSettings.from_env()
    return teams.Teams(settings.teams_webhook_url, settings.post_process_timeout_s)


def connect_archive() -> Archive | None:
    """Return the archive, or None unless SAVE_OUTPUT is true. Raises Misconfigured when it is not a boolean."""
    if not ArchiveChoice.from_env().save_output:
        return None
    from shared.outbox import archive

    return archive.FileArchive(archive.ArchiveSettings.from_env())


HOOKS: dict[str, Callable[[], Hook | None]] = {
    "slack": connect_slack,
    "pagerduty": connect_pagerduty,
    "pagerduty_change": connect_pagerduty_change,
    "teams": connect_teams,
}
"""How to open each hook that has variables of its own, by its channel's name."""


def scheduled() -> tuple[str, ...]:
    """
    Return who is on the schedule of ONCALL_PROVIDER; nobody when that is the list.

    Raises Misconfigured, and what the schedule raises when it cannot be read or has nobody.
    """
    if ScheduleChoice.from_env().oncall_provider == "list":
        return ()
    from shared.outbox import schedule

    return schedule.PagerDutySchedule(schedule.ScheduleSettings.from_env()).addresses()


def incident_page(incident_id: str) -> str | None:
    """Return the address of an incident's page, or None without INCIDENT_PAGE_URL; a wrong setting links none."""
    try:
        url = PageChoice.from_env().incident_page_url
    except Misconfigured as error:
        log.error("outbox.page_misconfigured", error=str(error))
        return None
    return url.replace("{incident_id}", quote(incident_id, safe="")) or None


def _host(url: SecretStr | None) -> str:
    """Return the host of an address, empty for what is none."""
    try:
        return urlsplit(url.get_secret_value()).hostname or "" if url else ""
    except ValueError:
        return ""
