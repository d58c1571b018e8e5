"""What a form asks for, as a request to workflow_starter: every field checked, nothing secret in it. Pure."""

import re
import secrets
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from pydantic import ValidationError

from shared import clock
from shared.admission.operator_requests import OperatorRequest
from shared.bounds import clip
from shared.contracts import Alert
from shared.errors import Rejected
from shared.http.validation import sentence
from shared.redaction import redact
from shared.text.harmless import one_line

from .access.console_access import Visitor
from .pages.incident_trace import IncidentTrace

_NAME = r"(?!\.{1,2}(?:/|$))[\w.-]{1,100}"
REPOSITORY = re.compile(f"{_NAME}/{_NAME}", re.ASCII)
BY_HAND = "Started by hand"
MINUTES = re.compile(r"[0-9]{1,5}")
MAX_MINUTES = 10_080
Form = Mapping[str, str]


def new_investigation(form: Form, visitor: Visitor) -> OperatorRequest:
    """Return the request for an investigation of a service's last minutes. Raises Rejected naming the field."""
    service, repository = _line(form, "service", 200), _line(form, "repository", 201)
    if not service:
        raise Rejected("Name the service, as its logs and metrics name it")
    if repository and not REPOSITORY.fullmatch(repository):
        raise Rejected("The repository is written owner/name, for example acme/checkout-api")
    minutes, by = _minutes(form), _by(form, visitor)
    alert = _alert(
        service_name=service, lookup_window_s=minutes * 60, github_repo=repository or None, alert_name=BY_HAND,
        summary=f"{by} asked for this investigation. {_line(form, 'note', 300)}".strip(), user_id=by,
    )  # fmt: skip
    return _request("investigate", form, visitor, service, alert=alert)


def investigation_again(form: Form, visitor: Visitor, trace: IncidentTrace) -> OperatorRequest:
    """Return the request for an investigation of an incident's alert once more: of the same time, or of now."""
    first = trace.alert
    if first is None:
        raise Rejected("The alert of this incident cannot be read; start an investigation of its service instead")
    is_same = form.get("window") == "same"
    facts = dict(first) if is_same else {**dict(first), "start": None, "end": None, "started_at": None}
    fields = {name: value for name, value in facts.items() if name in Alert.model_fields and value is not None}
    alert = _alert(**{**fields, "status": "firing", "is_test": False, "user_id": _by(form, visitor)})
    return _request("investigate", form, visitor, first.service_name, trace.incident_id, alert=alert)


def about(kind: str, form: Form, visitor: Visitor, trace: IncidentTrace) -> OperatorRequest:
    """Return the request to acknowledge or judge an incident, to mute its service, or to let it be heard again."""
    causes = trace.root_causes
    more = {"verdict": form.get("verdict") or None, "cause": causes.most_likely if causes else ""}
    service = trace.document["service_name"]
    return _request(kind, form, visitor, service, trace.incident_id, **(more if kind == "judge" else {}))


def _request(
    kind: str, form: Form, visitor: Visitor, service: str, incident_id: str = "", **more: Any
) -> OperatorRequest:
    facts = {"kind": kind, "by": _by(form, visitor), "service_name": service, "incident_id": incident_id, **more}
    identity = {"request_id": secrets.token_urlsafe(15), "at": clock.now()}
    try:
        return OperatorRequest.model_validate({**facts, **identity, "note": form.get("note", "").strip()})
    except ValidationError as error:
        raise Rejected(f"The form cannot be carried out: {sentence(error)}") from None


def _alert(**facts: Any) -> Alert:
    """Return an alert that arrives now, of an incident of its own; the window ends now unless it is named."""
    moment = clock.now()
    window = timedelta(seconds=facts["lookup_window_s"])
    identity = {"incident_id": f"inc-{moment:%Y%m%d}-{secrets.token_hex(5)}", "received_at": moment}
    return Alert.model_validate({"start": moment - window, "end": moment, **facts, **identity})


def _by(form: Form, visitor: Visitor) -> str:
    """Return who asks: whom IAP vouches for, else the name that the form was signed with."""
    name = visitor.email or _line(form, "by", 80)
    if len(name) < 2:
        raise Rejected("Say who you are: the name stands with what you do")
    return clip(name, 80)


def _minutes(form: Form) -> int:
    text = form.get("minutes", "").strip()
    if not (MINUTES.fullmatch(text) and 1 <= int(text) <= MAX_MINUTES):
        raise Rejected(f"The window is a whole number of minutes, 1 to {MAX_MINUTES}")
    return int(text)


def _line(form: Form, name: str, chars: int) -> str:
    """Return what a person typed: redacted as it came, and cut last, as half of a secret is not recognized as one."""
    return clip(one_line(redact(form.get(name, ""))).strip(), chars)
