"""Ruby backtraces from logs."""

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
