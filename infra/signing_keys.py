"""The keys by which functions sign their answers: made on the operator's machine, kept in Secret Manager alone.

Every function that signs has a secret of its own, which no other account can read; the public keys are one secret.
"""

import json

from infra.deploy import Target, run, secret_names
from shared import signatures
from shared.step import steps

PRIVATE, PUBLIC = "STEP_SIGNING_KEY", "STEP_PUBLIC_KEYS"
SIGNERS = (*steps.BY_NAME, "pr_approval", "workflow_starter")


def secret_id(function: str, secret: str) -> str:
    """Return the name in Secret Manager of a secret that a function is granted, as infra/gcp/manifests.tf makes it."""
    return f"{PRIVATE}_{function.upper()}" if secret == PRIVATE else secret_names(function).get(secret, secret)


def renew(target: Target) -> None:
    """Give every function that signs a new key. Raises DeployFailed, and then the old keys may be in part replaced."""
    pairs = {function: signatures.new_pair() for function in SIGNERS}
    for function, (private, _) in pairs.items():
        run(target.add_secret_version(secret_id(function, PRIVATE)), private)
    run(target.add_secret_version(PUBLIC), json.dumps({function: public for function, (_, public) in pairs.items()}))
