"""The Loki adapter, over real HTTP against the sandbox."""

import json
import logging
import re
import socket
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Literal
from urllib.parse import parse_qs, urlsplit

import pytest
from pydantic import SecretStr

from infra import bundle
from infra.local.sandboxes.http import Reply
from infra.local.sandboxes.loki.server import LokiSandbox
from shared.analysis.logs.parse import read
from shared.errors import Misconfigured, Refused, Rejected, Throttled, Unavailable
from shared.http.retries import TRIES
from shared.telemetry.logql import ERROR_WORDS, PROBLEM_WORDS
from shared.telemetry.loki import Loki, LokiSettings
from shared.telemetry.loki_answers import parse_lines
from shared.telemetry.port import LogLine, LogPage, LogQuery

RECORDED = bundle.ROOT.parent / "shared" / "payloads" / "loki_query_range"
START = datetime(2026, 1, 31, 8, 0, tzinfo=UTC)
START_NS = 1_769_846_400_000_000_000
SECRET = "ann:s3cr:et"


@pytest.fixture
def sandbox() -> Iterator[LokiSandbox]:
    with LokiSandbox() as loki:
        yield loki


def loki_at(sandbox: LokiSandbox, **settings: object) -> Loki:
    return Loki(LokiSettings.model_validate({"grafana_host": sandbox.url, "grafana_basicauth": SECRET, **settings}))


def load(sandbox: LokiSandbox, *lines: tuple[int, str], **labels: str) -> None:
    """Load lines, each with its offset from the start in nanoseconds."""
    values = [[str(START_NS + offset), text] for offset, text in lines]
    sandbox.load({"streams": [{"stream": {"service_name": "api", **labels}, "values": values}]})


def log_query(
    service_name: str = "api", limit: int = 20_000, only: Literal["all", "problems", "errors"] = "all"
) -> LogQuery:
    return LogQuery(service_name, START, START + timedelta(minutes=15), limit, only)


def texts(page: LogPage) -> list[str]:
    return [line.text for line in page.lines]


def test_lines_of_all_streams_come_oldest_first_with_their_nanoseconds(sandbox: LokiSandbox) -> None:
    """Streams are merged, and the store's precision is kept."""
    load(sandbox, (1, "first"), (4_000_000_001, "last"), pod="a")
    load(sandbox, (3_000, "second"), pod="b")
    load(sandbox, (2, "elsewhere"), service_name="other")

    page = loki_at(sandbox).search(log_query())

    assert texts(page) == ["first", "second", "last"]
    assert page.lines[1].nanoseconds == START_NS + 3_000
    assert page.lines[1].at == START + timedelta(microseconds=3)
    assert page.lines[1].labels == {"service_name": "api", "pod": "b"}
    assert (page.is_complete, page.query) == (True, '{service_name="api"}')


def test_the_window_includes_its_start_and_excludes_its_end(sandbox: LokiSandbox) -> None:
    """Adjacent windows share no line."""
    load(sandbox, (-1, "before"), (0, "start"), (900_000_000_000 - 1, "last"), (900_000_000_000, "end"))

    assert texts(loki_at(sandbox).search(log_query())) == ["start", "last"]


def test_no_matching_line_gives_an_empty_complete_page(sandbox: LokiSandbox) -> None:
    """No lines is a valid answer."""
    page = loki_at(sandbox).search(log_query("unknown"))

    assert (page.lines, page.is_complete) == ((), True)


