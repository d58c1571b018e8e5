"""Who failed first: the lines that other services wrote for the failing requests of the alert's service."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from shared.analysis.detection.evidence import EvidenceCollector
from shared.analysis.logs.join_traces import RANK
from shared.analysis.logs.parse import LogEntry, read
from shared.analysis.logs.request_ids import request_id
from shared.contracts import OtherService
from shared.telemetry.port import LogLine

MAX_REQUESTS = 20
"""Failing requests that are followed; each answer is of all their lines."""
NEWEST_LINES = 5_000
MAX_SERVICES = 8


@dataclass
class _Failed:
    """The error lines of one service in the requests that were followed."""

    requests: int = 0
    first_in: int = 0
    errors: int = 0
    example: LogEntry | None = None


def requests_to_follow(lines: Sequence[LogLine]) -> list[str]:
    """Return the ids of requests that failed lately, the newest first; of any lately where no line is an error."""
    failed: dict[str, None] = {}
    others: dict[str, None] = {}
    for line in reversed(lines[-NEWEST_LINES:]):
        id_ = request_id(line.text, line.labels)
        if id_ and len(failed) < MAX_REQUESTS:
            is_error = RANK[read(line).level] >= RANK["error"]
            (failed if is_error else others)[id_] = None
    return list(failed or others)[:MAX_REQUESTS]


def other_services(own: str, lines: Iterable[LogLine], collector: EvidenceCollector) -> list[OtherService]:
    """
    Return the other services that wrote errors for the requests, those that failed first most often leading.

    `lines` are of all services, for the requests of `own`; each service that failed keeps one line as evidence.
    """
    failed: defaultdict[str, _Failed] = defaultdict(_Failed)
    followed = 0
    for entries in _by_request(lines).values():
        errors = [entry for entry in entries if RANK[entry.level] >= RANK["error"]]
        if not errors:
            continue
        followed += 1
        failed[errors[0].service].first_in += 1
        for service, count in Counter(entry.service for entry in errors).items():
            one = failed[service]
            one.requests += 1
            one.errors += count
            one.example = one.example or next(entry for entry in errors if entry.service == service)
    named = sorted(failed.items(), key=lambda item: (-item[1].first_in, -item[1].requests, item[0]))
    others = [(service, one) for service, one in named if service not in ("", own)]
    return [_as_contract(service, one, followed, collector) for service, one in others[:MAX_SERVICES]]


def _by_request(lines: Iterable[LogLine]) -> Mapping[str, list[LogEntry]]:
    requests: defaultdict[str, list[LogEntry]] = defaultdict(list)
    for line in sorted(lines, key=lambda line: line.nanoseconds):
        if id_ := request_id(line.text, line.labels):
            requests[id_].append(read(line))
    return requests


def _as_contract(service: str, one: _Failed, followed: int, collector: EvidenceCollector) -> OtherService:
    example = one.example
    return OtherService(
        service_name=service,
        requests=followed,
        failed_in=one.requests,
        failed_first_in=one.first_in,
        evidence_id=collector.line(example.text, example.at) if example else None,
    )
