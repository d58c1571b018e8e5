"""Whether harm that was measured went on until the last value that was read."""

from shared.contracts import Incident


def is_measured_still(incident: Incident) -> bool:
    """Return whether the last value that was measured is past the alert's threshold, or else nearer harm than usual."""
    series = incident.measured_series
    last = next((value for value in reversed(series.values[-2:]) if value is not None), None) if series else None
    if series is None or last is None:
        return False
    if series.threshold is not None:
        return last > series.threshold if series.higher_is_worse else last < series.threshold
    moved = next((one for one in incident.error_summary.metric_anomalies if one.metric == series.title), None)
    return moved is not None and abs(last - moved.value) < abs(last - moved.baseline)
