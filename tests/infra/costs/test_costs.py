"""What incidents cost is computed from what one used when it was counted."""

import pytest

from infra.bench.load.counts import ALERTS
from infra.costs import counted, estimate, saturation, volumes
from infra.costs.estimate import Item


def test_every_path_was_counted() -> None:
    """And what is counted does not depend on the machine."""
    paths = counted.paths()

    assert set(ALERTS) <= set(paths)
    assert [name for used in paths.values() for name in used if name.endswith("_ms")] == []


def test_five_calls_of_models_are_counted_on_the_full_path() -> None:
    """Three of the heavy tier, two of the light one; the offline analyst takes no part in the count."""
    used = counted.paths()["full"]

    assert sum(count for name, count in used.items() if name.startswith("calls of ")) <= 6


def test_a_free_tier_is_subtracted_from_a_month_once() -> None:
    """And never pays anything back."""
    item = Item("steps", "", 0.0, "counted", quantity=100, price=0.01, free=5_000)

    assert item.of_month(10, has_free_tier=True) == 0
    assert item.of_month(100, has_free_tier=True) == pytest.approx(50)
    assert item.of_month(100, has_free_tier=False) == pytest.approx(100)


def test_each_line_says_whether_it_was_counted_or_assumed() -> None:
    """Nobody has to guess."""
    bases = [item.basis for path in ALERTS for item in [*estimate.items(path), estimate.monthly()]]

    assert [basis for basis in bases if "counted" not in basis and "assumed" not in basis] == []


def test_a_repeat_costs_less_than_a_tenth_of_an_incident() -> None:
    """No workflow runs for it, and no model is called."""
    usd = {path: sum(item.usd for item in estimate.items(path)) for path in ALERTS}

    assert usd["repeat"] < usd["full"] / 10
    assert "| one more alert of it | 0 |" in volumes.by_path()


def test_limits_stand_in_the_order_in_which_they_are_reached() -> None:
    """The lowest rate first."""
    rates = [limit.an_hour for limit in saturation.limits()]

    assert rates == sorted(rates)
    assert "5,000 requests an hour" in saturation.table()
