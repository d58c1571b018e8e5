"""Elixir and Erlang traces from logs."""

import pytest

from shared.analysis.logs import stack_traces
from shared.contracts import Language

GEN_SERVER = "    (stdlib 5.0.2) gen_server.erl:1113: :gen_server.try_handle_call/4"
ELIXIR: list[tuple[str, str, str, list[tuple[str, int]]]] = [
    (
        (
            "02:44:20.123 [error] GenServer Shop.Basket terminating\n** (RuntimeError) no price for item 7\n"
            f"    (shop 0.1.0) lib/shop/basket.ex:41: Shop.Basket.total/1\n{GEN_SERVER}\nLast message: {{:total, 7}}"
        ),
        "RuntimeError",
        "no price for item 7",
        [("lib/shop/basket.ex", 41)],
    ),
    (
        (
            "#PID<0.6.0> running ShopWeb.Endpoint terminated\nRequest: POST /orders\n"
            "** (exit) an exception was raised:\n"
            "    ** (FunctionClauseError) no function clause matching in Shop.Price.of/1\n"
            "        (shop 0.1.0) lib/shop/price.ex:31: Shop.Price.of(nil)\n"
            "        (phoenix 1.7.10) lib/phoenix/router.ex:432: Phoenix.Router.__call__/5"
        ),
        "FunctionClauseError",
        "no function clause matching in Shop.Price.of/1",
        [("lib/shop/price.ex", 31)],
    ),
    (
        (
            "** (KeyError) key :price not found in: %{id: 7}\n"
            "    (shop 0.1.0) lib/shop/order.ex:18: anonymous fn/2 in Shop.Order.sum/1\n"
            '    (elixir 1.15.4) lib/enum.ex:2510: Enum."-reduce/3-lists^foldl/2-0-"/3\n'
            "    (shop 0.1.0) lib/shop/order.ex:17: Shop.Order.sum/1"
        ),
        "KeyError",
        "key :price not found in: %{id: 7}",
        [("lib/shop/order.ex", 17), ("lib/shop/order.ex", 18)],
    ),
]
ERLANG: list[tuple[str, str, str, list[tuple[str, int]]]] = [
    (
        (
            "=CRASH REPORT==== 4-May-2031::02:44:20.123456 ===\n  crasher:\n    initial call: shop_basket:init/1\n"
            "    exception error: no match of right hand side value {error,no_price}\n"
            "      in function  shop_basket:total/1 (src/shop_basket.erl, line 41)\n"
            "      in call from gen_server:try_handle_call/4 (gen_server.erl, line 1113)\n    ancestors: [shop_sup]"
        ),
        "error",
        "no match of right hand side value {error,no_price}",
        [("src/shop_basket.erl", 41)],
    ),
    (
        (
            "** Generic server shop_stock terminating\n** Last message in was {take,7}\n** Reason for termination ==\n"
            '** {function_clause,[{shop_stock,take,[undefined],[{file,"/app/src/shop_stock.erl"},{line,12}]},\n'
            '                     {gen_server,try_handle_call,4,[{file,"gen_server.erl"},{line,1113}]}]}'
        ),
        "function_clause",
        "",
        [("/app/src/shop_stock.erl", 12)],
    ),
    (
        (
            "[error] <0.1.0>@shop_basket:total:41 CRASH REPORT Process shop_basket with 0 "
            "neighbours crashed with reason: "
            "no match of right hand value {error,no_price} in shop_basket:total/1 line 41"
        ),
        "CRASH REPORT",
        "no match of right hand value {error,no_price}",
        [("shop_basket.erl", 41)],
    ),
]


@pytest.mark.parametrize(
    ("language", "text", "type_", "message", "own"),
    [*(("elixir", *row) for row in ELIXIR), *(("erlang", *row) for row in ERLANG)],
)
def test_exception_message_and_own_frames_are_read(
    language: Language, text: str, type_: str, message: str, own: list[tuple[str, int]]
) -> None:
    """Of a process that exits, the exception that it exits for; frames of OTP and of libraries are not own code."""
    (trace,) = stack_traces.parse(text)

    assert (trace.language, trace.raised.type, trace.raised.message) == (language, type_, message)
    assert [(one.path, one.line) for one in trace.raised.frames if one.in_app] == own
