"""A sample of the measurement of secrets: `make hostile` makes the whole of it."""

import importlib

import pytest

from tests.hostile.secrets import corpus, measure, product

SEED = 7


def test_functions_keep_what_is_promised() -> None:
    """Where alerts and log lines enter, and where answers leave."""
    for row in measure.through_functions(SEED):
        assert row.is_good, (row.name, row.leaked, row.changed)


def test_secrets_are_in_nothing_that_leaves_the_product() -> None:
    """Lines come to every exit, and none with its secret; look-alikes are not masked."""
    row, _ = measure.through_product(SEED, runs=3)

    assert row.is_good, (row.name, row.leaked, row.changed, row.empty)
    assert "(100% of the lines got to one)" in row.name


def test_secret_that_gets_through_is_noticed_at_every_exit(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without redaction the measurement says what leaked, and where."""
    module = importlib.import_module("shared.redaction.redact")
    monkeypatch.setattr(module._Searcher, "secrets", lambda _self, _text: [])
    monkeypatch.setattr(module, "_RECENT", module.RecentResults(0))
    module._redact_once.cache_clear()

    without = product.measured(corpus.secret_lines(SEED), runs=3)

    assert len(without.leaked) > 0.8 * without.secrets
    assert [name for name in product.EXITS if not without.leaked_at[name]] == []
    module._redact_once.cache_clear()


def test_exit_that_no_line_came_to_is_noticed() -> None:
    """Of an empty exit nothing is measured, so nothing may be claimed."""
    one = product.measured(corpus.secret_lines(SEED), runs=1)

    assert "approval page" in one.empty
    assert "pull request" not in one.empty


def test_second_opinion_is_optional(monkeypatch: pytest.MonkeyPatch) -> None:
    """The measurement works without the other scanners, and has a baseline of its own."""
    monkeypatch.setenv("PATH", "")

    rows = measure.baseline(SEED)

    assert len(rows) == 3
    assert all(row.recall < row_of_ours.recall for row, row_of_ours in zip(rows, measure.alone(SEED)[1:], strict=True))
