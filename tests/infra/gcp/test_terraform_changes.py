"""What Terraform would make of infra/gcp when something is added, changed, chosen or wrong."""

import re
from typing import Any

import yaml

from infra import bundle
from infra.deploy import Target
from tests.infra.gcp import mock_provider
from tests.infra.gcp.conftest import Plan, Terraform
from tests.infra.gcp.expected import NAMES, deployed, has, manifest

REPOSITORY = "projects/example-project/locations/europe-west1/connections/git/repositories/repo"


def test_public_function_is_found_by_the_setting_named_after_it(terraform: Terraform) -> None:
    """Whoever is granted NIGHT_WATCH_URL, or WATCH_URL, gets the address of night_watch."""
    manifest = {"trigger": "http", "memory": "256Mi", "timeout_s": 30, "secrets": []}
    functions: dict[str, dict[str, Any]] = {
        "night_watch": {"public": True},
        "guest": {"settings": ["WATCH_URL", "OTHER_URL"]},
    }
    for name, more in functions.items():
        (terraform.root / "functions" / name).mkdir()
        text = yaml.safe_dump({"entry_point": name, **manifest, **more})
        (terraform.root / "functions" / name / "function.yaml").write_text(text)
        (terraform.root / "build" / f"{name}.zip").write_bytes(b"bundle")

    (config,) = terraform.plan().of("google_cloudfunctions2_function")["guest"]["service_config"]

    assert config["environment_variables"]["WATCH_URL"] == (
        f"https://night-watch-{mock_provider.NUMBER}.europe-west1.run.app"
    )
    assert "OTHER_URL" not in config["environment_variables"]


def test_new_folder_is_a_new_function(terraform: Terraform) -> None:
    """Nothing else is edited: account, schedule, limits and secret follow from its function.yaml."""
    folder = terraform.root / "functions" / "night_watch"
    folder.mkdir()
    manifest = {"entry_point": "night_watch", "trigger": "http", "memory": "256Mi", "timeout_s": 30, "settings": []}
    manifest |= {"secrets": ["NIGHT_KEY"], "schedule": "* * * * *", "max_instances": 1, "concurrency": 1, "cpu": "0.25"}
    (folder / "function.yaml").write_text(yaml.safe_dump(manifest))
    (terraform.root / "build" / "night_watch.zip").write_bytes(b"bundle")

    plan = terraform.plan()

    (config,) = plan.of("google_cloudfunctions2_function")["night_watch"]["service_config"]
    assert (config["max_instance_count"], config["max_instance_request_concurrency"]) == (1, 1)
    assert config["available_cpu"] == "0.25"
    assert plan.of("google_cloud_scheduler_job")["night_watch"]["schedule"] == "* * * * *"
    assert plan.of("google_cloud_run_v2_service_iam_member", "scheduler")["night_watch"]["name"] == "night-watch"
    assert "night_watch/NIGHT_KEY" in plan.of("google_secret_manager_secret_iam_member")


def test_changed_bundle_redeploys_its_function_alone(terraform: Terraform, plan: Plan) -> None:
    """The hash of the bundle names the source, so that all other functions stay as they are."""
    archive = terraform.root / "build" / "rca.zip"
    archive.write_bytes(archive.read_bytes() + b"\0")

    changed = terraform.plan().of("google_cloudfunctions2_function")

    before = plan.of("google_cloudfunctions2_function")
    assert [name for name in NAMES if changed[name] != before[name]] == ["rca"]


def test_rolled_back_function_runs_the_earlier_bundle(terraform: Terraform) -> None:
    """Pinned to a hash, it is deployed from that object, whatever was built since."""
    plan = terraform.plan(pinned_bundles={"rca": "a" * 64})

    (source,) = plan.of("google_cloudfunctions2_function")["rca"]["build_config"][0]["source"]
    assert source["storage_source"][0]["object"] == f"rca/{'a' * 64}.zip"
    assert "rca" not in plan.of("google_storage_bucket_object")


def test_setting_nobody_reads_is_refused(terraform: Terraform) -> None:
    """A misspelled variable is reported before anything changes."""
    done = terraform.try_plan(settings={"GRAFANA_HOTS": "https://grafana.example.com"})

    assert done.returncode != 0
    assert "GRAFANA_HOTS" in done.stderr


