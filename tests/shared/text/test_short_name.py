"""Names as a headline has room for them."""

import pytest

from shared.text.short_name import short_name


@pytest.mark.parametrize(
    ("name", "parts", "expected"),
    [
        ("java.lang.NullPointerException", 1, "NullPointerException"),
        ("requests.exceptions.ConnectionError", 1, "ConnectionError"),
        ("ZeroDivisionError", 1, "ZeroDivisionError"),
        ("Shop\\Cart\\PriceMissing", 1, "PriceMissing"),
        ("core::option::unwrap_failed", 1, "unwrap_failed"),
        ("com.acme.loyalty.PointsService.pointsFor", 2, "PointsService.pointsFor"),
        ("share", 2, "share"),
        ("Cart.total", 2, "Cart.total"),
        ("github.com/acme/cart/handlers.(*Cart).Total", 2, "(*Cart).Total"),
        ("Shop.Orders.Cart.Total(System.Decimal price)", 2, "Cart.Total"),
    ],
)
def test_packages_are_left_out(name: str, parts: int, expected: str) -> None:
    """An exception is its type, a function its class and its own name."""
    assert short_name(name, parts) == expected


@pytest.mark.parametrize("name", ["std::vector<std::string>", "app.Handler.", "Map<java.lang.String>"])
def test_name_that_would_be_halved_stays_whole(name: str) -> None:
    """Half of a generic type names something else."""
    assert short_name(name) == name
