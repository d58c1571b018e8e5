"""What Terraform would make of infra/gcp: planned by Terraform itself against the provider's schema."""

import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from infra import bundle, triggers
from shared.traces.firestore import FirestoreSettings
from tests.infra.gcp import mock_provider
from tests.infra.gcp.conftest import Plan, Terraform

WORKFLOW = bundle.ROOT / "workflows" / "incident.workflows.yaml"
NAMES = bundle.names()


def manifest(name: str) -> dict[str, Any]:
    """Return a function's function.yaml."""
    found: dict[str, Any] = yaml.safe_load((bundle.FUNCTIONS / name / "function.yaml").read_text())
    return found


def deployed(name: str) -> str:
    """Return the name Cloud Run knows a function by."""
    return name.replace("_", "-")


def account(name: str) -> str:
    """Return the member that a function runs as."""
    return f"serviceAccount:copilot-{deployed(name)}@{mock_provider.PROJECT}.iam.gserviceaccount.com"


def asked_by_workflow() -> set[str]:
    """Return the functions the workflow's YAML names."""
    return set(re.findall(r"^\s*(?:- )?function: (\w+)$", WORKFLOW.read_text(), re.MULTILINE))


@pytest.mark.skipif(shutil.which("terraform") is None, reason="terraform is not installed")
def test_files_are_formatted() -> None:
    """`terraform fmt -check` finds nothing to change."""
    done = subprocess.run(
        ["terraform", "fmt", "-check", "-recursive"], cwd=bundle.ROOT / "infra" / "gcp", capture_output=True, text=True
    )

    assert (done.returncode, done.stdout) == (0, "")


def test_configuration_is_valid(terraform: Terraform) -> None:
    """Every attribute, block and reference exists in the provider's schema."""
    done = terraform.run("validate", "-no-color")

    assert done.returncode == 0, done.stderr
    assert "Success" in done.stdout


def test_attribute_unknown_to_the_provider_is_found(terraform: Terraform) -> None:
    """The schema is really asked: a misspelled attribute does not pass."""
    path = terraform.root / "infra" / "gcp" / "workflow.tf"
    path.write_text(path.read_text().replace("call_log_level ", "call_log_lvl "))

    assert 'An argument named "call_log_lvl" is not expected here' in terraform.run("validate", "-no-color").stderr


def test_every_function_is_deployed_as_its_manifest_says(plan: Plan) -> None:
    """Memory, time, entry point and trigger come from function.yaml; nothing is deployed that has no folder."""
    functions = plan.of("google_cloudfunctions2_function")

    assert sorted(functions) == NAMES
    for name, function in functions.items():
        (config,), said = function["service_config"], manifest(name)
        assert function["name"] == deployed(name)
        assert function["build_config"][0]["entry_point"] == said["entry_point"]
        assert (config["available_memory"], config["timeout_seconds"]) == (said["memory"], said["timeout_s"])
        assert config["service_account_email"] == account(name).removeprefix("serviceAccount:")


@pytest.fixture(scope="module")
def busy(house: Terraform, tmp_path_factory: pytest.TempPathFactory) -> Plan:
    """The plan with every setting of every function set."""
    everything = {setting: "x" for name in NAMES for setting in manifest(name)["settings"]}
    root = Path(shutil.copytree(house.root, tmp_path_factory.mktemp("busy") / "house"))
    return replace(house, root=root).plan(settings=everything)


@pytest.mark.parametrize("name", NAMES)
def test_function_gets_its_granted_variables_and_no_other(busy: Plan, name: str) -> None:
    """Whatever an operator sets, a function sees only what function.yaml names."""
    (config,) = busy.of("google_cloudfunctions2_function")[name]["service_config"]

    assert set(config["environment_variables"]) == {*manifest(name)["settings"], "SECRETS_CHANGED_AT"}
    mounted = {secret["key"]: secret["secret"] for secret in config["secret_environment_variables"]}
    assert mounted == {secret: secret for secret in manifest(name)["secrets"]}


def test_secret_is_readable_exactly_where_it_is_granted(plan: Plan) -> None:
    """Secret Manager lets an account read just the secrets of its function.yaml."""
    readers = plan.of("google_secret_manager_secret_iam_member").values()

    assert {(reader["member"], reader["secret_id"].rsplit("/", 1)[1]) for reader in readers} == {
        (account(name), secret) for name in NAMES for secret in manifest(name)["secrets"]
    }
    assert {reader["role"] for reader in readers} == {"roles/secretmanager.secretAccessor"}


