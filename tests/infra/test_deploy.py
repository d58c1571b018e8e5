"""`make deploy`: the commands it runs, in which order, and that gcloud knows every one that is written anywhere."""

import json
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from werkzeug.datastructures import Headers

from functions.alert_intake.request_auth import SenderSettings
from infra import bundle, deploy

TARGET = deploy.Target("example-project", "europe-west1")


def gcloud_commands() -> list[deploy.Command]:
    """Return every gcloud command the deployment may run."""
    first = [TARGET.enable(), TARGET.find_state(), *TARGET.make_state(), TARGET.add_secret_version("GITHUB_TOKEN")]
    first += [TARGET.find_secret("GITHUB_TOKEN"), TARGET.open_to_anyone("alert-intake")]
    first.append(TARGET.read_secret("WEBHOOK_API_KEY"))
    return [*first, TARGET.find_variables(), TARGET.fetch_variables(), TARGET.keep_variables()]


def written_lines() -> Iterator[str]:
    """Yield every gcloud command of the Makefile, the build and the pages, joined where it is broken."""
    for name in ("Makefile", "cloudbuild.yaml", "infra/test.cloudbuild.yaml"):
        text = (bundle.ROOT / name).read_text().replace("\\\n", " ")
        yield from re.findall(r"^[^#\n]*?\b(gcloud [a-z][^\n|;&]*)", text, re.MULTILINE)
    for name in ("README.md", "infra/README.md"):
        text = (bundle.ROOT / name).read_text().replace("\\\n", " ")
        for block in re.findall(r"^```\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
            yield from re.findall(r"^(gcloud [^#\n]*)", block, re.MULTILINE)
        prose = re.sub(r"^```\n.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)
        # A span without a flag only names a command.
        yield from (" ".join(span.split()) for span in re.findall(r"`(gcloud [^`]* --[^`]*)`", prose))


def lint(lines: list[str], folder: Path) -> list[str]:
    """Return what gcloud itself finds wrong with command lines."""
    script = folder / "commands.json"
    script.write_text(json.dumps([{"command_string": line} for line in lines]))
    # Its exit code is 0 whatever it finds.
    done = subprocess.run(
        ["gcloud", "meta", "lint-gcloud-commands", f"--commands-file={script}"],
        capture_output=True, text=True, timeout=300, check=True,
    )  # fmt: skip
    verdicts = json.loads(done.stdout)
    assert len(verdicts) == len(set(lines))
    return [
        f"{verdict['command_string']}: {verdict.get('error_message')}" for verdict in verdicts if not verdict["success"]
    ]


@pytest.mark.skipif(shutil.which("gcloud") is None, reason="gcloud is not installed")
def test_gcloud_knows_every_command_that_is_run_or_written(tmp_path: Path) -> None:
    """No flag is misspelled, no command was renamed: in the code, the Makefile, the build and the documentation."""
    run = [shlex.join(command) for command in gcloud_commands()]
    written = [re.sub(r"\$[\w({}]+[)}]*|<[^>]+>|…", "x", line) for line in written_lines()]

    assert len(written) > 5
    assert lint([*run, *written], tmp_path) == []


@pytest.mark.skipif(shutil.which("gcloud") is None, reason="gcloud is not installed")
def test_misspelled_flag_is_found(tmp_path: Path) -> None:
    """The check is able to fail."""
    assert lint(["gcloud storage buckets create gs://x --locatoin=europe-west1"], tmp_path) != []


VARIABLES = """notification_emails = ["ops@example.com"]
settings = {
  SMTP_HOST         = "smtp.example.com"
  SMTP_FROM         = "copilot@example.com"
  ON_CALL_ENGINEERS = "[\\"on-call@example.com\\"]"
}
"""
ABSENT = {
    "gcloud storage buckets describe": "ERROR: (gcloud.storage.buckets.describe) gs://example not found: 404.",
    "gcloud storage objects describe": "ERROR: (gcloud.storage.objects.describe) gs://example/x not found: 404.",
}


class Tools:
    """Stands for gcloud and Terraform: records what was run, and fails or answers as it was set up to."""

    def __init__(self, errors: Mapping[str, str] | None = None, answers: Mapping[str, str] | None = None) -> None:
        self.run: list[list[str]] = []
        self._errors = errors or {}
        self._answers = {"terraform output": "[]", **(answers or {})}
        self.ends = {"terraform plan": deploy.CHANGES}
        """How commands end that neither fail nor end with 0."""

    def __call__(self, command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        self.run.append(list(command))
        words = " ".join(part for part in command if not part.startswith("-chdir"))
        error = next((text for start, text in self._errors.items() if words.startswith(start)), None)
        answer = next((text for start, text in self._answers.items() if words.startswith(start)), "")
        end = next((code for start, code in self.ends.items() if words.startswith(start)), 0)
        return subprocess.CompletedProcess(command, end if error is None else 1, stdout=answer, stderr=error or "")

    def verbs(self) -> list[str]:
        """Return what was done, without where and how."""
        return [" ".join(part for part in command[:4] if not part.startswith("-")) for command in self.run]


@pytest.fixture
def build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A deployment that writes into a folder of the test's own, on a machine that has both tools and every bundle."""
    monkeypatch.setattr(bundle, "write", lambda name: None)
    monkeypatch.setattr(deploy, "GCP", tmp_path)
    monkeypatch.setattr(shutil, "which", lambda tool: f"/usr/bin/{tool}")
    TARGET.variables.write_text(VARIABLES)
    return tmp_path


def test_first_deployment_makes_the_place_of_its_state(build: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """APIs, bucket, init, plan, apply, and then the variables are kept for the next deployment."""
    tools = Tools(ABSENT)
    monkeypatch.setattr(subprocess, "run", tools)

    deploy.deploy(TARGET, only=None, is_agreed=True)

    assert tools.verbs() == [
        "gcloud services enable cloudresourcemanager.googleapis.com",
        "gcloud storage buckets describe",
        "gcloud storage buckets create",
        "gcloud storage buckets update",
        "terraform init",
        "terraform plan",
        "terraform apply",
        f"gcloud storage cp {build / 'production.tfvars'}",
        "terraform output",
    ]


@pytest.mark.parametrize("question", sorted(ABSENT))
@pytest.mark.parametrize(
    "message",
    [
        "ERROR: (gcloud) There was a problem refreshing your current auth tokens: Reauthentication failed.",
        "ERROR: (gcloud) You do not currently have an active account selected.",
        "ERROR: (gcloud) [me@example.com] does not have permission to access b instance [x] (or it may not exist): 403",
        "ERROR: gcloud crashed (ServerNotFoundError): Unable to find the server at storage.googleapis.com",
        "",
    ],
)
def test_other_failures_are_not_taken_for_absence(
    question: str, message: str, build: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Expired login, no right, no network: it stops with gcloud's message, and neither writes nor applies anything."""
    TARGET.variables.unlink()
    tools = Tools({question: message})
    monkeypatch.setattr(subprocess, "run", tools)

    with pytest.raises(deploy.DeployFailed, match="exists is unknown, so nothing was deployed") as caught:
        deploy.deploy(TARGET, only=None, is_agreed=True)

    assert message in str(caught.value)
    assert " ".join(tools.run[-1][:4]) == question
    assert not TARGET.variables.exists()


@pytest.mark.parametrize(
    "message",
    [
        "ERROR: gs://x/y not found: 404.",
        "HTTPError 404: The specified bucket does not exist.",
        "ERROR: The following URLs matched no objects or files:\ngs://x/y",
    ],
)
def test_absence_is_recognised_by_gclouds_message(message: str, build: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of its messages for a missing object starts a first deployment."""
    tools = Tools(dict.fromkeys(ABSENT, message))
    monkeypatch.setattr(subprocess, "run", tools)

    deploy.deploy(TARGET, only=None, is_agreed=True)

    assert "gcloud storage buckets create" in tools.verbs()


def test_deployment_without_variables_says_where_to_write_them(build: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody would be notified and no brief would reach anybody, so nothing is planned."""
    TARGET.variables.unlink()
    tools = Tools(ABSENT)
    monkeypatch.setattr(subprocess, "run", tools)

    with pytest.raises(deploy.DeployFailed, match=r"copy .*terraform.tfvars.example to .*production.tfvars"):
        deploy.deploy(TARGET, only=None, is_agreed=True)
    assert "terraform plan" not in tools.verbs()


def test_variables_that_every_environment_would_load_are_refused(build: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Terraform reads a terraform.tfvars by itself: what is production's would be staging's too."""
    (build / "terraform.tfvars").write_text(VARIABLES)
    tools = Tools()
    monkeypatch.setattr(subprocess, "run", tools)

    with pytest.raises(deploy.DeployFailed, match=r"Rename terraform.tfvars to production.tfvars"):
        deploy.deploy(TARGET, only=None, is_agreed=True)
    assert tools.run == []


def test_written_variables_are_kept_and_never_fetched_over(build: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An operator's own variables are what is deployed, and replace the kept copy."""
    tools = Tools()
    monkeypatch.setattr(subprocess, "run", tools)

    deploy.deploy(TARGET, only=None, is_agreed=True)

    assert TARGET.fetch_variables() not in tools.run
    assert TARGET.keep_variables() in tools.run


def test_another_laptop_deploys_with_the_variables_that_stand(build: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without variables of its own it fetches the kept ones; the bucket is found, not made."""
    TARGET.variables.unlink()
    tools = Tools()

    def run(command: list[str], **options: object) -> subprocess.CompletedProcess[str]:
        if command == TARGET.fetch_variables():
            TARGET.variables.write_text(VARIABLES)
        return tools(command, **options)

    monkeypatch.setattr(subprocess, "run", run)

    deploy.deploy(TARGET, only=None, is_agreed=True)

    assert "gcloud storage buckets create" not in tools.verbs()
    assert TARGET.fetch_variables() in tools.run


@pytest.mark.parametrize(
    ("error", "advice"),
    [
        ("Error 403: Cloud Functions API has not been used in project 1 before or it is disabled", "run the same"),
        ("Error 400: Service account service-1@gcp-sa-pubsub.iam.gserviceaccount.com does not exist.", "run the same"),
        ("Error waiting to create function: Build failed: Permission 'artifactregistry.get' denied", "run the same"),
        ("googleapi: Error 503: The service is currently unavailable", "run the same"),
        ("Error 400: Invalid value for field 'memory'", ""),
    ],
)
def test_failed_apply_keeps_the_variables_and_says_whether_again_helps(
    error: str, advice: str, build: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A part of it was made with them; what Google does not know yet heals by itself, a wrong value does not."""
    tools = Tools({"terraform apply": error})
    monkeypatch.setattr(subprocess, "run", tools)

    with pytest.raises(deploy.DeployFailed, match="terraform ended with 1") as caught:
        deploy.deploy(TARGET, only=None, is_agreed=True)

    assert tools.run[-1] == TARGET.keep_variables()
    assert ("run the same command again, once" in str(caught.value)) == bool(advice)


def test_nothing_is_kept_of_a_plan_that_fails_or_is_declined(build: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Cloud Build would deploy what was refused here."""
    tools, fails = Tools(), Tools({"terraform plan": "Error: Invalid value for variable"})
    monkeypatch.setattr(subprocess, "run", fails)
    with pytest.raises(deploy.DeployFailed, match="terraform ended with 1"):
        deploy.deploy(TARGET, only=None, is_agreed=True)
    monkeypatch.setattr(subprocess, "run", tools)
    monkeypatch.setattr("builtins.input", lambda _: "y")
    with pytest.raises(deploy.DeployFailed, match="Nothing was changed"):
        deploy.deploy(TARGET, only=None, is_agreed=False)

    assert not [run for run in (*tools.run, *fails.run) if run in (TARGET.keep_variables(), TARGET.apply())]


def test_nothing_to_change_asks_nothing(build: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A plan without a change ends the deployment."""
    tools = Tools()
    tools.ends.clear()
    monkeypatch.setattr(subprocess, "run", tools)

    deploy.deploy(TARGET, only=None, is_agreed=False)

    assert TARGET.apply() not in tools.run
    assert TARGET.keep_variables() in tools.run


@pytest.mark.parametrize("name", ["Staging", "stag-ing", "development", "", "1a"])
def test_environment_of_another_form_is_refused_before_anything_is_made(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A bucket would be left that no deployment uses."""
    tools = Tools()
    monkeypatch.setattr(subprocess, "run", tools)

    assert deploy.main(["example-project", "europe-west1", "--environment", name]) == 1
    assert f"ENVIRONMENT is {name!r}" in capsys.readouterr().err
    assert tools.run == []


NO_CHANNEL = 'notification_emails = ["ops@example.com"]\n'


def test_deployment_that_would_reach_nobody_is_refused(
    build: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every incident would be published to nobody: it says how to set up a channel, and how to go on without."""
    TARGET.variables.write_text(NO_CHANNEL)
    tools = Tools({"gcloud secrets versions describe": "ERROR: NOT_FOUND: Secret [x] not found or has no versions."})
    monkeypatch.setattr(subprocess, "run", tools)

    with pytest.raises(deploy.DeployFailed, match="Nothing was deployed"):
        deploy.deploy(TARGET, only=None, is_agreed=True)

    printed = capsys.readouterr().out
    assert "no channel to people is set up" in printed
    assert all(word in printed for word in ("MAIL_PROVIDER", "make secret", "SLACK_WEBHOOK_URL", "WITHOUT_CHANNEL=1"))
    assert "terraform plan" not in tools.verbs()


@pytest.mark.parametrize(("version", "is_deployed"), [("1", False), ("2", True)])
def test_hook_counts_once_its_secret_has_a_value(
    version: str, is_deployed: bool, build: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Version 1 of every secret is blank."""
    TARGET.variables.write_text(NO_CHANNEL)
    tools = Tools(answers={"gcloud secrets versions describe": f"projects/1/secrets/X/versions/{version}"})
    monkeypatch.setattr(subprocess, "run", tools)

    status = deploy.main(["example-project", "europe-west1", "--yes"])

    assert (status == 0) == is_deployed == ("terraform apply" in tools.verbs())


def test_deployment_without_a_channel_can_be_asked_for(build: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A secret can have a value only after the deployment that makes it."""
    TARGET.variables.write_text(NO_CHANNEL)
    tools = Tools()
    monkeypatch.setattr(subprocess, "run", tools)

    assert deploy.main(["example-project", "europe-west1", "--yes", "--without-channel"]) == 0


def test_public_functions_are_opened_without_a_grant_to_all_users(build: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the organisation shares with its own domains only: Cloud Run then does not check who calls."""
    tools = Tools(answers={"terraform output": '["alert-intake", "pr-approval"]'})
    monkeypatch.setattr(subprocess, "run", tools)

    deploy.deploy(TARGET, only=None, is_agreed=True)

    assert tools.run[-2:] == [TARGET.open_to_anyone("alert-intake"), TARGET.open_to_anyone("pr-approval")]
    assert "--no-invoker-iam-check" in tools.run[-1]


def test_environments_of_a_project_share_neither_state_nor_variables_nor_secrets() -> None:
    """What is deployed for staging is not seen by production."""
    staging = deploy.Target("example-project", "europe-west1", "staging")

    assert staging.state_bucket == f"{TARGET.state_bucket}-staging"
    assert (TARGET.variables.name, staging.variables.name) == ("production.tfvars", "staging.tfvars")
    assert "GITHUB_TOKEN-staging" in staging.add_secret_version("GITHUB_TOKEN")
    assert "-var=environment=staging" in staging.plan()


def test_one_function_is_one_target_of_terraform(build: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`make deploy-rca` changes that function and what it depends on, with the settings of all."""
    monkeypatch.setattr("builtins.input", lambda _: "yes")
    tools = Tools()
    monkeypatch.setattr(subprocess, "run", tools)

    deploy.deploy(TARGET, only="rca", is_agreed=False)

    (plan,) = [command for command in tools.run if "plan" in command]
    assert '-target=google_cloudfunctions2_function.function["rca"]' in plan
    assert f"-var-file={TARGET.variables}" in plan


def test_unknown_function_is_reported_before_anything_runs(build: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A misspelled name costs nothing, and the error lists the functions."""
    tools = Tools()
    monkeypatch.setattr(subprocess, "run", tools)

    with pytest.raises(deploy.DeployFailed, match="'cra'; there are alert_intake"):
        deploy.deploy(TARGET, only="cra", is_agreed=True)
    assert tools.run == []


def test_wrong_setting_is_named_before_anything_is_deployed(
    build: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Terraform takes any text; the function would fail in its first incident."""
    tools = Tools()
    monkeypatch.setattr(subprocess, "run", tools)
    TARGET.variables.write_text('settings = {\n  PR_MODE = "drafts"\n}\n')

    with pytest.raises(deploy.DeployFailed, match="Nothing was deployed"):
        deploy.deploy(TARGET, only=None, is_agreed=True)

    assert "set PR_MODE" in capsys.readouterr().out
    assert not [command for command in tools.run if "apply" in command]


def test_missing_tool_is_named(build: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without Terraform the error says where to get it."""
    monkeypatch.setattr(shutil, "which", lambda tool: None)

    with pytest.raises(deploy.DeployFailed, match="gcloud is needed"):
        deploy.deploy(TARGET, only=None, is_agreed=True)


@pytest.mark.parametrize(
    ("arguments", "tool"), [(["--secret", "GITHUB_TOKEN"], "gcloud"), (["--output", "webhook_url"], "terraform")]
)
def test_missing_tool_is_named_whatever_is_to_be_deployed(
    arguments: list[str], tool: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`make secret` and outputs fail as `make deploy` does, before a value is asked for."""
    monkeypatch.setattr(shutil, "which", lambda tool: None)
    monkeypatch.setattr(sys, "stdin", None)

    assert deploy.main(["example-project", "europe-west1", *arguments]) == 1
    assert capsys.readouterr().err == f"{tool} is needed and not on the PATH; infra/README.md says where to get it\n"


@pytest.mark.parametrize("name", ["GITHUB_TOKN", "", "GITHUB_REPO"])
def test_secret_nobody_reads_is_refused(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A misspelled name lists the secrets, and an empty name does not deploy everything."""
    tools = Tools()
    monkeypatch.setattr(subprocess, "run", tools)

    assert deploy.main(["example-project", "europe-west1", "--secret", name]) == 1
    assert f"No function reads a secret {name!r}; there are APPROVAL_SIGNING_KEY, " in capsys.readouterr().err
    assert tools.run == []


@pytest.mark.parametrize("value", ["", "\n", "  \n"])
def test_empty_secret_is_refused(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A blank version counts as "not set": it would silently take a working key away."""
    tools = Tools()
    monkeypatch.setattr(subprocess, "run", tools)
    monkeypatch.setattr(shutil, "which", lambda tool: f"/usr/bin/{tool}")
    monkeypatch.setattr(sys, "stdin", _Piped(value))

    with pytest.raises(deploy.DeployFailed, match="The value of GITHUB_TOKEN is empty"):
        deploy.set_secret(TARGET, "GITHUB_TOKEN")
    assert tools.run == []


def test_secret_goes_in_by_standard_input_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its value is in no argument list, which every user of the machine can read, and is not printed."""
    seen: dict[str, Any] = {}
    monkeypatch.setattr(deploy, "run", lambda command, stdin=None: seen.update(command=command, stdin=stdin))
    monkeypatch.setattr(shutil, "which", lambda tool: f"/usr/bin/{tool}")
    monkeypatch.setattr(sys, "stdin", _Piped("hunter2\n"))

    deploy.set_secret(TARGET, "GITHUB_TOKEN")

    assert seen["stdin"] == "hunter2"
    assert "hunter2" not in " ".join(seen["command"])


def test_new_key_holds_beside_the_one_before(monkeypatch: pytest.MonkeyPatch) -> None:
    """KEEP=1 writes the new value above the newest one, and drops the one before that."""
    added: list[str] = []
    monkeypatch.setattr(deploy, "run", lambda command, stdin="": added.append(stdin))
    monkeypatch.setattr(shutil, "which", lambda tool: f"/usr/bin/{tool}")
    monkeypatch.setattr(sys, "stdin", _Piped("new\n"))
    current = subprocess.CompletedProcess([], 0, stdout="old\nolder\n", stderr="")
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: current)

    deploy.set_secret(TARGET, "WEBHOOK_API_KEY", keeps_current=True)

    assert added == ["new\nold"]
    for key in ("new", "old"):
        SenderSettings(webhook_api_key=SecretStr(added[0])).check_key(Headers({"X-Webhook-API-Key": key}))


@pytest.mark.parametrize(
    ("name", "error", "words"),
    [("GITHUB_TOKEN", "", "holds one value"), ("WEBHOOK_API_KEY", "PERMISSION_DENIED", "PERMISSION_DENIED")],
)
def test_key_that_cannot_be_kept_is_not_replaced(
    name: str, error: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A sender would be refused by a key that was to hold besides."""
    tools = Tools({"gcloud secrets versions access": error} if error else {})
    monkeypatch.setattr(subprocess, "run", tools)
    monkeypatch.setattr(shutil, "which", lambda tool: f"/usr/bin/{tool}")
    monkeypatch.setattr(sys, "stdin", _Piped("new"))

    with pytest.raises(deploy.DeployFailed, match=words):
        deploy.set_secret(TARGET, name, keeps_current=True)
    assert not any("add" in command for command in tools.run)


def test_secrets_of_which_each_line_holds_are_those_whose_description_says_so() -> None:
    """The list and what the function does are one."""
    fields = SenderSettings.model_fields.items()

    assert set(deploy.OF_LINES) == {name.upper() for name, field in fields if "ach line is" in str(field.description)}


def test_token_of_functions_that_only_read_is_a_secret_of_its_own(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Who sets the one that writes is reminded of the other, which `make secret` takes too."""
    monkeypatch.setattr(deploy, "run", lambda command, stdin=None: None)
    monkeypatch.setattr(shutil, "which", lambda tool: f"/usr/bin/{tool}")
    monkeypatch.setattr(sys, "stdin", _Piped("ghp_x"))

    deploy.set_secret(TARGET, "GITHUB_TOKEN")
    printed = capsys.readouterr().out
    deploy.set_secret(TARGET, "GITHUB_READ_TOKEN")

    assert "code_analyzer gets GITHUB_READ_TOKEN in its place" in printed
    assert "in its place" not in capsys.readouterr().out


class _Piped:
    def __init__(self, text: str) -> None:
        self._text = text

    def isatty(self) -> bool:
        return False

    def read(self) -> str:
        return self._text
