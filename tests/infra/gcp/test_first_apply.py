"""The first `make deploy` of a project: what Google makes up is unknown in the plan, and its order matters."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from infra.deploy import FIRST_SERVICES
from tests.infra.gcp.conftest import Deployment, Plan, Terraform, deployed

AGENT = re.compile(r"@(gcp-sa-|gcf-|serverless-|gs-)")
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


@pytest.fixture(scope="module", params=VARIANTS)
def first(
    request: pytest.FixtureRequest, project: Terraform, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Deployment]:
    """The first deployment of a variant; nothing in its plan needed what Google makes up, or it would have failed."""
    with deployed(project, tmp_path_factory.mktemp("first"), **VARIANTS[request.param]) as deployment:
        yield deployment


def test_everything_that_is_planned_is_made(first: Deployment) -> None:
    """Which resources there are does not depend on what is known after the apply."""
    resources = first.plan.resources
    ours = [one for one in resources if one["mode"] == "managed" and one["type"] != "terraform_data"]

    assert len(first.google.made) == len(ours) > 280


Edges = dict[str, set[str]]


@pytest.fixture(scope="module")
def edges(project: Terraform) -> Edges:
    """Terraform's graph: by resource, what it waits for."""
    pairs = re.findall(r'"([\w.]+)" -> "([\w.]+)"', project.run("graph").stdout)
    return {node: {end for start, end in pairs if start == node} for pair in pairs for node in pair}


def waits_for(edges: Edges, start: str, end: str) -> bool:
    """Return whether a way leads from one resource to another."""
    return start == end or any(waits_for(edges, node, end) for node in edges[start])


def test_everything_waits_until_the_apis_are_enabled(edges: Edges) -> None:
    """In a new project nearly no API is on: from each node of Terraform's graph a way leads to enabling them."""
    nodes = [node for node in sorted(edges) if re.match(r"(data\.)?google_", node)]

    # The number of the project is read first; `make deploy` enables the API that it takes.
    assert len(nodes) > 40
    assert [node for node in nodes if not waits_for(edges, node, "google_project_service.api")] == [FIRST_READ]
    assert "cloudresourcemanager.googleapis.com" in FIRST_SERVICES


def test_functions_wait_for_the_pause_after_the_grants_of_their_builds(edges: Edges) -> None:
    """Not only in the order that an apply happens to take."""
    grants = [f"google_project_iam_member.build_{name}" for name in ("logs", "source")]
    grants += ["google_artifact_registry_repository_iam_member.build_images"]
    grants += ["google_secret_manager_secret_iam_member.reader"]

    assert waits_for(edges, "google_cloudfunctions2_function.function", "time_sleep.grants")
    assert [grant for grant in grants if not waits_for(edges, "time_sleep.grants", grant)] == []


def test_what_names_a_service_agent_waits_until_it_is_made(edges: Edges, first: Deployment) -> None:
    """Not only in the order that an apply happens to take."""
    members = [one for one in first.plan.resources if AGENT.search(str(one["values"].get("member", "")))]
    naming = {f"{one['type']}.{one['name']}" for one in members}

    assert len(naming) >= 4
    assert [one for one in naming if not waits_for(edges, one, "google_project_service_identity.agent")] == []


def test_functions_are_built_after_the_wait_for_their_grants(first: Deployment) -> None:
    """A grant counts minutes after it is made: the first build would fail for want of it."""
    kinds = [one.split()[0] for one in first.google.made]
    apis, grants = (at for at, kind in enumerate(kinds) if kind == "time_sleep")

    build = ["google_artifact_registry_repository_iam_member", "google_secret_manager_secret_iam_member"]
    assert max(at for at, kind in enumerate(kinds) if kind == "google_project_service") < apis
    assert max(at for at, kind in enumerate(kinds) if kind in build) < grants
    assert kinds.index("google_cloudfunctions2_function") > grants
    waits = first.plan.of("time_sleep")
    assert (waits["apis"]["create_duration"], waits["grants"]["create_duration"]) == ("60s", "120s")


def test_service_agents_are_made_before_a_grant_names_them(first: Deployment) -> None:
    """Google refuses a grant to an account that is not there; each that is made here also gets its own role."""
    made, roles = first.google.made, first.plan.of("google_project_iam_member", "agent")
    agents = [at for at, one in enumerate(made) if one.startswith("google_project_service_identity ")]
    naming = [at for at, one in enumerate(made) if "_iam_member " in one and AGENT.search(one)]

    own_key = len(first.plan.of("google_kms_crypto_key_iam_member"))
    assert (len(agents), own_key) in ((2, 0), (6, 8))
    # Their roles, their rights on the key, and Pub/Sub's own four: dead letters and the accounts that it pushes as.
    assert len(naming) == len(roles) + own_key + 4
    assert max(agents) < min(naming)
    assert {"roles/pubsub.serviceAgent", "roles/workflows.serviceAgent"} <= {one["role"] for one in roles.values()}


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
