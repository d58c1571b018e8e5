"""What a redaction rule is.

Each pattern starts with fixed letters, or with a look-behind that stops it from starting again inside a run it has
already tried, and repeats possessively or up to a limit: so no text makes it slow. A look-behind stands after the fixed
letters that it is about, as the search skips at once to where these are; what starts with no fixed letters is found by
the first ones in it (`before`).
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
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

REACH = 64
"""Characters that `before` of a rule matches at most."""

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


def folded(text: str) -> str:
    """Return the text in lower case, of the same length; of everything that is compared, so that all of it agrees."""
    # The one letter that becomes two: U+0130, the capital I with a dot, which a Turkish system makes of each small i.
    return text.lower() if text.isascii() else text.replace("\u0130", "i").lower()


class Text:
    """
    A text to search, and the same in lower case: of the same length, so that both have the same places.

    `words` is a text of its words, each once, in lower case.
    """

    def __init__(self, text: str, words: str = "") -> None:
        self.text = text
        self.words = words
        self.lower = folded(text)


def places(part: str, text: str) -> list[int]:
    """Return where a part stands in a text, in order."""
    starts, start = [], text.find(part)
    while start >= 0:
        starts.append(start)
        start = text.find(part, start + 1)
    return starts


@dataclass(frozen=True)
class RedactionRule:
    """
    One kind of secret: its `shape` has a group `secret`; it is tried where a word holds one of `hints` (lower case).

    The shape is searched in the text itself, or in lower case when `is_folded`. What matches `before` ends where the
    shape starts, and never holds what the shape starts with; a group `secret` of it is where the secret starts.
    Where `starts` are listed, one of these words, in lower case, stands where the shape starts: each of them is found
    faster than any of them. What matches `in_word` stands in one word of every such secret, or at its end.
    """

    kind: str
    hints: tuple[str, ...]
    shape: str
    is_secret: Callable[[str], bool] | None = None
    is_folded: bool = False
    before: str = ""
    starts: tuple[str, ...] = ()
    in_word: str = ""
    is_run: ClassVar[bool] = False
    """Whether such a secret is one long run of letters, digits and signs, so that its hints stand in one too."""

    @cached_property
    def pattern(self) -> Pattern:
        """The shape, compiled when first needed: most kinds never occur, and this keeps cold starts short."""
        return Pattern(self.shape)

    @cached_property
    def pattern_in_word(self) -> Pattern:
        """`in_word`, for words that each end with white space."""
        return Pattern(self.in_word)

    def secrets(self, text: Text) -> Iterator[Secret]:
        """Yield the secrets of this kind."""
        for start, end in self._spans(text):
            if start < end and (self.is_secret is None or self.is_secret(text.text[start:end])):
                yield Secret(start, end, self.kind)

    @cached_property
    def _pattern_before(self) -> Pattern:
        return Pattern(rf"(?:{self.before})\Z")

    def _spans(self, text: Text) -> Iterator[tuple[int, int]]:
        searched = text.lower if self.is_folded else text.text
        if self.before:
            yield from self._spans_behind(searched)
            return
        for match in self._matches_at(text) if self.starts else self.pattern.finditer(searched):
            yield match.span("secret")

    def _matches_at(self, text: Text) -> Iterator[re.Match[str]]:
        """Yield what a search for the shape would, from the places of `starts`."""
        done = 0
        for start in sorted(place for word in self.starts if word in text.words for place in places(word, text.lower)):
            match = self.pattern.match(text.lower, start) if start >= done else None
            if match:
                done = match.end()
                yield match

    def _spans_behind(self, text: str) -> Iterator[tuple[int, int]]:
        """Yield what a search for `before` and the shape as one would: nothing that starts inside another match."""
        place = done = 0
        while match := self.pattern.search(text, place):
            start, place = match.start(), match.start() + 1
            if front := self._pattern_before.search(text, max(done, start - REACH), start):
                yield (front if "secret" in front.re.groupindex else match).start("secret"), match.end("secret")
                place = done = match.end()


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


class Hints:
    """Hints to look for in the words of a text: where a part of one stands nowhere, it need not be looked for."""

    def __init__(self, hints: Iterable[str]) -> None:
        self._by_part: dict[str, list[str]] = {}
        """Those that have a part in common, by it; those with none by an empty text."""
        self.all = frozenset(hints)
        for hint in sorted({*self.all, *map(_sign, self.all)} - {""}):
            self._by_part.setdefault(self._part_of(hint) or _sign(hint), []).append(hint)

    def _part_of(self, hint: str) -> str:
        """Return the longest other hint in a hint, of more than one character; an empty text without any."""
        sizes = range(len(hint) - 1, 1, -1)
        parts = (hint[start : start + size] for size in sizes for start in range(len(hint) - size + 1))
        return next((part for part in parts if part in self.all), "")

    def standing(self, words: str, new_words: str, before: Set[str] | None) -> set[str]:
        """
        Return those that stand in the words, and signs of them.

        Only those that stood `before` can stand in a word that is not new; all are new when it is None.
        """
        standing: set[str] = set()
        level = self._by_part[""] if words else []
        while level:
            if before is None:
                level = [hint for hint in level if hint in words]
            else:
                level = [hint for hint in level if hint in (words if hint in before else new_words)]
            standing.update(level)
            level = [hint for part in level if part in self._by_part for hint in self._by_part[part]]
        return standing


def _sign(hint: str) -> str:
    """Return the first sign of a hint; an empty text when it has none or is one."""
    return next((char for char in hint if not char.isalnum()), "") if len(hint) > 1 else ""


class Rules:
    """Rules in their order, and the hints that say which of them need a search of a text."""

    def __init__(self, rules: Sequence[RedactionRule], names: Iterable[str] = ()) -> None:
        self._rules, self._names = rules, names

    @cached_property
    def in_words(self) -> Hints:
        """The hints that stand in a word, and the names."""
        return Hints([*self._names, *self._by_word])

    @cached_property
    def in_runs(self) -> Hints:
        """The hints that stand in a run."""
        return Hints(self._by_run)

    @cached_property
    def _by_word(self) -> dict[str, list[int]]:
        return _by_hint(self._rules, is_run=False)

    @cached_property
    def _by_run(self) -> dict[str, list[int]]:
        return _by_hint(self._rules, is_run=True)

    def with_hints(self, in_words: Iterable[str], in_runs: Iterable[str]) -> list[RedactionRule]:
        """Return the rules with one of these hints, in their order."""
        numbers = {number for hint in in_words if hint in self._by_word for number in self._by_word[hint]}
        numbers.update(number for hint in in_runs if hint in self._by_run for number in self._by_run[hint])
        return [self._rules[number] for number in sorted(numbers)]


def _by_hint(rules: Sequence[RedactionRule], *, is_run: bool) -> dict[str, list[int]]:
    """Return the numbers of the rules that have a hint, by it."""
    numbers: dict[str, list[int]] = {}
    for number, rule in enumerate(rules):
        for hint in rule.hints if rule.is_run == is_run else ():
            numbers.setdefault(hint, []).append(number)
    return numbers


def tokens(
    kind: str, shapes: Mapping[str, str], is_secret: Callable[[str], bool] | None = None
) -> tuple[TokenRule, ...]:
    """Return the rules of tokens that start with fixed letters: their shapes, by their hints with spaces between."""
    return tuple(
        TokenRule(kind, tuple(hints.split()), f"(?P<secret>{shape})", is_secret) for hints, shape in shapes.items()
    )


def after(
    kind: str,
    hints: tuple[str, ...],
    shape: str,
    is_secret: Callable[[str], bool] | None = None,
    before: str = "",
    starts: tuple[str, ...] = (),
) -> RedactionRule:
    """Return the rule of a secret that is known by the text around it, in upper or lower case."""
    return RedactionRule(kind, hints, shape, is_secret, is_folded=True, before=before, starts=starts)


def _is_distinct(token: str) -> bool:
    """Whether the token is clearly not the end of a name: it has capitals with digits, or is long and hexadecimal."""
    has_digit = any(char.isdigit() for char in token)
    return has_digit and (any(char.isupper() for char in token) or re.search(r"[0-9a-f]{32}", token) is not None)
