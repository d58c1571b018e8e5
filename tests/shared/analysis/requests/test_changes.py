"""Whose part of the requests changed, named by cause: not by where it is felt."""

import pytest

from shared.analysis.requests.changes import changes
from shared.analysis.requests.flows import requests_of

from .calls import Written, requests, slower, usual

BEFORE = requests_of(requests(20, usual))


def blamed(written: object) -> list[str]:
    """Return the services that changed, the surest first."""
    changed = changes(BEFORE, requests_of(requests(20, written, 100)))  # type: ignore[arg-type]
    return sorted(changed, key=lambda service: -changed[service].nats)


def test_nothing_changed_where_requests_are_as_before() -> None:
    """Chance alone changes nobody."""
    assert blamed(usual) == []


@pytest.mark.parametrize("service", ["orders", "stock", "payments"])
def test_service_without_a_processor_is_blamed_and_not_who_waits_for_it(service: str) -> None:
    """All of its steps are slower, and those to it and back."""
    assert blamed(slower(service, 8, within=True, way=True))[0] == service


@pytest.mark.parametrize("service", ["stock", "payments"])
def test_service_behind_a_slow_network_is_blamed(service: str) -> None:
    """Its own steps are as fast as ever."""
    changed = changes(BEFORE, requests_of(requests(20, slower(service, 30, within=False, way=True), 100)))

    assert max(changed, key=lambda name: changed[name].nats) == service
    slowness = changed[service].slowness
    assert slowness is not None
    assert slowness.way_growth > 20
    assert slowness.within_growth is not None
    assert slowness.within_growth < 1.2


def test_service_that_breaks_off_is_blamed() -> None:
    """An exception that nobody logs ends the request, and the callers write nothing more."""
    assert blamed(lambda number: usual(number)[:6])[0] == "payments"


def test_service_that_answers_otherwise_is_blamed() -> None:
    """It wrote all that it always writes; its caller goes on with another line."""

    def refused(number: int) -> Written:
        return [
            *usual(number)[:4],
            ("orders", "WARN nothing was reserved", 0.004),
            ("gateway", "INFO answered 409", 0.003),
        ]

    assert blamed(refused)[0] == "stock"


def test_service_that_is_no_longer_reached_is_blamed() -> None:
    """Its caller says that it called, and goes on as after any call."""
    assert blamed(lambda number: [*usual(number)[:2], *usual(number)[4:]])[0] == "stock"


def test_caller_that_breaks_off_after_an_answer_is_blamed() -> None:
    """The service that it called answered as ever, and it writes nothing more."""
    assert blamed(lambda number: [*usual(number)[:4], usual(number)[8]])[0] == "orders"


def test_error_that_went_away_is_no_change() -> None:
    """What is better than before is nobody's fault."""
    failing = requests_of(requests(20, lambda number: [*usual(number)[:4], ("orders", "ERROR no price", 0.004)]))

    assert changes(failing, BEFORE) == {}


def test_few_requests_show_nothing() -> None:
    """Three say little about what is usual."""
    assert changes(BEFORE[:3], requests_of(requests(3, slower("stock", 50, within=True, way=True), 100))) == {}
