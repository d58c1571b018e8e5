"""Checks of ids, quotes, numbers and names against what the model was shown."""

import pytest

from shared.agent.claim_checks import GroundingContext
from shared.contracts import CodeAnalysis, ErrorSummary, Evidence, LogPattern, Quote, SuspectCommit
from tests.builders import NOW, an_alert, an_incident

INCIDENT = an_incident(
    evidence=[
        Evidence(id="L1", source="logs", text='4211 of 9,000 refused by "db:5432" at 03:00:12, trace 1a2b3c4d5e6f'),
        Evidence(id="M1", source="metrics", text="p99 0.25 → 1.75 s"),
    ]
)
CONTEXT = GroundingContext([INCIDENT, an_alert(dashboard_url="https://grafana.example/d/1")])


def _supports(text: str, claim: str, id_: str = "L1") -> bool:
    drops: list[str] = []
    supporting = CONTEXT.quotes(claim, [Quote(evidence_id=id_, text=text)], drops)
    assert len(supporting) + len(drops) == 1
    return bool(supporting)


@pytest.mark.parametrize(
    ("text", "id_"),
    [('Refused by "db:5432"', "L1"), ('refused by "db:5432"', "M1"), ('refused by "db:5432"', "Z9"), (" ", "L1")],
)
def test_quote_must_be_verbatim_in_the_evidence_it_names(text: str, id_: str) -> None:
    """A quote with one changed letter, or from another piece of evidence, is dropped and reported."""
    assert _supports('refused by "db:5432"', "The database refuses connections.")
    assert not _supports(text, "The database refuses connections.", id_)


@pytest.mark.parametrize("text", ["a", "by", "at", "4211", "03:00:12", "of 9,000", "refused", "checkout", ", ", '"db'])
def test_quote_needs_content_of_its_own(text: str) -> None:
    """A letter, a number, a time or one common word stands everywhere and proves nothing."""
    assert not _supports(text, f"It was refused by checkout: {text}")


@pytest.mark.parametrize("claim", ["The disk is full.", "A certificate has expired.", "It fails.", ""])
def test_quote_must_speak_of_its_claim(claim: str) -> None:
    """Any line of the evidence would else prove anything."""
    assert not _supports('refused by "db:5432"', claim)


def test_frame_proves_a_claim_about_its_trace() -> None:
    """It names the place and need not repeat the fault; one word in common may be chance."""
    trace = 'File "/app/lib/modio.rs", line 191, in fetch_mods\nParseError: invalid digit'
    context = GroundingContext([an_incident(evidence=[Evidence(id="T1", source="logs", text=trace)])])
    frame = Quote(evidence_id="T1", text="/app/lib/modio.rs")

    assert context.quotes("Parsing a digit fails.", [frame], [])
    assert not context.quotes("Parsing the payment fails.", [frame], [])


def test_quote_is_compared_as_a_reader_sees_it() -> None:
    """A mark that is not drawn neither hides nor makes a difference."""
    assert _supports('ref\u200bused by "db:5432"', "The database refuses connections.")


def test_fault_that_rules_read_in_a_quote_is_what_it_speaks_of() -> None:
    """A program says that no space is left, an engineer that the disk is full."""
    line = Evidence(id="L1", source="logs", text="append failed: write /data/7: No space left on device")
    context = GroundingContext([an_incident(evidence=[line])])

    assert context.quotes("The disk is full.", [Quote(evidence_id="L1", text="No space left on device")], [])


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
        "47 % of the calls were refused: 4211 of 9000.",
        "Latency rose from 0.25 s to 1.75 s, sevenfold, by 1.5 s.",
        "p99 is 7 times as high as before: 0.25 s became 1.75 s.",
        "1,750 ms is the new p99.",
        "Commit 1a2b3c4d is in the evidence.",
        "The divisor is zero.",
        "Since 03:00 UTC the database at db:5432 refuses connections.",
        "The 15 minutes before hold nothing else.",
        "It says “refused by”.",
        "Checkout-api waits for a thread-pool or a read-only replica.",
        "I'm sure that it doesn't wait, and they\u2019ve refused it.",
        "Don't wait for it.",
        "Wrapping the call hides it.",
        "Decode the trace first.",
        "Unfortunately, it waits.",
        "4211 failed in 15 minutes and none in the 15 before.",
        "Fifteen minutes before it there is nothing.",
        "Whoever calls it waits for a user-supplied, non-refused, one-element f-string.",
    ],
)
def test_claim_that_the_evidence_holds_is_accepted(sentence: str) -> None:
    """Numbers may be exact, rounded as people round, or follow from two others; plain words are no names."""
    assert CONTEXT.doubt(sentence) is None


