"""The format of a scenario (`scenario.yaml`), and the result of a build for the local stack (`Built`)."""

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError, model_validator

from shared.errors import Rejected

Request = dict[str, JsonValue]


@dataclass(frozen=True)
class Built:
    """Where the local stack finds one incident; nothing in it reveals the cause."""

    service_name: str
    alert: Path
    """The body to post to alert_intake, JSON."""
    logs: Path
    """A Loki `query_range` body, gzipped when its name ends in `.gz`."""
    metrics: Path | None
    """A Prometheus `query_range` body (matrix), gzipped when its name ends in `.gz`; None without metrics."""
    repo_git: Path | None
    """A git directory that the GitHub sandbox may serve and write to."""
    github_repo: str | None
    """The `owner/name` under which it is served."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ScenarioCommit(_Part):
    """One patch of the history and its age when the alert fires."""

    patch: str
    minutes_before: int = Field(ge=0)


class Deploy(_Part):
    """Which commit runs before and after, and when; commits are counted from 1."""

    before: int = Field(ge=1)
    after: int = Field(ge=1)
    minutes_before: float = Field(gt=0)
    seconds_between_pods: float = Field(ge=0)
    pods: int = Field(ge=1, le=20)
    version_before: str = Field(min_length=1)
    version_after: str = Field(min_length=1)
    environment: str = Field(min_length=1)
    creator: str = Field(min_length=1)
    minutes_before_previous: float = Field(gt=0)
    """How long before the alert fired the version before was deployed."""


class WeightedRequest(_Part):
    """A request and its share of the traffic."""

    weight: float = Field(gt=0)
    request: Request


class Traffic(_Part):
    """The requests to the service, from `minutes_before` the build until the build."""

    minutes_before: float = Field(gt=0)
    requests_per_s: float = Field(gt=0, le=50)
    health_check_every_s: float = Field(gt=0)
    health_check: Request
    requests: tuple[WeightedRequest, ...] = Field(min_length=1)


class AlertTemplate(_Part):
    """The body to post, how long ago it fired, and the window of its error ratio."""

    file: str
    seconds_ago: int = Field(ge=0)
    ratio_minutes: float = Field(gt=0)

    @property
    def age(self) -> timedelta:
        """How long the alert has been firing at the time of the build."""
        return timedelta(seconds=self.seconds_ago)


class Truth(_Part):
    """The expected finding; only tests read it."""

    commit: int = Field(ge=1)
    file: str
    function: str


class Scenario(_Part):
    """One incident to run: a service, its history, its traffic, its alert."""

    service_name: str
    namespace: str
    repo: str = Field(pattern=r"^[\w.-]+/[\w.-]+$")
    app: str = Field(pattern=r"^[\w.]+:\w+$")
    seed: int
    history: tuple[ScenarioCommit, ...] = Field(min_length=1)
    deploy: Deploy
    traffic: Traffic
    alert: AlertTemplate
    truth: Truth

    @model_validator(mode="after")
    def _is_playable(self) -> "Scenario":
        """Check that every commit number exists and that both versions get requests."""
        highest = max(self.deploy.before, self.deploy.after, self.truth.commit)
        if highest > len(self.history):
            raise ValueError(f"there is no commit {highest}: the history has {len(self.history)}")
        rollout_s = self.deploy.pods * self.deploy.seconds_between_pods
        deployed_s_ago = self.deploy.minutes_before * 60 + self.alert.seconds_ago
        probe_s = self.traffic.health_check_every_s
        if not rollout_s + probe_s < deployed_s_ago < self.traffic.minutes_before * 60 - probe_s:
            raise ValueError(f"the traffic must start before the deploy ({deployed_s_ago:.0f} s ago) and end after it")
        return self


def read(scenario_dir: Path) -> Scenario:
    """
    Read `scenario.yaml` of a folder.

    Raises Rejected (no such file, not YAML, a missing or wrong field).
    """
    path = scenario_dir / "scenario.yaml"
    try:
        return Scenario.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise Rejected(f"scenario {str(path)!r} cannot be read: {error.strerror}") from error
    except (yaml.YAMLError, ValidationError) as error:
        raise Rejected(f"scenario {str(path)!r} is not well-formed: {error}") from error