def test_secret_among_the_settings_is_refused(terraform: Terraform) -> None:
    """A secret's value would lie in Terraform's state."""
    done = terraform.try_plan(settings={"GITHUB_TOKEN": "x"})

    assert done.returncode != 0
    assert "Secret Manager" in done.stderr


def test_public_functions_need_no_grant_to_all_users(terraform: Terraform) -> None:
    """An organisation that shares with its own domains only refuses allUsers; `make deploy` opens them otherwise."""
    plan = terraform.plan(public_access="unchecked")

    assert plan.of("google_cloud_run_v2_service_iam_member", "public") == {}
    public = sorted(deployed(name) for name in NAMES if manifest(name).get("public"))
    assert plan.outputs["unchecked_functions"]["value"] == public


def test_private_grafana_is_reached_by_its_readers_alone(terraform: Terraform) -> None:
    """Only functions that read logs or metrics get the way into the network."""
    plan = terraform.plan(private_network={"network": "default", "cidr": "10.8.0.0/28"})

    functions = plan.of("google_cloudfunctions2_function")
    connected = {name for name, function in functions.items() if function["service_config"][0]["vpc_connector"]}
    assert connected == {name for name in NAMES if has(name, "GRAFANA_HOST") or has(name, "PROMETHEUS_HOST")}


def test_own_key_encrypts_everything_at_rest(terraform: Terraform) -> None:
    """Functions, bundles, images, topics, secrets, database and workflow name it, and each agent may use it."""
    key = "projects/example-project/locations/europe-west1/keyRings/ring/cryptoKeys/key"

    plan = terraform.plan(kms_key=key)

    kinds = {resource["type"] for resource in plan.resources if key in str(resource["values"])}
    at_rest = {
        "artifact_registry_repository", "cloudfunctions2_function", "firestore_database", "pubsub_topic",
        "secret_manager_secret", "storage_bucket", "workflows_workflow",
    }  # fmt: skip
    assert {f"google_{kind}" for kind in at_rest} <= kinds
    assert len(plan.of("google_kms_crypto_key_iam_member")) == 8


def test_vertex_is_allowed_only_when_it_is_chosen(terraform: Terraform, plan: Plan) -> None:
    """Without it, no function may spend the project's money on models."""
    chosen = terraform.plan(settings={"GOOGLE_GENAI_USE_VERTEXAI": "true"})

    assert plan.of("google_project_iam_member", "vertex_user") == {}
    users = {name for name in NAMES if has(name, "GOOGLE_GENAI_USE_VERTEXAI")}
    assert set(chosen.of("google_project_iam_member", "vertex_user")) == users
    assert "aiplatform.googleapis.com" in chosen.of("google_project_service")


def test_api_of_gmail_is_enabled_where_gmail_sends(terraform: Terraform, plan: Plan) -> None:
    """Without it the first mail is refused, and the error names no setting."""
    gmail = terraform.plan(settings={"GMAIL_USER_EMAIL": "copilot@example.com"})

    assert "gmail.googleapis.com" in gmail.of("google_project_service")
    assert "gmail.googleapis.com" not in plan.of("google_project_service")


def test_push_is_tested_once_whatever_it_changes(terraform: Terraform) -> None:
    """One build for every file that is deployed, workflows and Terraform's included, and for every test."""
    (trigger,) = terraform.plan(repository=REPOSITORY).of("google_cloudbuild_trigger", "test").values()

    assert (trigger["included_files"], trigger["ignored_files"]) == (None, None)
    assert (bundle.ROOT / trigger["filename"]).is_file()


def test_release_is_one_build_that_runs_once_its_tests_succeeded(terraform: Terraform) -> None:
    """Cloud Build itself reports the success, so the account of the tests cannot start it."""
    plan = terraform.plan(repository=REPOSITORY)

    (trigger,) = plan.of("google_cloudbuild_trigger", "release").values()
    (topic,) = plan.of("google_pubsub_topic", "builds").values()
    assert topic["name"] == "cloud-builds"
    assert trigger["repository_event_config"] == []
    assert trigger["git_file_source"][0]["path"] == "cloudbuild.yaml"
    assert {trigger["git_file_source"][0]["revision"], trigger["source_to_build"][0]["ref"]} == {"refs/heads/main"}
    assert set(plan.of("google_cloudbuild_trigger")) == {"release"}


