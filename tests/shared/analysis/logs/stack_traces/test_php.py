"""PHP stack traces from logs."""

import pytest

from shared.analysis.logs import stack_traces
from shared.analysis.logs.stack_traces import php


def test_raising_line_named_in_the_message_is_the_last_frame():
    """The numbered frames are the callers, each with what it calls; `vendor` is not own code."""
    text = """PHP Fatal error:  Uncaught TypeError: Cart::add(): null given in /var/www/src/Cart.php:12
Stack trace:
#0 /var/www/src/Checkout.php(33): Cart->add(NULL)
#1 /var/www/vendor/slim/App.php(100): Checkout->run()
#2 {main}"""

    (trace,) = php.parse(text)

    assert (trace.raised.type, trace.raised.message) == ("TypeError", "Cart::add(): null given")
    assert [(one.path, one.function, one.in_app) for one in trace.raised.frames] == [
        ("/var/www/vendor/slim/App.php", "", False),
        ("/var/www/src/Checkout.php", "Checkout->run", True),
        ("/var/www/src/Cart.php", "Cart->add", True),
    ]


def test_exception_that_monolog_writes_is_named() -> None:
    """Laravel and Symfony log so; within JSON the backslashes of namespaces are doubled."""
    text = (
        'production.ERROR: no total {"exception":"[object] (App\\\\Errors\\\\NoTotal(code: 0): no total at '
        "/var/www/html/app/Cart.php:41)\n[stacktrace]\n#0 /var/www/html/app/Order.php(33): App\\\\Cart->total()\n"
    )

    (trace,) = php.parse(text)

    assert (trace.raised.type, trace.raised.message) == ("App\\Errors\\NoTotal", "no total")
    assert [(one.path, one.line) for one in trace.raised.frames] == [
        ("/var/www/html/app/Order.php", 33),
        ("/var/www/html/app/Cart.php", 41),
    ]


ORDER = "#0 /app/src/Order.php(8): Basket->total()\n#1 {main}\n"
SHAPES = [
    (
        (
            "PHP Fatal error:  Uncaught App\\NoPrice: item (7) in /app/src/Basket.php:61\nStack trace:\n"
            "#0 [internal function]: Basket->{closure}(Object(Item), 0)\n"
            "#1 /app/src/Order.php(8): Basket->total()\n#2 {main}"
        ),
        "App\\NoPrice",
        "item (7)",
        [("/app/src/Order.php", 8), ("/app/src/Basket.php", 61)],
    ),
    (
        (
            f"PHP Fatal error:  Uncaught PDOException: no connection in /app/src/Db.php:14\nStack trace:\n{ORDER}\n"
            f"Next App\\StoreDown: the store is down in /app/src/Store.php:22\nStack trace:\n{ORDER}"
        ),
        "PDOException",
        "no connection",
        [("/app/src/Order.php", 8), ("/app/src/Db.php", 14)],
    ),
    (
        (
            'local.ERROR: x {"exception":"[object] (Db\\\\QueryException(code: 7): x at '
            "/app/vendor/db/Connection.php:829)\n"
            "[stacktrace]\n#0 /app/vendor/db/Run.php(1): a()\n\n[previous exception] [object] (PDOException(code: 7): "
            f"no connection at /app/vendor/db/Connector.php:65)\n[stacktrace]\n{ORDER}"
        ),
        "PDOException",
        "no connection",
        [("/app/src/Order.php", 8)],
    ),
    (
        (
            'request.CRITICAL: Uncaught PHP Exception NoPrice: "no price" at /app/src/Basket.php line 61 '
            '{"exception":"[object] (App\\\\NoPrice(code: 0): no \\"price\\" at /app/src/Basket.php:61)"} []'
        ),
        "App\\NoPrice",
        'no "price"',
        [("/app/src/Basket.php", 61)],
    ),
    (
        (
            "PHP Fatal error:  Allowed memory size of 128 bytes exhausted (tried to allocate 20) in "
            "/app/src/Report.php on line 88"
        ),
        "Fatal error",
        "Allowed memory size of 128 bytes exhausted (tried to allocate 20)",
        [("/app/src/Report.php", 88)],
    ),
    (
        'PHP Parse error:  syntax error, unexpected token "}" in /app/src/Basket.php on line 12',
        "Parse error",
        'syntax error, unexpected token "}"',
        [("/app/src/Basket.php", 12)],
    ),
]


@pytest.mark.parametrize(("text", "type_", "message", "own"), SHAPES)
def test_error_of_each_shape_is_read(text: str, type_: str, message: str, own: list[tuple[str, int]]) -> None:
    """Own types, causes in both orders, Symfony's line without a stack, and what the engine itself reports."""
    (trace,) = stack_traces.parse(text)

    assert (trace.language, trace.raised.type, trace.raised.message) == ("php", type_, message)
    assert [(one.path, one.line) for one in trace.raised.frames if one.in_app] == own
