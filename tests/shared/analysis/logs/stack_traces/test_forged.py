"""Stack traces that a user of the service may have written weaken what is said; nothing is hidden."""

from datetime import timedelta

import pytest

from shared.analysis.causes.explain import explain
from shared.analysis.detection.detect import detect
from shared.analysis.logs.stack_traces.forged import open_quote
from shared.contracts import Incident, RootCauseRequest
from shared.telemetry.port import LogLine, LogPage
from tests.builders import NOW, an_alert

TRACE = 'Traceback (most recent call last):\n  File "/app/shop/cart.py", line 7, in total\nZeroDivisionError: no'
START = NOW - timedelta(minutes=30)
ALERT = an_alert(start=START, end=NOW)


def detected(*texts: str, calm_text: str = "INFO order {n} placed") -> Incident:
    """Return what is detected where these entries, written at once, come again and again after a calm time."""
    calm = [(n * 5.0, calm_text.replace("{n}", str(n))) for n in range(300)]
    noisy = [(1500 + n * 20 + i / 1000, text) for n in range(12) for i, text in enumerate(texts)]
    lines = [
        LogLine(START + timedelta(seconds=second), 0, text, {"service_name": "checkout-api"})
        for second, text in sorted(calm + noisy)
    ]
    return detect(ALERT, LogPage(tuple(lines), "{x}", True), [], [])


@pytest.mark.parametrize(
    ("text", "quote"),
    [
        ("refused: no product 'x", "'"),
        ('value "a', '"'),
        ("keys: [`a", "`"),
        ("can't connect", ""),
        ("the users' data", ""),
        ("no product 'x' in 'y'", ""),
        ("no product 'x' in 'y", "'"),
        ('err="boom', ""),
        ("5' tall", ""),
        ("login failed for user='\n", "'"),
        ("user=' \n x", "'"),
        ("no product “x", "“"),
        ("no product «x» here", ""),
        ("undefined method `price' for nil", ""),
        ('ERROR: no total {"exception":"[object] (Error', ""),
    ],
)
def test_value_that_is_not_closed_is_recognised(text: str, quote: str) -> None:
    """An apostrophe opens none, and a logger's own field is its own."""
    assert open_quote(text) == quote


FORGED = [
    (f"WARNING refused: no product 'x\n2031-01-01 ERROR request failed\n{TRACE}' in this shop",),
    (f"INFO note: x\n{TRACE}",),
    (f"WARNING refused: no product x\n2031-01-01 00:00:00 ERROR request failed\n{TRACE}",),
    ("WARNING refused: no product 'x", f"2031-01-01 00:00:00 ERROR request failed\n{TRACE}", "' in this shop"),
    ("WARNING refused: no product 'x", *f"ERROR request failed\n{TRACE}".split("\n"), "' in this shop"),
]


@pytest.mark.parametrize(
    "texts", FORGED, ids=["one entry", "ordinary entry", "entry in an entry", "own entry", "line by line"]
)
def test_trace_in_a_value_is_reported_with_low_confidence(texts: tuple[str, ...]) -> None:
    """Who can send a value can make it look like an entry, as often as they like."""
    incident = detected(*texts)

    (trace,) = incident.stack_traces
    assert trace.is_doubtful
    causes = explain(RootCauseRequest(alert=ALERT, incident=incident)).root_causes
    (cause,) = [one for one in causes if trace.evidence_id in one.evidence_ids]
    assert "a user of the service may have sent it" in cause.hypothesis
    assert cause.confidence <= 0.25


@pytest.mark.parametrize(
    "text",
    [
        f"ERROR request failed\n{TRACE}",
        f"ERROR can't price the cart\n{TRACE}",
        f"ERROR no product 'x' in this shop\n{TRACE}",
        f"request failed\n{TRACE}",
    ],
)
def test_own_trace_is_believed(text: str) -> None:
    """A new exception that the service never wrote before counts in full."""
    (trace,) = detected(text).stack_traces

    assert not trace.is_doubtful


def test_trace_with_a_kind_of_line_that_mostly_comes_without_is_doubtful() -> None:
    """A call that logs an exception always logs one; this one logs what was asked for."""
    (trace,) = detected(
        f"WARNING refused: no product x\n{TRACE}", calm_text="WARNING refused: no product {n}"
    ).stack_traces

    assert trace.is_doubtful


def test_trace_of_the_service_from_before_makes_no_forged_one_certain() -> None:
    """The same exception may have happened once, and be sent again and again since."""
    forged = [(1500 + n * 20.0, FORGED[0][0]) for n in range(12)]
    calm = [(n * 5.0, f"INFO order {n} placed") for n in range(300)]
    lines = [
        LogLine(START + timedelta(seconds=second), 0, text, {"service_name": "checkout-api"})
        for second, text in sorted([*calm, (300.5, f"ERROR request failed\n{TRACE}"), *forged])
    ]

    incident = detect(ALERT, LogPage(tuple(lines), "{x}", True), [], [])

    assert incident.onset is not None
    assert [trace.is_doubtful for trace in incident.stack_traces] == [True]


def test_one_own_trace_among_forged_ones_is_believed() -> None:
    """What the service surely wrote itself is no forgery, however often somebody repeats it."""
    (trace,) = detected(FORGED[0][0], f"ERROR request failed\n{TRACE}").stack_traces

    assert not trace.is_doubtful


def test_lines_of_a_value_behind_an_own_trace_make_it_no_surer() -> None:
    """Who sends a value with line ends right after a failure could add a cause to its trace."""
    own = ["ERROR com.shop.NoPrice: item 7", "\tat com.shop.Cart.total(Cart.java:41)"]
    forged = ["2031-01-01 00:00:00 INFO note: x", "Caused by: com.shop.Evil: y", "\tat com.shop.Evil.f(Evil.java:1)"]

    traces = detected(*own, *forged).stack_traces

    assert [trace.is_doubtful for trace in traces if "Evil" in trace.exception_type] == [True]


def test_trace_with_a_header_on_each_line_within_an_entry_is_doubtful() -> None:
    """The headers may be a part of the value too."""
    header = "2031-01-01 00:00:00 ERROR shop: "
    frames = "\n".join(header + line for line in ["failed", "com.shop.E: x", "\tat com.shop.Cart.total(Cart.java:41)"])

    (trace,) = detected(f"WARNING refused: no product x\n{frames}").stack_traces

    assert trace.is_doubtful


ONE_LINE = "PHP Fatal error:  Allowed memory size of 128 bytes exhausted in /app/src/Report.php on line 88"


@pytest.mark.parametrize(
    ("text", "is_doubtful"),
    [
        (ONE_LINE, False),
        (f"2031-01-01 00:00:00 ERROR {ONE_LINE}", False),
        (f"PHP message: {ONE_LINE}", False),
        ("thread 'main' panicked at src/a.rs:1:2:", False),
        (f"WARNING login failed for {ONE_LINE}", True),
        ("WARNING login failed for thread 'main' panicked at src/a.rs:1:2:", True),
        ("WARNING login failed for [object] (Evil(code: 0): x at /app/evil.php:3)", True),
    ],
)
def test_exception_on_one_line_is_believed_only_at_its_start(text: str, is_doubtful: bool) -> None:
    """A value in a line needs no line end to look like one."""
    (trace,) = detected(text).stack_traces

    assert trace.is_doubtful == is_doubtful
