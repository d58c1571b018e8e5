"""The first `make deploy` of a project: what Google makes up is unknown in the plan, and its order matters."""

import re
from typing import Any

import pytest

from infra.deploy import FIRST_SERVICES
from tests.infra.gcp.conftest import Plan, Terraform
from tests.infra.gcp.mock_provider import Google

FIRST_READ = "data.google_project.this"
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
    plan = cloud.applied(**VARIANTS[variant])

    ours = [one for one in plan.resources if one["mode"] == "managed" and one["type"] != "terraform_data"]
    assert len(google.made) == len(ours) > 280


def test_everything_waits_until_the_apis_are_enabled(project: Terraform) -> None:
    """In a new project nearly no API is on: from each node of Terraform's graph a way leads to enabling them."""
    edges = re.findall(r'"([\w.]+)" -> "([\w.]+)"', project.run("graph").stdout)
    later = {node: {end for start, end in edges if start == node} for node, _ in edges}
    nodes = {node for edge in edges for node in edge if re.match(r"(data\.)?google_", node)}

    # The number of the project is read first; `make deploy` enables the API that it takes.
    assert len(nodes) > 40
    assert sorted(node for node in nodes if not _leads(later, node, "google_project_service.api")) == [FIRST_READ]
    assert "cloudresourcemanager.googleapis.com" in FIRST_SERVICES


def _leads(edges: dict[str, set[str]], start: str, end: str) -> bool:
    return start == end or any(_leads(edges, node, end) for node in edges.get(start, ()))


def _order(cloud: Terraform, google: Google, **variables: Any) -> list[str]:
    cloud.applied(**variables)
    return google.made


def test_functions_are_built_after_the_wait_for_their_grants(cloud: Terraform, google: Google) -> None:
    """A grant counts minutes after it is made: the first build would fail for want of it."""
    kinds = [one.split()[0] for one in _order(cloud, google)]
    (apis, grants) = [at for at, kind in enumerate(kinds) if kind == "time_sleep"]

    build = ["google_artifact_registry_repository_iam_member", "google_secret_manager_secret_iam_member"]
    assert max(at for at, kind in enumerate(kinds) if kind == "google_project_service") < apis
    assert max(at for at, kind in enumerate(kinds) if kind in build) < grants
    assert kinds.index("google_cloudfunctions2_function") > grants
    waits = cloud.planned().of("time_sleep")
    assert (waits["apis"]["create_duration"], waits["grants"]["create_duration"]) == ("60s", "120s")


def test_service_agents_are_made_before_a_grant_names_them(cloud: Terraform, google: Google) -> None:
    """Google refuses a grant to an account that is not there; each that is made here also gets its own role."""
    key = "projects/p/locations/europe-west1/keyRings/ring/cryptoKeys/key"
    made = _order(cloud, google, kms_key=key)
    agents = [at for at, one in enumerate(made) if one.startswith("google_project_service_identity ")]
    naming = [at for at, one in enumerate(made) if re.search(r"_iam_member .*@(gcp-sa-|gcf-|serverless-|gs-)", one)]

    assert len(agents) == 6
    assert len(naming) == 5 + 8 + 3
    assert max(agents) < min(naming)
    roles = {one["role"] for one in cloud.planned().of("google_project_iam_member", "agent").values()}
    assert {"roles/pubsub.serviceAgent", "roles/workflows.serviceAgent"} <= roles


def test_queries_of_metrics_that_are_not_there_yet_are_not_validated(plan: Plan) -> None:
    """A metric over log lines exists from its first line on, and Google refuses the policy until then."""
    policies = plan.of("google_monitoring_alert_policy", "query").values()

    conditions = [one["conditions"][0]["condition_prometheus_query_language"][0] for one in policies]
    assert conditions
    assert all(condition["disable_metric_validation"] for condition in conditions)
    # Those of the others are Google's own, which are always there.
    own = plan.of("google_monitoring_alert_policy", "threshold").values()
    filters = [one["conditions"][0]["condition_threshold"][0]["filter"] for one in own]
    assert not [text for text in filters if "logging.googleapis.com" in text]
