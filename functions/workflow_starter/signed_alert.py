"""The alert with the incident's nonce, signed by this function: whole for the trace, short for the workflow."""

from shared import signatures
from shared.contracts import Alert, SignedAlert
from shared.digest import digest

CARRIED_BYTES = 5_900
"""Each step gets a copy, and one execution holds 512 KB: https://cloud.google.com/workflows/quotas"""


def stored(alert: Alert, nonce: str) -> SignedAlert:
    """Return the whole alert, as it is stored with its incident. Raises Misconfigured."""
    return _signed(SignedAlert.model_validate({**dict(alert), "nonce": nonce}))


def carried(alert: Alert, nonce: str) -> SignedAlert:
    """Return it short; the most important labels and annotations of a large alert remain. Raises Misconfigured."""
    return _signed(digest(SignedAlert.model_validate({**dict(alert), "nonce": nonce}), CARRIED_BYTES))


def _signed(alert: SignedAlert) -> SignedAlert:
    body = alert.model_dump(mode="json", exclude={"signature"})
    return alert.replace(signature=signatures.sign("workflow_starter", alert.incident_id, signatures.ALERT, body))