def test_account_that_tests_can_deploy_nothing(terraform: Terraform) -> None:
    """It may write its log; the deployer's rights are none of its own, and it may not act as another account."""
    plan = terraform.plan(repository=REPOSITORY)

    tester = f"serviceAccount:copilot-tester@{mock_provider.PROJECT}.iam.gserviceaccount.com"
    granted = [
        (kind, values["role"])
        for kind in {one["type"] for one in plan.resources if "iam_member" in one["type"]}
        for values in plan.of(kind).values()
        if values["member"] == tester
    ]
    assert granted == [("google_project_iam_member", "roles/logging.logWriter")]
    (test,), (release,) = (plan.of("google_cloudbuild_trigger", name).values() for name in ("test", "release"))
    assert "copilot-tester" in test["service_account"]
    assert "copilot-deployer" in release["service_account"]


def test_account_that_builds_functions_cannot_read_terraforms_state(plan: Plan) -> None:
    """What a package's setup does there sees sources alone."""
    (source,) = plan.of("google_project_iam_member", "build_source").values()

    (condition,) = source["condition"]
    bucket = f"{mock_provider.PROJECT}-incident-copilot-state"
    assert condition["expression"] == f'!resource.name.startsWith("projects/_/buckets/{bucket}")'
    assert Target(mock_provider.PROJECT, "europe-west1").state_bucket.removeprefix("gs://").startswith(bucket)


def test_branch_that_names_several_is_refused(terraform: Terraform) -> None:
    """What was tested and what is deployed must be one branch."""
    done = terraform.try_plan(repository=REPOSITORY, branch="^release-.*$")

    assert done.returncode == 1
    assert "must name one branch" in done.stderr


def test_deployer_may_use_the_quota_that_each_call_names(terraform: Terraform) -> None:
    """The provider's `user_project_override` asks every caller for serviceusage.services.use."""
    plan = terraform.plan(repository=REPOSITORY)

    override = (terraform.root / "infra" / "gcp" / "versions.tf").read_text()
    assert re.search(r"^  user_project_override = true$", override, re.MULTILINE)
    assert "roles/serviceusage.serviceUsageConsumer" in plan.of("google_project_iam_member", "deployer")


def test_budget_and_channels_are_made_when_asked_for(terraform: Terraform, plan: Plan) -> None:
    """With a billing account there is a budget; the given addresses are notified of it and of trouble."""
    with_budget = terraform.plan(billing_account="000000-000000-000000", notification_emails=["ops@example.com"])

    assert plan.of("google_billing_budget") == {}
    (month,) = with_budget.of("google_billing_budget").values()
    assert [rule["threshold_percent"] for rule in month["threshold_rules"]] == [0.5, 0.9, 1]
    policies = with_budget.of("google_monitoring_alert_policy").values()
    assert all(len(policy["notification_channels"]) == 1 for policy in policies)


def test_nobody_to_notify_is_refused(terraform: Terraform) -> None:
    """Trouble of Incident CoPilot itself would be seen by nobody."""
    done = terraform.try_plan(notification_emails=[])

    assert done.returncode != 0
    assert "set notification_emails, or notification_channels" in " ".join(done.stderr.split())
    assert terraform.try_plan(notification_emails=[], notification_channels=["projects/p/x"]).returncode == 0


def test_one_function_can_be_deployed_without_the_others(terraform: Terraform) -> None:
    """With `make deploy-rca`'s target, Terraform makes that function, what it depends on, and no other function."""
    terraform.plan()
    done = terraform.run("plan", "-input=false", "-no-color", "-out=plan", *_ONLY_RCA)

    assert done.returncode == 0, done.stderr
    plan = terraform.planned()
    assert set(plan.of("google_cloudfunctions2_function")) == {"rca"}
    assert plan.of("google_workflows_workflow") == {}


_ONLY_RCA = [part for part in Target("p", "r").plan("rca") if part.startswith("-target=")]
