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

from infra import bundle, deploy, triggers

TARGET = deploy.Target("example-project", "europe-west1")


def gcloud_commands() -> list[deploy.Command]:
    """Return every gcloud command the deployment may run."""
    first = [TARGET.enable(), TARGET.find_state(), *TARGET.make_state(), TARGET.add_secret_version("GITHUB_TOKEN")]
    return [*first, TARGET.find_variables(), TARGET.fetch_variables(), TARGET.keep_variables(), TARGET.keep_blank()]


def written_lines() -> Iterator[str]:
    """Yield every gcloud command of the Makefile, the build and the pages, joined where it is broken."""
    for name in ("Makefile", "cloudbuild.yaml"):
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


ABSENT = {
    "gcloud storage buckets describe": "ERROR: (gcloud.storage.buckets.describe) gs://example not found: 404.",
    "gcloud storage objects describe": "ERROR: (gcloud.storage.objects.describe) gs://example/x not found: 404.",
}


class Tools:
    """Stands for gcloud and Terraform: records what was run, and fails with the given message."""

    def __init__(self, errors: Mapping[str, str] | None = None) -> None:
        self.run: list[list[str]] = []
        self._errors = errors or {}

    def __call__(self, command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        self.run.append(list(command))
        error = self._errors.get(" ".join(command[:4]))
        return subprocess.CompletedProcess(command, 0 if error is None else 1, stdout="", stderr=error or "")

    def verbs(self) -> list[str]:
        """Return what was done, without where and how."""
        return [" ".join(part for part in command[:4] if not part.startswith("-")) for command in self.run]


@pytest.fixture
def build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A deployment that writes into a folder of the test's own, on a machine that has both tools and every bundle."""
    monkeypatch.setattr(bundle, "write", lambda name: None)
    monkeypatch.setattr(triggers, "write", lambda: None)
    monkeypatch.setattr(deploy, "VARIABLES", tmp_path / "terraform.tfvars")
    monkeypatch.setattr(shutil, "which", lambda tool: f"/usr/bin/{tool}")
    return tmp_path


def test_first_deployment_makes_the_place_of_its_state(build: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """APIs, bucket, init, apply, and then the variables are kept for the next deployment."""
    tools = Tools(ABSENT)
    monkeypatch.setattr(subprocess, "run", tools)

    deploy.deploy(TARGET, only=None, is_agreed=True)

    assert tools.verbs() == [
        "gcloud services enable cloudresourcemanager.googleapis.com",
        "gcloud storage buckets describe",
        "gcloud storage buckets create",
        "gcloud storage buckets update",
        "gcloud storage objects describe",
        "terraform init",
        "terraform apply",
        f"gcloud storage cp {build / 'terraform.tfvars'}",
    ]
    assert tools.run[-1][-1] == "--no-clobber"


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
    tools = Tools({question: message})
    monkeypatch.setattr(subprocess, "run", tools)

    with pytest.raises(deploy.DeployFailed, match="exists is unknown, so nothing was deployed") as caught:
        deploy.deploy(TARGET, only=None, is_agreed=True)

    assert message in str(caught.value)
    assert " ".join(tools.run[-1][:4]) == question
    assert not (build / "terraform.tfvars").exists()


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


def test_blank_variables_give_way_to_the_kept_ones(build: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A laptop that once deployed without settings neither deploys nor keeps its blank file over the kept one."""
    (build / "terraform.tfvars").write_text(deploy.BLANK)
    tools = Tools()
    monkeypatch.setattr(subprocess, "run", tools)

    deploy.deploy(TARGET, only=None, is_agreed=True)

    assert TARGET.fetch_variables() in tools.run
    assert TARGET.keep_variables() not in tools.run


def test_written_variables_are_kept_and_never_fetched_over(build: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An operator's own terraform.tfvars is what is deployed, and replaces the kept copy."""
    (build / "terraform.tfvars").write_text('notification_emails = ["ops@example.com"]\n')
    tools = Tools()
    monkeypatch.setattr(subprocess, "run", tools)

    deploy.deploy(TARGET, only=None, is_agreed=True)

    assert TARGET.fetch_variables() not in tools.run
    assert tools.run[-1] == TARGET.keep_variables()


def test_another_laptop_deploys_with_the_variables_that_stand(build: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without its own terraform.tfvars it fetches the kept one; the bucket is found, not made."""
    tools = Tools()
    monkeypatch.setattr(subprocess, "run", tools)

    deploy.deploy(TARGET, only=None, is_agreed=True)

    assert "gcloud storage buckets create" not in tools.verbs()
    assert "gcloud storage cp gs://example-project-incident-copilot-state/terraform.tfvars" in tools.verbs()


def test_one_function_is_one_target_of_terraform(build: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`make deploy-rca` changes that function and what it depends on, with the settings of all."""
    tools = Tools()
    monkeypatch.setattr(subprocess, "run", tools)

    deploy.deploy(TARGET, only="rca", is_agreed=False)

    (apply,) = [command for command in tools.run if "apply" in command]
    assert '-target=google_cloudfunctions2_function.function["rca"]' in apply
    assert "-auto-approve" not in apply


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
    deploy.VARIABLES.write_text('settings = {\n  PR_MODE = "drafts"\n}\n')

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


class _Piped:
    def __init__(self, text: str) -> None:
        self._text = text

    def isatty(self) -> bool:
        return False

    def read(self) -> str:
        return self._text


def test_cloud_build_runs_the_same_steps_in_order() -> None:
    """Nothing is deployed that was not checked and tested."""
    text = (bundle.ROOT / "cloudbuild.yaml").read_text()

    steps = re.findall(r"^  - id: (\w+)$", text, re.MULTILINE)
    assert steps == ["lint", "types", "test", "bundles", "variables", "deploy"]
