"""Parsing of single log lines."""

import json
import time
from datetime import UTC, datetime

import pytest

from shared.analysis.logs.parse import read
from shared.telemetry.port import LogLine

AT = datetime(2031, 5, 6, 7, 8, tzinfo=UTC)


def line(text: str, **labels: str) -> LogLine:
    """Return a line written by one pod."""
    return LogLine(AT, 0, text, {"service_name": "shop", "pod": "shop-1", **labels})


@pytest.mark.parametrize(
    ("text", "level"),
    [
        ("2031-05-06 07:08:09,123 ERROR [app] request failed", "error"),
        ("WARNING:root:disk at 91 %", "warning"),
        ("07:08:09.123 WARN  c.s.Cart#12 slow", "warning"),
        ("E0506 07:08:09.123456       1 cart.go:12] cannot price", "error"),
        ('time=2031-05-06T07:08:09Z level=error msg="no route"', "error"),
        ("2031/05/06 07:08:09 [crit] 12#12: *1 connect() failed", "fatal"),
        ("fail: Shop.Cart[0]", "error"),
        ("panic: assignment to entry in nil map", "fatal"),
        ("Traceback (most recent call last):", "error"),
        ('10.0.0.1 - "GET /error HTTP/1.1" 200 12', "unknown"),
        ('INFO [access] 10.0.0.1 - "GET /cart HTTP/1.1" 503 12', "error"),
        ("POST /pay 500 12.5 ms - 20", "error"),
        ('[GIN] 2031/05/06 - 07:08:09 | 502 | 1.2ms | 10.0.0.1 | POST "/pay"', "error"),
        ("POST /pay 200 500 ms - 20", "unknown"),
        ("INFO 0 errors found", "info"),
        ("everything is fine", "unknown"),
    ],
)
def test_level_is_read_from_common_log_formats(text, level):
    """Python, Java, Go, nginx, .NET, logfmt and access logs write the level in different ways."""
    assert read(line(text)).level == level


@pytest.mark.parametrize(
    ("fields", "level"),
    [
        ({"severity": "CRITICAL", "message": "m"}, "fatal"),
        ({"level": 50, "msg": "m"}, "error"),
        ({"@l": "Warning", "@m": "m"}, "warning"),
        ({"log": {"level": "debug"}, "message": "m"}, "debug"),
        ({"severity": "INFO", "message": "m", "status": 502}, "error"),
    ],
)
def test_level_is_read_from_json_fields(fields, level):
    """Google Cloud, pino, Serilog, ECS: names and numbers; a 5xx response is an error, whatever its level."""
    assert read(line(json.dumps(fields))).level == level


def test_level_in_the_line_overrides_the_guess_of_the_store():
    """Loki guesses `detected_level` from words in the line; the line's own level is certain."""
    assert read(line("INFO error rate is 0", detected_level="error")).level == "info"
    assert read(line("nothing said", detected_level="error")).level == "error"
    assert read(line("INFO said", level="warn")).level == "warning"


@pytest.mark.parametrize("key", ["exc_info", "stack_trace", "exception", "stack", "traceback"])
def test_trace_in_a_separate_field_follows_the_message(key):
    """Structured loggers put the trace in a field next to the message."""
    entry = read(line(json.dumps({"level": "error", "message": "failed", key: "Traceback\n  File"})))

    assert (entry.text, entry.message) == ("failed\nTraceback\n  File", "failed")


def test_nested_error_gives_its_stack_but_not_its_message():
    """pino's `err.stack` is read; the line's own `msg` stays the message."""
    fields = {"level": 50, "msg": "request failed", "err": {"message": "x", "stack": "Error: x\n    at f (/a.js:1:2)"}}

    assert read(line(json.dumps(fields))).text == "request failed\nError: x\n    at f (/a.js:1:2)"


def test_google_cloud_payload_is_unwrapped():
    """An exported entry carries its message in `jsonPayload`."""
    assert read(line(json.dumps({"severity": "ERROR", "jsonPayload": {"message": "no price"}}))).text == "no price"


@pytest.mark.parametrize(
    "outer",
    [{"level": "info", "log": "%s"}, {"level": "info", "message": "%s", "log": {"logger": "shop"}}],
    ids=["a field called log", "a message beside the logger's own"],
)
def test_json_that_a_logger_quotes_is_text(outer: dict[str, object]):
    """Only a driver without levels wraps lines; who sends a text to the service could else fill the logger's fields."""
    sent = json.dumps(
        {
            "level": "error",
            "message": "x",
            "exc_info": 'Traceback (most recent call last):\n  File "/a.py", line 1, in f\nE: x',
        }
    )
    entry = read(line(json.dumps({key: sent if value == "%s" else value for key, value in outer.items()})))

    assert (entry.level, entry.has_trace_field) == ("info", False)
    assert entry.text.startswith(sent[:40])


def test_docker_wrapping_is_removed():
    """Docker's json-file driver wraps lines that may themselves be JSON."""
    inner = json.dumps({"severity": "ERROR", "message": "no price"})

    entry = read(line(json.dumps({"log": inner + "\n", "stream": "stderr"})))

    assert (entry.text, entry.level) == ("no price", "error")


def test_colours_and_the_runtime_prefix_are_removed():
    """What the terminal and the container runtime add is not part of the message."""
    entry = read(line("2031-05-06T07:08:09.123456789Z stderr F \x1b[31mERROR\x1b[0m no price"))

    assert (entry.text, entry.level) == ("ERROR no price", "error")


