"""Measure verdicts, culprits and fault types on every service of every known incident."""

from dataclasses import asdict, dataclass, field
from typing import Any

from infra.score.microservice import report
from infra.score.microservice.affected import affected_services
from infra.score.microservice.baselines import CULPRIT_BASELINES
from infra.score.microservice.cases import MicroserviceCase, folders, read
from infra.score.microservice.observe import AlertedOn, Observation, alerts_of, observe, rank_of
from infra.score.microservice.replay import metrics_of, replay
from infra.score.part import Options, PartScore, Progress


@dataclass
class Measurements:
    """Every answer, every service that was alerted on, and the culprit's place in each baseline's ranking for it."""

    observations: list[Observation] = field(default_factory=list)
    alerted: list[AlertedOn] = field(default_factory=list)
    baseline_ranks: dict[str, list[tuple[AlertedOn, int | None]]] = field(default_factory=dict)


def measure(options: Options, progress: Progress) -> PartScore:
    """Replay every incident of the folder and return the tables. Raises Rejected when one cannot be read."""
    measured = Measurements()
    for folder in folders(options.cases):
        case = read(folder)
        alerted = alerts_of(case, affected_services(case))
        measured.alerted += alerted
        _rank_baselines(case, alerted, measured)
        _replay(case, {one.service: one for one in alerted}, measured, progress)
    tables = report.tables(measured.observations, measured.alerted, measured.baseline_ranks)
    return PartScore(tables, {"observations": [_as_json(one) for one in measured.observations]})


def _rank_baselines(case: MicroserviceCase, alerted: list[AlertedOn], measured: Measurements) -> None:
    for name, ranking in CULPRIT_BASELINES.items():
        ranks = [(one, rank_of(one.culprit, ranking(case, one.service))) for one in alerted if one.culprit]
        measured.baseline_ranks.setdefault(name, []).extend(ranks)


def _replay(case: MicroserviceCase, alerted: dict[str, AlertedOn], measured: Measurements, progress: Progress) -> None:
    for metrics in metrics_of(case):
        answers = [observe(one, alerted[one.service], case.services) for one in replay(case, metrics)]
        measured.observations += answers
        seconds = sum(one.seconds for one in answers)
        progress(f"{case.name}, metrics: {metrics}: {len(answers)} alerts in {seconds:.1f} s")


def _as_json(one: Observation) -> dict[str, Any]:
    answer = asdict(one)
    return {**answer.pop("alerted"), **answer, "seconds": round(one.seconds, 4)}
