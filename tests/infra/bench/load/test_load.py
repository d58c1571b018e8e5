"""Load is counted as it is billed, and its results say what was lost."""

import json
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.cloud.firestore_v1.types import firestore as firestore_types
from google.pubsub_v1 import types as pubsub_types

from infra.bench.load import burst, counts, healthy, intake, report
from infra.bench.load.burst import Burst, Bursts
from infra.bench.load.grpc_counter import FIRESTORE, PUBLISH, GrpcCounter
from infra.bench.load.http_counter import counted

DOCUMENT = "projects/p/databases/(default)/documents/incidents/1"


class FakeEmulator(grpc.GenericRpcHandler):
    """Answers a call with the replies set for its method, or refuses it."""

    def __init__(self, replies: dict[str, list[bytes]]) -> None:
        self._replies = replies

    def service(self, details: Any) -> Any:
        """Return how a call is answered."""
        replies = self._replies.get(details.method)
        if replies is None:
            return grpc.unary_unary_rpc_method_handler(refuse)
        if details.method.endswith(("BatchGetDocuments", "RunQuery")):
            return grpc.unary_stream_rpc_method_handler(lambda _request, _context: iter(replies))
        return grpc.unary_unary_rpc_method_handler(lambda _request, _context: replies[0])


def refuse(_request: bytes, context: Any) -> bytes:
    """Fail as Firestore does for a document that exists already."""
    context.abort(grpc.StatusCode.ALREADY_EXISTS, "it exists")
    return b""


def called(replies: dict[str, list[bytes]], method: str, request: bytes) -> tuple[GrpcCounter, list[bytes]]:
    """Send one call through the counter to a fake emulator; return the counter and the replies."""
    server = grpc.server(ThreadPoolExecutor(2), handlers=[FakeEmulator(replies)])
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    counter = GrpcCounter()
    counter.target = f"127.0.0.1:{port}"
    with counter, grpc.insecure_channel(counter.address) as channel:
        try:
            if method.endswith(("BatchGetDocuments", "RunQuery")):
                got = list(channel.unary_stream(method)(request))
            else:
                got = [channel.unary_unary(method)(request)]
        finally:
            server.stop(None)
    return counter, got


def test_a_document_that_does_not_exist_is_a_read_too() -> None:
    """Firestore bills it."""
    replies = [
        firestore_types.BatchGetDocumentsResponse.serialize({"found": {"name": DOCUMENT}}),
        firestore_types.BatchGetDocumentsResponse.serialize({"missing": f"{DOCUMENT}0"}),
        firestore_types.BatchGetDocumentsResponse.serialize({"transaction": b"t"}),
    ]

    counter, got = called({FIRESTORE + "BatchGetDocuments": replies}, FIRESTORE + "BatchGetDocuments", b"")

    assert got == replies
    assert counter.counts == {"firestore_reads": 2}


def test_a_query_without_results_is_one_read() -> None:
    """As it is billed."""
    counter, _ = called({FIRESTORE + "RunQuery": [b""]}, FIRESTORE + "RunQuery", b"")

    assert counter.counts == {"firestore_reads": 1}


def test_writes_and_deletes_of_a_commit_are_counted_apart() -> None:
    """And what exists afterwards is what a TTL policy deletes."""
    writes = [{"update": {"name": DOCUMENT}}, {"update": {"name": f"{DOCUMENT}0"}}, {"delete": f"{DOCUMENT}0"}]
    request = firestore_types.CommitRequest.serialize({"writes": writes})

    counter, _ = called({FIRESTORE + "Commit": [b""]}, FIRESTORE + "Commit", request)

    assert (counter.counts["firestore_writes"], counter.counts["firestore_deletes"]) == (2, 1)
    assert counter.documents == {DOCUMENT}


def test_a_commit_that_is_refused_writes_nothing_and_its_error_passes() -> None:
    """The caller sees what the emulator said."""
    counters: list[GrpcCounter] = []

    with pytest.raises(grpc.RpcError, match="it exists"):
        counters.append(called({}, FIRESTORE + "Commit", b"")[0])


def test_messages_are_counted_with_their_attributes() -> None:
    """Pub/Sub bills at least 1,000 bytes of a request."""
    messages = [{"data": b"x" * 3_000, "attributes": {"ab": "cde"}}]
    request = pubsub_types.PublishRequest.serialize({"topic": "t", "messages": messages})

    counter, _ = called({PUBLISH: [b""]}, PUBLISH, request)

    assert counter.counts == {"pubsub_messages": 1, "pubsub_bytes": 3_005}


