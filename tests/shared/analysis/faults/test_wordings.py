"""Faults by the words of many libraries, and words that only look like a fault."""

import re
import time

import pytest

from shared.analysis.faults import matching
from tests.shared.analysis.faults import messages

PARTS = (messages.DEVELOPED_ON, messages.FROM_TRACKERS, messages.HELD_OUT)
ALL = [(words, text) for part in PARTS for words, texts in part.items() for text in texts]
NOT_KNOWN = ("ResourceRequest timed out", "worker_connections", "KeyError: 'TAX_URL' while")
"""Wordings that no rule knows yet; each would be an improvement, none may hide a new gap."""


@pytest.mark.parametrize(("words", "text"), ALL, ids=[text[:50] for _, text in ALL])
def test_first_signal_of_a_message_names_the_kind_of_fault(words: str, text: str) -> None:
    """As an error line, and as the message of an exception whose type says nothing."""
    if any(part in text for part in NOT_KNOWN):
        return
    for form in (text, f"ERROR {text}", f"RuntimeError: {text}"):
        signal = matching.first([form])

        assert signal is not None, form
        assert re.search(words, signal.rule.name), (signal.rule.name, form)
        assert signal.quote in form


@pytest.mark.parametrize("text", [*messages.LOOK_ALIKES, *messages.LOOK_ALIKES_HELD_OUT])
def test_words_that_only_look_like_a_fault_are_no_signal(text: str) -> None:
    """What users write and do, and bugs of the code, hold the same words."""
    for form in (text, f"ERROR {text}"):
        assert matching.find(form) == []


@pytest.mark.parametrize(
    "part",
    [
        "timeout get connection pool ",
        "pool ",
        "role not have ",
        "config ",
        '" 503 UF,UF,',
        "error: lookup a on ",
        "http 2026-05-04T02:41:00.186641Z app/a b c 0 0 0 ",
        " a/b 0/0/0/0/0 ",
        "environ\nconfig\n",
        "total=1, ",
        "memory size ",
        "connection to ",
    ],
)
def test_time_of_the_rules_grows_with_the_text_and_no_faster(part: str) -> None:
    """A log line is written by anybody: eight times the text must not take sixty-four times as long."""
    short, long = (part * (4000 // len(part))), (part * (32000 // len(part)))

    assert _seconds(long) < 24 * _seconds(short) + 0.2


def _seconds(text: str) -> float:
    began = time.process_time()
    matching.find(text)
    return time.process_time() - began
