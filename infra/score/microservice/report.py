"""The tables of the score: the analyst's rows by severity label, the baselines' rows under them."""

import resource
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from statistics import median

from infra.score.halves import shares
from infra.score.microservice.baselines import most_frequent_type
from infra.score.microservice.observe import VERDICTS, AlertedOn, Observation, Source
from infra.score.microservice.replay import SEVERITY_LABELS, Metrics
from infra.score.part import ScoreTable

SOURCES: tuple[Source, ...] = ("the culprit itself", "an affected service", "an unaffected service", "a control")
ASKED_FOR_CULPRIT: tuple[Source, ...] = ("an affected service", "the culprit itself")
HALVES = ("all", "tuned on", "reported on")
TOP = 3

Ranks = Mapping[str, Sequence[tuple[AlertedOn, int | None]]]
Group = tuple[Source, Metrics, str]


def tables(
    observations: Sequence[Observation], alerted: Sequence[AlertedOn], baseline_ranks: Ranks
) -> tuple[ScoreTable, ...]:
    """Return the tables of verdicts, culprits, fault types and costs."""
    return (
        _verdicts(observations, alerted),
        _culprits(observations, baseline_ranks),
        _types(observations, alerted),
        _costs(observations),
    )


def _verdicts(observations: Sequence[Observation], alerted: Sequence[AlertedOn]) -> ScoreTable:
    rows: list[tuple[str, ...]] = []
    for (source, metrics, label), group in _groups(observations, SOURCES):
        counts = [str(sum(one.verdict == verdict for one in group)) for verdict in VERDICTS]
        right = shares((one.alerted.half, _is_right(one)) for one in group).cells
        cells = right if source != "an unaffected service" else ("", "", "")
        rows.append((source, "analyst", metrics, label, str(len(group)), *counts, *cells))
    for source in SOURCES:
        services = [one for one in alerted if one.source == source]
        cells = shares((one.half, source != "a control") for one in services).cells
        cells = cells if source != "an unaffected service" else ("", "", "")
        rows.append((source, "always incident", "", "", str(len(services)), str(len(services)), "0", "0", *cells))
    return ScoreTable(
        "Verdicts",
        ("alert on", "who", "metrics", "severity label", "alerts", *VERDICTS, *(f"right, {half}" for half in HALVES)),
        tuple(rows),
        "Right is incident where the fault was or reached, and anything else on a control. healthy of the first two "
        "groups are dismissed faults, incident of a control is a false alarm. What is right for an unaffected service "
        "in the window of a fault elsewhere is not known.",
    )


def _culprits(observations: Sequence[Observation], baseline_ranks: Ranks) -> ScoreTable:
    rows: list[tuple[str, ...]] = []
    for (source, metrics, label), group in _groups(observations, ASKED_FOR_CULPRIT):
        ranks = [(one.alerted, one.culprit_rank) for one in group]
        rows.append((source, "analyst", metrics, label, str(len(ranks)), *_rank_cells(ranks)))
    for source in ASKED_FOR_CULPRIT:
        for name, pairs in baseline_ranks.items():
            ranks = [(one, rank) for one, rank in pairs if one.source == source]
            rows.append((source, name, "", "", str(len(ranks)), *_rank_cells(ranks)))
    columns = [f"{place}, {half}" for place in ("first", f"top {TOP}") for half in HALVES]
    return ScoreTable(
        "Culprit named",
        ("alert on", "who", "metrics", "severity label", "alerts", *columns),
        tuple(rows),
        "The services that the hypotheses name, in their order; a dismissed alert names none. An affected service "
        "shares a trace with the culprit during the fault, or its errors or latency moved.",
    )


def _rank_cells(ranks: Sequence[tuple[AlertedOn, int | None]]) -> tuple[str, ...]:
    first = shares((one.half, rank == 1) for one, rank in ranks).cells
    return first + shares((one.half, rank is not None and rank <= TOP) for one, rank in ranks).cells


def _types(observations: Sequence[Observation], alerted: Sequence[AlertedOn]) -> ScoreTable:
    rows: list[tuple[str, ...]] = []
    for (source, metrics, label), group in _groups(observations, ASKED_FOR_CULPRIT):
        right = shares((one.alerted.half, one.incident_type == one.alerted.expected_type) for one in group)
        rows.append((source, "analyst", metrics, label, str(len(group)), *right.cells))
    culprits = [one for one in alerted if one.source == "the culprit itself"]
    usual = most_frequent_type((one.half, one.expected_type) for one in culprits if one.expected_type)
    for source in ASKED_FOR_CULPRIT:
        services = [one for one in alerted if one.source == source]
        right = shares((one.half, one.expected_type == usual) for one in services)
        rows.append((source, f"always {usual}", "", "", str(len(services)), *right.cells))
    return ScoreTable(
        "Fault type",
        ("alert on", "who", "metrics", "severity label", "alerts", *(f"right, {half}" for half in HALVES)),
        tuple(rows),
        "infra/score/microservice/fault_types.py holds which type each injected fault is. The baseline's type is the "
        "most frequent of the half that may be tuned on.",
    )


def _costs(observations: Sequence[Observation]) -> ScoreTable:
    seconds = [one.seconds for one in observations]
    cells = (str(len(seconds)), f"{sum(seconds):.1f}", f"{median(seconds):.3f}", f"{max(seconds):.3f}")
    return ScoreTable(
        "Cost",
        ("alerts", "seconds", "seconds an alert, median", "most", "peak memory MB"),
        ((*cells, f"{_peak_memory_mb():.0f}"),),
        "Wall clock of detection and causes; memory is that of the whole process, with the sandboxes and the cases.",
    )


def _is_right(one: Observation) -> bool:
    return (one.verdict == "incident") == (one.alerted.source != "a control")


def _groups(
    observations: Sequence[Observation], sources: Iterable[Source]
) -> Iterator[tuple[Group, list[Observation]]]:
    """Yield the answers of each source, kind of metrics and severity label, in a fixed order."""
    kinds = list(dict.fromkeys(one.metrics for one in observations))
    for source in sources:
        for metrics in kinds:
            for label in SEVERITY_LABELS:
                key = (source, metrics, label)
                group = [o for o in observations if (o.alerted.source, o.metrics, o.severity_label) == key]
                if group:
                    yield key, group


def _peak_memory_mb() -> float:
    """Return the most memory that this process had, in MB (1,000,000 bytes)."""
    # Kilobytes on Linux, bytes on macOS: getrusage(2) of each.
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6
