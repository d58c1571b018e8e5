"""Read the annotations that report deployments, where Grafana is set up."""

from dataclasses import dataclass, replace

from shared import telemetry
from shared.analysis.thresholds import CHANGE_PERIOD
from shared.contracts import Alert
from shared.errors import IncidentCopilotError, Refused
from shared.redaction import redact
from shared.step import recorder
from shared.telemetry.port import Annotation


@dataclass(frozen=True)
class AnnotationsRead:
    """What was read, and why it was not, in sentences."""

    annotations: tuple[Annotation, ...] = ()
    hints: tuple[str, ...] = ()


def read_annotations(alert: Alert) -> AnnotationsRead:
    """Return the annotations of the alert's window and before it; a failure becomes a hint, as few use them."""
    start, end = alert.start - CHANGE_PERIOD, alert.end
    try:
        grafana = telemetry.connect_annotations()
        if grafana is None:
            return AnnotationsRead()
        with recorder.tool("read_annotations", start=start.isoformat(), end=end.isoformat()) as call:
            annotations = tuple(_redacted(one) for one in grafana.deployments(start, end))
            call.result = "\n".join(f"{one.at.isoformat()} {one.text} {one.tags}" for one in annotations)
    except IncidentCopilotError as error:
        fix = " GRAFANA_TOKEN needs the permission annotations:read." if isinstance(error, Refused) else ""
        return AnnotationsRead(hints=(redact(f"Grafana's annotations were not read: {error}.{fix}"),))
    return AnnotationsRead(annotations)


def _redacted(annotation: Annotation) -> Annotation:
    return replace(annotation, text=redact(annotation.text), tags=tuple(redact(tag) for tag in annotation.tags))
