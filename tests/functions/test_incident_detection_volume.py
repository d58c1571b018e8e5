"""incident_detection where the logs are more than it reads: what is counted gives the answer of all lines."""

import json
import random
import re
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import pytest
from pytest_mock import MockerFixture

from functions.incident_detection.fetch_telemetry import TelemetryRead, read_telemetry
from infra.local.sandboxes.loki.server import LokiSandbox
from shared.analysis.detection.summary import TelemetrySummary, summarize
from shared.contracts import Alert
from shared.errors import Unavailable
from shared.step import recorder
from shared.telemetry.http_reader import epoch_us
from shared.telemetry.logql import ERROR_WORDS, PROBLEM_WORDS
from shared.telemetry.loki import Loki, LokiSettings, count_step_s
from shared.telemetry.port import LogCounts, LogLine, LogPage, LogQuery, Logs, MetricQuery, MetricsOverview
from tests.builders import NOW, an_alert

WINDOW = timedelta(minutes=15)
START = NOW - WINDOW
ONSET = START + timedelta(seconds=500.3)
STEP = timedelta(seconds=4)
LABELS = {"service_name": "checkout-api", "pod": "a"}
ALERT = an_alert(start=START, end=NOW)
TRACE = (
    'ERROR request failed\nTraceback (most recent call last):\n  File "/app/{0}.py", line 5, in pay\n    go()\n{1}: {2}'
)

Kind = Callable[[random.Random, bool, int], str | None]


def few(chance: random.Random, broken: bool, number: int) -> str | None:
    """Every twentieth request fails."""
    return TRACE.format("cart", "KeyError", number) if broken and chance.random() < 0.05 else None


def storm(chance: random.Random, broken: bool, number: int) -> str | None:
    """Most requests fail, so that not even the errors can all be read."""
    return TRACE.format("cart", "KeyError", number) if broken and chance.random() < 0.6 else None


def usual_and_new(chance: random.Random, broken: bool, number: int) -> str | None:
    """Another error was there all the time, as often as every tenth line."""
    if chance.random() < 0.1:
        return f"ERROR mail relay said no to user {number}"
    return storm(chance, broken, number)


def usual_and_json(chance: random.Random, broken: bool, number: int) -> str | None:
    """The new error has no stack trace, and quotes that JSON escapes."""
    if chance.random() < 0.05:
        return TRACE.format("mail", "OSError", number)
    text = json.dumps({"level": "error", "msg": f'payment "{number}" was refused by the bank'})
    return text if broken and chance.random() < 0.5 else None


def usual(chance: random.Random, _broken: bool, number: int) -> str | None:
    """A third of the lines are errors, before and after."""
    return TRACE.format("mail", "OSError", number) if chance.random() < 0.3 else None


def lines(kind: Kind, count: int, split: bool = False) -> list[LogLine]:
    """Return `count` entries over the window, with the kind's errors; with `split`, each line of them is an entry."""
    chance = random.Random(1)
    entries = []
    for number in range(count):
        at = START + number * WINDOW / count + timedelta(microseconds=137)
        text = kind(chance, at >= ONSET, number) or f"INFO served order {number} in {chance.randint(1, 90)} ms"
        entries += [LogLine(at, epoch_us(at) * 1000, part, LABELS) for part in (text.split("\n") if split else [text])]
    return entries


