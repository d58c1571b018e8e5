"""The first `make deploy` of a project: what Google makes up is unknown in the plan, and its order matters."""

from typing import Any

import pytest

from tests.infra.gcp.conftest import Terraform
from tests.infra.gcp.mock_provider import Google

VARIANTS: dict[str, dict[str, Any]] = {
    "defaults": {},
    "deploy on push": {"repository": "projects/p/locations/europe-west1/connections/git/repositories/repo"},
    "own key": {"kms_key": "projects/p/locations/europe-west1/keyRings/ring/cryptoKeys/key"},
    "network, budget and Vertex AI": {
        "private_network": {"network": "default", "cidr": "10.8.0.0/28"},
        "billing_account": "000000-000000-000000",
        "settings": {"GOOGLE_GENAI_USE_VERTEXAI": "true"},
    },
}


@pytest.mark.parametrize("variant", VARIANTS)
def test_plan_needs_nothing_that_google_makes_up(variant: str, cloud: Terraform, google: Google) -> None:
    """Which resources there are does not depend on what is known after the apply, and the apply makes them all."""
    plan = cloud.plan(**VARIANTS[variant])

    done = cloud.apply()
    assert done.returncode == 0, done.stderr
    assert len(google.made) == len([one for one in plan.resources if one["type"].startswith(("google", "time"))])
