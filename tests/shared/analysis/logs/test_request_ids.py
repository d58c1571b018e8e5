"""Lines name the request that they belong to, in many ways."""

from datetime import UTC, datetime, timedelta

import pytest

from shared.analysis.logs.request_ids import RequestSample, request_id, request_times, without_ids
from shared.telemetry.port import LogLine

START = datetime(2031, 5, 6, 7, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "labels", "expected"),
    [
        ("INFO TraceID: f61b568f1936c9d8 SpanID: 904fca3a14bd1feb done", {}, "f61b568f1936c9d8"),
        ('{"msg":"done","trace_id":"4bf92f3577b34da6a3ce929d0e0e4736"}', {}, "4bf92f3577b34da6a3ce929d0e0e4736"),
        ("done request_id=0c9d1a2b-77 in 3 ms", {}, "0c9d1a2b-77"),
        ("X-Request-Id: abcdef0123456789", {}, "abcdef0123456789"),
        ("done", {"trace_id": "f61b568f1936c9d8"}, "f61b568f1936c9d8"),
        ("trace_id=0000000000000000 done", {}, ""),
        ("the request id is missing", {}, ""),
        ("order 12345678 done", {"pod": "a-12345678"}, ""),
    ],
)
def test_id_is_read_from_text_or_labels(text: str, labels: dict[str, str], expected: str) -> None:
    """Whatever the framework calls it."""
    assert request_id(text, labels) == expected


def test_request_counts_once_when_it_is_first_named() -> None:
    """And nothing is counted where most lines name none."""
    ids = ["aaaaaaaa1", "aaaaaaaa1", "bbbbbbbb2", "aaaaaaaa1"]
    named = [LogLine(START + timedelta(seconds=n), n, f"INFO trace_id={id_} x") for n, id_ in enumerate(ids)]
    plain = [LogLine(START, 0, "INFO tick")] * 5

    times = request_times(named)

    assert times is not None
    assert [at for at, _ in times.items()] == [START, START + timedelta(seconds=2)]
    assert request_times([*named, *plain]) is None
    assert request_times([]) is None


def test_headline_holds_no_ids_of_one_request() -> None:
    """They are no words."""
    line = "ERROR f.Basic#111 TraceID: 037cdf32da2d4cf43584a6504d6bc862 SpanID: 70efa0b567591dcf catch price exception"

    assert without_ids(line) == "ERROR f.Basic#111 … catch price exception"
    assert without_ids("ERROR request failed") == "ERROR request failed"


def test_samples_of_services_in_the_same_requests_meet() -> None:
    """Whichever of many requests each wrote errors in, how it writes their ids, and in which order."""
    ids = [f"{n:016x}" for n in range(1, 400)]
    caller, called, other = RequestSample(), RequestSample(), RequestSample()
    for id_ in ids:
        caller.add(f"ERROR trace_id={id_} upstream failed", {})
    for id_ in reversed(ids[:380]):
        called.add("boom", {"trace_id": id_.upper()})
    for n in range(400):
        other.add(f"ERROR request_id=cafe{n:012x} failed", {})
    other.add("ERROR names no request", {})

    assert len(caller.digests) == RequestSample.SIZE
    assert set(caller.digests) & set(called.digests)
    assert not set(caller.digests) & set(other.digests)
    assert not any(id_ in "".join(caller.digests) for id_ in ids)
