"""Which channels to people a deployment has, by its settings and by which of its secrets have a value."""

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from infra.doctor.check import Check, ok, unknown, wrong

BLANK_VERSION = 1
"""The version that every secret starts with, which counts as unset; 0 where the secret is not made yet."""
HOW = (
    "for mail set MAIL_PROVIDER, ON_CALL_ENGINEERS and what infra/README.md, Mail, says; or deploy once with "
    "WITHOUT_CHANNEL=1, then give SLACK_WEBHOOK_URL, PAGERDUTY_ROUTING_KEY, TEAMS_WEBHOOK_URL or POST_PROCESS_URL "
    "a value by `make secret`, and deploy again"
)


@dataclass(frozen=True)
class ChannelSetup:
    """What a channel needs before it can deliver."""

    name: str
    settings: tuple[str, ...] = ()
    secrets: tuple[str, ...] = ()


CHANNELS = (
    ChannelSetup("mail by SMTP", ("SMTP_HOST", "SMTP_FROM", "ON_CALL_ENGINEERS")),
    ChannelSetup(
        "mail by Gmail, as a user",
        ("GMAIL_USER_EMAIL", "GMAIL_CLIENT_ID", "ON_CALL_ENGINEERS"),
        ("GMAIL_CLIENT_SECRET", "GMAIL_REFRESH_TOKEN"),
    ),
    ChannelSetup(
        "mail by Gmail, by a service account",
        ("GMAIL_USER_EMAIL", "ON_CALL_ENGINEERS"),
        ("GMAIL_SERVICE_ACCOUNT",),
    ),
    ChannelSetup("Slack's bot", ("SLACK_CHANNEL",), ("SLACK_BOT_TOKEN",)),
    ChannelSetup("Slack's webhook", (), ("SLACK_WEBHOOK_URL",)),
    ChannelSetup("PagerDuty", (), ("PAGERDUTY_ROUTING_KEY",)),
    ChannelSetup("Teams", (), ("TEAMS_WEBHOOK_URL",)),
    ChannelSetup("the hook", (), ("POST_PROCESS_URL",)),
)
"""Every way to people; any one of them is enough."""


def check_channels(settings: Mapping[str, str], latest_version: Callable[[str], int]) -> list[Check]:
    """
    Return that one channel can deliver, or what is missing for it.

    A secret can be given a value only after the first deployment has made it, so that one passes with a channel whose
    settings are there; a later one does not.
    """
    # PagerDuty's schedule names who gets the mail, too.
    receivers = {"ON_CALL_ENGINEERS"} if settings.get("ONCALL_PROVIDER") == "pagerduty" else set()
    named = [one for one in CHANNELS if set(one.settings) <= set(settings) | receivers]
    versions = functools.cache(latest_version)
    for channel in named:
        if all(versions(name) > BLANK_VERSION for name in channel.secrets):
            return [ok(f"{channel.name} is set up, so that a brief reaches somebody")]
    begun = [one for one in named if one.settings and all(versions(name) != BLANK_VERSION for name in one.secrets)]
    if begun:
        missing = [name for name in begun[0].secrets if not versions(name)]
        commands = "; ".join(f"`make secret NAME={name}`" for name in missing)
        return [unknown(f"{begun[0].name} lacks {', '.join(missing)} until the first deployment", f"then {commands}")]
    blank = [name for one in named if one.settings for name in one.secrets if versions(name) == BLANK_VERSION]
    if blank:
        commands = "; ".join(f"`make secret NAME={name}`" for name in dict.fromkeys(blank))
        return [
            wrong(f"no channel is set up: {', '.join(dict.fromkeys(blank))} have no value", f"{commands}; or {HOW}")
        ]
    return [wrong("no channel to people is set up, so that every incident would be published to nobody", HOW)]
