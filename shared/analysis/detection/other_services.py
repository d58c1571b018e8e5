"""Who failed or changed first, who waits for whom: the requests of the alert's service, over all services."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from shared.analysis.detection.classify import Classification
from shared.analysis.detection.evidence import EvidenceCollector
from shared.analysis.faults.parts import fault_of
from shared.analysis.logs.request_ids import without_ids
from shared.analysis.requests.changes import Departure, ServiceChange
from shared.analysis.requests.flows import Request, Step
from shared.analysis.requests.follow import MIN_TIME_SHARE, Followed
from shared.analysis.series.metric_anomalies import Anomaly, find_anomalies
from shared.bounds import clip
from shared.contracts import OtherService, ServiceRole, SuspectBasis
from shared.telemetry.port import Series

MAX_SERVICES = 8
MIN_FIRST_SHARE = 0.5
QUOTE_CHARS = 100


@dataclass(frozen=True)
class RequestTelemetry:
    """The requests that were followed over all services, and vital series of those services, by service."""

    followed: Followed = field(default_factory=Followed)
    series: Mapping[str, tuple[Series, ...]] = field(default_factory=dict)
    hints: tuple[str, ...] = ()


@dataclass(frozen=True)
class Parts:
    """The other services, the suspect leading; `own` is the alert's service when it is the suspect itself."""

    others: list[OtherService]
    own: OtherService | None = None

    @property
    def suspect(self) -> OtherService | None:
        """Where the trouble begins."""
        return self.own or next((other for other in self.others if other.role == "suspect"), None)


def other_services(own: str, telemetry: RequestTelemetry, collector: EvidenceCollector) -> Parts:
    """Return what the services did in the requests of `own`; what is cited becomes evidence."""
    followed = telemetry.followed
    errors = _errors(followed)
    suspect, basis = _suspect(followed, errors)
    anomalies = {service: find_anomalies(series, followed.changed_at) for service, series in telemetry.series.items()}
    part = _Part(followed, errors, anomalies, collector)
    waiting = _waiting_for(suspect, followed.calls) if suspect else set[str]()
    named = [suspect, *_by_importance(followed, errors, waiting)]
    listed = [service for service in dict.fromkeys(named) if service not in ("", own)]
    others = [
        part.of(service, "suspect" if service == suspect else "waits" if service in waiting else "involved", basis)
        for service in listed[:MAX_SERVICES]
    ]
    return Parts(others, part.of(own, "suspect", basis) if suspect == own else None)


def services_to_read(followed: Followed, own: str) -> list[str]:
    """Return the services whose metrics are read: at most MAX_SERVICES, those that changed or failed leading."""
    errors = _errors(followed)
    services = Counter(step.service for request in followed.since for step in request.steps)
    important = [*_by_importance(followed, errors, set()), *followed.time_shares]
    named = [*important, *(name for name, _ in services.most_common())]
    return [service for service in dict.fromkeys(named) if service not in ("", own)][:MAX_SERVICES]


def classified(kind: Classification, parts: Parts) -> Classification:
    """Return the type by the suspect's part, where it says more than the service's own telemetry does."""
    suspect = parts.suspect
    if suspect is None or suspect.incident_type_hint == "unknown":
        return kind
    if kind.type not in ("unknown", "external_dependency") and (parts.own or suspect.basis != "changed"):
        return kind
    reason = f"{suspect.service_name}, in the requests that were followed: {clip(suspect.behaviour, 300).rstrip('.')}"
    return replace(kind, type=suspect.incident_type_hint, reason=reason, is_followed=True)


@dataclass
class _Errors:
    """The error lines of one service in the requests since the change."""

    requests: int = 0
    first_in: int = 0
    example: Step | None = None


def _errors(followed: Followed) -> dict[str, _Errors]:
    usual = _usual_errors(followed)
    failed: defaultdict[str, _Errors] = defaultdict(_Errors)
    for request in followed.since:
        errors = [step for step in request.steps if step.is_error and step.what not in usual]
        for service in {step.service for step in errors}:
            one = failed[service]
            one.requests += 1
            one.first_in += errors[0].service == service
            one.example = one.example or next(step for step in errors if step.service == service)
    return failed


def _usual_errors(followed: Followed) -> set[object]:
    """Return the errors that as great a share of the requests had before."""
    before, since = (
        Counter(step.what for request in requests for step in _first_of_each(request))
        for requests in (followed.before, followed.since)
    )
    requests_before, requests_since = len(followed.before), len(followed.since)
    return {what for what, count in before.items() if count * requests_since >= since[what] * requests_before}


def _first_of_each(request: Request) -> Iterable[Step]:
    return {step.what: step for step in request.steps if step.is_error}.values()


