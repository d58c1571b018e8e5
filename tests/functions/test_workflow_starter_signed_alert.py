"""The alert as it is stored, whole, and as the workflow carries it, small: both are signed by workflow_starter."""

import json

import pytest

from functions.workflow_starter.signed_alert import CARRIED_BYTES, carried, stored
from shared import signatures
from shared.contracts import Alert
from shared.step.trusted_alert import is_from_starter
from tests.at_bounds import filled
from tests.builders import an_alert

PRIVATE, PUBLIC = signatures.new_pair()


@pytest.fixture(autouse=True)
def _keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """This process is workflow_starter, and its public key is known."""
    monkeypatch.setenv("STEP_SIGNING_KEY", PRIVATE)
    monkeypatch.setenv("STEP_PUBLIC_KEYS", json.dumps({"workflow_starter": PUBLIC}))


def test_largest_alert_fits() -> None:
    """Every label and annotation at its length, in four-byte characters: 200 KB become 6."""
    alert = filled(Alert)

    sent = carried(alert, "n" * 22)

    assert len(sent.model_dump_json(exclude={"signature"}).encode()) <= CARRIED_BYTES
    assert (sent.incident_id, sent.service_name, sent.nonce) == (alert.incident_id, alert.service_name, "n" * 22)
    assert (sent.start, sent.end, sent.status) == (alert.start, alert.end, alert.status)


def test_alert_that_fits_is_carried_whole() -> None:
    """Nothing is left out without need."""
    alert = an_alert(labels={"pod": "a"}, values={"A": 1.0, "B": None})

    assert Alert.model_validate(carried(alert, "n").model_dump()) == alert


@pytest.mark.parametrize("change", [{"service_name": "payments"}, {"nonce": "other"}, {"labels": {"x": "y"}}], ids=str)
def test_changed_alert_is_not_from_the_starter(change: dict[str, object]) -> None:
    """Whatever is changed on the way, the signature does not fit."""
    alert = an_alert(values={"A": 1.0})
    for signed in (carried(alert, "n"), stored(alert, "n")):
        sent = signed.model_dump(mode="json")

        assert is_from_starter(sent, alert.incident_id)
        assert is_from_starter({**sent, "values": {"A": 1}}, alert.incident_id)
        assert not is_from_starter({**sent, **change}, alert.incident_id)
        assert not is_from_starter(sent, "inc-another")
