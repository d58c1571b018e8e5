"""Ruby backtraces from logs."""

import pytest

from shared.analysis.logs import stack_traces
from shared.analysis.logs.stack_traces import ruby


def test_interpreter_output_names_error_and_own_frames():
    """The raising line holds file, line, message and type; gems are not own code."""
    text = """/app/lib/pricing.rb:12:in `total': undefined method `value' for nil (NoMethodError)
	from /app/lib/order.rb:8:in `block in place'
	from /usr/local/bundle/gems/rack-2.2.3/lib/rack/handler.rb:20:in `call'"""

    (trace,) = ruby.parse(text)

    assert str(trace.raised) == "NoMethodError: undefined method `value' for nil"
    assert [one.path for one in trace.raised.frames if one.in_app] == ["/app/lib/order.rb", "/app/lib/pricing.rb"]


def test_rails_log_names_error_above_relative_frames():
    """Rails writes `Type (message):` and paths relative to the application."""
    text = """NoMethodError (undefined method `total' for nil):

app/models/order.rb:22:in `total'
app/controllers/orders_controller.rb:9:in `create'"""

    (trace,) = ruby.parse(text)

    assert (trace.raised.type, trace.raised.frames[-1].path) == ("NoMethodError", "app/models/order.rb")


def test_backtrace_printed_outermost_first_is_reordered():
    """Ruby 2.5 to 2.7 print the raising line last."""
    text = """Traceback (most recent call last):
	2: from a.rb:7:in `<main>'
	1: from a.rb:5:in `foo'
a.rb:3:in `bar': boom (RuntimeError)"""

    (trace,) = ruby.parse(text)

    assert [one.line for one in trace.raised.frames] == [7, 5, 3]


def test_backtrace_with_the_tags_of_its_request_is_read() -> None:
    """Rails writes them before each line."""
    text = """ERROR -- : [3f1e-1] NoMethodError (undefined method `price' for nil:NilClass):
[3f1e-1]
[3f1e-1] app/models/basket.rb:17:in `block in total'
[3f1e-1] app/controllers/orders_controller.rb:9:in `create'"""

    (trace,) = ruby.parse(text)

    assert trace.raised.type == "NoMethodError"
    assert [(one.path, one.line) for one in trace.raised.frames] == [
        ("app/controllers/orders_controller.rb", 9),
        ("app/models/basket.rb", 17),
    ]


TAG = "[6b1d5c0e-8a51] "
SHAPES = [
    (
        (
            "/app/basket.rb:17:in 'Basket#total': undefined method 'price' for nil (NoMethodError)\n"
            "\n    item.price\n        ^^^^^^\n"
            "\tfrom /app/order.rb:9:in 'Order.place'\n\tfrom <internal:kernel>:187:in 'loop'"
        ),
        "NoMethodError",
        "undefined method 'price' for nil",
        [("/app/order.rb", 9), ("/app/basket.rb", 17)],
    ),
    (
        (
            "ShopError (closed)\nCaused by: PG::ConnectionBad (refused)\n\nInformation for: ShopError (closed):\n  \n"
            "app/shop.rb:22:in `rescue in open'\n\n"
            "Information for cause: PG::ConnectionBad (refused):\n  \napp/shop.rb:19:in `open'"
        ),
        "PG::ConnectionBad",
        "refused",
        [("app/shop.rb", 19)],
    ),
    (
        (
            "/app/shop.rb:22:in 'Shop#open': closed (ShopError)\n\tfrom /app/run.rb:3:in '<main>'\n"
            "/app/shop.rb:19:in 'TCPSocket#initialize': refused (Errno::ECONNREFUSED)\n"
            "\tfrom /app/shop.rb:18:in 'Shop#open'"
        ),
        "Errno::ECONNREFUSED",
        "refused",
        [("/app/shop.rb", 18), ("/app/shop.rb", 19)],
    ),
    (
        "E, [2031-05-04T02:44:20.1 #12] ERROR -- : no price: item 7 (Shop::NoPrice)\n/app/basket.rb:17:in `total'",
        "Shop::NoPrice",
        "no price: item 7",
        [("/app/basket.rb", 17)],
    ),
    (
        "F, [2031-05-04T02:44:20.1 #12] FATAL -- : "
        + TAG
        + TAG.join(
            [
                "KeyError (key not found: :price):\n",
                "  \n",
                "app/models/rate.rb:5:in 'Rate#of'\n",
                "app/api.rb:9:in 'call'",
            ]
        ),
        "KeyError",
        "key not found: :price",
        [("app/api.rb", 9), ("app/models/rate.rb", 5)],
    ),
    (
        (
            '2031-05-04 02:44:20 +0000 Rack app ("POST /orders"): #<NoMethodError: no price>\n'
            "/app/basket.rb:17:in 'total'"
        ),
        "NoMethodError",
        "no price",
        [("/app/basket.rb", 17)],
    ),
    (
        (
            "2031-05-04T02:44:20.123Z pid=12 tid=gkx jid=3f1e WARN: KeyError: no key\n"
            "2031-05-04T02:44:20.123Z pid=12 tid=gkx jid=3f1e WARN: /app/pay_job.rb:11:in `perform'"
        ),
        "KeyError",
        "no key",
        [("/app/pay_job.rb", 11)],
    ),
]


@pytest.mark.parametrize(("text", "type_", "message", "own"), SHAPES)
def test_error_of_each_shape_is_read(text: str, type_: str, message: str, own: list[tuple[str, int]]) -> None:
    """Ruby 3.4, causes of Rails and of the interpreter, a logger's order, and tags or headers before each line."""
    (trace,) = stack_traces.parse(text)

    assert (trace.language, trace.raised.type, trace.raised.message) == ("ruby", type_, message)
    assert [(one.path, one.line) for one in trace.raised.frames if one.in_app] == own
