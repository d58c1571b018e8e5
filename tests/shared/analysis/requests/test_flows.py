"""The lines of a request, in order: who called whom, and in whose time each step passed."""

from shared.analysis.requests.flows import requests_of

from .calls import requests, usual


def test_caller_surrounds_the_services_it_calls() -> None:
    """A line of a service that still waits is a return to it, a line of another one a call."""
    (request,) = requests_of(requests(1, usual))

    assert request.calls == {("gateway", "orders"), ("orders", "stock"), ("orders", "payments")}
    assert [step.how for step in request.steps] == [
        *("first", "call", "call", "own", "return", "call", "own", "return", "return")
    ]
    assert [step.owner for step in request.steps] == [
        *("gateway", "orders", "stock", "stock", "stock", "payments", "payments", "payments", "orders")
    ]
    stock = request.steps[2]
    assert stock.caller is not None
    assert "checking out" in stock.caller.entry.text


def test_lines_that_say_the_same_are_the_same() -> None:
    """With other ids and values; the same words of another service are not."""
    one, other = requests_of(requests(2, lambda number: [("orders", f"INFO order {number} of 12.5 EUR", 0.0)]))
    (third,) = requests_of(requests(1, lambda number: [("stock", f"INFO order {number} of 12.5 EUR", 0.0)]))

    assert one.steps[0].what == other.steps[0].what
    assert one.steps[0].what != third.steps[0].what


def test_place_in_the_code_distinguishes_lines() -> None:
    """Numbers are no part of a template, but the number of a line of code is."""
    written = [("orders", "INFO shop.Cart#31 price is 4", 0.0), ("orders", "INFO shop.Cart#57 price is 4", 0.1)]

    (request,) = requests_of(requests(1, lambda _: written))

    first, second = request.steps
    assert first.what != second.what


def test_lines_without_a_request_are_left_out() -> None:
    """Nobody knows where they belong."""
    assert requests_of([]) == []
