"""What one answer is worth: its verdict, the services it names, its type, beside the truth of the case."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Literal

from infra.score.halves import Half
from infra.score.microservice.cases import MicroserviceCase
from infra.score.microservice.replay import Answered, Metrics, SeverityLabel
from shared.contracts import Incident, IncidentType, RootCauses

Verdict = Literal["incident", "healthy", "cannot_tell"]
VERDICTS: tuple[Verdict, ...] = ("incident", "healthy", "cannot_tell")

Source = Literal["the culprit itself", "an affected service", "an unaffected service", "a control"]
"""Whose alert it is; an unaffected service is one that an injected fault elsewhere did not reach."""


@dataclass(frozen=True)
class AlertedOn:
    """One service of one case to alert on, and the truth about it; the types are None in a control."""

    case: str
    half: Half
    service: str
    source: Source
    culprit: str | None
    expected_type: IncidentType | None


@dataclass(frozen=True)
class Observation:
    """One answer beside the truth; `culprit_rank` counts from 1 and is None when the culprit is not named."""

    alerted: AlertedOn
    severity_label: SeverityLabel
    metrics: Metrics
    verdict: Verdict
    culprit_rank: int | None
    incident_type: IncidentType
    seconds: float


def alerts_of(case: MicroserviceCase, affected: Collection[str]) -> list[AlertedOn]:
    """Return the services of a case, each with the truth; `affected` are those that its fault reached."""
    culprit = case.fault.service if case.fault else None
    expected = case.fault.incident_type if case.fault else None
    return [
        AlertedOn(case.name, case.half(service), service, _source(service, culprit, affected), culprit, expected)
        for service in case.services
    ]


def _source(service: str, culprit: str | None, affected: Collection[str]) -> Source:
    if culprit is None:
        return "a control"
    if service == culprit:
        return "the culprit itself"
    return "an affected service" if service in affected else "an unaffected service"


def observe(answered: Answered, alerted: AlertedOn, services: Collection[str]) -> Observation:
    """Return the answer beside the truth; `services` are the names that can be named."""
    ranking = named_services(answered.root_causes, answered.service, services)
    return Observation(
        alerted=alerted,
        severity_label=answered.severity_label,
        metrics=answered.metrics,
        verdict=verdict_of(answered.incident),
        culprit_rank=rank_of(alerted.culprit, ranking),
        incident_type=answered.incident.incident_type_hint,
        seconds=answered.seconds,
    )


def verdict_of(incident: Incident) -> Verdict:
    """Return the incident's own verdict, or where the contract has none, what it does: respond or dismiss."""
    verdict: Verdict | None = getattr(incident, "verdict", None)
    if verdict in VERDICTS:
        return verdict
    return "incident" if incident.needs_response else "healthy"


def named_services(causes: RootCauses | None, alerted: str, services: Collection[str]) -> list[str]:
    """
    Return the services that the hypotheses name, in the order of their components, each once.

    A hypothesis that names no service, but a file or nothing, speaks of the service that was alerted on.
    """
    names: list[str] = []
    for cause in causes.root_causes if causes else []:
        listed = [name for part in cause.affected_components if (name := _service_named(part, services))]
        names += listed or [alerted]
    return list(dict.fromkeys(names))


def rank_of(culprit: str | None, ranking: Iterable[str]) -> int | None:
    """Return the place of the culprit in a ranking, from 1, or None."""
    return next((place for place, name in enumerate(ranking, 1) if name == culprit), None)


def _service_named(component: str, services: Collection[str]) -> str | None:
    """Return the service that a component is: by its name, or as the host of an address within the cluster."""
    host = component.rpartition("://")[2].partition("/")[0].partition(":")[0]
    return next((name for name in (component, host, host.partition(".")[0]) if name in services), None)
