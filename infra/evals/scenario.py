"""The content of a scenario file: the telemetry and code of an incident, and what a good engineer concludes."""

from pathlib import Path
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from shared.contracts import IncidentType, Severity, Status
from shared.errors import Rejected

FOLDER = Path(__file__).with_name("scenarios")
Point = tuple[float, float]
"""Minute of the window, value."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class Lines(_Part):
    """
    Log entries of one shape: one at minute `at`, or from minute `from` to `to` one each `every_s` or `count` in all.

    `$n`, `$ms`, `$id`, `$ip`, `$ts` in the text: a counter, a number 3 to 40, 16 hex digits, an address, the time.
    `split` logs each line of the text as its own entry, as Loki does without a multiline stage.
    """

    text: str
    level: str | None = None
    service: str | None = None
    at: float | None = None
    start: float = Field(0, alias="from")
    end: float | None = Field(None, alias="to")
    every_s: float | None = Field(None, gt=0)
    count: int | None = Field(None, gt=0)
    split: bool = False


class Metric(_Part):
    """
    One series with a sample every 15 s: a counter from `rate` (per second, constant between points), a gauge from
    `value` (linear between points), or latency buckets from `seconds`, at 20 requests per second.
    """

    name: str
    labels: dict[str, str] = Field(default_factory=dict)
    rate: list[Point] | None = None
    value: list[Point] | None = None
    seconds: list[Point] | None = None


class Edit(_Part):
    """Replaces a text that occurs exactly once in a file."""

    path: str
    old: str
    new: str


class CommitMade(_Part):
    """One commit on main: whole files (None deletes one) and edits."""

    hours_before: float = Field(ge=0, description="Hours before the alert fires.")
    message: str
    files: dict[str, str | None] = Field(default_factory=dict)
    edits: list[Edit] = Field(default_factory=list)


class ScenarioRepository(_Part):
    """The service's repository; `deployed` is the number, from 1, of the commit that the alert's label names."""

    name: str = "acme/service"
    commits: list[CommitMade] = Field(min_length=1)
    deployed: int | None = Field(None, ge=1)


class Fires(_Part):
    """The alert; `minute` is when it started to fire."""

    name: str
    summary: str = ""
    minute: float | None = None
    status: Status = "firing"
    labels: dict[str, str] = Field(default_factory=dict)
    annotations: dict[str, str] = Field(default_factory=dict)


class Onset(_Part):
    """When the behaviour changed."""

    minute: float
    within_s: float = 90


class PatchWanted(_Part):
    """The expected patch: it reverts a commit (counted from 1) and changes exactly these files."""

    reverts: int | None = None
    files: list[str] = Field(default_factory=list)


class Wanted(_Part):
    """The expected result; omitted fields are not checked. `mentions` and `never` are regexes, case ignored."""

    outcome: Literal["proceed", "dismiss"]
    types: list[IncidentType] = Field(default_factory=list)
    severities: list[Severity] = Field(default_factory=list)
    onset: Onset | None = None
    evidence: list[str] = Field(default_factory=list, description="Each is verbatim in the incident's evidence.")
    no_evidence: list[str] = Field(default_factory=list, description="None of these is in it.")
    mentions: list[str] = Field(default_factory=list, description="Each is in what the answers say about the cause.")
    never: list[str] = Field(default_factory=list, description="None is in the conclusions or the advice.")
    secrets: list[str] = Field(default_factory=list, description="None is verbatim in any answer.")
    advises: list[str] = Field(default_factory=list, description="Each is in the suggestions.")
    file: str | None = Field(None, description="The first file the analysis names.")
    commit: int | None = Field(None, description="The most suspect commit, counted from 1.")
    patch: PatchWanted | Literal["none"] | None = None


class EvalScenario(_Part):
    """One incident; `known_gap` says why the offline analyst is not expected to pass; it is then counted separately."""

    name: str = ""
    about: str
    service: str
    window_minutes: float = Field(20, gt=0)
    alert: Fires
    logs: list[Lines] = Field(default_factory=list)
    metrics: list[Metric] = Field(default_factory=list)
    repository: ScenarioRepository | None = None
    logs_are_down: bool = False
    wanted: Wanted
    known_gap: str | None = None


def load(folder: Path = FOLDER, only: str = "") -> list[EvalScenario]:
    """Return the scenarios of a folder whose names contain `only`. Raises Rejected naming the invalid file."""
    return [_read(path) for path in sorted(folder.glob("*.yaml")) if only in path.stem]


def _read(path: Path) -> EvalScenario:
    try:
        return EvalScenario.model_validate({**yaml.safe_load(path.read_text(encoding="utf-8")), "name": path.stem})
    except (OSError, yaml.YAMLError, ValidationError, TypeError) as error:
        raise Rejected(f"scenario {str(path)!r} is not well-formed: {error}") from error
