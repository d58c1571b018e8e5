"""Terraform itself, planning infra/gcp against a provider that touches nothing."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from infra import bundle
from tests.infra.gcp import mock_provider

BASE = {
    "project_id": mock_provider.PROJECT,
    "region": "europe-west1",
    "notification_emails": ["ops@example.com"],
}


@dataclass(frozen=True)
class Plan:
    """What Terraform would make, and the changes by address; `declared` are the types and names that are written."""

    resources: list[dict[str, Any]]
    outputs: dict[str, Any]
    declared: frozenset[tuple[str, str]]
    changes: dict[str, list[str]]

    def of(self, kind: str, name: str | None = None) -> dict[str, dict[str, Any]]:
        """
        Return the planned resources of a type by their key in for_each, or by name where they have none.

        Fails the test when no file of infra/gcp declares such a one: what is expected of it would hold of nothing.
        """
        assert [one for one in self.declared if one[0] == kind and name in (None, one[1])], f"no {kind} {name or ''}"
        planned = [one for one in self.resources if one["type"] == kind and name in (None, one["name"])]
        return {one.get("index") or one["name"]: one["values"] for one in planned}


@dataclass(frozen=True)
class Terraform:
    """Terraform in a copy of the repository's relevant part, whose `root` a test may add to."""

    root: Path
    provider: Mapping[str, str]

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run one command in infra/gcp."""
        basics = {name: os.environ[name] for name in ("PATH", "HOME")}
        env = {**basics, "CHECKPOINT_DISABLE": "1", "TF_IN_AUTOMATION": "1", **self.provider}
        command = ["terraform", f"-chdir={self.root / 'infra' / 'gcp'}", *arguments]
        return subprocess.run(command, env=env, capture_output=True, text=True, timeout=120, check=False)

    def plan(self, **variables: Any) -> Plan:
        """Return the plan for an empty project; fails the test when Terraform refuses."""
        done = self.try_plan(**variables)
        assert done.returncode == 0, done.stderr
        return self.planned()

    def planned(self) -> Plan:
        """Return the plan that was made last."""
        whole = json.loads(self.run("show", "-json", "plan").stdout)
        values, written = whole["planned_values"], whole["configuration"]["root_module"]["resources"]
        return Plan(
            values["root_module"]["resources"],
            values.get("outputs", {}),
            frozenset((one["type"], one["name"]) for one in written if one["mode"] == "managed"),
            {one["address"]: one["change"]["actions"] for one in whole.get("resource_changes", [])},
        )

    def apply(self) -> subprocess.CompletedProcess[str]:
        """Apply the plan that was made last, however it ends."""
        return self.run("apply", "-input=false", "-no-color", "-parallelism=1", "plan")

    def try_plan(self, **variables: Any) -> subprocess.CompletedProcess[str]:
        """Plan, however it ends."""
        (self.root / "infra" / "gcp" / "test.auto.tfvars.json").write_text(json.dumps({**BASE, **variables}))
        return self.run("plan", "-input=false", "-refresh=false", "-no-color", "-out=plan")


@dataclass(frozen=True)
class Deployment:
    """What was deployed: `plan` is its first plan, `google.made` the order in which it was made."""

    terraform: Terraform
    google: mock_provider.Google
    plan: Plan


@pytest.fixture(scope="session")
def provider() -> Iterator[Mapping[str, str]]:
    """The provider that touches nothing, as an environment for Terraform."""
    if shutil.which("terraform") is None:
        pytest.skip("terraform is not installed")
    with mock_provider.serving(mock_provider.Google()) as environment:
        yield environment


@pytest.fixture(scope="session")
def project(provider: Mapping[str, str], tmp_path_factory: pytest.TempPathFactory) -> Terraform:
    """Terraform over a copy of infra/gcp, functions/ and workflows/ with every bundle built; not to be changed."""
    root = tmp_path_factory.mktemp("project")
    ignore = shutil.ignore_patterns(".terraform", "*.tfvars", "*.tfstate*")
    for name in ("infra/gcp", "functions", "workflows"):
        shutil.copytree(bundle.ROOT / name, root / name, ignore=ignore)
    for name in bundle.names():
        built = bundle.write(name, root / "build")
        shutil.rmtree(built.folder)
    (root / "infra" / "gcp" / "state_override.tf").write_text('terraform {\n  backend "local" {}\n}\n')
    terraform = Terraform(root, provider)
    done = terraform.run("init", "-input=false", "-no-color")
    assert done.returncode == 0, done.stderr
    return terraform


@pytest.fixture
def terraform(project: Terraform, tmp_path: Path) -> Terraform:
    """A copy of the project for one test, to be changed at will."""
    return replace(project, root=Path(shutil.copytree(project.root, tmp_path / "project")))


@contextmanager
def deployed(project: Terraform, folder: Path, **variables: Any) -> Iterator[Deployment]:
    """Deploy into an empty project of a Google that is as in truth: what it makes up is known after the apply alone."""
    google = mock_provider.Google(answers_late=True)
    root = Path(shutil.copytree(project.root, folder / "project"))
    with mock_provider.serving(google) as environment:
        terraform = replace(project, root=root, provider=environment)
        plan = terraform.plan(**variables)
        done = terraform.apply()
        assert done.returncode == 0, done.stderr
        yield Deployment(terraform, google, plan)


@pytest.fixture(scope="session")
def plan(project: Terraform) -> Plan:
    """The plan with every variable at its default."""
    return project.plan()
