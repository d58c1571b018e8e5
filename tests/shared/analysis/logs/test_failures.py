"""The lines of one failure are counted once, and only where that is safe."""

import pytest

from shared.analysis.logs.failures import MAX_LINES, Failures


def counted(*lines: str) -> int:
    """Return how many failures these error lines are."""
    failures = Failures()
    for line in lines:
        failures.add(line)
    return failures.count


@pytest.mark.parametrize(
    ("error", "access"),
    [
        ("ERROR [app] [{0}] unhandled error", "INFO [app] [{0}] POST /checkout status=500"),
        ("ERROR request_id={0} failed", '10.0.0.1 "GET / HTTP/1.1" 500 {0}'),
        ("ERROR trace 4bf92f3577b34da6{0} failed", "GET /a 500 4bf92f3577b34da6{0}"),
        ("ERROR f81d4fae-7dec-11d0-a765-00a0{0} failed", "GET /a 500 f81d4fae-7dec-11d0-a765-00a0{0}"),
    ],
)
def test_error_line_and_access_line_of_one_request_are_one_failure(error: str, access: str) -> None:
    """69 failures were reported as 138 errors."""
    lines = [text.format(f"{0xDBF9C803 + number:08x}") for number in range(69) for text in (error, access)]

    assert counted(*lines) == 69


def test_lines_without_an_id_count_each() -> None:
    """Nothing says which belong together."""
    assert counted(*["ERROR connection refused"] * 5, "ERROR order 12345678 failed") == 6


def test_token_that_all_lines_share_is_no_request() -> None:
    """The hash of a build stands in each line."""
    assert counted(*["ERROR build 4c1d9e07aa failed"] * (MAX_LINES + 1)) == MAX_LINES + 1


def test_number_is_an_id_where_others_of_its_length_are() -> None:
    """One in forty random ids of eight digits is a number; a date of eight digits is no id."""
    assert counted("ERROR [dbf9c803] a", "GET [dbf9c803] 500", "ERROR [12345678] a", "GET [12345678] 500") == 2
    assert counted("ERROR [dbf9c803] a", *["ERROR at 20261126"] * (MAX_LINES + 1)) == MAX_LINES + 2
