"""Checks of ids, quotes, numbers and names against what the model was shown."""

import pytest

from shared.agent.claim_checks import GroundingContext
from shared.contracts import Evidence, Quote
from tests.builders import an_alert, an_incident

INCIDENT = an_incident(
    evidence=[
        Evidence(id="L1", source="logs", text='4211 of 9,000 refused by "db:5432" at 03:00:12, trace 1a2b3c4d5e6f'),
        Evidence(id="M1", source="metrics", text="p99 0.25 → 1.75 s"),
    ]
)
CONTEXT = GroundingContext([INCIDENT, an_alert(dashboard_url="https://grafana.example/d/1")])


def test_quote_must_be_verbatim_in_the_evidence_it_names() -> None:
    """A quote with one changed letter, or from another piece of evidence, is dropped and reported."""
    drops: list[str] = []
    good = Quote(evidence_id="L1", text='refused by "db:5432"')
    bad = [Quote(evidence_id="L1", text="Refused by"), Quote(evidence_id="M1", text="refused by"),
           Quote(evidence_id="Z9", text="refused"), Quote(evidence_id="L1", text=" ")]  # fmt: skip

    assert CONTEXT.quotes([good, *bad], drops) == [good]
    assert len(drops) == 4


def test_id_must_exist() -> None:
    """An unknown id is dropped; an id cited twice counts once."""
    drops: list[str] = []

    assert CONTEXT.ids(["L1", "T7", "L1"], drops) == ["L1"]
    assert "T7" in drops[0]


@pytest.mark.parametrize(
    "sentence",
    [
        "Requests were refused 4211 times (L1).",
        "About 4,200 of 9000 failed since 03:00:12.",
        "Latency rose from 0.25 s to 1.75 s.",
        "Two of 5 pods, 3 retries, line 153, pricing.py:1042 and HTTP/1.1 are no claims.",
        "Commit 1a2b3c4d is in the evidence.",
        "See https://grafana.example/d/1.",
        "The divisor is zero.",
    ],
)
def test_claim_that_the_evidence_holds_is_accepted(sentence: str) -> None:
    """Numbers may be exact, or rounded as people round; small numbers are not claims."""
    assert CONTEXT.doubt(sentence) is None


@pytest.mark.parametrize(
    "sentence",
    [
        "Requests were refused 7777 times.",
        "It fails in 62% of all cases.",
        "Latency rose to 9.5 s.",
        "It began at 02:14:00.",
        "As T9 shows, the pool is empty.",
        "Commit deadbeef1 caused it.",
        "It was fixed in #4711.",
        "See pull request 17.",
        "Read http://169.254.169.254/latest/meta-data.",
        "Open javascript:alert(1) first.",
    ],
)
def test_claim_that_the_evidence_does_not_hold_is_doubted(sentence: str) -> None:
    """Numbers, times, ids, commits, pull requests and addresses must not be invented."""
    assert CONTEXT.doubt(sentence) is not None


def test_only_the_sentence_with_the_invention_is_dropped() -> None:
    """The rest of the paragraph is kept."""
    drops: list[str] = []

    assert CONTEXT.prose("It refused 4211 calls. It cost 98765 dollars! The pool is empty.", drops) == (
        "It refused 4211 calls. The pool is empty."
    )
    assert len(drops) == 1


def test_text_that_a_tool_read_is_evidence() -> None:
    """A number in a file that the model read is not invented."""
    assert GroundingContext([INCIDENT], ["TIMEOUT = 86400"]).doubt("The timeout is 86400 s.") is None
