"""The alert that is investigated after it was held, and how severe its labels say it is."""

import hashlib
from collections.abc import Sequence

from pydantic import ValidationError

from shared import log
from shared.contracts import Alert
from shared.http.validation import places
from shared.step.trusted_alert import alert_to_send_again
from shared.traces.port import IncidentRecord

_SEVERITIES = (("critical", "page", "p1", "sev1", "emergency"), ("high", "error", "major", "p2", "sev2"), ("warning",))


def firing_alert(record: IncidentRecord, held: Sequence[IncidentRecord]) -> Alert | None:
    """
    Return the alert that `record` holds, or the last one that fires of those that it carries; None for none.

    One that is closed already comes back as an incident of its own, the same each time.
    """
    own = _alert_of(record)
    if own and own.status == "firing":
        return own
    firing = (alert for one in held if (alert := _alert_of(one)) and alert.status == "firing")
    last = max(firing, key=lambda alert: alert.received_at, default=None)
    return _again(last) if last else None


def last_end(held: Sequence[IncidentRecord], service_name: str) -> Alert | None:
    """Return the last end among held alerts of a service, as an incident of its own, the same each time."""
    alerts = (_alert_of(one) for one in held if one.service_name == service_name)
    ends = (alert for alert in alerts if alert and alert.status == "resolved")
    last = max(ends, key=lambda alert: alert.received_at, default=None)
    return _again(last) if last else None


def _again(alert: Alert) -> Alert:
    digest = hashlib.sha256(alert.incident_id.encode()).hexdigest()[:16]
    return alert.replace(incident_id=f"inc-again-{digest}")


def severity_rank(record: IncidentRecord) -> int:
    """Return 0 for the most severe, by the label that Grafana's and Prometheus' users give their rules."""
    labels = record.alert.get("labels")
    named = str(labels.get("severity") or labels.get("priority") or "").lower() if isinstance(labels, dict) else ""
    return next((rank for rank, names in enumerate(_SEVERITIES) if named in names), len(_SEVERITIES))


def _alert_of(record: IncidentRecord) -> Alert | None:
    try:
        Alert.model_validate(record.alert)
        return alert_to_send_again(record)
    except ValidationError as error:
        log.critical("sweeper.alert_unreadable", incident_id=record.incident_id, error=places(error))
        return None
