"""A log of any number of lines has the shape of the scenario's own."""

import pytest

from infra.bench.brief.log_volumes import VOLUMES, Entry, thinned

LEVELS = ("ERROR", *["INFO"] * 9)
ENTRIES: list[Entry] = [(n * 1_000_000, f"line {n} {LEVELS[n % 10]} .", {"pod": "a"}) for n in range(500)]


@pytest.mark.parametrize("count", VOLUMES)
def test_exactly_so_many_lines_come_of_it(count: int) -> None:
    """Fewer are chosen evenly, more are repeated."""
    lines = thinned(ENTRIES, count)

    assert len(lines) == count
    assert [ns for ns, _, _ in lines] == sorted(ns for ns, _, _ in lines)


@pytest.mark.parametrize("count", VOLUMES)
def test_share_of_errors_stays(count: int) -> None:
    """A tenth of the lines, of a few lines two."""
    failing = sum(" ERROR " in text for _, text, _ in thinned(ENTRIES, count))

    assert failing == max(2, count // 10)


def test_copies_have_times_of_their_own() -> None:
    """No line of a stream replaces another."""
    times = [ns for ns, _, _ in thinned(ENTRIES, 10_000)]

    assert len(set(times)) == len(times)
