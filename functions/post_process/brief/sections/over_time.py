"""The chart: what the alert watches or what was counted, over time, with the onset and what changed."""

from collections.abc import Sequence
from dataclasses import replace

from shared.analysis.series.window import span
from shared.bounds import clip
from shared.contracts import Change, Incident, MeasuredSeries, PostProcessRequest
from shared.text.harmless import one_line

from ..chart_geometry import Scale, scale_of
from ..model import Chart, Mark, at_time

MAX_CHANGES = 3
"""Each label has a row of its own above the chart."""
NAME_CHARS = 24
TITLE_CHARS = 120
_WITHOUT_VERSION = {"rollout": "rollout", "start": "instances started", "reported": "change reported"}


def chart(request: PostProcessRequest) -> Chart | None:
    """Return what is worth drawing; None where nothing was measured or counted over time."""
    incident = request.incident
    if incident is None or incident.end <= incident.start:
        return None
    drawn = _measured(incident) or _counted(incident)
    if drawn is None:
        return None
    drawn = replace(drawn, marks=_marks(request, incident))
    return replace(drawn, words=_words(drawn, incident.measured_series))


def _measured(incident: Incident) -> Chart | None:
    series = incident.measured_series
    if series is None or all(value is None for value in series.values):
        return None
    drawn = Chart(series.title, series.unit, incident.start, incident.end, tuple(series.values))
    if series.threshold is None:
        return drawn
    return replace(drawn, threshold=series.threshold, threshold_label=f"alert fires {series.limit}")


def _counted(incident: Incident) -> Chart | None:
    counts = incident.error_summary.errors_over_time
    if not any(counts):
        return None
    title = f"Error lines per {span((incident.end - incident.start) / len(counts))}"
    return Chart(title, "", incident.start, incident.end, tuple(map(float, counts)), has_bars=True)


def _marks(request: PostProcessRequest, incident: Incident) -> tuple[Mark, ...]:
    """Return the onset and the changes that are closest to it, in time."""
    changes = [*incident.what_changed, *(request.code_analysis.what_changed if request.code_analysis else ())]
    inside = [change for change in changes if incident.start <= change.at <= incident.end]
    onset = incident.onset or incident.end
    closest = sorted(_once(inside), key=lambda mark: abs(mark.at - onset))[:MAX_CHANGES]
    is_inside = incident.onset is not None and incident.start <= incident.onset <= incident.end
    own = [Mark(onset, "onset", is_onset=True)] if is_inside else []
    return tuple(sorted([*closest, *own], key=lambda mark: (mark.at, mark.is_onset)))


def _once(changes: Sequence[Change]) -> list[Mark]:
    """Return each version where it is first reported, and what has no version where nothing else is marked."""
    marks: dict[str, Mark] = {}
    for change in sorted(changes, key=lambda one: one.at):
        if version := change.version_after:
            name = clip(one_line(version), NAME_CHARS)
            marks.setdefault(version.removeprefix("v"), Mark(change.at, f"version {name}"))
    times = {change.at for change in changes if change.version_after}
    for change in changes:
        if not change.version_after and change.at not in times:
            marks.setdefault(f"{change.kind} {change.at}", Mark(change.at, _WITHOUT_VERSION[change.kind]))
    return list(marks.values())


def _words(drawn: Chart, measured: MeasuredSeries | None) -> str:
    """Return the same as the image, in words and numbers."""
    present = [value for value in drawn.values if value is not None]
    scale = scale_of(drawn.unit, max(map(abs, [*present, drawn.threshold or 0.0])))
    day = "" if drawn.start.date() == drawn.end.date() else "%d %b "
    course = _course(drawn, scale, drawn.has_bars or measured is None or measured.higher_is_worse)
    changes = [f"{mark.label} at {mark.at:{day}%H:%M:%S}" for mark in drawn.marks if not mark.is_onset]
    also = f" Marked: {', '.join(changes)}." if changes else ""
    limit = f" The {drawn.threshold_label}." if drawn.threshold_label else ""
    window = f"{drawn.start:{day}%H:%M} to {drawn.end:{day}%H:%M} UTC"
    return f"{clip(one_line(drawn.title), TITLE_CHARS)}, {window}: {course}.{limit}{also}"


def _course(drawn: Chart, scale: Scale, higher_is_worse: bool) -> str:
    if drawn.onset is None:
        return _extreme(drawn.values, scale, higher_is_worse, ("at most", "at least"))
    part = drawn.part_of(drawn.onset.at)
    before = _extreme(drawn.values[:part], scale, higher_is_worse, ("at most", "at least"))
    after = _extreme(drawn.values[part:], scale, higher_is_worse, ("up to", "down to"))
    return f"{before} before the onset at {at_time(drawn.onset.at)}, {after} from then on"


def _extreme(values: Sequence[float | None], scale: Scale, higher_is_worse: bool, words: tuple[str, str]) -> str:
    """Return the worst of some values in words."""
    present = [value for value in values if value is not None]
    if not present:
        return "nothing measured"
    worst = max(present) if higher_is_worse else min(present)
    if not any(present):
        return scale.amount(0)
    return f"{words[0] if higher_is_worse else words[1]} {scale.amount(worst)}"
