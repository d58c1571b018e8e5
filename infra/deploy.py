"""Deploy into one's own Google Cloud project: `make deploy PROJECT_ID=… REGION=…`, ENVIRONMENT=… for a second.

python -m infra.deploy PROJECT_ID REGION                     everything that changed
python -m infra.deploy PROJECT_ID REGION --only NAME         one function
python -m infra.deploy PROJECT_ID REGION --secret NAME       give a secret its value, read without echo or from stdin
python -m infra.deploy PROJECT_ID REGION --secret NAME --keep    the same, and the value before holds too
python -m infra.deploy PROJECT_ID REGION --signing-keys      give every function that signs its answers a new key
python -m infra.deploy PROJECT_ID REGION --output NAME       print an output of the last deployment

Terraform does all the work, also for one function: another way in would know neither its settings nor its account,
and undo them. Its state lies in a bucket of the project, so that a colleague or Cloud Build goes on from there.
Each environment has its own state and its own file of variables, infra/gcp/ENVIRONMENT.tfvars.
"""

import argparse
import getpass
import json
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from infra import bundle
from infra.commands import Command as Command
from infra.commands import DeployFailed as DeployFailed
from infra.commands import answer, described, is_there
from infra.commands import run as run

GCP = bundle.ROOT / "infra" / "gcp"
PRODUCTION = "production"
# Terraform would load it for every environment.
SHARED_VARIABLES = "terraform.tfvars"
PLAN = "deploy.tfplan"
CHANGES = 2
"""How `terraform plan -detailed-exitcode` ends when something would change."""
# Terraform needs two of these to enable the others, and secrets are looked at before it runs.
FIRST_SERVICES = (
    "cloudresourcemanager.googleapis.com",
    "secretmanager.googleapis.com",
    "serviceusage.googleapis.com",
)
# What Google answers while something new is not known everywhere yet, or when it is overloaded: the same request
# succeeds minutes later.
HEALS = re.compile(
    r"SERVICE_DISABLED|has not been used in project|does not exist|Permission \S+ denied|Error (403|409|429|5\d\d)"
    r"|deadline exceeded|connection reset|timeout",
    re.IGNORECASE,
)

OF_EACH_FUNCTION = ("STEP_SIGNING_KEY",)
"""Secrets of which every function that reads them has one of its own."""

OF_LINES = ("WEBHOOK_API_KEY", "WEBHOOK_HMAC_SECRET")
"""Secrets of which each line holds."""


@dataclass(frozen=True)
class Target:
    """Where to deploy."""

    project_id: str
    region: str
    environment: str = PRODUCTION

    @property
    def suffix(self) -> str:
        """What the names of its resources end with, as infra/gcp/manifests.tf has it."""
        return "" if self.environment == PRODUCTION else f"-{self.environment}"

    @property
    def state_bucket(self) -> str:
        """The bucket of Terraform's state; infra/gcp/manifests.tf and cloudbuild.yaml name it too."""
        return f"gs://{self.project_id}-incident-copilot-state{self.suffix}"

    @property
    def variables(self) -> Path:
        """The file of its variables, which is no part of the repository."""
        return GCP / f"{self.environment}.tfvars"

    def enable(self) -> Command:
        """Return the command that enables the first APIs."""
        return ["gcloud", "services", "enable", *FIRST_SERVICES, f"--project={self.project_id}"]

    def find_state(self) -> Command:
        """Return the command that succeeds when the state's bucket exists."""
        return ["gcloud", "storage", "buckets", "describe", self.state_bucket, f"--project={self.project_id}"]

    def make_state(self) -> list[Command]:
        """Return the commands that make the state's bucket, closed to the public, with every version kept."""
        create = ["gcloud", "storage", "buckets", "create", self.state_bucket, f"--project={self.project_id}"]
        create += [f"--location={self.region}", "--uniform-bucket-level-access", "--public-access-prevention"]
        return [create, ["gcloud", "storage", "buckets", "update", self.state_bucket, "--versioning"]]

    def keep_variables(self) -> Command:
        """Return the command that keeps the variables beside the state, where Cloud Build finds them."""
        return ["gcloud", "storage", "cp", str(self.variables), f"{self.state_bucket}/terraform.tfvars"]

    def find_variables(self) -> Command:
        """Return the command that succeeds when variables were kept."""
        return ["gcloud", "storage", "objects", "describe", f"{self.state_bucket}/terraform.tfvars"]

    def fetch_variables(self) -> Command:
        """Return the command that brings the kept variables here."""
        return ["gcloud", "storage", "cp", f"{self.state_bucket}/terraform.tfvars", str(self.variables)]

    def add_secret_version(self, name: str) -> Command:
        """Return the command that takes a secret's value from its standard input."""
        return [
            "gcloud",
            "secrets",
            "versions",
            "add",
            self.secret(name),
            "--data-file=-",
            f"--project={self.project_id}",
        ]

    def secret(self, name: str) -> str:
        """Return the name in Secret Manager of a secret of this environment."""
        return f"{name}{self.suffix}"

    def find_secret(self, name: str) -> Command:
        """Return the command that prints the name of a secret's latest version, which ends with its number."""
        latest = ["gcloud", "secrets", "versions", "describe", "latest", f"--secret={self.secret(name)}"]
        return [*latest, f"--project={self.project_id}", "--format=value(name)", "--quiet"]

    def open_to_anyone(self, deployed_name: str) -> Command:
        """Return the command that lets Cloud Run not check who calls a function, which then checks by itself."""
        update = ["gcloud", "run", "services", "update", deployed_name, "--no-invoker-iam-check"]
        return [*update, f"--region={self.region}", f"--project={self.project_id}"]

    def read_secret(self, name: str) -> Command:
        """Return the command that prints the latest value of a secret."""
        latest = ["gcloud", "secrets", "versions", "access", "latest", f"--secret={self.secret(name)}"]
        return [*latest, f"--project={self.project_id}"]

    def init(self) -> Command:
        """Return Terraform's init with the state's bucket."""
        backend = f"-backend-config=bucket={self.state_bucket.removeprefix('gs://')}"
        return [*terraform(), "init", "-input=false", "-reconfigure", backend]

    def plan(self, only: str | None = None) -> Command:
        """Return Terraform's plan, of one function where `only` names it; it ends with 2 when there is a change."""
        command = [*terraform(), "plan", "-input=false", "-lock-timeout=20m", "-detailed-exitcode", f"-out={PLAN}"]
        command += [f"-var=project_id={self.project_id}", f"-var=region={self.region}"]
        command += [f"-var=environment={self.environment}", f"-var-file={self.variables}"]
        return [*command, f'-target=google_cloudfunctions2_function.function["{only}"]'] if only else command

    def apply(self) -> Command:
        """Return Terraform's apply of what was planned."""
        return [*terraform(), "apply", "-input=false", "-lock-timeout=20m", PLAN]


