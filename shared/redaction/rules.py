"""What a redaction rule is.

Each pattern starts with fixed letters, or with a look-behind that stops it from starting again inside a run it has
already tried, and repeats possessively or up to a limit: so no text makes it slow.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar, NamedTuple

from shared.redaction.decoded_views import FILLER
from shared.redaction.patterns import Pattern

KINDS = frozenset(
    {
        *("private key", "age key", "aws access key", "aws session token", "google api key", "google oauth token"),
        *(
            "azure client secret",
            "azure key",
            "github token",
            "gitlab token",
            "slack token",
            "stripe key",
            "twilio key",
        ),
        *("sendgrid key", "mail service key", "npm token", "pypi token", "anthropic key", "openai key", "model key"),
        *("grafana token", "datadog key", "observability key", "vault token", "platform token", "workplace token"),
        *("telegram token", "jwt", "payment key", "package token", "ci token", "cloud key", "password hash"),
        *("authorization", "authorization code", "cookie", "webhook", "signature", "url password", "url token"),
        *("password", "secret", "key", "token", "session", "credentials", "card code", "one-time code", "ticket"),
        *("e-mail", "card number", "iban", "phone number", "ssh key"),
    }
)
"""Every kind of secret; `[cut: <kind>]` in a text is a placeholder only with one of them."""

_PLACEHOLDER = Pattern(rf"\[cut: (?:{'|'.join(sorted(KINDS, key=len, reverse=True))})\]")


def placeholder(kind: str) -> str:
    """Return what stands in place of a secret. `cut` stays: stored texts and deployed functions hold it already."""
    return f"[cut: {kind}]"


def without_placeholders(text: str) -> str:
    """Return what is left of a text without the placeholders of redacted secrets, and without white space around."""
    return _PLACEHOLDER.sub("", text).strip()


def filled(text: str) -> str:
    """Return the text with FILLER in place of placeholders, each as long as before, and free of what marks borders."""
    text = text.replace(FILLER, "\ufffd").replace("\0", "\ufffd")
    return _PLACEHOLDER.sub(lambda match: FILLER * len(match[0]), text) if "[cut: " in text else text


class Secret(NamedTuple):
    """Where a secret stands in a text, and of which kind it is."""

    start: int
    end: int
    kind: str


class Text:
    """A text to search, and the same in lower case: of the same length, so that both have the same places."""

    def __init__(self, text: str) -> None:
        self.text = text
        # The one letter that becomes two: U+0130, the capital I with a dot.
        self.lower = text.lower() if text.isascii() else text.replace("\u0130", "i").lower()


@dataclass(frozen=True)
class RedactionRule:
    """
    One kind of secret: its `shape` has a group `secret`; it is tried where a word holds one of `hints` (lower case).

    The shape is searched in the text itself, or in lower case when `is_folded`.
    """

    kind: str
    hints: tuple[str, ...]
    shape: str
    is_secret: Callable[[str], bool] | None = None
    is_folded: bool = False
    is_run: ClassVar[bool] = False
    """Whether such a secret is one long run of letters, digits and signs, so that its hints stand in one too."""

    @cached_property
    def pattern(self) -> Pattern:
        """The shape, compiled when first needed: most kinds never occur, and this keeps cold starts short."""
        return Pattern(self.shape)

    def may_match(self, words: str) -> bool:
        """Whether a text of these words, in lower case, can hold such a secret."""
        # A loop: for short texts, of which there are many, `any` costs three times as much.
        for hint in self.hints:  # noqa: SIM110
            if hint in words:
                return True
        return False

    def secrets(self, text: Text) -> Iterator[Secret]:
        """Yield the secrets of this kind."""
        for match in self.pattern.finditer(text.lower if self.is_folded else text.text):
            start, end = match.span("secret")
            if start < end and (self.is_secret is None or self.is_secret(text.text[start:end])):
                yield Secret(start, end, self.kind)


@dataclass(frozen=True)
class TokenRule(RedactionRule):
    """A token that starts with fixed letters; letters may be glued to it when the token itself looks random."""

    is_run: ClassVar[bool] = True

    def secrets(self, text: Text) -> Iterator[Secret]:
        """Yield the tokens of this kind."""
        for secret in super().secrets(text):
            before = text.text[secret.start - 1 : secret.start]
            token = text.text[secret.start : secret.end]
            if not before.isalnum() or _is_distinct(token):
                yield secret


def tokens(
    kind: str, shapes: Mapping[str, str], is_secret: Callable[[str], bool] | None = None
) -> tuple[TokenRule, ...]:
    """Return the rules of tokens that start with fixed letters: their shapes, by their hints with spaces between."""
    return tuple(
        TokenRule(kind, tuple(hints.split()), f"(?P<secret>{shape})", is_secret) for hints, shape in shapes.items()
    )


def after(
    kind: str, hints: tuple[str, ...], shape: str, is_secret: Callable[[str], bool] | None = None
) -> RedactionRule:
    """Return the rule of a secret that is known by the text around it, in upper or lower case."""
    return RedactionRule(kind, hints, shape, is_secret, is_folded=True)


def _is_distinct(token: str) -> bool:
    """Whether the token is clearly not the end of a name: it has capitals with digits, or is long and hexadecimal."""
    has_digit = any(char.isdigit() for char in token)
    return has_digit and (any(char.isupper() for char in token) or re.search(r"[0-9a-f]{32}", token) is not None)