@pytest.mark.parametrize(
    ("name", "method", "path", "names"),
    [
        ("rca", "POST", "/", ["step_requests", "function_ms", "rca_ms"]),
        ("rca", "POST", "/wake", ["wakes", "function_ms", "rca_ms"]),
        ("alert_intake", "POST", "/", ["function_requests", "function_ms", "alert_intake_ms"]),
        ("gemini", "POST", "/v1beta/models/gemini-x:generateContent", ["calls of gemini-x"]),
        ("gmail", "POST", "/gmail/v1/users/me/messages/send?alt=json", ["mails"]),
        ("github", "GET", "/search/code?q=x", ["github_searches", "github_reads"]),
        ("github", "POST", "/repos/a/b/pulls", ["github_writes"]),
    ],
)
def test_requests_are_counted_by_what_they_are(name: str, method: str, path: str, names: list[str]) -> None:
    """Wakes, steps, calls of a model, mails."""
    assert list(counted(name, method, path, 7)) == names


def test_each_assignment_of_a_step_is_billed() -> None:
    """Workflows counts assignments, not steps."""
    workflow = {"main": {"steps": [{"start": {"assign": [{"a": 1}, {"b": 2}, {"c": 3}]}}, {"end": {"return": 1}}]}}
    entries = [{"routine": "main", "step": "start"}, {"routine": "main", "step": "end"}]

    assert counts.steps(entries, workflow) == {"steps": 2, "billed_steps": 4}


def test_a_healthy_service_gets_the_past_of_the_other_one_as_its_present(tmp_path: Path) -> None:
    """Only what the pods of the version before did, moved to now."""
    logs, metrics = tmp_path / "logs.json", tmp_path / "metrics.json"
    streams = [
        {"stream": {"service_name": "shop", "version": "1"}, "values": [["1000", "fine"]]},
        {"stream": {"service_name": "shop", "version": "2"}, "values": [["5000", "broken"]]},
    ]
    series = [
        {"metric": {"service_name": "shop", "version": "1"}, "values": [[10, "1"]]},
        {"metric": {"service_name": "shop", "version": "2"}, "values": [[50, "2"]]},
    ]
    logs.write_text(json.dumps({"data": {"result": streams}}))
    metrics.write_text(json.dumps({"data": {"result": series}}))

    healthy.add(logs, metrics, "basket", "1")

    added = json.loads(logs.read_text())["data"]["result"][2]
    assert added == {"stream": {"service_name": "basket", "version": "1"}, "values": [["5000", "fine"]]}
    added = json.loads(metrics.read_text())["data"]["result"][2]
    assert added == {"metric": {"service_name": "basket", "version": "1"}, "values": [[50, "1"]]}


def test_rate_names_the_slowest_hundredth() -> None:
    """In milliseconds."""
    rate = intake.rate([0.001] * 98 + [0.5, 0.5], 2.0, Counter({202: 100}))

    assert (rate.per_second, rate.p50_ms, rate.p99_ms) == (50.0, 1.0, 500.0)


def test_a_burst_with_a_failed_step_is_not_clean() -> None:
    """Nor one that lost an incident, or accepted fewer."""
    assert Burst(2, accepted=2).is_clean
    assert not Burst(2, accepted=1).is_clean
    assert not Burst(2, accepted=2, lost=["inc-1"]).is_clean
    assert not Burst(2, accepted=2, failures=Counter({"rca Unavailable": 1})).is_clean


def test_tables_stand_beside_what_the_cpu_lets_expect() -> None:
    """50 incidents of 2 CPU seconds on 2 cores are not ready before 50 seconds."""
    bursts = Bursts(2, one_cpu_s=2.0, one_s=3.0, bursts=[Burst(50, 50, 55.0, 101.0, Counter(full=50))])
    rate = {"per_second": 10.0, "p50_ms": 1.0, "p99_ms": 2.0, "statuses": {"202": 3}}
    results = {
        "measured": "today",
        "burst": json.loads(json.dumps(bursts.as_json())),
        "intake": {"clients": 8, "intake": rate, "empty": rate},
        "counts": {"paths": {"full": {"firestore_reads": 3, "rca_ms": 5}, "healthy": {"mails": 1}}},
    }

    lines = report.tables(results).splitlines()

    assert "| 50 | 55.0 | 50.0 | 1.10 | 2.02 | 50 full | 0 | 0 |" in lines
    assert "| `alert_intake` | 10 | 1.0 | 2.0 | 3 of 202 |" in lines
    assert "| firestore reads | 3 | 0 |" in lines
    assert not any("rca" in line for line in lines)
    assert "1.10" in burst.line(bursts, bursts.bursts[0])
