"""Which fault the evidence of an incident names: a resource, a dependency, a setting; nothing that was always so."""

from shared.analysis.faults import matching
from shared.analysis.faults.matching import Signal
from shared.analysis.series.change_point import SURE, rise_of_counts
from shared.contracts import Incident, LogPattern, StackTrace

PROBLEMS = ("fatal", "error", "warning")


def leading(incident: Incident) -> Signal | None:
    """
    Return the most specific signal of the incident's first traces, else of its problem lines.

    Where the service's own code fails, another line is its reason only if it comes before the failure each time.
    """
    traces = [one for one in incident.stack_traces[:2] if not is_background(incident, one)]
    signals = (signal for one in traces if (signal := signal_of(incident, one)[0]) is not None)
    if (signal := next(signals, None)) is not None or any(one.app_frames and not one.is_doubtful for one in traces):
        return signal
    return matching.first([one.exemplar for one in _problems(incident)])


def signal_of(incident: Incident, trace: StackTrace) -> tuple[Signal | None, LogPattern | None]:
    """Return what an exception says of a known fault, else what the line says that is its reason, and that line."""
    if (own := matching.of_trace(trace)) is not None:
        return own, None
    for pattern in _problems(incident):
        if is_new(incident, pattern) and _comes_before(pattern, trace):
            signal = matching.first([pattern.exemplar])
            if signal is not None and signal.rule.kind != "crash":
                return signal, pattern
    return None, None


def is_new(incident: Incident, seen: StackTrace | LogPattern) -> bool:
    """Return whether it was never seen before the onset, where enough was read to know."""
    return incident.onset is not None and incident.shows_before_onset and seen.count_before_onset == 0


def is_background(incident: Incident, seen: StackTrace | LogPattern) -> bool:
    """Return whether it came before the onset too, and no rise of it is certain."""
    if incident.onset is None or seen.count_before_onset == 0:
        return False
    quiet_s = (incident.onset - incident.start).total_seconds()
    since_s = (incident.end - incident.onset).total_seconds()
    before = seen.count_before_onset
    return rise_of_counts(before, seen.count - before, quiet_s, since_s) < SURE


def _problems(incident: Incident) -> list[LogPattern]:
    return [one for one in incident.patterns if one.level in PROBLEMS and not is_background(incident, one)]


def _comes_before(pattern: LogPattern, trace: StackTrace) -> bool:
    """Return whether the line is written as often as the trace, and both begins and ends no later than it."""
    is_as_often = pattern.count >= trace.count
    return is_as_often and pattern.first_seen <= trace.first_seen and pattern.last_seen <= trace.last_seen
