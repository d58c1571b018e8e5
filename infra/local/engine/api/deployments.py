"""Deployed workflows: a source, its settings and its revision."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from infra.local.engine.api.errors import AlreadyExists, InvalidArgument, NotFound
from infra.local.engine.language import limits, syntax
from infra.local.engine.language.errors import DefinitionRejected
from infra.local.engine.workflows import load
from shared import clock

_RESERVED_PREFIXES = ("GOOGLE", "WORKFLOWS")


@dataclass(frozen=True)
class DeploymentSettings:
    """The settings of a deployment, besides its source."""

    environment: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    description: str = ""
    service_account: str = ""


@dataclass(frozen=True)
class Deployment:
    """One workflow under its full name `projects/*/locations/*/workflows/*`; times are UTC."""

    name: str
    workflow: syntax.Workflow
    settings: DeploymentSettings
    revision: str
    create_time: datetime
    revision_create_time: datetime

    @property
    def id(self) -> str:
        """The last part of the name."""
        return self.name.rpartition("/")[2]


class Deployments:
    """All deployments, by name."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._by_name: dict[str, Deployment] = {}

    def create(self, name: str, source: str, settings: DeploymentSettings) -> Deployment:
        """Deploy under a new name; raises AlreadyExists, InvalidArgument."""
        workflow = _checked(source, settings)
        moment = clock.now()
        deployment = Deployment(name, workflow, settings, _revision(1), moment, moment)
        with self._lock:
            if name in self._by_name:
                raise AlreadyExists(f"workflow {name!r} already exists")
            self._by_name[name] = deployment
        return deployment

    def update(self, name: str, source: str | None, settings: DeploymentSettings) -> Deployment:
        """Deploy the next revision of a workflow; raises NotFound, InvalidArgument."""
        current = self.get(name)
        workflow = _checked(current.workflow.source if source is None else source, settings)
        revision = _revision(int(current.revision.partition("-")[0]) + 1)
        deployment = replace(
            current, workflow=workflow, settings=settings, revision=revision, revision_create_time=clock.now()
        )
        with self._lock:
            self._by_name[name] = deployment
        return deployment

    def get(self, name: str) -> Deployment:
        """Return a deployment; raises NotFound."""
        with self._lock:
            deployment = self._by_name.get(name)
        if deployment is None:
            raise NotFound(f"workflow {name!r} does not exist")
        return deployment

    def list(self, parent: str) -> list[Deployment]:
        """Return the deployments of `projects/*/locations/*`, by name."""
        with self._lock:
            deployments = [item for name, item in self._by_name.items() if name.startswith(f"{parent}/workflows/")]
        return sorted(deployments, key=lambda deployment: deployment.name)

    def delete(self, name: str) -> Deployment:
        """Delete a deployment; its executions keep running. Raises NotFound."""
        deployment = self.get(name)
        with self._lock:
            self._by_name.pop(name, None)
        return deployment


def _revision(number: int) -> str:
    return f"{number:06d}-{uuid.uuid4().hex[:3]}"


def _checked(source: str, settings: DeploymentSettings) -> syntax.Workflow:
    _check_environment(settings.environment)
    check_labels(settings.labels)
    try:
        return load(source)
    except DefinitionRejected as error:
        raise InvalidArgument(f"main workflow: {error}") from error


def _check_environment(variables: Mapping[str, str]) -> None:
    if len(variables) > limits.ENVIRONMENT_VARIABLES:
        raise InvalidArgument(f"a workflow has at most {limits.ENVIRONMENT_VARIABLES} environment variables")
    for name, value in variables.items():
        if not name or name.startswith(_RESERVED_PREFIXES):
            raise InvalidArgument(f"{name!r} cannot be set: it is empty or starts with a reserved prefix")
        if len(value.encode("utf-8")) > limits.ENVIRONMENT_VALUE_BYTES:
            raise InvalidArgument(f"the value of {name!r} is longer than {limits.ENVIRONMENT_VALUE_BYTES} bytes")


def check_labels(labels: Mapping[str, str]) -> None:
    """Raise InvalidArgument when there are more labels than Google allows."""
    if len(labels) > limits.LABELS:
        raise InvalidArgument(f"at most {limits.LABELS} labels are allowed, found {len(labels)}")