def _suspect(followed: Followed, errors: Mapping[str, _Errors]) -> tuple[str, SuspectBasis]:
    """Return where the trouble begins, and what that rests on; an empty name where nothing shows it."""
    changed, _ = followed.most_changed
    if followed.is_certain:
        return changed, "changed"
    failing = sum(one.first_in for one in errors.values())
    first = max(errors.items(), key=lambda item: (item[1].first_in, item[1].requests), default=("", _Errors()))
    if first[1].first_in > MIN_FIRST_SHARE * failing:
        return first[0], "failed_first"
    slowest = next(iter(followed.time_shares.items()), ("", 0.0))
    if slowest[1] > MIN_TIME_SHARE:
        return slowest[0], "time"
    return changed, "perhaps_changed"


def _waiting_for(suspect: str, calls: set[tuple[str, str]]) -> set[str]:
    """Return the services that call the suspect, or one that waits for it."""
    waiting = {suspect}
    while more := {caller for caller, callee in calls if callee in waiting} - waiting:
        waiting |= more
    return waiting - {suspect}


def _by_importance(followed: Followed, errors: Mapping[str, _Errors], waiting: set[str]) -> list[str]:
    failed = sorted(errors, key=lambda service: (-errors[service].first_in, -errors[service].requests, service))
    changed = sorted(followed.changes, key=lambda service: (-followed.changes[service].nats, service))
    return [*failed, *changed, *sorted(waiting)]


@dataclass
class _Part:
    """Writes the part of each service in the contract's form."""

    followed: Followed
    errors: Mapping[str, _Errors]
    anomalies: Mapping[str, Sequence[Anomaly]]
    collector: EvidenceCollector

    def of(self, service: str, role: ServiceRole, basis: SuspectBasis) -> OtherService:
        change = self.followed.changes.get(service, ServiceChange())
        errors = self.errors.get(service, _Errors())
        anomalies = self.anomalies.get(service, ())
        is_slow = role == "suspect" and basis == "time"
        sentences, example = self._behaviour(service, change, errors)
        sentences += [_moved(anomaly) for anomaly in anomalies[:2]]
        return OtherService(
            service_name=service,
            requests=sum(any(step.is_error for step in request.steps) for request in self.followed.since),
            failed_in=errors.requests,
            failed_first_in=errors.first_in,
            role=role,
            basis=basis if role == "suspect" else None,
            behaviour=" ".join(sentences),
            waits_for=sorted(callee for caller, callee in self.followed.calls if caller == service),
            incident_type_hint=fault_of(
                change,
                [one.series.name for one in anomalies],
                _text_of(errors, change),
                is_late_on_the_way=is_slow and self.followed.is_late_on_the_way(service),
            ),
            metrics_evidence_id=self.collector.anomaly_of(service, anomalies[0]) if anomalies else None,
            evidence_id=self.collector.line(example.entry.text, example.entry.at) if example else None,
        )

    def _behaviour(self, service: str, change: ServiceChange, errors: _Errors) -> tuple[list[str], Step | None]:
        """Return sentences on what the service does, and the line that shows the first of them best."""
        since = f"{self.followed.changed_at:%H:%M:%S} UTC" if self.followed.changed_at else "then"
        sentences: list[str] = []
        examples: list[Step | None] = [errors.example]
        for departure in sorted(change.departures, key=lambda one: -one.nats)[:2]:
            sentences.append(_departed(departure, since))
            examples += [departure.now if departure.now and departure.now.service == service else departure.last]
        if slow := change.slowness:
            took = f"{slow.since_ms:.3g} ms on average, {slow.before_ms:.3g} ms before"
            sentences.append(f"A step of it or on the way to it takes {took}, since {since}.")
            examples.append(self._slowest_step(service))
        share = self.followed.time_shares.get(service, 0.0)
        if share > MIN_TIME_SHARE:
            sentences.append(f"{share:.0%} of the time of the requests passes there, and on the way to it and back.")
            examples.append(self._slowest_step(service))
        return sentences, next((one for one in examples if one), None)

    def _slowest_step(self, service: str) -> Step | None:
        steps = [step for request in self.followed.since for step in request.steps if step.owner == service]
        return max(steps, key=lambda step: step.gap_s, default=None)


def _text_of(errors: _Errors, change: ServiceChange) -> str:
    """Return what the service wrote when it failed or went on otherwise."""
    steps = [errors.example, *(one.now for one in change.departures if one.now and one.now.is_error)]
    return "\n".join(step.entry.text for step in steps if step)


def _moved(anomaly: Anomaly) -> str:
    moved = f"from {anomaly.baseline:.3g} to {anomaly.value:.3g}"
    return f"Its {anomaly.series.name} went {moved} at {anomaly.at:%H:%M:%S} UTC."


def _departed(departure: Departure, since: str) -> str:
    """Say what no longer follows a line, and what does."""
    before, now = (_quoted(step) if step else "the end" for step in (departure.usual, departure.now))
    count, total = departure.since
    new = f"since, {now} comes, in {count} of {total} requests"
    return f"After {_quoted(departure.last)} came {before} until {since}; {new}."


def _quoted(step: Step) -> str:
    return f"“{clip(without_ids(step.entry.message), QUOTE_CHARS)}” of {step.service}"
