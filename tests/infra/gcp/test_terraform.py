"""What Terraform would make of infra/gcp: planned by Terraform itself against the provider's schema."""

import json
import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from infra import bundle
from infra.signing_keys import PRIVATE, SIGNERS, secret_id
from shared.traces.firestore_settings import FirestoreSettings
from tests.infra.gcp import mock_provider
from tests.infra.gcp.conftest import Plan, Terraform
from tests.infra.gcp.expected import NAMES, WORKFLOW, account, called_by_workflow, deployed, has, manifest


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
    """The schema is really used: a misspelled attribute does not pass."""
    path = terraform.root / "infra" / "gcp" / "workflow.tf"
    path.write_text(path.read_text().replace("call_log_level ", "call_log_lvl "))

    assert 'An argument named "call_log_lvl" is not expected here' in terraform.run("validate", "-no-color").stderr


def test_every_function_is_deployed_as_its_manifest_says(plan: Plan) -> None:
    """Memory, time, entry point and trigger come from function.yaml; nothing is deployed that has no folder."""
    functions = plan.of("google_cloudfunctions2_function")

    assert sorted(functions) == NAMES
    for name, function in functions.items():
        (config,), wanted = function["service_config"], manifest(name)
        assert function["name"] == deployed(name)
        assert function["build_config"][0]["entry_point"] == wanted["entry_point"]
        assert (config["available_memory"], config["timeout_seconds"]) == (wanted["memory"], wanted["timeout_s"])
        assert config["service_account_email"] == account(name).removeprefix("serviceAccount:")


@pytest.fixture(scope="module")
def busy(project: Terraform, tmp_path_factory: pytest.TempPathFactory) -> Plan:
    """The plan with every setting of every function set."""
    everything = {setting: "x" for name in NAMES for setting in manifest(name)["settings"]}
    root = Path(shutil.copytree(project.root, tmp_path_factory.mktemp("busy") / "project"))
    return replace(project, root=root).plan(settings=everything)


@pytest.mark.parametrize("name", NAMES)
def test_function_gets_its_granted_variables_and_no_other(busy: Plan, name: str) -> None:
    """Whatever an operator sets, a function sees only what function.yaml names."""
    (config,) = busy.of("google_cloudfunctions2_function")[name]["service_config"]

    assert set(config["environment_variables"]) == set(manifest(name)["settings"])
    mounted = {secret["key"]: secret["secret"] for secret in config["secret_environment_variables"]}
    assert mounted == {secret: secret_id(name, secret) for secret in manifest(name)["secrets"]}


def test_secret_is_readable_exactly_where_it_is_granted(plan: Plan) -> None:
    """Secret Manager lets an account read just the secrets of its function.yaml."""
    readers = plan.of("google_secret_manager_secret_iam_member").values()

    assert {(reader["member"], reader["secret_id"].rsplit("/", 1)[1]) for reader in readers} == {
        (account(name), secret_id(name, secret)) for name in NAMES for secret in manifest(name)["secrets"]
    }
    assert {reader["role"] for reader in readers} == {"roles/secretmanager.secretAccessor"}


def test_function_that_only_reads_code_holds_no_token_that_writes(plan: Plan) -> None:
    """Its bundle has no code that writes, and its variable holds another secret than those whose bundles have it."""
    functions = plan.of("google_cloudfunctions2_function")
    tokens = {
        name: mounted["secret"]
        for name in NAMES
        for mounted in functions[name]["service_config"][0]["secret_environment_variables"]
        if mounted["key"] == "GITHUB_TOKEN"
    }
    writers = {name for name in tokens if "shared/code_host/github_writer.py" in bundle.files(name)}

    assert {"file_updater", "pr_creator"} <= writers
    assert {name: secret for name, secret in tokens.items() if name in writers} == dict.fromkeys(
        writers, "GITHUB_TOKEN"
    )
    readers = tokens.keys() - writers
    assert readers == {"code_analyzer", "solution_generator"}
    assert {tokens[name] for name in readers} == {"GITHUB_READ_TOKEN"}


