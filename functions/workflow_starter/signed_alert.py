"""The alert as the workflow carries it: short, with the incident's nonce, signed by this function."""

from shared import signatures
from shared.contracts import Alert, SignedAlert
from shared.digest import digest

CARRIED_BYTES = 6_000
"""Each step gets a copy, and one execution holds 512 KB: https://cloud.google.com/workflows/quotas"""


def carried(alert: Alert, nonce: str) -> SignedAlert:
    """Return it; the most important labels and annotations of a large alert remain. Raises Misconfigured."""
    short = digest(SignedAlert.model_validate({**dict(alert), "nonce": nonce}), CARRIED_BYTES)
    body = short.model_dump(mode="json", exclude={"signature"})
    return short.replace(signature=signatures.sign("workflow_starter", alert.incident_id, signatures.ALERT, body))
