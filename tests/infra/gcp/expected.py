"""What a plan must hold, read from functions/*/function.yaml and the workflow."""

import re
from typing import Any

import yaml

from infra import bundle
from tests.infra.gcp import mock_provider

WORKFLOW = bundle.ROOT / "workflows" / "incident.workflows.yaml"
NAMES = bundle.names()


def manifest(name: str) -> dict[str, Any]:
    """Return a function's function.yaml."""
    manifest: dict[str, Any] = yaml.safe_load((bundle.FUNCTIONS / name / "function.yaml").read_text())
    return manifest


def deployed(name: str) -> str:
    """Return the name Cloud Run knows a function by."""
    return name.replace("_", "-")


def account(name: str) -> str:
    """Return the member that a function runs as."""
    return f"serviceAccount:copilot-{deployed(name)}@{mock_provider.PROJECT}.iam.gserviceaccount.com"


def called_by_workflow() -> set[str]:
    """Return the functions the workflow's YAML names."""
    return set(re.findall(r"^\s*(?:- )?function: (\w+)$", WORKFLOW.read_text(), re.MULTILINE))


def has(name: str, setting: str) -> bool:
    """Return whether a function is granted the setting."""
    return setting in manifest(name)["settings"]