def test_no_secret_has_a_value_in_terraform(plan: Plan) -> None:
    """Terraform writes only the blank version that counts as unset."""
    versions = plan.of("google_secret_manager_secret_version")

    assert {version["secret_data"].strip() for version in versions.values()} == {""}
    assert sorted(versions) == sorted({secret for name in NAMES for secret in manifest(name)["secrets"]})


def test_only_public_functions_face_the_outside(plan: Plan) -> None:
    """Everybody may call the functions that say `public: true`; all others answer inside, or to a named function."""
    invokers = plan.of("google_cloud_run_v2_service_iam_member", "public")
    functions = plan.of("google_cloudfunctions2_function")
    public = {name for name in NAMES if manifest(name).get("public")}

    assert {"alert_intake"} <= set(invokers) == public
    assert {invoker["member"] for invoker in invokers.values()} == {"allUsers"}
    ingress = {name: function["service_config"][0]["ingress_settings"] for name, function in functions.items()}
    asked = {
        one["name"].replace("-", "_") for one in plan.of("google_cloud_run_v2_service_iam_member", "function").values()
    }
    assert {name for name, setting in ingress.items() if setting != "ALLOW_INTERNAL_ONLY"} == public | asked


def test_function_asks_another_when_it_is_granted_its_address(plan: Plan) -> None:
    """X_FUNCTION_URL among its settings makes it an invoker of x, and tells it where x is."""
    invokers = plan.of("google_cloud_run_v2_service_iam_member", "function")
    granted = {(name, asked) for name in NAMES for asked in NAMES if _has(name, f"{asked.upper()}_FUNCTION_URL")}

    assert {tuple(pair.split("/")) for pair in invokers} == granted
    for asker, asked in granted:
        assert invokers[f"{asker}/{asked}"]["member"] == account(asker)
        (config,) = plan.of("google_cloudfunctions2_function")[asker]["service_config"]
        url = config["environment_variables"][f"{asked.upper()}_FUNCTION_URL"]
        assert url == f"https://{deployed(asked)}-{mock_provider.NUMBER}.europe-west1.run.app"


def test_each_function_has_an_account_of_its_own(plan: Plan) -> None:
    """No two share one, and none runs as the project's default account."""
    accounts = plan.of("google_service_account", "function")

    assert sorted(accounts) == NAMES
    assert len({one["account_id"] for one in accounts.values()}) == len(NAMES)
    assert all(6 <= len(one["account_id"]) <= 30 for one in accounts.values())


def test_roles_are_least_privilege(plan: Plan) -> None:
    """A function may do what its settings show that it does, and nothing project-wide beyond that."""
    granted = {
        (resource["values"]["member"], resource["values"]["role"])
        for resource in plan.resources
        if resource["type"] == "google_project_iam_member"
    }
    custom = f"projects/{mock_provider.PROJECT}/roles/incidentCopilot"
    expected = {(account(name), "roles/datastore.user") for name in NAMES if _has(name, "FIRESTORE_DATABASE")}
    for name in NAMES:
        if _has(name, "WORKFLOW_NAME"):
            may = "WorkflowStarter" if manifest(name)["trigger"] != "http" else "WorkflowWatcher"
            expected.add((account(name), custom + may))
    expected |= {(account(name), f"{custom}CallbackAnswerer") for name in NAMES if _has(name, "WORKFLOW_CALLBACK_ROOT")}

    of_functions = {(member, role) for member, role in granted if member in map(account, NAMES)}
    assert of_functions == expected
    assert not {role for _, role in granted} & {"roles/owner", "roles/editor"}
    conditions = [one["condition"] for one in plan.of("google_project_iam_member", "rememberer").values()]
    assert all("databases/incident-copilot" in condition[0]["expression"] for condition in conditions)


def _has(name: str, setting: str) -> bool:
    return setting in manifest(name)["settings"]


def test_starter_may_start_and_find_executions(plan: Plan) -> None:
    """It lists executions after a lost reply, and may neither cancel them nor answer their callbacks."""
    permissions = plan.of("google_project_iam_custom_role")["starter"]["permissions"]

    assert {"workflows.executions.create", "workflows.executions.list"} <= set(permissions)
    assert not [permission for permission in permissions if "cancel" in permission or "callbacks" in permission]


