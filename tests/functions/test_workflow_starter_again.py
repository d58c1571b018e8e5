"""An incident is investigated once more from what was signed of it, not from what the trace holds by now."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from functions.workflow_starter.carry_out_request import carry_out
from functions.workflow_starter.signed_alert import stored
from shared import signatures, traces
from shared.admission.operator_requests import OperatorRequest
from shared.contracts import Alert
from tests.builders import NOW, a_record, an_alert


@pytest.mark.parametrize("is_forged", [False, True], ids=["as signed", "changed"])
def test_links_and_branch_of_a_changed_trace_are_not_signed_anew(
    monkeypatch: pytest.MonkeyPatch, is_forged: bool
) -> None:
    """A person presses the button; who can write traces must gain nothing by it."""
    private, public = signatures.new_pair()
    monkeypatch.setenv("STEP_SIGNING_KEY", private)
    monkeypatch.setenv("STEP_PUBLIC_KEYS", json.dumps({"workflow_starter": public}))
    first = an_alert(silence_url="https://grafana.example.com/silence", github_base_branch="main")
    body = stored(first, "n-1").model_dump(mode="json")
    if is_forged:
        body |= {"silence_url": "https://evil.example/", "github_base_branch": "evil"}
    traces.connect().open_incident(replace(a_record(first), alert=body))
    wanted = Alert.model_validate({name: body[name] for name in body if name in Alert.model_fields}).replace(
        incident_id="inc-20260504-by-hand01", end=NOW + timedelta(hours=1), user_id="ada@example.com"
    )
    facts = {"request_id": "request-again-000001", "kind": "investigate", "by": "ada@example.com", "at": NOW}
    request = OperatorRequest.model_validate(
        {**facts, "service_name": first.service_name, "incident_id": first.incident_id, "alert": wanted.model_dump()}
    )
    routed: list[Alert] = []

    def route(alert: Alert) -> str:
        routed.append(alert)
        return "started"

    carry_out(request, traces.connect(), route)

    (alert,) = routed
    assert (alert.incident_id, alert.end, alert.user_id) == (wanted.incident_id, wanted.end, "ada@example.com")
    expected = ("", None) if is_forged else (first.silence_url, "main")
    assert (alert.silence_url, alert.github_base_branch) == expected
