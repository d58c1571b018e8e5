"""Deploy into one's own Google Cloud project: `make deploy PROJECT_ID=… REGION=…`.

python -m infra.deploy PROJECT_ID REGION                     everything that changed
python -m infra.deploy PROJECT_ID REGION --only NAME         one function
python -m infra.deploy PROJECT_ID REGION --secret NAME       give a secret its value, read without echo or from stdin
python -m infra.deploy PROJECT_ID REGION --signing-keys      give every function that signs its answers a new key
python -m infra.deploy PROJECT_ID REGION --output NAME       print an output of the last deployment

Terraform does all the work, also for one function: another way in would know neither its settings nor its account,
and undo them. Its state lies in a bucket of the project, so that a colleague or Cloud Build goes on from there.
"""

import argparse
import getpass
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass

import yaml

from infra import bundle, triggers

GCP = bundle.ROOT / "infra" / "gcp"
VARIABLES = GCP / "terraform.tfvars"
# Terraform needs these two to enable the others.
FIRST_SERVICES = ("cloudresourcemanager.googleapis.com", "serviceusage.googleapis.com")
BLANK = "# See terraform.tfvars.example.\n"
"""The content of terraform.tfvars before an operator writes variables."""
# What gcloud prints when something does not exist. Its exit code is 1 for an expired login and a lost network too.
NOT_FOUND = re.compile(r"not found: 404|HTTPError 404|matched no objects", re.IGNORECASE)

OF_EACH_FUNCTION = ("STEP_SIGNING_KEY",)
"""Secrets of which every function that reads them has one of its own."""

Command = list[str]


class DeployFailed(Exception):
    """A command failed or a tool is missing; the message says which."""


@dataclass(frozen=True)
class Target:
    """Where to deploy."""

    project_id: str
    region: str

    @property
    def state_bucket(self) -> str:
        """The bucket of Terraform's state; infra/gcp/builds.tf and cloudbuild.yaml name it too."""
        return f"gs://{self.project_id}-incident-copilot-state"

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
        """Return the command that keeps terraform.tfvars beside the state, where Cloud Build finds it."""
        return ["gcloud", "storage", "cp", str(VARIABLES), f"{self.state_bucket}/terraform.tfvars"]

    def keep_blank(self) -> Command:
        """Return the command that keeps a blank terraform.tfvars, unless variables are kept already."""
        return [*self.keep_variables(), "--no-clobber"]

    def find_variables(self) -> Command:
        """Return the command that succeeds when variables were kept."""
        return ["gcloud", "storage", "objects", "describe", f"{self.state_bucket}/terraform.tfvars"]

    def fetch_variables(self) -> Command:
        """Return the command that brings the kept variables here."""
        return ["gcloud", "storage", "cp", f"{self.state_bucket}/terraform.tfvars", str(VARIABLES)]

    def add_secret_version(self, name: str) -> Command:
        """Return the command that takes a secret's value from its standard input."""
        return ["gcloud", "secrets", "versions", "add", name, "--data-file=-", f"--project={self.project_id}"]

    def init(self) -> Command:
        """Return Terraform's init with the state's bucket."""
        backend = f"-backend-config=bucket={self.state_bucket.removeprefix('gs://')}"
        return [*terraform(), "init", "-input=false", "-reconfigure", backend]

    def apply(self, only: str | None, is_agreed: bool) -> Command:
        """Return Terraform's apply, of one function where `only` names it."""
        command = [*terraform(), "apply", "-lock-timeout=20m"]
        command += [f"-var=project_id={self.project_id}", f"-var=region={self.region}"]
        command += ["-auto-approve", "-input=false"] if is_agreed else []
        return [*command, f'-target=google_cloudfunctions2_function.function["{only}"]'] if only else command


def terraform() -> Command:
    """Return the start of every Terraform command."""
    return ["terraform", f"-chdir={GCP}"]


def deploy(target: Target, only: str | None, is_agreed: bool) -> None:
    """Bundle, then let Terraform change what differs. Raises DeployFailed."""
    if only is not None and only not in bundle.names():
        raise DeployFailed(f"There is no function {only!r}; there are {', '.join(bundle.names())}")
    for name in bundle.names():
        bundle.write(name)
    triggers.write()
    _prepare(target)
    _check_settings()
    run(target.apply(only, is_agreed))
    run(target.keep_variables() if _has_variables() else target.keep_blank())


