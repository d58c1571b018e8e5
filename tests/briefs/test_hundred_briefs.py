"""Every sentence of an offline brief traces to evidence: a hundred different incidents, each line of each brief."""

import logging
import re
from collections import Counter
from collections.abc import Callable, Iterator

import pytest

from tests.briefs.facts import Facts
from tests.briefs.incidents import FAULTS, incidents
from tests.briefs.run import brief_of
from tests.briefs.trace import untraced

COUNT, SEED = 100, 1
ENOUGH = 12
"""Briefs in which each lie is planted."""


@pytest.fixture(scope="module")
def briefs() -> Iterator[list[Facts]]:
    """The facts of each incident with its brief, without a model; what the functions log is not looked at."""
    logging.disable(logging.CRITICAL)
    yield [Facts(brief_of(one)) for one in incidents(COUNT, SEED)]
    logging.disable(logging.NOTSET)


def test_briefs_are_about_different_incidents(briefs: list[Facts]) -> None:
    """Each kind of fault, with and without metrics and a repository; no brief is another's."""
    assert len({facts.brief.text for facts in briefs}) == COUNT
    assert Counter(facts.brief.incident.fault for facts in briefs) == dict.fromkeys(FAULTS, COUNT // len(FAULTS))
    assert {bool(facts.scenario.metrics) for facts in briefs} == {True, False}
    assert {bool(facts.scenario.repository) for facts in briefs} == {True, False}


def test_every_line_is_fixed_words_of_code_and_what_the_inputs_hold(briefs: list[Facts]) -> None:
    """Each number is counted or measured anew, each name, quotation, file, commit and time stands in an input."""
    failures = [
        f"{facts.brief.incident.fault}: {reason}" for facts in briefs for reason in untraced(facts, facts.brief.text)
    ]

    assert failures == []


def _later(match: re.Match[str]) -> str:
    return f"{match[1]}{(int(match[2]) + 17) % 60:02}"


def _other(match: re.Match[str]) -> str:
    return match[0].translate(str.maketrans("0123456789abcdef", "fedcba9876543210"))


LIES: dict[str, Callable[[str], str]] = {
    "a count": lambda text: re.sub(r"is new: (\d+)", lambda match: f"is new: {int(match[1]) + 3}", text, count=1),
    "a count of a pattern": lambda text: re.sub(r"(?m)^  (\d+) \|", lambda m: f"  {int(m[1]) + 1} |", text, count=1),
    "how often": lambda text: re.sub(r"(\d+) times since", lambda match: f"{int(match[1]) * 2 + 1} times since", text),
    "how many lines": lambda text: re.sub(r"(\d+) log lines read", lambda m: f"{int(m[1]) + 7} log lines read", text),
    "a time": lambda text: re.sub(r"(since \d\d:\d\d:)(\d\d)", _later, text, count=1),
    "how long ago": lambda text: re.sub(r"(\d+) min ago", lambda match: f"{int(match[1]) + 4} min ago", text),
    "a duration": lambda text: re.sub(r"none in the (\d+) min", lambda m: f"none in the {int(m[1]) + 5} min", text),
    "a host": lambda text: re.sub(r"\S+, which", "warehouse.internal, which", text),
    "a commit": lambda text: re.sub(r"\b[0-9a-f]{10}\b", _other, text),
    "a file": lambda text: re.sub(r"(api|jobs|store)\.py", "basket.py", text),
    "a line number": lambda text: re.sub(r"(\.py):(\d+)\)", lambda m: f"{m[1]}:{int(m[2]) + 90})", text),
    "a quotation": lambda text: re.sub(r"(?m)^  > (\w+)", r"  > never \1", text),
    "a bar": lambda text: re.sub(r"[▁-▇](?=[▁-█]{3})", "█", text),
    "a confidence": lambda text: re.sub(r"Confidence: \d+ %", "Confidence: 95 %", text),
    "a share": lambda text: re.sub(r"Up to [\d.]+ %", "Up to 61.3 %", text),
    "a measure": lambda text: re.sub(r"→ [\d.e+]+ ", "→ 77.7 ", text),
    "how full a pool is": lambda text: re.sub(r"\d+ of \d+ active", "3 of 33 active", text),
    "a fault": lambda text: re.sub(r"disk full|out of memory|permission denied", "certificate rejected", text),
    "a subject": lambda text: text.replace("Demand a rate for each order", "Demand a fee for each order"),
    "a service": lambda text: text.replace("runs and answers", "restarted twice and answers"),
    "a sentence": lambda text: text.replace("DO NOW\n", "An operator restarted the database yesterday.\n\nDO NOW\n"),
    "a sentence with a number": lambda text: text.replace("\nDO NOW\n", "\n431 errors since then.\n\nDO NOW\n"),
    "a pod": lambda text: re.sub(r"-5c6b7d8f9c-zzx9k", "-5c6b7d8f9c-aaaaa", text),
}


@pytest.mark.parametrize("lie", LIES)
def test_planted_lie_is_found_wherever_it_is_planted(briefs: list[Facts], lie: str) -> None:
    """A test that cannot fail shows nothing: one word or number is changed, and the line is not traced any more."""
    lying = LIES[lie]
    planted = [(facts, text) for facts in briefs if (text := lying(facts.brief.text)) != facts.brief.text]

    assert planted
    assert [text for facts, text in planted[::-1][:ENOUGH] if not untraced(facts, text)] == []
