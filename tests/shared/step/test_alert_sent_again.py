"""What of a stored alert may be published once more: the whole of it only where workflow_starter signed it."""

import json
from dataclasses import replace

import pytest

from functions.incident_sweeper.released_alert import firing_alert
from functions.workflow_starter.signed_alert import stored
from shared import signatures
from shared.step.trusted_alert import alert_to_send_again
from shared.traces.port import IncidentRecord
from tests.builders import a_record, an_alert


@pytest.fixture
def record(monkeypatch: pytest.MonkeyPatch) -> IncidentRecord:
    """An incident as workflow_starter stores it, with its signature."""
    private, public = signatures.new_pair()
    monkeypatch.setenv("STEP_SIGNING_KEY", private)
    monkeypatch.setenv("STEP_PUBLIC_KEYS", json.dumps({"workflow_starter": public}))
    alert = an_alert(silence_url="https://grafana.example.com/silence", github_repo="acme/checkout-api")
    return replace(a_record(alert), alert=stored(alert, "n-1").model_dump(mode="json"))


def test_signed_alert_is_sent_again_whole(record: IncidentRecord) -> None:
    """What was held is investigated as it would have been."""
    again = alert_to_send_again(record)

    assert (again.silence_url, again.github_repo) == (record.alert["silence_url"], "acme/checkout-api")


def test_changed_alert_is_sent_again_without_addresses_and_code(record: IncidentRecord) -> None:
    """workflow_starter would sign it: an account that writes traces must not get its links and branch signed."""
    forged = replace(
        record,
        alert={
            **record.alert,
            "silence_url": "https://evil.example/",
            "github_base_branch": "evil",
            "labels": {"a": "b"},
        },
    )

    for again in (alert_to_send_again(forged), firing_alert(forged, ())):
        assert again is not None
        assert (again.silence_url, again.github_base_branch, again.labels) == ("", None, {})
        assert (again.incident_id, again.service_name) == (record.incident_id, record.service_name)
