""".NET stack traces from logs."""

import pytest

from shared.analysis.logs import stack_traces
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


SHAPES: list[tuple[str, str, str, list[tuple[str, int | None]]]] = [
    (
        (
            "Unhandled exception. System.Exception: no price\n"
            "   at Shop.Basket.total@41-1.Invoke(Unit unitVar0) in /src/Basket.fs:line 41\n"
            "   at Microsoft.FSharp.Control.AsyncPrimitives.CallThenInvoke[T](AsyncActivation`1 ctxt)"
        ),
        "System.Exception",
        "no price",
        [("/src/Basket.fs", 41)],
    ),
    (
        (
            "System.AggregateException: One or more errors occurred. (no price) (no stock)\n"
            " ---> Shop.NoPriceException: no price\n"
            "   at Shop.Prices.Of(Int32 id) in /src/Prices.cs:line 18\n   --- End of inner exception stack trace ---\n"
            "   at System.Threading.Tasks.Task.WaitAll(Task[] tasks)\n"
            " ---> (Inner Exception #1) Shop.NoStockException: no stock\n"
            "   at Shop.Stock.Take(Int32 id) in /src/Stock.cs:line 7<---"
        ),
        "Shop.NoPriceException",
        "no price",
        [("/src/Prices.cs", 18)],
    ),
    (
        (
            "Shop.Errors.NoPrice: item 7\n"
            "   at Shop.Basket.<>c.<Total>b__3_0(Item item) in C:\\src\\Basket.cs:line 40\n"
            "   at lambda_method4(Closure, Object)\n   at Interop.Throw(ErrorInfo info)"
        ),
        "Shop.Errors.NoPrice",
        "item 7",
        [("C:/src/Basket.cs", 40)],
    ),
    (
        (
            "Stack overflow.\nRepeat 24105 times:\n--------------------------------\n   at Shop.Tree.Depth(Shop.Node)\n"
            "--------------------------------\n   at Shop.Program.Main(System.String[])"
        ),
        "Stack overflow",
        "",
        [("Shop.Program", None), ("Shop.Tree", None)],
    ),
]


@pytest.mark.parametrize(("text", "type_", "message", "own"), SHAPES)
def test_exception_of_each_shape_is_read(
    text: str, type_: str, message: str, own: list[tuple[str, int | None]]
) -> None:
    """F#, members of an aggregate, types that are named by their namespace alone, and a stack overflow."""
    (trace,) = stack_traces.parse(text)

    assert (trace.language, trace.raised.type, trace.raised.message) == ("dotnet", type_, message)
    assert [(one.path, one.line) for one in trace.raised.frames if one.in_app] == own
