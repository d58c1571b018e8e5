"""Queries for the engineer to run next."""

import pytest

from infra.local.sandboxes.loki import logql
from shared import followup_queries
from shared.telemetry import selectors
from tests.builders import NOW

WIDE = {code: code + 0xFEE0 for code in range(0x21, 0x7F)}
SHOP = '{app="shop"}'


def test_queries_use_the_selector_by_which_the_logs_were_read() -> None:
    """Another label would find nothing."""
    assert followup_queries.lines_of(SHOP) == SHOP
    assert followup_queries.problems_over_time(SHOP).count(SHOP) == 1


def test_search_text_is_one_short_line() -> None:
    """A message of many lines is searched by its first line, truncated."""
    assert followup_queries.lines_with(SHOP, "bad\nworse") == '{app="shop"} |= "bad"'
    assert len(followup_queries.lines_with(SHOP, "x" * 500)) < 240


@pytest.mark.parametrize(
    ("needle", "part"),
    [
        ('ValueError("cannot compare to string")', "cannot compare to string"),
        ("no price für sku 7 of this basket", "r sku 7 of this basket"),
        (r"C:\shop\orders\total.py fails", "total.py fails"),
        ('bad "x"', r"bad \"x\""),
    ],
)
def test_search_text_is_what_json_writes_alike(needle: str, part: str) -> None:
    """A line of JSON holds quotes, backslashes and letters beyond ASCII in another form, and would not match."""
    assert followup_queries.lines_with(SHOP, needle) == f'{SHOP} |= "{part}"'


@pytest.mark.parametrize(
    ("needle", "query"),
    [
        ("cannot pay: see https://evil.example/pay?x=1 at once", '{app="shop"} |= "evil.example/pay?x=1 at once"'),
        ("see www.evil.example/pay", '{app="shop"} |= "evil.example/pay"'),
        ("user eve@example.org is refused", '{app="shop"} |= "example.org is refused"'),
        ("this cannot run $(reboot) of `x` now!", '{app="shop"} |= "this cannot run"'),
        ("$", SHOP),
        (f"FATAL {'https://evil.example/run'.translate(WIDE)}", '{app="shop"} |= "FATAL"'),
        (f"FATAL {'$(reboot)'.translate(WIDE)}", '{app="shop"} |= "FATAL"'),
        ("ht\u200btps\uff1a//ev\u0456l", '{app="shop"} |= "tps"'),
        ("数据库连接失败", '{app="shop"} |= "数据库连接失败"'),
    ],
)
def test_query_holds_nothing_that_acts_where_it_is_read_or_pasted(needle: str, query: str) -> None:
    """A mail program makes links, and a shell runs what stands inside of quotation marks."""
    assert followup_queries.lines_with(SHOP, needle) == query


@pytest.mark.parametrize(
    "service", ["https://evil.example/x", "www.evil.example", "$(reboot)", "`x`", "https://x".translate(WIDE)]
)
def test_no_query_names_a_service_whose_name_acts(service: str) -> None:
    """A label can hold any text; what operators write in a selector stays."""
    own, others = selectors.by_label("app", service).own, selectors.by_label("app", service).others

    queries = [followup_queries.lines_of(own), followup_queries.lines_with(own, "x"),
               followup_queries.problems_over_time(own), followup_queries.lines_naming("db", others),
               followup_queries.container_restarts(service, NOW, NOW)]  # fmt: skip
    assert queries == [""] * 5
    assert followup_queries.lines_of('{app=~"shop-$"}') == '{app=~"shop-$"}'


def test_query_over_other_services_is_one_that_loki_takes() -> None:
    """It refuses a selector whose matchers an absent label fulfils; values stay inside their quotes."""
    query = followup_queries.lines_naming('db"} or {a="', selectors.by_label("app", 'sh"op').others)

    assert query.startswith(r'{app=~".+", app!="sh\"op"} |= "} or {a=" |~ "(?i)error|')
    assert logql.parse(query).selects({"app": "cart"})
    assert not logql.parse(query).selects({"app": 'sh"op'})


def test_there_is_no_query_where_the_logs_were_not_read() -> None:
    """The store is down, so that asking it leads nowhere."""
    assert followup_queries.lines_of("") == ""
    assert followup_queries.lines_with("", "x") == ""
    assert followup_queries.lines_naming("x", "") == ""
    assert followup_queries.problems_over_time("") == ""
