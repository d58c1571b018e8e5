"""What changed near the onset: instances that began and ended, with their versions, and lines that report a change."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.analysis.changes import facts
from shared.analysis.changes.facts import ChangeFact
from shared.analysis.changes.restarts import restarts
from shared.analysis.changes.versions import measured_versions, version_changes
from shared.analysis.detection.evidence import MAX_CHANGES, EvidenceCollector
from shared.analysis.detection.summary import TelemetrySummary
from shared.analysis.logs.groups import LineGroup, TraceGroup
from shared.analysis.logs.instances import InstanceLog
from shared.bounds import clip
from shared.contracts import Change
from shared.telemetry.port import Annotation

SILENT_GAPS = 10
"""An instance that is silent for so many of its usual gaps has ended."""
MIN_SILENCE = timedelta(minutes=1)
NAMES = 3


@dataclass(frozen=True)
class Replacement:
    """Instances that began in the window, those that ran before, and those of them that ended."""

    began: tuple[InstanceLog, ...]
    before: tuple[InstanceLog, ...]
    ended: tuple[InstanceLog, ...]

    @property
    def at(self) -> datetime:
        """When the first of them began."""
        return self.began[0].first


def changes(
    summary: TelemetrySummary,
    collector: EvidenceCollector,
    reported: Sequence[LineGroup],
    annotations: Sequence[Annotation] = (),
) -> list[Change]:
    """
    Return the changes, the closest to the onset first; each with its evidence.

    `reported` are lines that report one, `annotations` those of Grafana that do.
    """
    listed = [_reported(group, collector, summary) for group in reported]
    listed += [_annotated(one, collector, summary) for one in _closest(annotations, summary)]
    replacement = replacement_of(summary)
    if replacement is not None:
        listed.append(_replaced(replacement, collector, summary))
    by_instances = _of_instances(summary, replacement)
    # A line that reports a configuration says less than what it changed.
    listed = [one for one in listed if one.kind != "reported" or one.at not in {each.at for each in by_instances}]
    listed += [_change(fact, collector) for fact in by_instances]
    onset = summary.onset or summary.window.end
    return sorted(listed, key=lambda change: abs(change.at - onset))


def _of_instances(summary: TelemetrySummary, replacement: Replacement | None) -> list[ChangeFact]:
    """Return what instances did that the lines of their lives do not show."""
    measured = measured_versions(summary.instance_series)
    versions = [one for one in version_changes(summary.instances, measured) if one.at > summary.settled]
    lines = summary.starts.restarts(summary.settled)
    restarted = restarts(lines, summary.instance_series, summary.window.start)
    result = [*facts.restarted(restarted, versions), *facts.version_changed(versions, summary.risen)]
    if replacement is None and not versions:
        result += facts.version_measured(measured, summary.settled)
    named = {one.version for one in summary.instances} | {
        span.version for one in summary.instances for span in one.spans
    }
    return [*result, *facts.configured(summary.starts, summary.settled, named)]


def _change(fact: ChangeFact, collector: EvidenceCollector) -> Change:
    is_line = bool(fact.text)
    evidence_id = collector.line(fact.text, fact.at) if is_line else collector.metric(fact.what, fact.at, fact.query)
    return Change(
        kind=fact.kind,
        at=fact.at,
        what=fact.what,
        instances=fact.instances,
        version_before=fact.version_before,
        version_after=fact.version_after,
        error_share=fact.error_share,
        evidence_id=evidence_id,
    )


def replacement_of(summary: TelemetrySummary) -> Replacement | None:
    """Return which instances began while others had run before; None when none did, or when that was not read."""
    window, settled = summary.window, summary.settled
    began = tuple(one for one in summary.instances if one.first > settled and summary.shows_before(one.first))
    before = tuple(one for one in summary.instances if one.first <= settled)
    if not began or not before:
        return None
    return Replacement(began, before, tuple(one for one in before if _has_ended(one, window.end)))


def _has_ended(instance: InstanceLog, end: datetime) -> bool:
    silent_for = end - instance.last
    return instance.lines > 1 and silent_for > max(MIN_SILENCE, timedelta(seconds=SILENT_GAPS * instance.mean_gap_s))


def _replaced(replacement: Replacement, collector: EvidenceCollector, summary: TelemetrySummary) -> Change:
    first = replacement.began[0]
    evidence_id = collector.line(first.first_text, first.first)
    share = error_share(replacement, summary.risen)
    return Change(
        kind="rollout" if replacement.ended else "start",
        at=replacement.at,
        what=" ".join(
            filter(
                None, (_lives(replacement), _errors(replacement, summary.risen, share), _unknown(replacement, summary))
            )
        ),
        instances=[one.name for one in replacement.began],
        version_before=_version(replacement.ended or replacement.before),
        version_after=_version(replacement.began),
        error_share=share,
        evidence_id=evidence_id,
    )


def error_share(replacement: Replacement, risen: Sequence[TraceGroup | LineGroup]) -> float | None:
    """
    Return which share of the leading error came from the instances that began; None when nobody can say.

    Errors whose instance is not known, as they were only counted or name none, are not taken for theirs.
    """
    if not risen or not (counted := risen[0].instances):
        return None
    return sum(counted[one.name] for one in replacement.began) / _total(risen[0])


def _total(leading: TraceGroup | LineGroup) -> int:
    return max(len(leading.times), leading.instances.total())


def _lives(replacement: Replacement) -> str:
    began, ended = replacement.began, replacement.ended
    until = f" to {began[-1].first:%H:%M:%S}" if len(began) > 1 else ""
    when = f"{'from' if until else 'at'} {replacement.at:%H:%M:%S}{until} UTC"
    text = f"{_instances(began)} began {when}{_of_version(began)}: {_named(began)}."
    if ended:
        last = max(one.last for one in ended)
        text += f" {_instances(ended)}{_of_version(ended)} ended by {last:%H:%M:%S} UTC."
    return text


def _errors(replacement: Replacement, risen: Sequence[TraceGroup | LineGroup], share: float | None) -> str:
    if share is None:
        return ""
    leading = risen[0]
    name = leading.parsed.raised.type if isinstance(leading, TraceGroup) else "the leading error"
    attributed, total = leading.instances.total(), _total(leading)
    of_new = sum(leading.instances[one.name] for one in replacement.began)
    if attributed < total:
        of_old = f"{attributed - of_new} from those before" if attributed > of_new else "none from those before"
        unknown = f"for the other {total - attributed} no line that was read names the instance"
        return f"{of_new} of {total} of {name} come from the new ones, {of_old}; {unknown}."
    if of_new == total:
        return f"All {total} of {name} come from the new ones, none from the {len(replacement.before)} before."
    return f"{of_new} of {total} of {name} come from the new ones, the others from those before."


def _unknown(replacement: Replacement, summary: TelemetrySummary) -> str:
    """Say what the sentences before cannot know."""
    unversioned = "" if _version(replacement.began) else "No label names the version of the new ones."
    unread = "" if summary.all_lines_read else "Not all lines of the window were read, so this holds for those read."
    return " ".join(filter(None, (unversioned, unread)))


def _instances(instances: Sequence[InstanceLog]) -> str:
    return f"{len(instances)} {'instance' if len(instances) == 1 else 'instances'}"


def _named(instances: Sequence[InstanceLog]) -> str:
    more = f" and {len(instances) - NAMES} more" if len(instances) > NAMES else ""
    return ", ".join(one.name for one in instances[:NAMES]) + more


def _version(instances: Sequence[InstanceLog]) -> str:
    """Return the version that most of them say; empty when none says one."""
    versions = Counter(one.version for one in instances if one.version)
    return versions.most_common(1)[0][0] if versions else ""


def _of_version(instances: Sequence[InstanceLog]) -> str:
    version = _version(instances)
    return f" as version {version}" if version else ""


def _closest(annotations: Sequence[Annotation], summary: TelemetrySummary) -> list[Annotation]:
    """Return the annotations that name the service, then others, of each the closest to the onset."""
    service, onset = summary.alert.service_name, summary.onset or summary.window.end
    ordered = sorted(annotations, key=lambda one: (not one.names(service), abs(one.at - onset)))
    return ordered[:MAX_CHANGES]


def _annotated(annotation: Annotation, collector: EvidenceCollector, summary: TelemetrySummary) -> Change:
    service, tags = summary.alert.service_name, ", ".join(annotation.tags)
    text = clip(annotation.text or "without a text", 300)
    unnamed = "" if annotation.names(service) else f" It does not name {service}."
    what = f"An annotation in Grafana says: {text} (tags: {clip(tags, 200)}).{unnamed}"
    evidence_id = collector.annotation(what, annotation.at, annotation.link)
    return Change(kind="reported", at=annotation.at, what=what, evidence_id=evidence_id, link=annotation.link)


def _reported(group: LineGroup, collector: EvidenceCollector, summary: TelemetrySummary) -> Change:
    pattern = collector.pattern(group, summary.onset, keep=True)
    return Change(
        kind="reported",
        at=group.times.first,
        what=f"A line says: {clip(group.exemplar.message.strip(), 300)}",
        evidence_id=pattern.evidence_id,
    )
