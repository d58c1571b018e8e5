"""Known incidents of a system of many services: a folder each, with the system's logs and metrics and the truth."""

import gzip
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ValidationError

from infra.local.scenarios.cases import LOGS_FILE, METRICS_FILE
from infra.score.halves import Half, half_of
from infra.score.microservice.fault_types import INCIDENT_TYPES
from shared import clock
from shared.contracts import IncidentType
from shared.errors import IncidentCopilotError, Rejected
from shared.telemetry.loki_answers import parse_lines
from shared.telemetry.port import LogLine
from shared.telemetry.prometheus import parse_ranges

FOLDER = "microservice"
NO_FAULT = "none"

Points = tuple[tuple[datetime, float], ...]


class _CaseFile(BaseModel):
    fault_type: str
    root_cause_service: str | None = None
    inject_time: Annotated[datetime, AfterValidator(clock.to_utc)] | None = None


@dataclass(frozen=True)
class Fault:
    """What was done to the system: to which service, what, and when (aware UTC)."""

    service: str
    type: str
    injected_at: datetime

    @property
    def incident_type(self) -> IncidentType:
        """What the analyst is expected to call it."""
        return INCIDENT_TYPES[self.type]


@dataclass(frozen=True)
class RecordedSeries:
    """One series of one service, its points oldest first."""

    service: str
    name: str
    points: Points


@dataclass(frozen=True)
class MicroserviceCase:
    """A recorded window of the system; `fault` is None in a control, where nothing was done to it."""

    name: str
    folder: Path
    fault: Fault | None
    lines: tuple[LogLine, ...]
    series: tuple[RecordedSeries, ...]

    @cached_property
    def services(self) -> tuple[str, ...]:
        """The services that wrote a line, by name: each is alerted on."""
        return tuple(sorted({service_of(line.labels) for line in self.lines}))

    def half(self, service: str) -> Half:
        """Return the half that an alert belongs to: its incident's; a control's service is a known case of its own."""
        return half_of(self.name if self.fault else f"{self.name}/{service}")


def folders(cases: Path) -> list[Path]:
    """Return the folders of the incidents below `cases/microservice`, by name. Raises Rejected when there is none."""
    listed = sorted(path.parent for path in (cases / FOLDER).glob("*/case.json"))
    if not listed:
        raise Rejected(f"{str(cases / FOLDER)!r} holds no folder with a case.json: --cases names the folder above it")
    return listed


def service_of(labels: Mapping[str, str]) -> str:
    """Return the service that a stream or series belongs to. Raises Rejected when its labels name none."""
    if "service_name" not in labels:
        raise Rejected(f"a stream or series lacks the label service_name: {dict(labels)}")
    return labels["service_name"]


def read(folder: Path) -> MicroserviceCase:
    """Return the incident of a folder. Raises Rejected naming the folder and what is missing or wrong."""
    try:
        truth = _CaseFile.model_validate_json((folder / "case.json").read_bytes())
        lines = parse_lines(_read(folder / LOGS_FILE), LOGS_FILE)
        series = tuple(_series(folder / METRICS_FILE)) if (folder / METRICS_FILE).exists() else ()
    except (OSError, ValidationError, ValueError, IncidentCopilotError) as error:
        raise Rejected(f"case {str(folder)!r} cannot be read: {error}") from error
    if not lines:
        raise Rejected(f"case {str(folder)!r} has no log line, so no service to alert on")
    return MicroserviceCase(folder.name, folder, _fault(truth, folder), tuple(lines), series)


def _fault(truth: _CaseFile, folder: Path) -> Fault | None:
    if truth.fault_type == NO_FAULT:
        return None
    if truth.root_cause_service is None or truth.inject_time is None:
        raise Rejected(f"case {str(folder)!r} has a fault, so it needs root_cause_service and inject_time")
    if truth.fault_type not in INCIDENT_TYPES:
        raise Rejected(f"case {str(folder)!r}: fault_type {truth.fault_type!r} has no row in fault_types.py")
    return Fault(truth.root_cause_service, truth.fault_type, truth.inject_time)


def _series(path: Path) -> Iterator[RecordedSeries]:
    for labels, points in parse_ranges(_read(path), METRICS_FILE):
        yield RecordedSeries(service_of(labels), labels.get("__name__", ""), points)


def _read(path: Path) -> object:
    return json.loads(gzip.decompress(path.read_bytes()))