def terraform() -> Command:
    """Return the start of every Terraform command."""
    return ["terraform", f"-chdir={GCP}"]


def deploy(target: Target, only: str | None, is_agreed: bool, needs_channel: bool = True) -> None:
    """Bundle, then let Terraform change what differs. Raises DeployFailed."""
    if only is not None and only not in bundle.names():
        raise DeployFailed(f"There is no function {only!r}; there are {', '.join(bundle.names())}")
    for name in bundle.names():
        bundle.write(name)
    _prepare(target)
    _check_settings(target, needs_channel and only is None)
    try:
        _change(target, only, is_agreed)
    finally:
        (GCP / PLAN).unlink(missing_ok=True)
    for name in json.loads(answer([*terraform(), "output", "-json", "unchecked_functions"]) or "[]"):
        run(target.open_to_anyone(name))


def _check_environment(name: str) -> None:
    """Raise DeployFailed for a name that infra/gcp would refuse, before a bucket gets it."""
    if name != PRODUCTION and not re.fullmatch(r"[a-z][a-z0-9]{0,6}", name):
        raise DeployFailed(f"ENVIRONMENT is {name!r}: write at most seven small letters and digits, such as staging")


def _prepare(target: Target) -> None:
    _need("gcloud", "terraform")
    if (GCP / SHARED_VARIABLES).exists():
        raise DeployFailed(f"Rename {SHARED_VARIABLES} to {PRODUCTION}.tfvars: it would be read for every environment")
    run(target.enable())
    if not is_there(target.find_state()):
        for command in target.make_state():
            run(command)
    # Another laptop must not deploy without the settings in force.
    if not target.variables.exists():
        if not is_there(target.find_variables()):
            example = GCP / "terraform.tfvars.example"
            raise DeployFailed(f"Nothing was deployed: copy {example} to {target.variables} and fill it in")
        run(target.fetch_variables())
    run(target.init())


def _check_settings(target: Target, needs_channel: bool) -> None:
    """Print what is wrong with the settings and the channels. Raises DeployFailed when something is."""
    # Only here: the checks load what every function loads.
    from infra.channels.deployed_channels import check_channels
    from infra.doctor.offline import tfvars
    from infra.doctor.offline.run import check_deployment

    settings = tfvars.settings(target.variables)
    checks = check_deployment(settings)
    if needs_channel:
        checks += check_channels(settings, lambda name: _latest_version(target, name))
    for check in checks:
        print(check)
    if any(check.state == "wrong" for check in checks):
        raise DeployFailed(f"Nothing was deployed: correct {target.variables.name} first")


def _latest_version(target: Target, secret: str) -> int:
    """Return the number of a secret's latest version: 0 before the first deployment, 1 while it is blank."""
    name = described(target.find_secret(secret))
    return int(name.rpartition("/")[2]) if name else 0