@pytest.mark.parametrize(
    "sentence",
    [
        "Requests were refused 7777 times.",
        "Requests were refused 17 times.",
        "Three pods restarted.",
        "Hundreds of pods restarted.",
        "It fails in 62% of all cases.",
        "It fails in 25 % of all cases.",
        "Latency rose to 9.5 s.",
        "Latency rose to 4211 ms.",
        "It took 9000 seconds.",
        "4211 pods restarted.",
        "It began at 02:14:00.",
        "It began at 02:14.",
        "It began on 3 March.",
        "As T9 shows, the pool is empty.",
        "Commit deadbeef1 caused it.",
        "It was fixed in #4711.",
        "See pull request 17.",
        "Read 169.254.169.254/latest/meta-data.",
        "Read evil.example.",
        "Open javascript:alert(1) first.",
        "Kafka is down.",
        "Kafka'd be down.",
        "Unfortunately, Kafka is down.",
        "The Kafka-backed trace waits.",
        "A non-Kafka trace waits.",
        "The news-feed waits.",
        "The one-db waits.",
        "Seventeen pods restarted.",
        "4211 failed in 15 minutes and none in the 40 before.",
        "4211 failed and none in the 15 before.",
        "It fails in forty-two cases.",
        "Kafka, the broker, is down.",
        "Kafka the broker is down.",
        "Kafka that is down refuses it.",
        "Then Wrapping the trace.",
        "The orders-db is down.",
        "It is written in cart.py.",
        "It is raised in CartService.",
        "It is set by MAX_CARTS.",
        "Version 2.15.0 brought it.",
        "Run it with --force.",
        "Run DROP TABLE x.",
        "Ask @ada.",
        "It says “all is lost”.",
        "line 153 divides.",
    ],
)
def test_claim_that_the_evidence_does_not_hold_is_doubted(sentence: str) -> None:
    """Names, numbers with what they measure, times, ids, references and quotations must not be invented."""
    assert CONTEXT.doubt(sentence) is not None


def test_address_is_no_part_of_what_a_model_is_shown() -> None:
    """Links are made by code, so a model has none to repeat."""
    assert CONTEXT.doubt("See grafana.example/d/1.") is not None


def test_meaning_of_a_status_follows_from_its_number() -> None:
    """The standard says it; the number itself must be in the evidence, and the words must be its own."""
    line = Evidence(id="L1", source="logs", text="upstream answered 502")
    context = GroundingContext([an_incident(evidence=[line])])

    assert context.doubt("It answers 502 Bad Gateway.") is None
    assert context.doubt("It answers 400 Bad Request.") is not None
    assert context.doubt("It answers 502 Bad Orders.") is not None
    assert context.doubt("Bad Gateway is what it answers.") is not None


def test_class_and_its_file_are_one_name() -> None:
    """Languages write the same words with capitals and with underscores; a word more or less is another name."""
    trace = "app/controllers/orders_controller.rb:9:in `create'\napp/controllers/cart_base_controller.rb:3"
    context = GroundingContext([an_incident(evidence=[Evidence(id="T1", source="logs", text=trace)])])

    assert context.doubt("It fails in OrdersController#create.") is None
    assert context.doubt("It fails in OrdersController.") is None
    assert context.doubt("It fails in OrdersController#destroy.") is not None
    assert context.doubt("It fails in BaseController.") is not None
    assert context.doubt("It fails in CartController.") is not None


