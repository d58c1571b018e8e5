"""PHP stack traces from logs."""

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
