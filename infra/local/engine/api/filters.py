"""
The `filter` for listing executions: comparisons joined by AND, as in `state="FAILED" AND labels.team="a"`.

Source: Google API Improvement Proposal 160, limited to AND and to the fields of ListExecutionsRequest.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from infra.local.engine.api.errors import InvalidArgument
from infra.local.engine.api.execution import Execution
from shared import clock

_COMPARISON = re.compile(
    r"""\s*(?P<field>[A-Za-z_]+(?:\.(?:[\w-]+|"[^"]*"))?)\s*(?P<operator>!=|>=|<=|=|:|>|<)\s*"""
    r"""(?P<value>"(?:[^"\\]|\\.)*"|[^\s"]+)\s*(?P<joint>AND\b)?""",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Comparison:
    """`field operator value`."""

    field: str
    operator: str
    value: str


def parse(text: str) -> list[Comparison]:
    """Return the comparisons of a filter; raises InvalidArgument for any other syntax."""
    comparisons: list[Comparison] = []
    position = 0
    while text[position:].strip():
        match = _COMPARISON.match(text, position)
        if match is None:
            raise InvalidArgument(f"cannot parse the filter {text!r} from character {position + 1}")
        value = match["value"]
        unquoted = re.sub(r"\\(.)", r"\1", value[1:-1]) if value.startswith('"') else value
        comparisons.append(Comparison(match["field"].replace('"', ""), match["operator"], unquoted))
        position = match.end()
    for comparison in comparisons:
        _reader(comparison.field)
    return comparisons


def matches(execution: Execution, comparisons: list[Comparison]) -> bool:
    """Return whether an execution satisfies every comparison."""
    return all(_is_satisfied(execution, comparison) for comparison in comparisons)


def _is_satisfied(execution: Execution, comparison: Comparison) -> bool:
    actual = _reader(comparison.field)(execution)
    if isinstance(actual, list):
        return (comparison.value in actual) == (comparison.operator != "!=")
    if actual is None:
        return comparison.operator == "!="
    expected: str | datetime = comparison.value
    if isinstance(actual, datetime):
        expected = _time(comparison.value)
    return _compare(comparison.operator, actual, expected)


def _compare(operator: str, actual: str | datetime, expected: str | datetime) -> bool:
    if operator in {"=", ":"}:
        return actual == expected or (operator == ":" and expected == "*")
    if operator == "!=":
        return actual != expected
    left, right = _sortable(actual), _sortable(expected)
    if operator in {">", ">="}:
        return left > right or (operator == ">=" and left == right)
    return left < right or (operator == "<=" and left == right)


def _sortable(value: str | datetime) -> str:
    return value if isinstance(value, str) else value.isoformat(timespec="microseconds")


def _time(text: str) -> datetime:
    try:
        return clock.to_utc(datetime.fromisoformat(text))
    except ValueError as error:
        raise InvalidArgument(f"{text!r} is not a time with a time zone") from error


def _reader(field: str) -> Callable[[Execution], str | datetime | list[str] | None]:
    prefix, _, key = field.partition(".")
    if prefix.lower() in {"label", "labels"} and key:
        return lambda execution: execution.request.labels.get(key)
    readers: dict[str, Callable[[Execution], str | datetime | list[str] | None]] = {
        "executionid": lambda execution: execution.name.rpartition("/")[2],
        "state": lambda execution: execution.state.value,
        "createtime": lambda execution: execution.start_time,
        "starttime": lambda execution: execution.start_time,
        "endtime": lambda execution: None if execution.ending is None else execution.ending.end_time,
        "workflowrevisionid": lambda execution: execution.deployment.revision,
        "stepname": lambda execution: [entry.step for entry in execution.history.current()],
    }
    reader = readers.get(field.replace("_", "").lower())
    if reader is None:
        raise InvalidArgument(f"executions cannot be filtered by {field!r}: there is no such field")
    return reader
