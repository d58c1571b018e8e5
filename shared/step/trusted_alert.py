"""Which alert a step relies on: the one in the trace or the one in the call, whichever workflow_starter signed."""

import hmac
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from pydantic import ValidationError

from shared import log, signatures
from shared.contracts import Alert, Failure, StepCall
from shared.errors import Refused
from shared.step.steps import StepRow
from shared.traces.port import IncidentRecord, Json

OPENER = "workflow_starter"
_FACTS = (
    "incident_id",
    "service_name",
    "status",
    "lookup_window_s",
    "start",
    "end",
    "received_at",
    "started_at",
    "alert_name",
    "summary",
)
"""What of an unsigned alert stands in a brief: names, times and words, no address."""
_WINDOW = timedelta(minutes=15)


def trusted_alert(row: StepRow, call: StepCall, record: IncidentRecord) -> tuple[Json, list[Failure]]:
    """
    Return the incident's alert, and a failure when it is not the whole one that workflow_starter stored.

    An account that writes the trace can change what stands there; the brief is published all the same, without the
    addresses and labels of an alert that nobody signed. Raises Refused for other steps, and for a caller without the
    nonce.
    """
    incident_id, sent = call.incident.incident_id, call.incident.model_dump(mode="json")
    if _is_whole(record.alert, incident_id) and is_from_starter(record.alert, incident_id):
        _check_nonce(call, record.nonce)
        return record.alert, []
    log.critical("step.alert_forged", incident_id=incident_id)
    why = f"The alert in the trace is not the one that {OPENER} stored"
    if signatures.are_checked() and is_from_starter(sent, incident_id):
        return sent, [_failure(f"{why}: what the workflow carries of it is used")]
    _check_nonce(call, record.nonce)
    if row.writes != "outcome":
        raise Refused(f"{why}, so {row.name} does nothing with it")
    published = alert_without_links(record).model_dump(mode="json")
    return published, [_failure(f"{why}: of it only names and times are used")]


def _is_whole(alert: Json, incident_id: str) -> bool:
    try:
        return Alert.model_validate(alert).incident_id == incident_id
    except ValidationError:
        return False


def is_from_starter(alert: Mapping[str, Any], incident_id: str) -> bool:
    """Return whether workflow_starter signed this alert of this incident; True when no keys are configured."""
    unsigned = {name: value for name, value in alert.items() if name != "signature"}
    try:
        signatures.check(OPENER, incident_id, signatures.ALERT, unsigned, str(alert.get("signature") or ""))
    except Refused:
        return False
    return True


def alert_to_send_again(record: IncidentRecord) -> Alert:
    """
    Return the alert of an incident as it may be published once more, to be signed anew.

    Whole when workflow_starter signed what the trace holds; else an account that writes traces may have changed it, and
    of it only names and times are sent.
    """
    if _is_whole(record.alert, record.incident_id) and is_from_starter(record.alert, record.incident_id):
        return Alert.model_validate(record.alert)
    log.critical("step.alert_forged", incident_id=record.incident_id)
    return alert_without_links(record)


def alert_without_links(record: IncidentRecord) -> Alert:
    """Return what may be published of an unsigned alert, or of one that cannot be read."""
    alert, moment = record.alert, record.created_at
    if _is_whole(alert, record.incident_id):
        return Alert.model_validate({name: alert[name] for name in _FACTS if name in alert})
    names = {"incident_id": record.incident_id, "service_name": record.service_name or "unknown"}
    return Alert(**names, start=moment - _WINDOW, end=moment, received_at=moment)


def is_nonce(one: str, other: str) -> bool:
    """Return whether two nonces are the same, in a time that says nothing of where they differ."""
    return hmac.compare_digest(one.encode("utf-8", "surrogatepass"), other.encode("utf-8", "surrogatepass"))


def _check_nonce(call: StepCall, nonce: str) -> None:
    if not is_nonce(nonce, call.incident.nonce):
        incident_id = call.incident.incident_id
        raise Refused(f"The call does not hold the nonce of {incident_id!r}, so it is not from its workflow")


def _failure(message: str) -> Failure:
    return Failure(step="traces", error_type="Refused", message=message)
