"""How far a resource is used, by the numbers that messages state."""

import pytest

from shared.analysis.faults.usage import most_used, usage_of


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("HikariPool-1 - Timeout failure stats (total=10, active=10, idle=0, waiting=52)",
         "10 of 10 active, up to 52 waiting"),
        ("Timeout: Pool empty. none available[size:100; busy:100; idle:0; lastwait:30000].", "100 of 100 active"),
        ("Executor@33c7[Running, pool size = 16, active threads = 16, queued tasks = 1000, completed tasks = 9]",
         "16 of 16 active, up to 1000 waiting"),
        ("QueuePool limit of size 5 overflow 10 reached, connection timed out, timeout 30.00", "a limit of 15"),
        ('{"pool":"orders","in_use":40,"max":40,"waiting":7}', "40 of 40 active, up to 7 waiting"),
        ("20 of 20 connections busy, pending: 4", "20 of 20 active, up to 4 waiting"),
        ("semaphore db-limiter: acquired=64 capacity=64 queued=9", "64 of 64 active, up to 9 waiting"),
        ("pods is forbidden: exceeded quota: compute, used: 10, limited: 10", "10 of 10 active"),
        ("GET /orders/17 200 in 7 ms", ""),
        ("memory limit of 512 MB exceeded", ""),
    ],
)  # fmt: skip
def test_numbers_of_a_resource_are_read_from_its_own_message(text: str, words: str) -> None:
    """Each library names them in its own way: what is active, of how many, and what waits."""
    assert usage_of(text).words == words


def test_line_that_states_the_most_use_of_the_same_resource_is_chosen() -> None:
    """Another pool's line, a line without numbers and one of an easier moment are not."""
    most = "DEBUG HikariPool - HikariPool-1 - stats (total=10, active=10, idle=0, waiting=52)"
    lines = [
        "DEBUG HikariPool - HikariPool-1 - stats (total=10, active=10, idle=0, waiting=3)",
        most,
        "DEBUG HikariPool - HikariPool-2 - stats (total=10, active=10, idle=0, waiting=99)",
        "ERROR HikariPool-1 - Connection is not available",
    ]

    assert most_used("HikariPool-1 - Connection is not available, request timed out after 30096ms.", lines) == most
    assert most_used("pool exhausted", lines) == ""
