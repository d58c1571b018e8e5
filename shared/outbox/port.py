"""The interfaces of the channels to people: a mailer, a hook, an archive."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable


@dataclass(frozen=True)
class InlineImage:
    """A PNG shown in the HTML as `cid:<content_id>`."""

    content_id: str
    png: bytes


@dataclass(frozen=True)
class Mail:
    """One mail; `message_id` is ours and stable per incident, so that a mail program recognises a repeat."""

    to: tuple[str, ...]
    subject: str
    html: str
    text: str
    message_id: str
    images: tuple[InlineImage, ...] = ()
    in_reply_to: str = ""
    """Message-ID of the mail that this one continues, in whose thread it is shown."""
    references: tuple[str, ...] = ()
    """Message-IDs of the mails before that one, the first of the thread leading."""


@dataclass(frozen=True)
class MailSent:
    """A mail that the provider accepted."""

    provider_id: str
    """The provider's id of the mail."""


class Mailer(Protocol):
    """Sends mail."""

    def send(self, mail: Mail) -> MailSent:
        """Send one mail. Raises Unavailable, Throttled, Refused (bad credentials), Uncertain (sent, no reply)."""
        ...


@runtime_checkable
class SignsIn(Protocol):
    """A mailer that can show its credentials without sending."""

    def sign_in(self) -> str:
        """Sign in once, and return where, in one sentence. Raises Unavailable, Throttled, Refused."""
        ...


class Hook(Protocol):
    """Posts outcomes to another system."""

    def call(self, payload: dict[str, Any], key: str, thread: str = "") -> str:
        """
        Post `payload` and return its receipt; by `key` the receiver recognises a repeat, where it can.

        `thread` is the receipt of the message that this one continues, for a system that has threads.
        Raises Unavailable, Throttled, Refused (4xx), Uncertain (sent, no reply).
        """
        ...


class Archive(Protocol):
    """Saves what was sent."""

    def save(self, name: str, content: bytes, images: Sequence[InlineImage] = ()) -> str:
        """Write `content` whole under `name`, with the images it shows in it; return where it is."""
        ...