def _prepare(target: Target) -> None:
    _need("gcloud", "terraform")
    run(target.enable())
    if not _is_there(target.find_state()):
        for command in target.make_state():
            run(command)
    # Another laptop must not deploy without the settings in force.
    if not _has_variables() and _is_there(target.find_variables()):
        run(target.fetch_variables())
    if not VARIABLES.exists():
        VARIABLES.write_text(BLANK, encoding="utf-8")
    run(target.init())


def _check_settings() -> None:
    """Print what is wrong with the settings of terraform.tfvars. Raises DeployFailed when something is."""
    # Only here: the checks load what every function loads.
    from infra.doctor.offline import tfvars
    from infra.doctor.offline.run import check_deployment

    checks = check_deployment(tfvars.settings(VARIABLES))
    for check in checks:
        print(check)
    if any(check.state == "wrong" for check in checks):
        raise DeployFailed(f"Nothing was deployed: correct {VARIABLES.name} first")


def _has_variables() -> bool:
    return VARIABLES.exists() and VARIABLES.read_text(encoding="utf-8") != BLANK


def set_secret(target: Target, name: str) -> None:
    """Add a version of a secret: typed without echo, or piped in. Raises DeployFailed."""
    granted = granted_secrets()
    if name in OF_EACH_FUNCTION:
        raise DeployFailed(f"Every function has a {name} of its own: `make signing-keys` makes them all")
    if name not in granted:
        raise DeployFailed(f"No function reads a secret {name!r}; there are {', '.join(granted)}")
    _need("gcloud")
    value = getpass.getpass(f"{name}: ") if sys.stdin.isatty() else sys.stdin.read().rstrip("\n")
    if not value.strip():
        raise DeployFailed(f"The value of {name} is empty; nothing was changed")
    run(target.add_secret_version(name), value)


def granted_secrets() -> list[str]:
    """Return the secrets that function.yaml files grant, in order of their names."""
    files = (bundle.FUNCTIONS / name / "function.yaml" for name in bundle.names())
    return sorted({secret for file in files for secret in yaml.safe_load(file.read_text(encoding="utf-8"))["secrets"]})


def print_output(name: str) -> None:
    """Print an output of the last deployment. Raises DeployFailed."""
    _need("terraform")
    run([*terraform(), "output", name])


def _need(*tools: str) -> None:
    for tool in tools:
        if shutil.which(tool) is None:
            raise DeployFailed(f"{tool} is needed and not on the PATH; infra/README.md says where to get it")


def _is_there(command: Sequence[str]) -> bool:
    """Say whether the thing described exists. Raises DeployFailed when that is unknown."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return True
    if NOT_FOUND.search(done.stderr):
        return False
    thing = next(part for part in command if part.startswith("gs://"))
    raise DeployFailed(f"Whether {thing} exists is unknown, so nothing was deployed. {done.stderr.strip()}")


def run(command: Sequence[str], stdin: str | None = None) -> None:
    """Run a command, which is printed, with a text as its standard input, which is not. Raises DeployFailed."""
    print("+", shlex.join(command), flush=True)
    done = subprocess.run(command, input=stdin, text=True, check=False)
    if done.returncode:
        raise DeployFailed(f"{command[0]} ended with {done.returncode}")


def main(arguments: Sequence[str]) -> int:
    """Do what the command line asks; 1 when it failed."""
    parser = argparse.ArgumentParser(prog="infra.deploy", description="Deploy into a Google Cloud project.")
    parser.add_argument("project_id")
    parser.add_argument("region")
    parser.add_argument("--only", metavar="FUNCTION", help="deploy just this function")
    parser.add_argument("--secret", metavar="NAME", help="give this secret its value")
    parser.add_argument("--signing-keys", action="store_true", help="give every function that signs a new key")
    parser.add_argument("--output", metavar="NAME", help="print this output of the last deployment")
    parser.add_argument("--yes", action="store_true", help="apply without asking")
    options = parser.parse_args(arguments)
    target = Target(options.project_id, options.region)
    try:
        if options.secret is not None:
            set_secret(target, options.secret)
        elif options.signing_keys:
            # Only here: the keys need a library that bundling and deploying do not.
            from infra import signing_keys

            signing_keys.renew(target)
        elif options.output is not None:
            print_output(options.output)
        else:
            deploy(target, options.only, options.yes)
    except DeployFailed as failure:
        print(failure, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
