"""A sample of the measurement of secrets: `make hostile` makes the whole of it."""

import importlib

import pytest

from tests.hostile.secrets import measure

SEED = 7


def test_functions_keep_what_is_promised() -> None:
    """Where alerts and log lines enter, and where answers leave."""
    for row in measure.through_functions(SEED):
        assert row.is_good, (row.name, row.leaked, row.changed)


def test_secrets_are_in_nothing_that_leaves_the_product() -> None:
    """Neither in mail, hook, archive, trace store, log and prompts of one incident; its look-alikes are not masked."""
    row = measure.through_product(SEED, runs=1)

    assert row.is_good, (row.name, row.leaked, row.changed)
    assert "(100% of the lines got there)" in row.name


def test_secret_that_gets_through_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without redaction the measurement says what leaked."""
    module = importlib.import_module("shared.redaction.redact")
    monkeypatch.setattr(module, "_secrets", lambda _text, _rules: [])
    module._redact_once.cache_clear()

    row = measure.through_product(SEED, runs=1)

    assert row.recall < 0.2
    module._redact_once.cache_clear()


def test_second_opinion_is_optional(monkeypatch: pytest.MonkeyPatch) -> None:
    """The measurement works without the other scanners, and has a baseline of its own."""
    monkeypatch.setenv("PATH", "")

    rows = measure.baseline(SEED)

    assert len(rows) == 3
    assert all(row.recall < row_of_ours.recall for row, row_of_ours in zip(rows, measure.alone(SEED)[1:], strict=True))
