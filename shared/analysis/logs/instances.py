"""Which instances of a service wrote the lines: from when to when, and which version each says it is."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache

from shared.telemetry.port import LogLine

INSTANCE_LABELS = (
    "pod",
    "k8s_pod_name",
    "pod_name",
    "service_instance_id",
    "instance",
    "task",
    "hostname",
    "host",
)
"""Labels that name one running copy of a service, the most exact first."""
_INSTANCE_LABELS = frozenset(INSTANCE_LABELS)
VERSION_LABELS = (
    "service_version",
    "version",
    "app_kubernetes_io_version",
    "app_version",
    "image_tag",
    "container_image_tag",
    "release",
    "revision_name",
    "git_commit",
    "git_sha",
    "commit",
    "image",
    "container_image",
)
MAX_INSTANCES = 500
MAX_VERSIONS = 10


@dataclass
class VersionSpan:
    """Lines of one version, without a line of another between them; `text` is the first."""

    version: str
    first: datetime
    last: datetime
    text: str


@dataclass
class InstanceLog:
    """
    The lines of one instance; `version` is its first, empty when no label says it. Times are aware UTC.

    `spans` are the versions its lines had, in order, the first ones where it had too many.
    """

    name: str
    version: str
    first: datetime
    first_text: str
    last: datetime
    lines: int = 1
    spans: list[VersionSpan] = field(default_factory=list)
    _label: str = ""
    _value: str = ""
    """The label that the version of the last span was read from, so that the others are not looked at for each line."""

    def add(self, line: LogLine) -> None:
        """Count a line that is not older than those before."""
        self.last = line.at
        self.lines += 1
        self.add_version(line)

    def add_version(self, line: LogLine) -> None:
        """Note which version a line is of."""
        if self._label and line.labels.get(self._label) == self._value:
            self.spans[-1].last = line.at
            return
        version = version_of(line.labels)
        if not version:
            return
        self.version = self.version or version
        if self.spans and self.spans[-1].version == version:
            self.spans[-1].last = line.at
        elif len(self.spans) < MAX_VERSIONS:
            self.spans.append(VersionSpan(version, line.at, line.at, line.text))
            self._label = next(label for label in VERSION_LABELS if line.labels.get(label))
            self._value = line.labels[self._label]

    @property
    def mean_gap_s(self) -> float:
        """Mean time between two lines, in seconds."""
        return (self.last - self.first).total_seconds() / max(self.lines - 1, 1)


class Instances:
    """Collects the instances of lines that come oldest first."""

    def __init__(self) -> None:
        self._by_name: dict[str, InstanceLog] = {}

    def add(self, line: LogLine) -> None:
        """Count a line of its instance; a line that names none, and one of too many instances, is passed over."""
        name = name_of(line.labels)
        if not name:
            return
        seen = self._by_name.get(name)
        if seen is not None:
            seen.add(line)
        elif len(self._by_name) < MAX_INSTANCES:
            self._by_name[name] = InstanceLog(name, "", line.at, line.text, line.at)
            self._by_name[name].add_version(line)

    def all(self) -> tuple[InstanceLog, ...]:
        """Return them in the order in which they began."""
        return tuple(self._by_name.values())


def name_of(labels: Mapping[str, str]) -> str:
    """Return the instance that labels name, or an empty text."""
    if _INSTANCE_LABELS.isdisjoint(labels):
        return ""
    return next((name for label in INSTANCE_LABELS if (name := labels.get(label))), "")


@lru_cache(maxsize=4096)
def name_of_source(source: Iterable[tuple[str, str]]) -> str:
    """Return the instance of a log entry's source."""
    return name_of(dict(source))


def version_of(labels: Mapping[str, str]) -> str:
    """Return the version that labels name; of an image its tag."""
    for label in VERSION_LABELS:
        value = labels.get(label, "")
        if value and "image" in label and not label.endswith("tag"):
            value = value.rpartition("/")[2].partition("@")[0].partition(":")[2]
        if value:
            return value
    return ""