def test_trace_written_in_one_line_is_split_into_lines():
    """logfmt and doubly encoded JSON write a newline as two characters."""
    entry = read(
        line(r'level=error stack="Traceback (most recent call last):\n  File \"/a.py\", line 1, in f\nKeyError"')
    )

    assert '\n  File "/a.py", line 1, in f\n' in entry.text


def test_hostile_line_is_read_in_bounded_time():
    """Unclosed quotes and very long words cost little time."""
    hostile = [
        'a="' * 30_000 + r"\n",
        'a="' + r"\n" * 50_000,
        "a." * 50_000 + r"\n",
        "Error" * 20_000,
        '{"a":' * 100_000,
    ]
    start = time.process_time()

    for text in hostile:
        read(line(text))

    assert time.process_time() - start < 30


def test_timestamp_is_not_part_of_the_message():
    """Lines of the same template differ in their time; their message does not."""
    assert read(line("2031-05-06T07:08:09.123+02:00 ERROR no price")).message == "ERROR no price"


@pytest.mark.parametrize("text", ["{not json", "[1, 2]", "{}", "", '{"a": 1}'])
def test_any_text_is_read(text):
    """A line of unknown format is its own message; nothing raises."""
    assert read(line(text)).text == text


def test_pods_are_different_sources_and_levels_are_not():
    """The store splits a pod's lines by level; they still come from one process."""
    one, same = read(line("a", detected_level="error")), read(line("b", detected_level="unknown"))
    other = read(line("a", pod="shop-2"))

    assert one.source == same.source
    assert one.source != other.source


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        ("web-1  | ERROR payment failed", "ERROR payment failed"),
        ("web-1  | 2026-05-04 02:44:20 ERROR payment failed", "ERROR payment failed"),
        ("E, [2026-05-04T02:44:20.114000 #12] ERROR -- : NoMethodError (nil)", "NoMethodError (nil)"),
        ("E, [2026-05-04T02:44:20.114000 #12] ERROR -- : [3f1e9c-1000] NoMethodError (nil)", "NoMethodError (nil)"),
        ("W, [2026-05-04T02:44:20.1 #12]  WARN -- sidekiq: retry", "retry"),
        ("worker     | ERROR payment failed", "ERROR payment failed"),
        ("ERROR     | shop:pay:12 - failed", "ERROR     | shop:pay:12 - failed"),
        ("total | 12", "total | 12"),
        ("GET /a | 200", "GET /a | 200"),
    ],
)
def test_head_of_shippers_and_loggers_is_no_part_of_the_message(raw: str, message: str) -> None:
    """A headline is made of the words that say what happened."""
    assert read(line(raw)).message == message


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"msg": "charge failed", "error": "dial tcp 10.0.0.5: refused"}, "charge failed: dial tcp 10.0.0.5: refused"),
        ({"event": "charge failed", "exc_info": "ValueError: bad"}, "charge failed: ValueError: bad"),
        ({"msg": "charge failed", "err": {"type": "HttpError", "message": "502"}}, "charge failed: HttpError: 502"),
        (
            {"msg": "charge failed", "err": {"message": "502", "cause": {"name": "Timeout", "message": "after 5 s"}}},
            "charge failed: 502: Timeout: after 5 s",
        ),
        ({"message": "charge failed", "error.message": "no route"}, "charge failed: no route"),
        ({"err": {"type": "HttpError", "message": "502 from pay"}}, "HttpError: 502 from pay"),
        ({"msg": "charge failed: no route", "error": "no route"}, "charge failed: no route"),
        ({"error": "no route"}, "no route"),
        ({"msg": "charge failed", "error": True, "exc_info": None}, "charge failed"),
    ],
)
def test_json_field_that_says_why_belongs_to_the_message(fields, message):
    """zap, structlog, pino, ECS: the message alone says only that something failed. Nothing is said twice."""
    assert read(line(json.dumps(fields))).message == message


def test_reason_that_the_trace_shows_is_not_repeated():
    """The first line of a trace is its exception."""
    trace = "TypeError: x is undefined\n    at pay (/app/pay.js:3:4)"
    fields = {"msg": "charge failed", "err": {"type": "TypeError", "message": "x is undefined", "stack": trace}}

    assert read(line(json.dumps(fields))).text == f"charge failed\n{trace}"


def test_reasons_nested_without_end_are_bounded():
    """A line is written by others."""
    nested: dict[str, object] = {"message": "deepest"}
    for level in range(90):
        nested = {"message": f"level {level}", "cause": nested}

    assert read(line(json.dumps({"msg": "failed", "err": nested}))).message == ("failed: level 89: level 88: level 87")


def test_name_of_the_container_is_no_part_of_its_lines():
    """docker compose writes it before each, JSON and traces too; a level between bars is none."""
    assert read(line('web-1  | {"level": "error", "msg": "no route"}')).message == "no route"
    assert read(line("web-1  | ERROR no route\nweb-1  |   at x")).text == "ERROR no route\n  at x"
    assert read(line("INFO | shop | no route")).text == "INFO | shop | no route"


def test_head_of_klog_is_no_part_of_the_message():
    """The file that wrote it says where."""
    assert read(line("E0506 07:08:09.123456       1 cart.go:12] cannot price")).message == "cart.go:12] cannot price"
