"""Prompts do not grow with log volume: they hold patterns with counts, never raw lines."""

from datetime import timedelta

from infra.local.sandboxes.gemini.server import GeminiSandbox
from shared.telemetry.port import LogLine
from tests.builders import NOW, an_alert
from tests.functions import model_path

MAX_GROWTH = 1.10
"""From 40 to 4,000 lines of the same incident."""


def _logs(count: int) -> model_path.FixedLogs:
    """Return `count` lines of one incident: a quiet service that starts to fail, with all that varies in real lines."""
    window_s, lines = 840.0, []
    for number in range(count):
        at = NOW - timedelta(seconds=window_s - window_s * number / count)
        failing = number >= count * 2 // 3
        text = _failure(number) if failing and number % 2 else _calm(number)
        lines.append(LogLine(at, int(at.timestamp() * 1e9), text, {"service_name": "checkout-api"}))
    return model_path.FixedLogs(tuple(lines))


def _calm(number: int) -> str:
    kinds = (
        f"INFO GET /basket/{number * 7919 % 100_000} 200 in {number % 90} ms",
        f"INFO cache hit key=item:{number * 31} shard={number % 16}",
        f"DEBUG session {number * 2_654_435_761 % 2**32:08x} renewed",
        f"WARN slow query took {200 + number % 300} ms on 10.0.{number % 250}.{number % 200}",
    )
    return kinds[number // 2 % 4]


def _failure(number: int) -> str:
    if number // 2 % 3:
        return f"ERROR order {number * 104_729 % 1_000_000} not charged: division by zero"
    frames = '  File "/app/shop/pricing.py", line 53, in share\n    return total / parts'
    raised = f"Traceback (most recent call last):\n{frames}\nZeroDivisionError: division by zero"
    return f"ERROR request {number:08x} failed\n{raised}"


def test_hundred_times_more_lines_grow_no_prompt_by_over_a_tenth(monkeypatch) -> None:
    """The prompt of each agent has about the same size in a log storm."""
    sizes = []
    for count in (40, 4_000):
        model_path.connect(monkeypatch, _logs(count))
        with GeminiSandbox() as gemini:
            model_path.use(monkeypatch, gemini)
            model_path.walk(an_alert())
            sizes.append({request.title: request.chars for request in gemini.model_requests})
    few, many = sizes

    assert set(few) == set(many) == {"Judgement", "CausesOpinion", "AdviceOpinion", "SolutionOpinion"}
    assert {title: round(many[title] / few[title], 3) for title in few if many[title] > few[title] * MAX_GROWTH} == {}