@pytest.mark.parametrize("page_lines", [3, 4, 7, 100])
def test_pages_neither_lose_nor_double_lines(sandbox: LokiSandbox, page_lines: int) -> None:
    """With any page size, lines that share a nanosecond or are equal come as often as Loki has them."""
    lines = [(n // 2 * 10, f"line {n // 2}" if n % 3 else f"line {n}") for n in range(40)]
    load(sandbox, *lines[::2], pod="a")
    load(sandbox, *lines[1::2], pod="b")

    page = loki_at(sandbox, loki_page_lines=page_lines).search(log_query())

    assert sorted(texts(page)) == sorted(text for _, text in lines)
    assert page.is_complete
    assert [line.nanoseconds for line in page.lines] == sorted(START_NS + offset for offset, _ in lines)


def test_equal_lines_at_a_border_are_all_kept(sandbox: LokiSandbox) -> None:
    """Two identical lines of one nanosecond are two events."""
    load(sandbox, (1, "old"), (5, "same"), (5, "same"), (5, "same"), (9, "new"), (9, "new"))

    page = loki_at(sandbox, loki_page_lines=4).search(log_query())

    assert texts(page) == ["old", "same", "same", "same", "new", "new"]


def test_a_nanosecond_larger_than_a_page_is_reported_as_incomplete(sandbox: LokiSandbox) -> None:
    """Lines that cannot be read are not left out silently."""
    load(sandbox, (1, "old"), *[(5, f"burst {n}") for n in range(6)], (9, "new"))

    page = loki_at(sandbox, loki_page_lines=4).search(log_query())

    assert (texts(page)[0], texts(page)[-1], page.is_complete) == ("old", "new", False)


@pytest.mark.parametrize(("limit", "is_complete"), [(9, False), (10, True), (11, True)])
def test_the_limit_keeps_the_newest_and_reports_whether_lines_are_missing(
    sandbox: LokiSandbox, limit: int, is_complete: bool
) -> None:
    """Exactly as many lines as the limit is still complete."""
    load(sandbox, *[(n, f"line {n}") for n in range(10)])

    page = loki_at(sandbox, loki_page_lines=4).search(log_query(limit=limit))

    assert texts(page) == [f"line {n}" for n in range(10)][-limit:]
    assert page.is_complete == is_complete


def test_a_large_incident_needs_no_more_pages_than_necessary(sandbox: LokiSandbox) -> None:
    """Twelve thousand lines are three pages of five thousand."""
    load(sandbox, *[(n * 1000, f"line {n}") for n in range(12_000)])

    assert len(loki_at(sandbox).search(log_query()).lines) == 12_000
    assert [request.param("limit") for request in sandbox.requests] == ["5000", "5000", "5000"]


def test_an_answer_too_large_is_asked_for_again_in_smaller_pages(sandbox: LokiSandbox) -> None:
    """Ten megabytes in one answer exceed its bound; no line is lost or doubled by the smaller pages."""
    lines = [(n, f"{n} " + "x" * 10_000) for n in range(1000)]
    load(sandbox, *lines)

    page = loki_at(sandbox).search(log_query())

    assert (texts(page), page.is_complete) == ([text for _, text in lines], True)
    assert len(sandbox.requests) <= 4


@pytest.mark.parametrize("pods", [1, 3])
def test_the_newest_lines_within_the_bytes_are_read(sandbox: LokiSandbox, pods: int) -> None:
    """What the budget allows is used, whichever stream the lines come from, and the page reports that some are left."""
    for pod in range(pods):
        load(sandbox, *[(n, f"{n} " + "x" * 10_000) for n in range(pod, 1000, pods)], pod=str(pod))
    query = LogQuery("api", START, START + timedelta(minutes=15), max_bytes=1_000_000)

    page = loki_at(sandbox).search(query)

    assert not page.is_complete
    assert 80 <= len(page.lines) < 100
    assert [line.nanoseconds - START_NS for line in page.lines] == list(range(1000 - len(page.lines), 1000))


def test_problems_by_level_leave_bytes_for_those_by_words(sandbox: LokiSandbox) -> None:
    """Where one of the two queries stops early, the older lines of the other would look like all there were."""
    load(sandbox, *[(n, "ERROR " + "x" * 10_000) for n in range(0, 1000, 2)])
    load(sandbox, *[(n, "lost the peer") for n in range(1, 1000, 2)], level="error")
    query = LogQuery("api", START, START + timedelta(minutes=15), only="problems", max_bytes=1_000_000)

    page = loki_at(sandbox).search(query)

    numbers = [line.nanoseconds - START_NS for line in page.lines]
    assert not page.is_complete
    assert numbers == list(range(numbers[0], 1000))
    assert len(numbers) >= 150


@pytest.mark.parametrize(
    "name",
    ['a"b', "a\\", "a\nb", 'x"} or {service_name=~".+', "`back`", "tab\tand\x00nul", "{job}", "moon🌙", 'a\\"b', "$1"],
)
def test_a_service_name_never_changes_the_query(sandbox: LokiSandbox, name: str) -> None:
    """Hostile names find their own lines and no others."""
    load(sandbox, (1, "own"), service_name=name)
    load(sandbox, (2, "other"), service_name="other")

    assert texts(loki_at(sandbox).search(log_query(name))) == ["own"]


@pytest.mark.parametrize("name", ["", "half \ud800 pair"])
def test_a_service_name_that_no_query_can_contain_is_rejected(sandbox: LokiSandbox, name: str) -> None:
    """No request is sent."""
    with pytest.raises(Rejected):
        loki_at(sandbox).search(log_query(name))

    assert sandbox.requests == []


@pytest.mark.parametrize("words", [("pool",), ("pool", "empty"), ('say "hi"} |= `x`',), ("back\\slash",)])
def test_words_of_a_query_are_matched_literally(sandbox: LokiSandbox, words: tuple[str, ...]) -> None:
    """Quotes and braces in the words do not end the LogQL string."""
    load(sandbox, (1, "the pool is empty"), (2, 'say "hi"} |= `x` now'), (3, "back\\slash"), (4, "Pool"))
    query = LogQuery("api", START, START + timedelta(minutes=15), containing=words)

    (line,) = texts(loki_at(sandbox).search(query))

    assert all(word in line for word in words)


def test_lines_are_counted_by_time_without_being_read(sandbox: LokiSandbox) -> None:
    """Steps are whole seconds; lines outside the window are not counted where a step reaches beyond it."""
    second = 1_000_000_000
    load(sandbox, *[(n * second // 10 + 1, f"line {n}") for n in range(-40, 9_040)])

    counts = loki_at(sandbox).count(log_query())

    assert counts.step == timedelta(seconds=4)
    assert counts.query == 'sum(count_over_time({service_name="api"} [4s]))'
    assert counts.points == tuple((START + number * counts.step, 40) for number in range(225))
    assert (counts.before(START + timedelta(seconds=6)).total, counts.total) == (60, 9_000)
    assert len(sandbox.requests) == 1


def test_counts_of_a_window_that_divides_steps_are_its_share(sandbox: LokiSandbox) -> None:
    """Loki counts whole steps; a window that starts or ends within one has a part of it."""
    load(sandbox, *[(n * 100_000_000 + 1, "line") for n in range(9_000)])
    query = LogQuery("api", START + timedelta(seconds=2), START + timedelta(minutes=14))

    counts = loki_at(sandbox).count(query)

    assert counts.total == pytest.approx(8_380, abs=2)
    assert counts.points[0][0] == START + timedelta(seconds=2)


def test_errors_are_counted_by_words_and_by_level(sandbox: LokiSandbox) -> None:
    """A line that shows it both ways counts once; a warning and a word in a sentence do not count."""
    load(sandbox, (1, "ERROR lost"), (2, "[WARN] slow"), (3, "INFO 0 errors"), (4, '{"level":"fatal","msg":"x"}'))
    load(sandbox, (5, "lost the peer"), (6, "ERROR too"), level="error")

    assert loki_at(sandbox).count(log_query(only="errors")).total == 4
    assert loki_at(sandbox).count(log_query("other")).points == ()


def test_an_answer_that_is_no_count_is_unavailable(sandbox: LokiSandbox) -> None:
    """Lines where numbers were asked for are nothing to add up."""
    sandbox.fail_next(Reply.of_json({"status": "success", "data": {"resultType": "streams", "result": []}}))

    with pytest.raises(Unavailable, match="unknown format"):
        loki_at(sandbox).count(log_query())


@pytest.mark.parametrize(
    ("line", "is_error"),
    [
        ("2026-01-31 08:00:00 ERROR [main] x", True),
        ('{"time":"t","severity":"CRITICAL","message":"x"}', True),
        ('{"level": 50, "msg": "x"}', True),
        ('level=err msg="x"', True),
        ("E0131 08:00:00.1 1 x.go:1] y", True),
        ('10.0.0.1 - "GET / HTTP/1.1" 503 9', True),
        ('{"msg":"done","status":502}', True),
        ("java.lang.IllegalStateException: x", True),
        ("panic: runtime error", True),
        ("[worker-3] panic: no price", True),
        ("** (RuntimeError) no price", True),
        ("thread 'main' has overflowed its stack", True),
        ("thread 'main' panicked at src/a.rs:1:2:", True),
        ("terminate called after throwing an instance of 'std::out_of_range'", True),
        ("Fatal Python error: Segmentation fault", True),
        ("Traceback (most recent call last):", True),
        ("INFO retried after error=timeout", False),
        ('{"level":"info","error":null}', False),
        ('10.0.0.1 - "GET /errors HTTP/1.1" 200 503', False),
        ("WARN payment failed", False),
        ('  File "/app/cart.py", line 5, in pay', False),
    ],
)
def test_what_is_counted_as_an_error_is_what_the_analysis_calls_one(line: str, is_error: bool) -> None:
    """The two are written twice, in the store's syntax and in ours."""
    level = read(LogLine(START, START_NS, line)).level

    assert (bool(re.search(ERROR_WORDS, line)), level in ("error", "fatal")) == (is_error, is_error)


def test_problems_are_recognised_by_words_or_level_without_duplicates(sandbox: LokiSandbox) -> None:
    """The level counts when the words show nothing; a line that matches both comes once."""
    load(
        sandbox, (1, "GET / 200"), (2, "[WARN] slow"), (3, "java.lang.IllegalStateException: x"), (4, "\tat a.B.c(B:1)")
    )
    load(sandbox, (5, "lost the peer"), (6, "an Error too"), detected_level="error")
    load(sandbox, (7, "goodbye"), level="FATAL")
    load(sandbox, (8, "fine"), level="info")

    page = loki_at(sandbox).search(log_query(only="problems"))

    assert [line.nanoseconds - START_NS for line in page.lines] == [2, 3, 4, 5, 6, 7]
    assert len(page.query.splitlines()) == 2


@pytest.mark.parametrize(
    "line",
    [
        'level=err msg="x"',
        "2026 CRITICAL disk",
        "panic: runtime error",
        "Traceback (most recent call last):",
        '  File "app.py", line 3, in f',
        "#0 /app/src/Basket.php(61): Basket->total()",
        "   3: shop::cart::total",
        "** (RuntimeError) no price",
        "    (shop 0.1.0) lib/shop/basket.ex:41: Shop.Basket.total/1",
        "      in function  shop_basket:total/1 (src/shop_basket.erl, line 41)",
        "\t/app/basket/total.go:41 +0x1c",
        "dial tcp: connection refused",
        "context deadline exceeded: timed out",
        "Caused by: x",
        "OOMKilled",
    ],
)
def test_words_of_problems_are_recognised(line: str) -> None:
    """Each ecosystem has its own words."""
    assert re.search(PROBLEM_WORDS, line)


@pytest.mark.parametrize("line", ["GET /health 200 3ms", "user terry logged in", "started in 4 s", "format ok"])
def test_ordinary_lines_are_not_problems(line: str) -> None:
    """Longer words that only contain such a word do not count."""
    assert not re.search(PROBLEM_WORDS, line)


def test_the_link_opens_the_same_query_in_explore(sandbox: LokiSandbox) -> None:
    """It links to Grafana's page, also when Loki is reached through Grafana's proxy."""
    host = f"{sandbox.url}/api/datasources/proxy/uid/abc"
    sandbox.fail_next(Reply.of_json({"status": "success", "data": {"resultType": "streams", "result": []}}))

    link = urlsplit(loki_at(sandbox, grafana_host=host).search(log_query()).link)

    pane = json.loads(parse_qs(link.query)["panes"][0])["logs"]
    assert f"{link.scheme}://{link.netloc}{link.path}" == f"{sandbox.url}/explore"
    assert pane["queries"][0]["expr"] == '{service_name="api"}'
    assert pane["range"] == {"from": "1769846400000", "to": "1769847300000"}
    assert sandbox.requests[0].path == "/api/datasources/proxy/uid/abc/loki/api/v1/query_range"


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"loki_datasource_uid": "abc"},
        {"grafana_url": "https://grafana.example.com"},
    ],
)
def test_there_is_no_link_where_it_could_not_open(sandbox: LokiSandbox, settings: dict[str, str]) -> None:
    """Loki itself has no pages, and Explore needs Grafana's name for it."""
    assert loki_at(sandbox, **settings).search(log_query()).link == ""


def test_the_link_opens_in_the_grafana_that_is_set(sandbox: LokiSandbox) -> None:
    """Loki may be read beside Grafana, not through it."""
    page = loki_at(sandbox, grafana_url="https://g.example.com", loki_datasource_uid="abc").search(log_query())

    assert page.link.startswith("https://g.example.com/explore?")


def test_lines_are_selected_by_the_alerts_labels_where_a_template_says_so(sandbox: LokiSandbox) -> None:
    """A service may have its own template; without a label that it needs, the service's label selects."""
    load(sandbox, (1, "here"), namespace="shop", pod="api-7d9-x")
    load(sandbox, (2, "other namespace"), namespace="bank", pod="api-7d9-y")
    load(sandbox, (3, "other pod"), namespace="shop", pod="cart-1")
    template = '{namespace="$namespace", pod=~"${service}-.*"}'
    shop = replace(log_query(), labels={"namespace": "shop", "pod": "ignored"})

    by_template = loki_at(sandbox, loki_selector=template).search(shop)
    by_own = loki_at(sandbox, loki_selectors={"api": template}).search(shop)
    other_service = loki_at(sandbox, loki_selectors={"cart": template}).search(shop)
    without = loki_at(sandbox, loki_selector=template).search(log_query())

    assert texts(by_template) == texts(by_own) == ["here"]
    assert by_template.selector == '{namespace="shop", pod=~"api-.*"}'
    assert by_template.others_selector == '{namespace="shop", pod=~".+", pod!~"api-.*"}'
    assert by_template.service_label == ""
    assert texts(without) == texts(other_service) == ["here", "other namespace", "other pod"]
    assert without.selector == '{service_name="api"}'


def test_requests_are_followed_inside_what_the_template_fixes(sandbox: LokiSandbox) -> None:
    """A request is not searched in every namespace of the cluster."""
    load(sandbox, (1, "id=abc here"), namespace="shop")
    load(sandbox, (2, "id=abc beside"), namespace="shop", service_name="cart")
    load(sandbox, (3, "id=abc elsewhere"), namespace="bank", service_name="ledger")
    loki = loki_at(sandbox, loki_selector='{namespace="$namespace", service_name="$service"}')

    page = loki.search(replace(log_query(), labels={"namespace": "shop"}, requests=("abc",)))

    assert texts(page) == ["id=abc here", "id=abc beside"]


def test_credentials_and_tenant_are_sent(sandbox: LokiSandbox) -> None:
    """Basic authentication is sent in UTF-8, and the password may contain colons."""
    loki_at(sandbox, grafana_basicauth="ann:pä:ß", loki_tenant="team-a").search(log_query())

    headers = sandbox.requests[0].headers
    assert headers["Authorization"] == "Basic YW5uOnDDpDrDnw=="
    assert headers["X-Scope-OrgID"] == "team-a"


@pytest.mark.parametrize(
    ("reply", "error", "words"),
    [
        (Reply.of_text("no such user", 401), Refused, "401: 'no such user'"),
        (Reply.of_text("", 403), Refused, "403"),
        (Reply.of_text("404 page not found", 404), Refused, "404"),
        (Reply(302, headers={"Location": "http://else.where/login?token=x"}), Refused, "http://else.where/login"),
        (Reply.of_text("parse error at line 1, col 3", 400), Rejected, "parse error at line 1, col 3"),
        (Reply.of_text("x" * 5000, 400), Rejected, "x" * 299 + "…"),
        (Reply.of_json({"message": "gateway says no"}, 422), Rejected, "'gateway says no'"),
        (Reply.of_json({"status": "error", "error": "odd"}), Rejected, "'odd'"),
        (Reply.of_text("boom\nboom", 500), Unavailable, "500: 'boom boom'"),
        (Reply(200, b"<html>log in</html>", {"Content-Type": "text/html"}), Refused, "instead of JSON"),
        (Reply(200, b'{"status":"succ', {"Content-Type": "application/json"}), Unavailable, "broken JSON"),
        (Reply.of_json({"status": "success", "data": []}), Unavailable, "unknown format"),
    ],
)
def test_faults_become_errors_that_quote_them(
    sandbox: LokiSandbox, reply: Reply, error: type[Exception], words: str
) -> None:
    """They say who must act, what was asked and what came back; never a credential or a page of text."""
    sandbox.fail_next(*[reply] * TRIES)

    with pytest.raises(error) as raised:
        loki_at(sandbox).search(log_query())

    assert words in str(raised.value)
    assert 'service_name="api"' in str(raised.value)
    assert "s3cr" not in str(raised.value)
    assert len(str(raised.value)) < 700


@pytest.mark.parametrize(("header", "seconds"), [("7", 7.0), ("soon", None), ("Wed, 21 Oct 2015 07:28:00 GMT", 0.0)])
def test_429_is_throttled_with_the_wait_that_loki_asks_for(
    sandbox: LokiSandbox, header: str, seconds: float | None
) -> None:
    """Retry-After is read in both forms."""
    sandbox.fail_next(Reply.of_text("too many outstanding requests", 429, {"Retry-After": header}))

    with pytest.raises(Throttled, match="too many outstanding") as raised:
        loki_at(sandbox).search(log_query())

    assert raised.value.retry_after_s == seconds
    assert len(sandbox.requests) == 1


@pytest.mark.parametrize("fault", [Reply.of_text("bad gateway", 502), Reply(200, b"{}" * 99, is_truncated=True)])
def test_a_transient_fault_is_retried(sandbox: LokiSandbox, fault: Reply) -> None:
    """Reads are safe to repeat."""
    load(sandbox, (1, "here"))
    sandbox.fail_next(fault)

    assert texts(loki_at(sandbox).search(log_query())) == ["here"]
    assert len(sandbox.requests) == 2


@pytest.mark.parametrize("fault", [Reply.of_text("overloaded", 503), Reply(200, b"{}" * 99, is_truncated=True)])
def test_a_persistent_fault_is_unavailable_after_three_tries(sandbox: LokiSandbox, fault: Reply) -> None:
    """The number of tries is limited."""
    sandbox.fail_next(fault, fault, fault)

    with pytest.raises(Unavailable, match=r"overloaded|the body was truncated"):
        loki_at(sandbox).search(log_query())

    assert len(sandbox.requests) == 3


def test_no_reply_is_unavailable_after_the_timeout(sandbox: LokiSandbox) -> None:
    """The time budget is kept, and a timeout is not retried."""
    sandbox.fail_next(Reply(delay_s=30))

    with pytest.raises(Unavailable, match=r"did not answer in 0\.2 s"):
        loki_at(sandbox, loki_timeout_s=0.2).search(log_query())

    assert len(sandbox.requests) == 1


def test_a_refused_connection_is_unavailable() -> None:
    """No server listens on the port."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        host = f"http://127.0.0.1:{unused.getsockname()[1]}"
        with pytest.raises(Unavailable, match=f"Loki at '{host}'"):
            Loki(LokiSettings(grafana_host=host)).search(log_query())


@pytest.mark.parametrize(("minutes", "limit"), [(0, 5), (-1, 5), (15, 0)])
def test_an_impossible_query_is_rejected(sandbox: LokiSandbox, minutes: int, limit: int) -> None:
    """An empty window or a limit of zero."""
    query = LogQuery("api", START, START + timedelta(minutes=minutes), limit)

    with pytest.raises(Rejected, match="start < end and limit >= 1"):
        loki_at(sandbox).search(query)
    if minutes <= 0:
        with pytest.raises(Rejected, match="start < end"):
            loki_at(sandbox).count(query)


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("GRAFANA_HOST", "logs.example.com"),
        ("GRAFANA_HOST", "https://ann:s3cr@logs.example.com"),
        ("GRAFANA_BASICAUTH", "s3cr"),
        ("LOKI_SERVICE_LABEL", 'a"b'),
        ("LOKI_TIMEOUT_S", "0"),
        ("LOKI_PAGE_LINES", "9999"),
    ],
)
def test_a_wrong_setting_is_named_and_not_shown(monkeypatch: pytest.MonkeyPatch, variable: str, value: str) -> None:
    """The error names the variable and contains no secret."""
    monkeypatch.setenv("GRAFANA_HOST", "https://logs.example.com")
    monkeypatch.setenv(variable, value)

    with pytest.raises(Misconfigured, match=variable) as raised:
        LokiSettings.from_env()

    assert "s3cr" not in str(raised.value)


def test_settings_are_read_from_the_documented_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    """A slash at the end of the host is removed."""
    monkeypatch.setenv("GRAFANA_HOST", "https://logs.example.com/")
    monkeypatch.setenv("GRAFANA_BASICAUTH", SECRET)

    settings = LokiSettings.from_env()

    assert (settings.grafana_host, settings.grafana_basicauth) == ("https://logs.example.com", SecretStr(SECRET))
    assert SECRET not in repr(settings)


def test_no_secret_reaches_the_log(
    sandbox: LokiSandbox, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    """Each call logs one line, without credentials."""
    caplog.set_level(logging.DEBUG)
    loki_at(sandbox).search(log_query())

    written = capsys.readouterr().out
    assert "telemetry.queried" in written
    assert "s3cr" not in written + caplog.text


def recorded(name: str) -> object:
    path = RECORDED / name
    if not path.exists():
        pytest.skip("the recorded payloads are not next to this checkout")
    return json.loads(path.read_text())


@pytest.mark.parametrize(
    ("name", "count"),
    [
        ("docs_range_streams.json", 2),
        ("grafana_streams_simple.json", 6),
        ("grafana_streams_structured_metadata.json", 6),
        ("loki_3.5.0_streams_curl.json", 2),
    ],
)
def test_recorded_answers_are_read(name: str, count: int) -> None:
    """They hold unsorted entries, equal lines, quotes and emoji in labels, values with two or three elements."""
    lines = parse_lines(recorded(name), "a query")

    assert len(lines) == count
    assert [line.nanoseconds for line in lines] == sorted(line.nanoseconds for line in lines)


@pytest.mark.parametrize("name", ["docs_instant_vector.json", "docs_range_matrix.json"])
def test_recorded_numbers_are_rejected_with_a_clear_message(name: str) -> None:
    """A metric query is the caller's mistake."""
    with pytest.raises(Rejected, match="computes numbers, not lines"):
        parse_lines(recorded(name), "a query")


def test_recorded_error_text_is_quoted(sandbox: LokiSandbox) -> None:
    """The operator reads Loki's own message."""
    body = recorded("loki_3.5.0_error_instant_log_query.json")
    assert isinstance(body, dict)
    sandbox.fail_next(Reply.of_text(body["body"], 400))

    with pytest.raises(Rejected, match="log queries are not supported as an instant query type"):
        loki_at(sandbox).search(log_query())


@pytest.mark.parametrize(
    "metadata",
    [
        {"trace": "t1", "detected_level": "error"},
        {"structuredMetadata": {"trace": "t1"}, "parsed": {"detected_level": "error"}},
    ],
)
def test_structured_metadata_joins_the_labels(metadata: dict[str, object]) -> None:
    """It is the third element of a value, flat or by category."""
    values = [[str(START_NS), "x", metadata], [str(START_NS + 1), "y", {}], [str(START_NS + 2), "z"]]
    result = [{"stream": {"service_name": "api"}, "values": values}]

    body = {"status": "success", "data": {"resultType": "streams", "result": result}}
    first, second, third = parse_lines(body, "a query")

    assert first.labels == {"service_name": "api", "trace": "t1", "detected_level": "error"}
    assert second.labels == third.labels == {"service_name": "api"}


def test_other_label_of_a_service_without_lines_is_found_in_one_call(sandbox: LokiSandbox) -> None:
    """The likeliest mistake of a newcomer: the logs are there, under another label."""
    values = [[str(START_NS), "line"]]
    for labels in ({"app": "api", "pod": "a"}, {"app": "api", "pod": "b"}, {"container": "api"}, {"app": "other"}):
        sandbox.load({"streams": [{"stream": labels, "values": values}]})
    loki = loki_at(sandbox)

    assert loki.other_label(log_query("api")) == "app"
    assert len(sandbox.requests) == 1
    assert loki.other_label(log_query("absent")) == ""
    assert loki_at(sandbox, loki_service_label="app").other_label(log_query("api")) == "container"


def test_label_of_a_query_replaces_the_configured_one(sandbox: LokiSandbox) -> None:
    """In what is read, in what is counted, and in the selector for further queries."""
    sandbox.load({"streams": [{"stream": {"app": "api"}, "values": [[str(START_NS + 10**9), "line"]]}]})
    query = replace(log_query("api"), label="app")
    loki = loki_at(sandbox)

    page = loki.search(query)

    assert (texts(page), page.selector, page.label) == (["line"], '{app="api"}', "app")
    assert loki.count(query).total == 1
    assert loki.search(log_query("api")).selector == '{service_name="api"}'


def test_answer_that_is_no_list_of_series_is_unavailable(sandbox: LokiSandbox) -> None:
    """A proxy may answer anything."""
    sandbox.fail_next(*[Reply.of_json({"status": "success", "data": ["a"]})] * TRIES)

    with pytest.raises(Unavailable, match="unknown format"):
        loki_at(sandbox).other_label(log_query("api"))


def test_requests_are_searched_over_all_services(sandbox: LokiSandbox) -> None:
    """By one query, whatever the ids hold; the label of each line's service is named."""
    for service, text in (("api", "a id=r1-x"), ("db", "b id=r1-x"), ("db", "c id=r2"), ("cache", "d id=r1yx")):
        values = [[str(START_NS), text]]
        sandbox.load({"streams": [{"stream": {"service_name": service, "text": text}, "values": values}]})

    page = loki_at(sandbox).search(replace(log_query("api"), requests=("r1-x", 'r9"} or {a=')))

    assert sorted(texts(page)) == ["a id=r1-x", "b id=r1-x"]
    assert page.service_label == "service_name"
    assert len(sandbox.requests) == 1