def test_public_function_is_found_by_the_setting_named_after_it(terraform: Terraform) -> None:
    """Whoever is granted NIGHT_WATCH_URL, or WATCH_URL, gets the address of night_watch."""
    said = {"trigger": "http", "memory": "256Mi", "timeout_s": 30, "secrets": []}
    for name, more in {"night_watch": {"public": True}, "guest": {"settings": ["WATCH_URL", "OTHER_URL"]}}.items():
        (terraform.root / "functions" / name).mkdir()
        text = yaml.safe_dump({"entry_point": name, **said, **more})
        (terraform.root / "functions" / name / "function.yaml").write_text(text)
        (terraform.root / "build" / f"{name}.zip").write_bytes(b"bundle")

    (config,) = terraform.plan().of("google_cloudfunctions2_function")["guest"]["service_config"]

    assert config["environment_variables"]["WATCH_URL"] == (
        f"https://night-watch-{mock_provider.NUMBER}.europe-west1.run.app"
    )
    assert "OTHER_URL" not in config["environment_variables"]


def test_only_doors_publish_alerts_and_only_listeners_lay_them_aside(plan: Plan) -> None:
    """The starter, which takes messages of the topic, never sends itself a new one."""
    publishers = plan.of("google_pubsub_topic_iam_member", "publisher")
    buriers = plan.of("google_pubsub_topic_iam_member", "burier")

    assert "alert_intake" in publishers
    assert "workflow_starter" not in publishers
    assert set(buriers) <= {"workflow_starter"}


def test_workflow_may_ask_just_the_functions_it_names(plan: Plan) -> None:
    """Its account is an invoker of those, and their URLs are its environment."""
    (workflow,) = plan.of("google_workflows_workflow").values()
    invoked = plan.of("google_cloud_run_v2_service_iam_member", "workflow")

    assert set(invoked) == asked_by_workflow()
    urls = {name: f"https://{deployed(name)}-made-up.a.run.app" for name in asked_by_workflow()}
    assert urls.items() <= workflow["user_env_vars"].items()


def test_workflow_stays_within_its_quotas(plan: Plan) -> None:
    """At most 20 variables of 4 KiB without a reserved prefix, 128 KB of source: Workflows quotas."""
    (workflow,) = plan.of("google_workflows_workflow").values()
    variables = workflow["user_env_vars"]

    assert len(variables) <= 20
    assert all(len(value) <= 4096 and not name.startswith(("GOOGLE", "WORKFLOWS")) for name, value in variables.items())
    assert len(workflow["source_contents"]) <= 128 * 1024
    assert (workflow["source_contents"], workflow["call_log_level"]) == (WORKFLOW.read_text(), "LOG_ERRORS_ONLY")


def test_pushes_are_signed_patient_and_end_in_the_dead_letters(plan: Plan) -> None:
    """Pub/Sub signs for the function's own URL, waits longer than it may run, and lays aside what never worked."""
    pushes = plan.of("google_pubsub_subscription", "push")

    assert set(pushes) == {name for name in NAMES if manifest(name)["trigger"] != "http"}
    (push,), url = pushes.values(), "https://workflow-starter-made-up.a.run.app"
    (config,) = push["push_config"]
    assert config["push_endpoint"] == f"{url}/projects/{mock_provider.PROJECT}/topics/incident-alerts"
    assert config["oidc_token"][0]["audience"] == url
    assert push["ack_deadline_seconds"] > manifest("workflow_starter")["timeout_s"]
    assert push["dead_letter_policy"][0]["dead_letter_topic"].endswith("/topics/incident-alerts-dead")
    assert push["retry_policy"][0]["minimum_backoff"] == "10s"


