"""Exceptions in the JSON of PHP's Monolog."""

import json
from datetime import UTC, datetime

from shared.analysis.logs import stack_traces
from shared.analysis.logs.lines.monolog import monolog_trace
from shared.analysis.logs.parse import read
from shared.telemetry.port import LogLine

INNER = {"class": "PDOException", "message": "no connection", "code": 7, "file": "/app/src/Db.php:14"}
OUTER = {
    "class": "App\\StoreDown",
    "message": "the store is down",
    "file": "/app/vendor/db/Store.php:22",
    "trace": ["/app/vendor/db/Run.php:33"],
    "previous": INNER,
}


def test_exception_of_the_context_is_read_with_its_cause() -> None:
    """The entry's own message says less."""
    line = json.dumps({"message": "failed", "context": {"exception": OUTER}, "level": 500, "level_name": "CRITICAL"})

    (trace,) = stack_traces.parse(read(LogLine(datetime(2031, 5, 6, tzinfo=UTC), 0, line, {})).text)

    assert (trace.language, str(trace.raised)) == ("php", "PDOException: no connection")
    assert [(one.path, one.line) for one in trace.raised.frames] == [("/app/src/Db.php", 14)]
    assert [one.type for one in trace.others] == ["App\\StoreDown"]


def test_context_without_an_exception_holds_no_trace() -> None:
    """Nor does one that names no place."""
    contexts: list[object] = [
        None,
        [],
        {},
        {"exception": "x"},
        {"exception": {"class": "A"}},
        {"exception": {"class": 1}},
    ]
    for context in contexts:
        assert monolog_trace({"context": context}) == ""
