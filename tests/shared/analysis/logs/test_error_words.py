"""Words by which a kind of error is found again in the store."""

import json
from datetime import timedelta

from shared.analysis.logs.error_words import MAX_KINDS, error_words
from shared.telemetry.port import LogLine
from tests.builders import NOW

TRACE = """Traceback (most recent call last):
  File "/app/cart.py", line 5, in pay
    go()
shop.errors.PaymentRefused: {0}"""


def words(*texts: str) -> list[tuple[str, ...]]:
    """Return the words for these lines, one a second."""
    lines = [LogLine(NOW + timedelta(seconds=number), number, text, {"pod": "a"}) for number, text in enumerate(texts)]
    return error_words(lines, ())


def test_a_trace_in_one_line_is_found_by_exception_and_file() -> None:
    """The type alone may be raised elsewhere too."""
    assert words(TRACE.format(1), TRACE.format(2)) == [("shop.errors.PaymentRefused", "cart.py")]


def test_a_trace_over_several_lines_is_found_by_its_exception() -> None:
    """No line holds both the file and the exception."""
    assert words(*TRACE.format(1).split("\n")) == [("shop.errors.PaymentRefused",)]


def test_a_line_is_found_by_its_text_without_what_varies() -> None:
    """The longest part that every line of the kind has in common."""
    assert words(*(f"ERROR order {n} was refused by the bank after {n} ms" for n in (7, 9))) == [
        ("was refused by the bank after",)
    ]


def test_words_are_those_of_the_stored_line() -> None:
    """What JSON escapes, or a secret that was redacted, is not in the store as it is read."""
    text = json.dumps({"level": "error", "msg": 'the shop said "no more of this" to token [cut: token] of customer 5'})

    assert words(text) == [("of customer",)]


def test_the_most_frequent_kinds_of_errors_come_first_and_few() -> None:
    """Ordinary lines are no kind of error; each kind costs the store a query."""
    names = ["alpha", "bravo", "charlie", "delta", "echo", "foxtrot", "golf", "hotel"]
    errors = [
        f"ERROR {name} {name}-service {name}-failed-{name}"
        for number, name in enumerate(names)
        for _ in range(number + 1)
    ]

    found_words = words("INFO nothing of importance happened", *errors)

    assert len(found_words) == MAX_KINDS
    assert "hotel-service" in found_words[0][0]