def _change(target: Target, only: str | None, is_agreed: bool) -> None:
    """Show what would change, ask, and change it; the variables are kept as soon as something may have changed."""
    if run(target.plan(only), fine=(0, CHANGES)) != CHANGES:
        run(target.keep_variables())
        return
    if not is_agreed and input("Apply this? Only yes applies it: ").strip() != "yes":
        raise DeployFailed("Nothing was changed")
    print("+", shlex.join(target.apply()), flush=True)
    done = subprocess.run(target.apply(), stderr=subprocess.PIPE, text=True, check=False)
    print(done.stderr or "", end="", file=sys.stderr)
    run(target.keep_variables())
    if done.returncode:
        again = " What was made stays; run the same command again, once: Google needs minutes to know what is new."
        raise DeployFailed(f"terraform ended with {done.returncode}.{again if HEALS.search(done.stderr or '') else ''}")


def set_secret(target: Target, name: str, *, keeps_current: bool = False) -> None:
    """
    Add a version of a secret: typed without echo, or piped in; the value before may hold besides.

    Raises DeployFailed.
    """
    granted = granted_secrets()
    if name in OF_EACH_FUNCTION:
        raise DeployFailed(f"Every function has a {name} of its own: `make signing-keys` makes them all")
    if name not in granted:
        raise DeployFailed(f"No function reads a secret {name!r}; there are {', '.join(granted)}")
    _need("gcloud")
    value = getpass.getpass(f"{name}: ") if sys.stdin.isatty() else sys.stdin.read().rstrip("\n")
    if not value.strip():
        raise DeployFailed(f"The value of {name} is empty; nothing was changed")
    if keeps_current:
        value = "\n".join([value, *_current_value(target, name)])
    run(target.add_secret_version(name), value)
    print("Functions get it by the next `make deploy`.")
    for function in bundle.names():
        if other := secret_names(function).get(name):
            print(f"{function} gets {other} in its place: set that one too")


def _current_value(target: Target, name: str) -> list[str]:
    """Return the first line of a secret's latest version, which is the newest value; none of a blank one."""
    if name not in OF_LINES:
        raise DeployFailed(f"{name} holds one value; two at once can hold of {', '.join(OF_LINES)}")
    done = subprocess.run(target.read_secret(name), capture_output=True, text=True, check=False)
    if done.returncode:
        raise DeployFailed(f"The value of {name} cannot be read, so nothing was changed. {done.stderr.strip()}")
    return done.stdout.strip().splitlines()[:1]


def granted_secrets() -> list[str]:
    """Return the secrets that function.yaml files grant, by their names in Secret Manager and in order."""
    manifests = {name: _manifest(name)["secrets"] for name in bundle.names()}
    return sorted({secret_names(name).get(one, one) for name, secrets in manifests.items() for one in secrets})


def secret_names(function: str) -> dict[str, str]:
    """Return the secrets that a function gets under another name: by its variable, the name in Secret Manager."""
    names: dict[str, str] = _manifest(function).get("secret_names", {})
    return names


def _manifest(function: str) -> dict[str, Any]:
    text = (bundle.FUNCTIONS / function / "function.yaml").read_text(encoding="utf-8")
    manifest: dict[str, Any] = yaml.safe_load(text)
    return manifest


def print_output(name: str) -> None:
    """Print an output of the last deployment. Raises DeployFailed."""
    _need("terraform")
    run([*terraform(), "output", name])


def _need(*tools: str) -> None:
    for tool in tools:
        if shutil.which(tool) is None:
            raise DeployFailed(f"{tool} is needed and not on the PATH; infra/README.md says where to get it")


def main(arguments: Sequence[str]) -> int:
    """Do what the command line asks; 1 when it failed."""
    parser = argparse.ArgumentParser(prog="infra.deploy", description="Deploy into a Google Cloud project.")
    parser.add_argument("project_id")
    parser.add_argument("region")
    parser.add_argument("--only", metavar="FUNCTION", help="deploy just this function")
    parser.add_argument("--secret", metavar="NAME", help="give this secret its value")
    parser.add_argument("--keep", action="store_true", help="with --secret: the value before holds too")
    parser.add_argument("--signing-keys", action="store_true", help="give every function that signs a new key")
    parser.add_argument("--output", metavar="NAME", help="print this output of the last deployment")
    parser.add_argument("--environment", default=PRODUCTION, help="another deployment in the same project")
    parser.add_argument("--without-channel", action="store_true", help="deploy although nobody would get a message")
    parser.add_argument("--yes", action="store_true", help="apply without asking")
    options = parser.parse_args(arguments)
    target = Target(options.project_id, options.region, options.environment)
    try:
        _check_environment(options.environment)
        if options.secret is not None:
            set_secret(target, options.secret, keeps_current=options.keep)
        elif options.signing_keys:
            # Only here: the keys need a library that bundling and deploying do not.
            from infra import signing_keys

            signing_keys.renew(target)
        elif options.output is not None:
            print_output(options.output)
        else:
            deploy(target, options.only, options.yes, not options.without_channel)
    except DeployFailed as failure:
        print(failure, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