def test_signing_key_of_a_function_is_readable_by_its_own_account_alone(plan: Plan) -> None:
    """Whoever takes over one function cannot sign for another."""
    readers = plan.of("google_secret_manager_secret_iam_member").values()
    private = {one["secret_id"].rsplit("/", 1)[1]: one["member"] for one in readers if PRIVATE in one["secret_id"]}

    assert {private[secret_id(name, PRIVATE)] for name in SIGNERS} == {account(name) for name in SIGNERS}
    assert len([one for one in readers if PRIVATE in one["secret_id"]]) == len(private)


def test_no_secret_has_a_value_in_terraform(plan: Plan) -> None:
    """Terraform writes only the blank version that counts as unset."""
    versions = plan.of("google_secret_manager_secret_version")

    assert {version["secret_data"].strip() for version in versions.values()} == {""}
    assert sorted(versions) == sorted(
        {secret_id(name, secret) for name in NAMES for secret in manifest(name)["secrets"]}
    )


def test_only_public_functions_face_the_outside(plan: Plan) -> None:
    """Anyone may call the functions that say `public: true`; all others answer inside, or to a named function."""
    invokers = plan.of("google_cloud_run_v2_service_iam_member", "public")
    functions = plan.of("google_cloudfunctions2_function")
    public = {name for name in NAMES if manifest(name).get("public")}

    assert {"alert_intake"} <= set(invokers) == public
    assert {invoker["member"] for invoker in invokers.values()} == {"allUsers"}
    ingress = {name: function["service_config"][0]["ingress_settings"] for name, function in functions.items()}
    called = {
        one["name"].replace("-", "_") for one in plan.of("google_cloud_run_v2_service_iam_member", "function").values()
    }
    assert {name for name, setting in ingress.items() if setting != "ALLOW_INTERNAL_ONLY"} == public | called


def test_function_asks_another_when_it_is_granted_its_address(plan: Plan) -> None:
    """X_FUNCTION_URL among its settings makes it an invoker of x, and gives it the address of x."""
    invokers = plan.of("google_cloud_run_v2_service_iam_member", "function")
    granted = {(name, callee) for name in NAMES for callee in NAMES if has(name, f"{callee.upper()}_FUNCTION_URL")}

    assert {tuple(pair.split("/")) for pair in invokers} == granted
    for caller, callee in granted:
        assert invokers[f"{caller}/{callee}"]["member"] == account(caller)
        (config,) = plan.of("google_cloudfunctions2_function")[caller]["service_config"]
        url = config["environment_variables"][f"{callee.upper()}_FUNCTION_URL"]
        assert url == f"https://{deployed(callee)}-{mock_provider.NUMBER}.europe-west1.run.app"


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
    kinds = {name: "viewer" if manifest(name).get("reads_traces_only") else "user" for name in NAMES}
    expected = {(account(name), f"roles/datastore.{kinds[name]}") for name in NAMES if has(name, "FIRESTORE_DATABASE")}
    for name in NAMES:
        if has(name, "WORKFLOW_NAME"):
            may = "WorkflowStarter" if manifest(name)["trigger"] != "http" else "WorkflowWatcher"
            expected.add((account(name), custom + may))
    expected |= {(account(name), f"{custom}CallbackAnswerer") for name in NAMES if has(name, "WORKFLOW_CALLBACK_ROOT")}

    of_functions = {(member, role) for member, role in granted if member in map(account, NAMES)}
    assert of_functions == expected
    assert not {role for _, role in granted} & {"roles/owner", "roles/editor"}
    conditions = [one["condition"] for one in plan.of("google_project_iam_member", "trace_writer").values()]
    assert len(conditions) == len([name for name in NAMES if has(name, "FIRESTORE_DATABASE")]) > 0
    assert all("databases/incident-copilot" in condition[0]["expression"] for condition in conditions)


def test_resource_that_nothing_declares_cannot_be_selected(plan: Plan) -> None:
    """What a test says of a resource that was renamed would hold of nothing, so the test fails."""
    with pytest.raises(AssertionError, match="no google_project_iam_member rememberer"):
        plan.of("google_project_iam_member", "rememberer")


