"""Versions of instances: one that changed under the same name, and which version metrics say an instance runs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import pairwise

from shared.analysis.logs.instances import InstanceLog, name_of, version_of
from shared.telemetry.instance_metrics import VERSIONED
from shared.telemetry.port import Series


@dataclass(frozen=True)
class VersionChange:
    """An instance that runs another version under its name; `text` is its line, `query` what returned it."""

    instance: str
    before: str
    after: str
    at: datetime
    text: str = ""
    query: str = ""


@dataclass(frozen=True)
class MeasuredVersion:
    """A version that a metric says an instance ran, from its first to its last sample."""

    instance: str
    version: str
    first: datetime
    last: datetime
    metric: str
    query: str


def version_changes(
    instances: Sequence[InstanceLog], measured: Mapping[str, Sequence[MeasuredVersion]]
) -> list[VersionChange]:
    """Return the versions that changed under one name, oldest first; by the lines of an instance before its metrics."""
    changes = [change for one in instances for change in _of_lines(one)]
    named = {change.instance for change in changes}
    changes += [change for name, spans in measured.items() if name not in named for change in _of_samples(spans)]
    return sorted(changes, key=lambda change: (change.at, change.instance))


def measured_versions(series: Sequence[Series]) -> dict[str, list[MeasuredVersion]]:
    """
    Return the versions of each instance in the order they began, by the first metric that has any.

    Several metrics may hold versions, of the service, of its image or of a library: they are not mixed.
    """
    by_metric: dict[str, dict[str, list[MeasuredVersion]]] = {}
    for one in series:
        name, version = name_of(one.labels), version_of(one.labels)
        if VERSIONED.fullmatch(one.name) and name and version and one.points:
            span = MeasuredVersion(name, version, one.points[0][0], one.points[-1][0], one.name, one.query)
            _add(by_metric.setdefault(one.name, {}).setdefault(name, []), span)
    first = next(iter(by_metric.values()), {})
    return {name: sorted(spans, key=lambda span: span.first) for name, spans in first.items()}


def with_versions(
    instances: Sequence[InstanceLog], measured: Mapping[str, Sequence[MeasuredVersion]]
) -> tuple[InstanceLog, ...]:
    """Return the instances, those without a version in their lines with the one that metrics say."""
    return tuple(
        replace(one, version=measured[one.name][0].version) if not one.version and one.name in measured else one
        for one in instances
    )


def _add(spans: list[MeasuredVersion], span: MeasuredVersion) -> None:
    """Add what a series says: a container that restarts is a new series of the same version."""
    for index, other in enumerate(spans):
        if other.version == span.version:
            first, last = min(other.first, span.first), max(other.last, span.last)
            spans[index] = replace(other, first=first, last=last)
            return
    spans.append(span)


def _of_lines(one: InstanceLog) -> list[VersionChange]:
    """Return none when a version comes back: containers of one pod may have a version each."""
    if len({span.version for span in one.spans}) < len(one.spans):
        return []
    pairs = pairwise(one.spans)
    return [VersionChange(one.name, old.version, new.version, new.first, text=new.text) for old, new in pairs]


def _of_samples(spans: Sequence[MeasuredVersion]) -> list[VersionChange]:
    """Return none for versions that go on side by side: only one that ended was replaced."""
    return [
        VersionChange(new.instance, old.version, new.version, new.first, query=new.query)
        for old, new in pairwise(spans)
        if old.first < new.first and old.last < new.last
    ]
