"""Lines that the container runtime cut into parts."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from shared.analysis.logs.lines.partial_lines import DOCKER_PART, whole_lines
from shared.analysis.logs.parse import read
from shared.telemetry.port import LogLine

AT = datetime(2031, 5, 6, 7, 8, tzinfo=UTC)
CRI = "2031-05-06T07:08:09.123456789Z stderr"


def docker(log: str) -> str:
    """Return a line of Docker's json-file driver."""
    return json.dumps({"log": log, "stream": "stderr", "time": "2031-05-06T07:08:09.1Z"})


def texts(*lines: str | tuple[str, str]) -> list[str]:
    """Return what is read of lines, or of (pod, line) pairs, written one millisecond apart."""
    pairs = [("a", line) if isinstance(line, str) else line for line in lines]
    stored = [
        LogLine(AT + timedelta(milliseconds=index), 0, text, {"pod": pod}) for index, (pod, text) in enumerate(pairs)
    ]
    return [read(line).text for line in whole_lines(stored)]


def test_parts_of_the_container_runtime_become_one_line() -> None:
    """P marks a part; F the last one, or a line that was never cut."""
    assert texts(f"{CRI} F x", f"{CRI} P one ", f"{CRI} P two ", f"{CRI} F three", f"{CRI} F y") == [
        "x",
        "one two three",
        "y",
    ]


def test_parts_of_pods_that_write_at_once_are_kept_separate() -> None:
    """Each source has its own unfinished line."""
    lines = [("a", f"{CRI} P a1 "), ("b", f"{CRI} P b1 "), ("a", f"{CRI} F a2"), ("b", f"{CRI} F b2")]

    assert texts(*lines) == ["a1 a2", "b1 b2"]


def test_parts_of_docker_become_one_line_that_may_be_json() -> None:
    """Only the last part ends with a line end; the whole is the object that the service wrote."""
    whole = json.dumps({"level": "error", "msg": "no price"})

    assert texts(docker("x\n"), docker(whole[:10]), docker(whole[10:] + "\n")) == ["x\n", "no price"]


def test_first_line_of_a_source_is_a_part_by_its_length() -> None:
    """Docker cuts after 16 KB."""
    assert texts(docker("a" * DOCKER_PART), docker("b\n")) == ["a" * DOCKER_PART + "b\n"]


@pytest.mark.parametrize(
    "line", [docker("one"), '{"log":', "3 items", '{"log": 7}', '{"log":"', "2031-05-06T07 stderr P"]
)
def test_lines_of_a_shipper_that_strips_their_ends_stay_as_they_are(line: str) -> None:
    """Nothing is held back that no later line completes."""
    assert texts(line, line) == [read(LogLine(AT, 0, line, {})).text] * 2


def test_unfinished_line_is_passed_on_at_the_end() -> None:
    """The log may stop within a line."""
    assert texts(f"{CRI} P one ", f"{CRI} P two") == ["one two"]
