"""Java and Kotlin stack traces from logs."""

import pytest

from shared.analysis.logs import stack_traces
from shared.analysis.logs.stack_traces import java

NESTED = """10:00:00 ERROR c.s.OrderController - failed to place order
org.springframework.web.util.NestedServletException: Request processing failed
	at org.springframework.web.servlet.FrameworkServlet.processRequest(FrameworkServlet.java:1014)
	at java.base/java.lang.Thread.run(Thread.java:829)
Caused by: com.shop.OrderException: could not price
	at com.shop.OrderService.place(OrderService.java:42) ~[classes!/:1.0]
	at com.shop.OrderController.post(OrderController.java:17) ~[classes!/:1.0]
	... 2 common frames omitted
	Suppressed: java.io.IOException: close failed
		at com.shop.Connection.close(Connection.java:9)
		... 3 more
Caused by: java.lang.NullPointerException: "price" is null
	at com.shop.Pricing$Sum.total(Pricing.java:88)
	... 3 more"""


def test_root_cause_leads_and_its_wrappers_are_kept():
    """The innermost cause through own code leads; wrappers and suppressed exceptions are in `others`."""
    (trace,) = java.parse(NESTED)

    assert str(trace.raised) == 'java.lang.NullPointerException: "price" is null'
    assert [one.type.rpartition(".")[2] for one in trace.others] == [
        "NestedServletException",
        "OrderException",
        "IOException",
    ]


def test_omitted_frames_are_those_of_the_enclosing_trace():
    """`... n more` is filled from the wrapper, never from a suppressed exception."""
    (trace,) = java.parse(NESTED)

    assert [(one.path, one.line) for one in trace.raised.frames][-2:] == [
        ("com/shop/OrderController.java", 17),
        ("com/shop/Pricing.java", 88),
    ]
    assert [one.in_app for one in trace.raised.frames] == [False, False, True, True]


def test_kotlin_files_keep_their_own_names():
    """A Kotlin file is named by the trace, not by its class."""
    text = 'Exception in thread "main" java.lang.IllegalStateException: bad\n\tat com.acme.AppKt.main(App.kt:5)'

    (trace,) = java.parse(text)

    assert (trace.raised.frames[0].path, trace.raised.frames[0].in_app) == ("com/acme/App.kt", True)


def test_message_of_several_lines_is_read_whole():
    """Lines between the exception and its first frame belong to the message."""
    text = "com.acme.BadOrder: first\nsecond\n\tat com.acme.Shop.sell(Shop.java:7)"

    (trace,) = java.parse(text)

    assert (trace.raised.type, trace.raised.message) == ("com.acme.BadOrder", "first second")


def test_library_named_like_the_repository_is_own_code():
    """A package that looks third-party is own code when the repository has its name."""
    text = "java.lang.Error: x\n\tat org.apache.commons.pool2.Pool.get(Pool.java:7)"

    (foreign,) = java.parse(text)
    (own,) = java.parse(text, ("commons-pool",))

    assert not foreign.raised.has_app_frame
    assert own.raised.has_app_frame


def test_root_cause_printed_first_still_leads():
    """Logback's root-first output says `Wrapped by`."""
    text = """java.io.IOException: gone
	at com.acme.Store.read(Store.java:3)
Wrapped by: com.acme.StoreException: cannot read
	at com.acme.Shop.open(Shop.java:9)"""

    (trace,) = java.parse(text)

    assert trace.raised.type == "java.io.IOException"


SHAPES: list[tuple[str, str, str, list[tuple[str, int | None]]]] = [
    (
        (
            "java.lang.IllegalStateException: no price\n\tat com.shop.BasketKt.price(Basket.kt:12)\n"
            "\tat (Coroutine boundary. (Coroutine boundary))\n\tat com.shop.Api$create$2.invokeSuspend(Api.kt:40)\n"
            "\tat kotlinx.coroutines.DispatchedTask.run(DispatchedTask.kt:108)"
        ),
        "java.lang.IllegalStateException",
        "no price",
        [("com/shop/Api.kt", 40), ("com/shop/Basket.kt", 12)],
    ),
    (
        (
            "java.lang.IllegalStateException: negative\n\tat app//com.shop.Stock.lambda$take$0(Stock.java:52)\n"
            "\tat com.shop.Stock$$Lambda/0x00007f1b2c0d3a40.get(Unknown Source)\n\tat com.shop.Main.main(Main.java:7"
        ),
        "java.lang.IllegalStateException",
        "negative",
        [("com/shop/Main.java", 7), ("com/shop/Stock.java", None), ("com/shop/Stock.java", 52)],
    ),
    (
        (
            "java.lang.NullPointerException: x is null\n\tat clojure.lang.Numbers.ops(Numbers.java:1095)\n"
            "\tat shop.basket$total.invoke(basket.clj:38)"
        ),
        "java.lang.NullPointerException",
        "x is null",
        [("shop/basket.clj", 38)],
    ),
    (
        "\tSuppressed: java.io.IOException: closing failed\n\t\tat com.shop.Db.close(Db.kt:9)\n\t\t... 2 more",
        "java.io.IOException",
        "closing failed",
        [("com/shop/Db.kt", 9)],
    ),
]


@pytest.mark.parametrize(("text", "type_", "message", "own"), SHAPES)
def test_exception_of_each_shape_is_read(
    text: str, type_: str, message: str, own: list[tuple[str, int | None]]
) -> None:
    """Coroutines, hidden classes, Clojure, and a trace of which only the end is left."""
    (trace,) = stack_traces.parse(text)

    assert (trace.language, trace.raised.type, trace.raised.message) == ("java", type_, message)
    assert [(one.path, one.line) for one in trace.raised.frames if one.in_app] == own