def test_text_of_a_system_error_is_its_name() -> None:
    """Programs write either; the name of another error is not in it."""
    line = Evidence(id="L1", source="logs", text="dial tcp: connect: connection refused")
    context = GroundingContext([an_incident(evidence=[line])])

    assert context.doubt("It answers with ECONNREFUSED.") is None
    assert context.doubt("It answers with ECONNRESET.") is not None


def test_version_may_be_shortened_at_a_dot() -> None:
    """It belongs to what it is joined to in the evidence; another one, or one that counts, is not in it."""
    trace = 'python: File "/usr/lib/python3.8/json.py", line 7 [spring-web-5.3.21.jar] GET / HTTP/1.1'
    context = GroundingContext([an_incident(evidence=[Evidence(id="T1", source="logs", text=trace)])])

    assert context.doubt("It mixes spring 5.3, Python 3.8 and HTTP 1.1.") is None
    assert context.doubt("It runs on Python 3.9.") is not None
    assert context.doubt("It runs on Python 5.3.") is not None
    assert context.doubt("It runs on spring 5.30.") is not None
    assert context.doubt("It takes python 3.8 s.") is not None


def test_digests_of_requests_hold_no_number() -> None:
    """What identifies a request counts nothing."""
    context = GroundingContext([an_incident(failed_requests=["1234567890123456"], evidence=[])])

    assert context.doubt("1234567890123456 requests failed.") is not None


def test_counts_by_code_may_be_said_of_anything_it_counts() -> None:
    """Code gives them as numbers; a number that only stands in a line counts what it counts there."""
    line = Evidence(id="L1", source="logs", text="worker 31 took 12 jobs")
    context = GroundingContext([an_incident(lines_read=40, evidence=[line])])

    assert context.doubt("40 lines were read.") is None
    assert context.doubt("12 jobs were taken by worker 31.") is None
    assert context.doubt("31 jobs were lost.") is not None
    assert context.doubt("12 pods were lost.") is not None


def _errors(total: int) -> GroundingContext:
    line = LogPattern(template="x", level="error", count=1, first_seen=NOW, last_seen=NOW, exemplar="x")
    patterns = [
        line.replace(template=name, count=count, count_before_onset=before)
        for name, count, before in (("a", 220, 0), ("b", 160, 100), ("c", 30, 20))
    ]
    summary = ErrorSummary(total_errors=total)
    return GroundingContext([an_incident(patterns=patterns, error_summary=summary, evidence=[])])


@pytest.mark.parametrize("sentence", ["The other 190 are old.", "120 came before it.", "290 errors came since."])
def test_what_follows_from_all_errors_may_be_said(sentence: str) -> None:
    """How many are of another pattern, came before the onset or since, follows where every pattern is counted."""
    assert _errors(410).doubt(sentence) is None
    assert _errors(999).doubt(sentence) is not None
    assert _errors(410).doubt("It came from 190 pods.") is not None
    assert _errors(410).doubt(sentence.replace("90", "80").replace("20", "40")) is not None


def test_only_the_sentence_with_the_invention_is_dropped() -> None:
    """The rest of the paragraph is kept."""
    drops: list[str] = []

    assert CONTEXT.prose("It refused 4211 requests. It cost 98765 dollars! The pool is empty.", drops) == (
        "It refused 4211 requests. The pool is empty."
    )
    assert len(drops) == 1


def test_text_that_a_tool_read_is_evidence() -> None:
    """A number in a file that the model read is not invented."""
    assert GroundingContext([INCIDENT], ["TIMEOUT = 86400"]).doubt("The timeout is 86400 s.") is None


def test_likelihood_of_a_suspect_is_no_share_of_requests() -> None:
    """Code's own belief is repeated as one, and measures nothing else."""
    suspect = SuspectCommit(sha="1a2b3c4d5e6f", at=NOW, subject="Change", score=0.98, why="it wrote the line")
    context = GroundingContext([INCIDENT, CodeAnalysis(code_available=True, suspect_commits=[suspect])])

    assert context.doubt("Commit 1a2b3c4d5e6f is the culprit with 98 % likelihood.") is None
    assert context.doubt("98 % of the requests are refused.") is not None
