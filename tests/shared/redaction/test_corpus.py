"""Redaction is measured on lines made for it: what it finds, and what it leaves alone."""

import pytest

from shared.redaction import redact, redact_lines
from tests.hostile.secrets import corpus, encodings
from tests.hostile.secrets.values import Line

SEED = 20
MIN_RECALL, MAX_FALSE = 0.97, 0.02


def _leaked(lines: list[Line]) -> list[str]:
    outputs = [(line, "\n".join(redact_lines(line.entries))) for line in lines]
    return [line.kind for line, output in outputs if any(corpus.is_leaked(each, output) for each in line.secrets)]


def _changed(lines: list[Line]) -> list[str]:
    return [line.kind for line in lines if redact_lines(line.entries) != list(line.entries)]


@pytest.mark.parametrize(
    "lines",
    [
        corpus.secret_lines(SEED, half=0),
        corpus.secret_lines(SEED, half=1),
        corpus.later_secret_lines("second", SEED),
        corpus.later_secret_lines("third", SEED),
    ],
    ids=["first half", "second half", "second set", "third set"],
)
def test_secrets_are_redacted(lines: list[Line]) -> None:
    """In lines of clouds, frameworks, databases and people, with values that no other run had."""
    assert len(lines) >= 70
    assert len(_leaked(lines)) <= (1 - MIN_RECALL) * len(lines), _leaked(lines)


@pytest.mark.parametrize(
    "lines",
    [
        corpus.lookalike_lines(SEED, half=0),
        corpus.lookalike_lines(SEED, half=1),
        corpus.later_lookalike_lines("second", SEED),
        corpus.later_lookalike_lines("third", SEED),
    ],
    ids=["first half", "second half", "second set", "third set"],
)
def test_lookalikes_stay(lines: list[Line]) -> None:
    """Ids, hashes, paths, versions, placeholders, prose and code are no secrets."""
    assert len(lines) >= 50
    assert len(_changed(lines)) <= MAX_FALSE * len(lines), _changed(lines)


@pytest.mark.parametrize("name", encodings.ENCODINGS)
def test_secret_is_redacted_in_every_encoding(name: str) -> None:
    """Nothing of it can be decoded from what is left."""
    for line in (line for line in encodings.encoded_lines(SEED) if line.kind == name):
        output = "\n".join(redact_lines(line.entries))
        layers = [*encodings.decoded(output), *encodings.decoded(output.replace("\n", ""))]

        assert not any(corpus.is_leaked(secret, layer) for secret in line.secrets for layer in layers), output


def test_redacting_lines_twice_changes_nothing() -> None:
    """What is redacted on its way in is redacted again on its way out."""
    lines = [*corpus.secret_lines(SEED), *corpus.later_secret_lines("second", SEED), *encodings.encoded_lines(SEED)]

    for line in lines:
        once = redact_lines(line.entries)
        assert redact_lines(once) == once
        assert [redact(entry) for entry in once] == once


def test_lines_of_one_log_do_not_change_each_other() -> None:
    """A log of ordinary lines stays as it is, in whatever order they were written."""
    entries = [entry for line in corpus.lookalike_lines(SEED) for entry in line.entries]

    assert redact_lines(entries) == entries