class BoundedLogs:
    """A log store that holds the lines, and returns at most `limit` at once, whatever is asked for."""

    def __init__(self, held: Sequence[LogLine], limit: int) -> None:
        self._held = held
        self._limit = limit
        self.counted: list[LogQuery] = []

    def other_label(self, _query: LogQuery) -> str:
        """Know no other label."""
        return ""

    def search(self, query: LogQuery) -> LogPage:
        """Return the newest lines."""
        matching = self._matching(query)
        return LogPage(tuple(matching[-self._limit :]), "q", is_complete=len(matching) <= self._limit)

    def count(self, query: LogQuery) -> LogCounts:
        """Count the lines by multiples of the step."""
        self.counted.append(query)
        step_s = count_step_s(query)
        counts = Counter(epoch_us(line.at) // (step_s * 1_000_000) for line in self._matching(query))
        origin = START - timedelta(microseconds=epoch_us(START))
        points = [(origin + timedelta(seconds=number * step_s), count) for number, count in sorted(counts.items())]
        return LogCounts("q", timedelta(seconds=step_s), tuple(points))

    def _matching(self, query: LogQuery) -> list[LogLine]:
        words = re.compile({"problems": PROBLEM_WORDS, "errors": ERROR_WORDS, "all": ""}[query.only])
        inside = (line for line in self._held if query.start <= line.at < query.end)
        return [
            line for line in inside if words.search(line.text) and all(word in line.text for word in query.containing)
        ]


class UncountedLogs(BoundedLogs):
    """A store whose metric queries fail."""

    def count(self, query: LogQuery) -> LogCounts:
        """Fail."""
        raise Unavailable("too many outstanding requests")


class MeetingLogs:
    """A store that answers once the metrics are read too."""

    def __init__(self, meeting: threading.Barrier) -> None:
        self._meeting = meeting

    def search(self, _: LogQuery) -> LogPage:
        """Wait for the metrics."""
        self._meeting.wait()
        return LogPage((LogLine(START, 0, "INFO fine"),), "q", is_complete=True)


class MeetingMetrics:
    """A store that answers once the logs are read too."""

    def __init__(self, meeting: threading.Barrier) -> None:
        self._meeting = meeting

    def overview(self, _: MetricQuery) -> MetricsOverview:
        """Wait for the logs."""
        self._meeting.wait()
        return MetricsOverview()


def test_logs_and_metrics_are_read_beside_each_other(mocker: MockerFixture) -> None:
    """Neither waits for the other, and both are recorded with the step."""
    meeting = threading.Barrier(2, timeout=5)
    mocker.patch("shared.telemetry.connect_logs", return_value=MeetingLogs(meeting))
    mocker.patch("shared.telemetry.connect_metrics", return_value=MeetingMetrics(meeting))

    with recorder.recording() as done:
        outcome = read_telemetry(ALERT)

    assert outcome.troubles == ()
    assert {recorded.call.tool_name for recorded in done.calls} == {"query_loki", "query_prometheus"}


def read(mocker: MockerFixture, logs: Logs, alert: Alert = ALERT) -> TelemetryRead:
    mocker.patch("shared.telemetry.connect_logs", return_value=logs)
    mocker.patch("shared.telemetry.connect_metrics", return_value=None)
    return read_telemetry(alert)


def whole(held: Sequence[LogLine]) -> TelemetrySummary:
    """Return what all lines show."""
    return summarize(ALERT, LogPage(tuple(held), "q", is_complete=True), ())


def assert_alike(part: TelemetrySummary, everything: TelemetrySummary, tolerance: float = 0.005) -> None:
    assert part.lines_read < everything.lines_read / 2
    assert within_a_step(part.onset, everything.onset)
    assert part.entries == pytest.approx(everything.entries, rel=3 * tolerance)
    assert part.error_share == pytest.approx(everything.error_share, abs=tolerance)
    assert part.trace_share == pytest.approx(everything.trace_share, abs=tolerance)
    assert [type(group) for group in part.risen] == [type(group) for group in everything.risen]


def within_a_step(one: datetime | None, other: datetime | None) -> bool:
    return one == other or (one is not None and other is not None and abs(one - other) <= STEP)


def test_hundred_thousand_lines_give_the_answer_of_all_of_them(mocker: MockerFixture) -> None:
    """Of 100,000 lines 40,000 are read; Loki counts the others."""
    held = lines(usual_and_new, 100_000)
    values = [[str(line.nanoseconds), line.text] for line in held]
    with LokiSandbox([{"stream": LABELS, "values": values}]) as sandbox:
        settings = LokiSettings.model_validate({"grafana_host": sandbox.url, "loki_timeout_s": 120})
        logs = read(mocker, Loki(settings))

    assert logs.troubles == ()
    assert_alike(summarize(ALERT, logs.logs, ()), whole(held))


@pytest.mark.parametrize("split", [False, True], ids=["whole", "split"])
@pytest.mark.parametrize("kind", [few, storm, usual_and_new, usual_and_json, usual])
def test_onset_and_shares_are_those_of_all_lines(mocker: MockerFixture, kind: Kind, split: bool) -> None:
    """
    Whether all errors can be read or not, whether they are new or usual, on one line or on several.

    How many entries the older lines of split traces are is an estimate.
    """
    held = lines(kind, 10_000, split)

    logs = read(mocker, BoundedLogs(held, limit=1_000))

    assert_alike(summarize(ALERT, logs.logs, ()), whole(held), tolerance=0.01 if split else 0.005)


def test_a_complete_page_costs_no_count(mocker: MockerFixture) -> None:
    """A store is asked for numbers only when lines are missing."""
    logs = BoundedLogs(lines(few, 500), limit=2_000)

    answer = read(mocker, logs)

    assert answer.logs is not None
    assert (answer.logs.is_complete, answer.logs.unread, logs.counted) == (True, None, [])


def test_counts_that_fail_are_a_named_trouble(mocker: MockerFixture) -> None:
    """What was read is still analysed, and the answer says what is missing."""
    answer = read(mocker, UncountedLogs(lines(storm, 5_000), limit=500))

    assert answer.logs is not None
    assert (len(answer.logs.lines), answer.logs.unread) == (1_000, None)
    assert answer.troubles == ("Older lines are not counted: too many outstanding requests",)


def test_an_error_that_began_within_the_page_has_no_past(mocker: MockerFixture) -> None:
    """Older errors of other kinds must not look like earlier ones of the new kind."""

    def new_at_the_end(chance: random.Random, _broken: bool, number: int) -> str | None:
        if number > 19_600:
            return TRACE.format("cart", "KeyError", number)
        return "".join(["ERROR ", chance.choice("abcdefgh") * 3, " x"]) if chance.random() < 0.3 else None

    held = lines(new_at_the_end, 20_000)

    logs = read(mocker, BoundedLogs(held, limit=2_000))

    assert within_a_step(summarize(ALERT, logs.logs, ()).onset, held[19_601].at)
