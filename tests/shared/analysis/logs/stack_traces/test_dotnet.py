""".NET stack traces from logs."""

from shared.analysis.logs.stack_traces import dotnet

INNER = r"""Unhandled exception. System.InvalidOperationException: Could not place order
 ---> System.NullReferenceException: Object reference not set to an instance of an object.
   at Shop.Pricing.Total(Order order) in /src/Shop/Pricing.cs:line 42
   at Shop.OrderService.<PlaceAsync>d__5.MoveNext() in /src/Shop/OrderService.cs:line 20
   --- End of inner exception stack trace ---
   at Shop.OrderController.Post(OrderDto dto) in C:\src\Shop\OrderController.cs:line 17
   at Microsoft.AspNetCore.Mvc.Infrastructure.ActionMethodExecutor.Execute(Object controller, Object[] arguments)"""


def test_inner_exception_leads_with_the_frames_of_its_wrappers():
    """The innermost exception leads; the frames of its wrappers show how it was reached."""
    (trace,) = dotnet.parse(INNER)

    assert trace.raised.type == "System.NullReferenceException"
    assert [(one.path, one.line) for one in trace.raised.frames if one.in_app] == [
        ("C:/src/Shop/OrderController.cs", 17),
        ("/src/Shop/OrderService.cs", 20),
        ("/src/Shop/Pricing.cs", 42),
    ]
    assert [str(one) for one in trace.others] == ["System.InvalidOperationException: Could not place order"]


def test_frames_without_debug_symbols_are_named_by_their_type():
    """A frame without a file still names the class."""
    (trace,) = dotnet.parse("System.Exception: x\n   at Shop.Cart.Add(Item item)")

    assert (trace.raised.frames[0].path, trace.raised.frames[0].in_app) == ("Shop.Cart", True)