def test_starter_may_start_and_find_executions(plan: Plan) -> None:
    """It lists executions after a lost reply, and may neither cancel them nor send their callbacks."""
    permissions = plan.of("google_project_iam_custom_role")["starter"]["permissions"]

    assert {"workflows.executions.create", "workflows.executions.list"} <= set(permissions)
    assert not [permission for permission in permissions if "cancel" in permission or "callbacks" in permission]


def test_only_senders_publish_alerts_and_only_subscribers_dead_letter_them(plan: Plan) -> None:
    """The starter, which takes messages of the topic, never sends itself a new one."""
    publishers = plan.of("google_pubsub_topic_iam_member", "publisher")
    dead_letter_publishers = plan.of("google_pubsub_topic_iam_member", "dead_letter_publisher")

    assert "alert_intake" in publishers
    assert "workflow_starter" not in publishers
    assert set(dead_letter_publishers) == {"workflow_starter"}


def test_workflow_may_ask_just_the_functions_it_names(plan: Plan) -> None:
    """Its account is an invoker of those, and their URLs are its environment."""
    (workflow,) = plan.of("google_workflows_workflow").values()
    invoked = plan.of("google_cloud_run_v2_service_iam_member", "workflow")

    assert set(invoked) == called_by_workflow()
    urls = {name: f"https://{deployed(name)}-made-up.a.run.app" for name in called_by_workflow()}
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
    """Pub/Sub signs for the function's own URL, waits longer than it may run, and dead-letters what never worked."""
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
    (subscription,) = plan.of("google_pubsub_subscription", "dead").values()
    agent = f"serviceAccount:service-{mock_provider.NUMBER}@gcp-sa-pubsub.iam.gserviceaccount.com"

    assert subscription["expiration_policy"] == [{"ttl": ""}]
    assert plan.of("google_pubsub_topic_iam_member", "dead_letter")["incident-alerts"]["member"] == agent
    assert plan.of("google_pubsub_subscription_iam_member", "dead_letter")["workflow_starter"]["member"] == agent
    assert {"dead_letters", "failed_executions"} <= set(plan.of("google_monitoring_alert_policy", "threshold"))
    assert {"outcomes_missing", "spend"} <= set(plan.of("google_monitoring_alert_policy", "query"))


def test_what_is_remembered_expires(plan: Plan) -> None:
    """Each collection group the store writes has a TTL on `expire_at`; long payloads are in no index."""
    names = FirestoreSettings.model_fields
    collections = {names[f"trace{part}_collection"].default for part in ("", "_lease", "_text")}
    collections |= {"answers", "outcome", "runs"}
    expiries = plan.of("google_firestore_field", "expiry").values()
    unindexed = {(one["collection"], one["field"]) for one in plan.of("google_firestore_field", "unindexed").values()}

    assert {expiry["collection"] for expiry in expiries} == collections
    assert all(expiry["field"] == "expire_at" and expiry["ttl_config"] for expiry in expiries)
    assert {("answers", "body"), ("runs", "entry"), ("texts", "body")} <= unindexed


def test_dashboard_says_how_to_read_each_chart(plan: Plan) -> None:
    """An on-call person starts from a question, finds its chart and the command that goes on."""
    (dashboard,) = plan.of("google_monitoring_dashboard").values()
    guide, *charts = json.loads(dashboard["dashboard_json"])["mosaicLayout"]["tiles"]

    text = guide["widget"]["text"]["content"]
    for word in ("Alerts published", "Incidents started", "Outcomes published", "Dead letters", "Model cost"):
        assert f"*{word}*" in text
        assert any(chart["widget"]["title"].startswith(word) for chart in charts)
    targets = (bundle.ROOT / "Makefile").read_text()
    assert all(f"\n{command}:" in targets for command in re.findall(r"`make ([a-z]+)", text))
    assert min(chart["yPos"] for chart in charts) >= guide["height"]
