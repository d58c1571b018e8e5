"""What a second plan makes of a project that was deployed: new secrets, another region, a second environment."""

import shutil
from collections.abc import Iterator
from typing import Any

import pytest

from infra import bundle
from infra.deploy import secret_names
from tests.infra.gcp.conftest import Deployment, Plan, Terraform, deployed
from tests.infra.gcp.expected import NAMES, manifest
from tests.infra.gcp.mock_provider import PROJECT


def changed(plan: Plan) -> dict[str, list[str]]:
    """Return what a plan would do, by the resource's address."""
    return {address: actions for address, actions in plan.changes.items() if actions not in (["no-op"], ["read"])}


@pytest.fixture(scope="module")
def deployment(project: Terraform, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """A project that was deployed once; nothing further is applied to it."""
    with deployed(project, tmp_path_factory.mktemp("deployed")) as made:
        yield made


def test_second_plan_changes_nothing(deployment: Deployment) -> None:
    """What was applied is what is planned again."""
    assert changed(deployment.terraform.plan()) == {}


def test_new_value_of_a_secret_changes_just_the_functions_that_read_it(deployment: Deployment) -> None:
    """`make secret` adds a version; the next deployment mounts it by its number, in new instances."""
    deployment.google.versions["GITHUB_TOKEN"] = "2"

    plan = deployment.terraform.plan()

    deployment.google.versions.clear()
    holders = {name for name in NAMES if "GITHUB_TOKEN" in manifest(name)["secrets"]}
    # Those that only read code get another secret by this name.
    readers = {name for name in holders if "GITHUB_TOKEN" not in secret_names(name)}
    assert changed(plan) == {f'google_cloudfunctions2_function.function["{name}"]': ["update"] for name in readers}
    (config,) = plan.of("google_cloudfunctions2_function")["file_updater"]["service_config"]
    versions = {one["key"]: one["version"] for one in config["secret_environment_variables"]}
    assert (versions["GITHUB_TOKEN"], versions["STEP_SIGNING_KEY"]) == ("2", "1")


def test_no_value_of_a_secret_is_in_the_state() -> None:
    """The number of its latest version is asked for, never what it holds."""
    state = (bundle.ROOT / "infra" / "gcp" / "secrets.tf").read_text()

    assert state.count("fetch_secret_data = false") == state.count('data "google_secret_manager_secret_version"') == 1


def test_another_region_is_refused_and_not_planned_as_destruction(deployment: Deployment) -> None:
    """A misspelled REGION=… would destroy the database and every function, and make them elsewhere."""
    done = deployment.terraform.try_plan(region="us-central1")

    assert done.returncode != 0
    assert "This deployment is production in europe-west1, not production in us-central1" in " ".join(
        done.stderr.replace("│", "").split()
    )


def test_example_of_variables_is_deployable(terraform: Terraform) -> None:
    """Copied as it is, Terraform takes it, and the functions get its settings."""
    example = bundle.ROOT / "infra" / "gcp" / "terraform.tfvars.example"
    shutil.copy(example, terraform.root / "infra" / "gcp" / "production.tfvars")

    terraform.plan()
    done = terraform.run("plan", "-input=false", "-no-color", "-out=plan", "-var-file=production.tfvars")

    assert done.returncode == 0, done.stderr
    (config,) = terraform.planned().of("google_cloudfunctions2_function")["post_process"]["service_config"]
    assert config["environment_variables"]["ON_CALL_ENGINEERS"] == '["on-call@example.com"]'
    assert "Value for undeclared variable" not in done.stdout


# What there is once in a project, whoever deploys it: both environments ask for the same. infra/README.md lists it.
SINGLETONS = ("google_project_service", "google_project_service_identity", "google_project_iam_member.agent")
# These belong to what they are of, or count nothing.
NAMELESS = (
    "_iam_member",
    "_secret_version",
    "_firestore_field",
    "_storage_bucket_object",
    "time_sleep",
    "terraform_data",
)
_IDENTITIES = ("account_id", "secret_id", "role_id", "repository_id", "display_name", "name")


def names(plan: Plan) -> set[tuple[str, str]]:
    """Return the type and the name of everything that has a name of its own in the project."""
    named = [one for one in plan.resources if one["mode"] == "managed" and not one["type"].endswith(NAMELESS)]
    own = [one for one in named if one["type"] not in SINGLETONS]
    return {(one["type"], _name(one["values"])) for one in own}


def _name(values: dict[str, Any]) -> str:
    texts = (values.get(key) for key in _IDENTITIES)
    return next((text for text in texts if text), None) or str(values["dashboard_json"])


def test_staging_stands_beside_production_in_one_project(terraform: Terraform, plan: Plan) -> None:
    """Nothing has the same name but what is listed; bundles and grants stand in what has a name of its own."""
    staging = terraform.plan(environment="staging")

    assert len(names(plan)) > 90
    assert names(plan) & names(staging) == set()
    assert all("-staging" in one["bucket"] for one in staging.of("google_storage_bucket_object").values())
    grants = [one for one in staging.resources if one["type"].endswith("_iam_member")]
    ours = [one["values"]["member"] for one in grants if PROJECT in one["values"]["member"]]
    assert ours
    assert [member for member in ours if not member.startswith("serviceAccount:cp-staging-")] == []
    page = (bundle.ROOT / "infra" / "README.md").read_text()
    assert [name for name in SINGLETONS if f"`{name}`" not in page] == []


def test_staging_reads_and_writes_only_what_is_its_own(terraform: Terraform) -> None:
    """Topics, database, workflow, secrets, accounts and metrics of its functions all carry its name."""
    staging = terraform.plan(environment="staging")

    for name, function in staging.of("google_cloudfunctions2_function").items():
        (config,) = function["service_config"]
        assert function["name"].endswith("-staging")
        assert config["service_account_email"].startswith("cp-staging-")
        assert all(one["secret"].endswith("-staging") for one in config["secret_environment_variables"])
        environment = config["environment_variables"]
        own = ["DEAD_LETTER_TOPIC", "FIRESTORE_DATABASE", "INCIDENT_TOPIC", "WORKFLOW_NAME"]
        assert [environment[key] for key in own if key in environment and "staging" not in environment[key]] == [], name
    accounts = staging.of("google_service_account").values()
    assert all(len(account["account_id"]) <= 30 for account in accounts)
    metrics = [*staging.of("google_logging_metric").values()]
    assert metrics
    assert all("-staging" in metric["filter"] and "staging" in metric["name"] for metric in metrics)
    queries = [policy["conditions"][0] for policy in staging.of("google_monitoring_alert_policy").values()]
    assert all("staging" in str(condition) for condition in queries)