def test_dead_letters_are_kept_and_watched(plan: Plan) -> None:
    """They have a subscription that never expires, Pub/Sub may move them, and an alert counts them."""
    (kept,) = plan.of("google_pubsub_subscription", "dead").values()
    agent = f"serviceAccount:service-{mock_provider.NUMBER}@gcp-sa-pubsub.iam.gserviceaccount.com"

    assert kept["expiration_policy"] == [{"ttl": ""}]
    assert plan.of("google_pubsub_topic_iam_member", "bury")["incident-alerts"]["member"] == agent
    assert plan.of("google_pubsub_subscription_iam_member", "bury")["workflow_starter"]["member"] == agent
    assert {"dead_letters", "failed_executions"} <= set(plan.of("google_monitoring_alert_policy", "threshold"))
    assert set(plan.of("google_monitoring_alert_policy", "query")) == {"outcomes_missing", "spend"}


def test_what_is_remembered_expires(plan: Plan) -> None:
    """Each collection group the store writes has a TTL on `expire_at`; long payloads are in no index."""
    names = FirestoreSettings.model_fields
    collections = {names[f"trace{part}_collection"].default for part in ("", "_lease", "_text")} | {"outcome", "runs"}
    expiries = plan.of("google_firestore_field", "expiry").values()
    unindexed = {(one["collection"], one["field"]) for one in plan.of("google_firestore_field", "unindexed").values()}

    assert {expiry["collection"] for expiry in expiries} == collections
    assert all(expiry["field"] == "expire_at" and expiry["ttl_config"] for expiry in expiries)
    assert {("runs", "entry"), ("texts", "body")} <= unindexed


def test_new_folder_is_a_new_function(terraform: Terraform) -> None:
    """Nothing else is edited: account, schedule, limits and secret follow from its function.yaml."""
    folder = terraform.root / "functions" / "night_watch"
    folder.mkdir()
    said = {"entry_point": "night_watch", "trigger": "http", "memory": "256Mi", "timeout_s": 30, "settings": []}
    said |= {"secrets": ["NIGHT_KEY"], "schedule": "* * * * *", "max_instances": 1, "concurrency": 1, "cpu": "0.25"}
    (folder / "function.yaml").write_text(yaml.safe_dump(said))
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
    """A misspelled variable is told before anything changes."""
    done = terraform.try_plan(settings={"GRAFANA_HOTS": "https://grafana.example.com"})

    assert done.returncode != 0
    assert "GRAFANA_HOTS" in done.stderr


def test_secret_among_the_settings_is_refused(terraform: Terraform) -> None:
    """A secret's value would lie in Terraform's state."""
    done = terraform.try_plan(settings={"GITHUB_TOKEN": "x"})

    assert done.returncode != 0
    assert "Secret Manager" in done.stderr


def test_private_grafana_is_reached_by_its_readers_alone(terraform: Terraform) -> None:
    """Only functions that read logs or metrics get the way into the network."""
    plan = terraform.plan(private_network={"network": "default", "cidr": "10.8.0.0/28"})

    functions = plan.of("google_cloudfunctions2_function")
    connected = {name for name, function in functions.items() if function["service_config"][0]["vpc_connector"]}
    assert connected == {name for name in NAMES if _has(name, "GRAFANA_HOST") or _has(name, "PROMETHEUS_HOST")}


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
    users = {name for name in NAMES if _has(name, "GOOGLE_GENAI_USE_VERTEXAI")}
    assert set(chosen.of("google_project_iam_member", "vertex_user")) == users
    assert "aiplatform.googleapis.com" in chosen.of("google_project_service")


def test_each_function_has_a_trigger_on_its_own_files(terraform: Terraform) -> None:
    """With a repository, a push builds just the functions whose files it changed."""
    connection = "projects/example-project/locations/europe-west1/connections/git/repositories/repo"

    made = terraform.plan(repository=connection).of("google_cloudbuild_trigger")

    assert sorted(made) == NAMES
    assert made["rca"]["included_files"] == triggers.included_files("rca")
    assert made["rca"]["substitutions"]["_FUNCTION"] == "rca"


def test_budget_and_channels_are_made_when_asked_for(terraform: Terraform, plan: Plan) -> None:
    """With a billing account there is a budget; the addresses given are told of it and of trouble."""
    asked = terraform.plan(billing_account="000000-000000-000000", notification_emails=["ops@example.com"])

    assert plan.of("google_billing_budget") == {}
    (month,) = asked.of("google_billing_budget").values()
    assert [rule["threshold_percent"] for rule in month["threshold_rules"]] == [0.5, 0.9, 1]
    policies = asked.of("google_monitoring_alert_policy").values()
    assert all(len(policy["notification_channels"]) == 1 for policy in policies)
