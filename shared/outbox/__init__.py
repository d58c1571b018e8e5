"""The channels to people: mail, hook, archive. Each `connect_…()` returns None when its channel is not set up."""

import re

from pydantic import Field, SecretStr, TypeAdapter, ValidationError

from shared import json_text
from shared.errors import Misconfigured
from shared.outbox.port import Archive, Hook, Mailer
from shared.settings import Settings

_ADDRESS = re.compile(r"[^@\s<>,;:\"()\[\]\\]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+")


# One class per channel: a wrong variable of one must not stop the others.
class MailChoice(Settings):
    """Whether mail is set up: any Gmail variable means that it should be."""

    gmail_client_id: str | None = Field(None, description="OAuth client that was granted the mailbox.")
    gmail_client_secret: SecretStr | None = Field(None, description="The client's secret.")
    gmail_refresh_token: SecretStr | None = Field(None, description="The grant, scope gmail.send.")
    gmail_user_email: str | None = Field(None, description="The mailbox that sends.")

    @property
    def has_mail(self) -> bool:
        """At least one Gmail variable is set, so the rest must be."""
        mail = (self.gmail_client_id, self.gmail_client_secret, self.gmail_refresh_token, self.gmail_user_email)
        return any(mail)


class HookChoice(Settings):
    """Whether outcomes are posted to another system."""

    post_process_url: SecretStr | None = Field(
        None,
        description="Receiver of every outcome: any https URL, Slack or PagerDuty Events v2; unset, nothing is posted.",
    )


class ArchiveChoice(Settings):
    """Whether briefs are saved as files."""

    save_output: bool = Field(False, description="Save every brief as files.")


class OnCall(Settings):
    """Who receives the mail."""

    on_call_engineers: str = Field("", description="Required for mail: JSON list of addresses, or one.")


def connect_mail() -> Mailer | None:
    """Return the mailer, or None when no Gmail variable is set. Raises Misconfigured naming each missing one."""
    if not MailChoice.from_env().has_mail:
        return None
    from shared.outbox import gmail

    return gmail.Gmail(gmail.GmailSettings.from_env())


def connect_hook() -> Hook | None:
    """Return the hook, or None without POST_PROCESS_URL. Raises Misconfigured when the URL is not https."""
    if HookChoice.from_env().post_process_url is None:
        return None
    from shared.outbox import webhook

    return webhook.Webhook(webhook.WebhookSettings.from_env())


def connect_archive() -> Archive | None:
    """Return the archive, or None unless SAVE_OUTPUT is true. Raises Misconfigured when it is not a boolean."""
    if not ArchiveChoice.from_env().save_output:
        return None
    from shared.outbox import archive

    return archive.FileArchive(archive.ArchiveSettings.from_env())


def on_call() -> tuple[str, ...]:
    """
    Return the addresses of ON_CALL_ENGINEERS, each once; there is no default.

    Raises Misconfigured when it is empty or holds an invalid address.
    """
    addresses = tuple(dict.fromkeys(_addresses(OnCall.from_env().on_call_engineers)))
    if not addresses:
        raise Misconfigured("ON_CALL_ENGINEERS is empty: set a JSON list of mail addresses, or one address")
    for position, address in enumerate(addresses):
        if not _ADDRESS.fullmatch(address):
            raise Misconfigured(f"ON_CALL_ENGINEERS holds an invalid mail address, at position {position}")
    return addresses


def _addresses(text: str) -> list[str]:
    if not text.startswith("["):
        return [text] if text else []
    try:
        return [address.strip() for address in TypeAdapter(list[str]).validate_python(json_text.parsed(text))]
    except (ValueError, ValidationError):
        raise Misconfigured("ON_CALL_ENGINEERS is neither a JSON list of strings nor one mail address") from None
