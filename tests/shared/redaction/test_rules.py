"""The shortcuts of a search lose nothing: a rule finds what its whole expression would find."""

import random
import re
from collections.abc import Iterator

import pytest

from shared.redaction.decoded_views import View, listed
from shared.redaction.redact import RULES
from shared.redaction.rules import REACH, Hints, RedactionRule, Text, folded, places
from tests.hostile.secrets import corpus
from tests.planted_secrets import PLANTED

SEED = 20
ALL = RULES.with_hints(RULES.in_words.all, RULES.in_runs.all)
SIGNS = ["", " ", "\n", ":", "@", "://", "=", ".", "-", "+", "/", "a", "Z", "7", '"', "é", "\u0130"]
VALUES = [
    *("postgres", "jdbc:", "Qw7Er9Ty2", "123456", "a1", "4111 1111 1111 1111", "DE89 3704 0044 0532 0130 00"),
    *("AbcDef12@example.com", "a1 login ada Zx81kk2m"),
]


def _texts(rule: RedactionRule) -> Iterator[str]:
    """Yield lines with secrets, and soups of what the rule is about."""
    yield from (planted.line for planted in PLANTED)
    yield from ("\n".join(line.entries) for line in corpus.secret_lines(SEED))
    rng = random.Random(SEED)
    turkish = [word.upper().replace("I", "\u0130") for word in (*rule.hints, *rule.starts)]
    pieces = [*rule.hints, *rule.starts, *turkish, *SIGNS, *VALUES]
    yield from ("".join(rng.choices(pieces, k=rng.randint(2, 12))) for _ in range(2_000))


def _spans(rule: RedactionRule, text: Text) -> list[tuple[int, int]]:
    """Return where the secrets are that one search for all of the expression finds."""
    before, shape = rule.before, rule.shape
    if "<secret>" in before:
        before, shape = before.replace("?P<secret>", "?P<first>"), shape.replace("?P<secret>", "?P<last>")
        shape = f"(?P<secret>{before}{shape})"
    else:
        shape = f"(?:{before}){shape}" if before else shape
    spans = (match.span("secret") for match in re.finditer(shape, text.lower if rule.is_folded else text.text))
    return [(start, end) for start, end in spans if rule.is_secret is None or rule.is_secret(text.text[start:end])]


@pytest.mark.parametrize("rule", [rule for rule in ALL if rule.before or rule.starts], ids=lambda rule: rule.hints[0])
def test_search_from_inside_finds_what_the_whole_expression_does(rule: RedactionRule) -> None:
    """From its first fixed letters, or from the words that it starts with."""
    texts = [Text(text, folded(listed(View(text).words))) for text in _texts(rule)]

    secrets = [[(secret.start, secret.end) for secret in rule.secrets(text)] for text in texts]

    assert secrets == [_spans(rule, text) for text in texts]
    assert any(secrets)


@pytest.mark.parametrize("rule", [rule for rule in ALL if rule.in_word], ids=lambda rule: rule.kind)
def test_word_of_every_secret_holds_what_it_must(rule: RedactionRule) -> None:
    """So a text without such a word need not be searched."""
    texts = [text for text in _texts(rule) if list(rule.secrets(Text(text)))]

    assert texts
    assert all(rule.pattern_in_word.search(listed(View(text).words)) for text in texts)


@pytest.mark.parametrize("rule", [rule for rule in ALL if rule.before], ids=lambda rule: rule.hints[0])
def test_what_stands_before_a_shape_is_bounded(rule: RedactionRule) -> None:
    """A search that starts REACH characters earlier misses no start of it."""
    for text in _texts(rule):
        for match in re.finditer(rule.before, text.lower()):
            assert len(match[0]) <= REACH


def test_places_of_a_part_may_overlap() -> None:
    """Which of them counts is decided by the shape that is tried there."""
    assert places("aa", "aaab aa") == [0, 1, 5]
    assert places("x", "aaab") == []


def test_hints_stand_where_the_words_hold_them() -> None:
    """Those in others too, whatever stood in the words before."""
    hints = Hints(["key", "api-key", "=key", "@", "@tcp("])

    assert hints.standing("\nmy-api-key\n", "", None) & hints.all == {"key", "api-key"}
    assert hints.standing("\nx@tcp(\n", "\nx@tcp(\n", {"key"}) & hints.all == {"@", "@tcp("}
    assert hints.standing("\napi-key\n", "", {"key", "api-key", "-", "@"}) & hints.all == {"key", "api-key"}
    assert not hints.standing("", "", None)
