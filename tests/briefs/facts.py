"""What the inputs of an incident hold, counted and measured anew from the inputs alone."""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from statistics import median

from infra.evals import telemetry
from shared.analysis.faults import matching
from tests.briefs.run import Brief
from tests.briefs.templates import tokens

CONFIDENCES = (0.86, 0.75, 0.7, 0.65, 0.6, 0.55, 0.5, 0.45, 0.4, 0.35, 0.3, 0.1)
"""How certain the analyst may be, by the kind of evidence: no measure of the inputs."""
MASK = "<*>"


@dataclass(frozen=True)
class Line:
    """One entry of the service's log."""

    at: datetime
    text: str
    level: str
    shape: str
    """The text without what varies: what was generated from one template has one."""


class Facts:
    """Everything that a brief about one incident may state."""

    def __init__(self, brief: Brief) -> None:
        self.brief, self.scenario = brief, brief.incident.scenario
        self.start, self.end = telemetry.start(self.scenario), telemetry.END
        self.lines = sorted(_lines(brief), key=lambda line: line.at)
        self.alert = brief.played.alert
        self._names: dict[str, bool] = {}

    @cached_property
    def corpus(self) -> str:
        """Every text of the inputs as one row of tokens, each between blanks."""
        return "\n".join(f" {' '.join(tokens(text.replace(chr(92), '')))} " for text in self._texts)

    @cached_property
    def _texts(self) -> list[str]:
        alert = self.alert
        texts = [line.text for line in self.lines]
        texts += [alert.service_name, alert.alert_name, alert.summary, alert.incident_id, alert.commit or ""]
        texts += list(self.brief.files.values())
        texts += [path.partition("@")[0] for path in self.brief.files]
        repository = self.scenario.repository
        texts += [commit.message for commit in repository.commits] if repository else []
        texts += [repository.name] if repository else []
        texts += self.brief.played.commits + [sha[:12] for sha in self.brief.played.commits]
        texts += [sha[:10] for sha in self.brief.played.commits]
        texts += [one.query for one in self.brief.read.series] + [one.name for one in self.brief.read.series]
        texts += [one.unit for one in self.brief.read.series]
        texts += [self.brief.read.page.query, self.brief.read.page.selector] if self.brief.read.page else []
        texts += [pod for stream in self.brief.incident.streams for pod in stream["stream"].values()]
        return [*texts, self.brief.code_host, "Ada" if repository else ""]

    def has_name(self, name: str) -> bool:
        """Return whether a name stands in an input as a whole, be it within a longer one."""
        if name not in self._names:
            bounded = re.compile(rf"(?<![\w-]){re.escape(name)}(?![\w-])")
            self._names[name] = any(bounded.search(text) for text in self._texts if name in text)
        return self._names[name]

    def times_of(self, quote: str) -> set[str]:
        """Return when the lines were written that hold a quotation."""
        return {f"{line.at:%H:%M:%S}" for line in self.lines if quote.strip(" …") in _plain(line.text)}

    def peak_minutes(self) -> set[str]:
        """Return the minutes with the most errors."""
        minutes = Counter(f"{line.at:%H:%M}" for line in self.lines if line.level == "error")
        return {minute for minute, count in minutes.items() if count >= max(minutes.values()) - 1}

    @cached_property
    def rates(self) -> list[float]:
        """Lines a minute before and after each moment."""
        numbers = [0.0]
        for moment in self.moments:
            before = sum(line.at <= moment for line in self.lines)
            for count, length in ((before, moment - self.start), (len(self.lines) - before, self.end - moment)):
                numbers += [count / length.total_seconds() * 60] if length.total_seconds() > 0 else []
        return numbers

    @cached_property
    def faults(self) -> frozenset[str]:
        """The kinds of fault that the words of any entry name."""
        exemplars = {line.shape: line.text for line in self.lines}.values()
        return frozenset(signal.rule.name for text in exemplars for signal in matching.find(_plain(text), 5))

    @cached_property
    def vocabulary(self) -> frozenset[str]:
        """The tokens of the inputs."""
        return frozenset(self.corpus.split())

    @cached_property
    def moments(self) -> list[datetime]:
        """When anything began, ended or was sent: of each shape of line, of the alert, of pods, of commits."""
        times = [self.start, self.end, self.alert.received_at, *filter(None, [self.alert.started_at])]
        for shape in {line.shape for line in self.lines}:
            of_shape = [line.at for line in self.lines if line.shape == shape]
            times += [of_shape[0], of_shape[-1]]
        errors = [line.at for line in self.lines if line.level in ("error", "fatal")]
        times += errors[:1] + errors[-1:] + [line.at for line in self.lines[:1] + self.lines[-1:]]
        for pod in {stream["stream"].get("pod") for stream in self.brief.incident.streams} - {None}:
            of_pod = [value for one in self.brief.incident.streams if one["stream"].get("pod") == pod
                      for value in one["values"]]  # fmt: skip
            times += [_at(min(int(at) for at, _ in of_pod)), _at(max(int(at) for at, _ in of_pod))]
        repository = self.scenario.repository
        times += [self.end - timedelta(hours=one.hours_before) for one in repository.commits] if repository else []
        return times

    @cached_property
    def clocks(self) -> frozenset[str]:
        """The moments as times of day, to the second and to the minute, cut and rounded."""
        rounded = [moment + timedelta(milliseconds=500) for moment in self.moments]
        return frozenset(f"{moment:{form}}" for moment in (*self.moments, *rounded) for form in ("%H:%M:%S", "%H:%M"))

    @cached_property
    def metric_clocks(self) -> frozenset[str]:
        """The times at which the store gave a value."""
        points = [at for series in self.brief.read.series for at, _ in series.points]
        return frozenset(f"{at:{form}}" for at in points for form in ("%H:%M:%S", "%H:%M"))

    @cached_property
    def days(self) -> frozenset[str]:
        """The days of the moments, as a brief writes them."""
        return frozenset(f"{moment:{form}}" for moment in self.moments for form in ("%d %b", "%d %b %Y", "%Y-%m-%d"))

    @cached_property
    def counts(self) -> frozenset[int]:
        """How many lines of each shape and level there are, in all, before and since each moment; files and pods."""
        numbers: set[int] = {len(self.lines), len(self.brief.files)}
        groups = [[line for line in self.lines if line.shape == shape] for shape in {one.shape for one in self.lines}]
        groups += [[line for line in self.lines if line.level == level] for level in ("error", "warning", "info")]
        groups.append(self.lines)
        for group in groups:
            numbers |= self._requests(group)
            numbers |= {len(group), *(sum(line.at >= at for line in group) for at in self.onsets)}
            numbers |= {sum(line.at < at for line in group) for at in self.onsets}
        pods = {stream["stream"].get("pod") for stream in self.brief.incident.streams} - {None}
        repository = self.scenario.repository
        edits = [edit for one in repository.commits for edit in one.edits] if repository else []
        numbers |= {edit.old.count("\n") + edit.new.count("\n") + 2 for edit in edits}
        return frozenset(numbers | set(range(1, len(pods) + 1)))

    def counts_since(self, clock: str) -> frozenset[int]:
        """Return how many lines of each shape there are from a time of day on."""
        since = Counter(line.shape for line in self.lines if f"{line.at:%H:%M:%S}" >= clock)
        return frozenset(since.values())

    def counts_of_traces(self) -> frozenset[int]:
        """Return how many entries raise each exception: their other words may vary."""
        raised = Counter(line.text.rpartition("\n")[2] for line in self.lines if "\n" in line.text)
        return frozenset(raised.values())

    def of_level(self, level: str) -> int:
        """Return how many lines of a level there are."""
        return sum(line.level == level for line in self.lines)

    def _requests(self, group: list[Line]) -> set[int]:
        """Return how many requests the lines name, in all, before and since each moment."""
        ids = [(line.at, match[0]) for line in group if (match := re.search(r"(?<!\w)[0-9a-f]{16}(?!\w)", line.text))]
        first = {each: at for at, each in reversed(ids)}
        since = [sum(at >= moment for at in first.values()) for moment in self.onsets]
        return {len(first), *since, *(len(first) - count for count in since)}

    @cached_property
    def onsets(self) -> list[datetime]:
        """When an error or a warning came first, and when the alert began to fire."""
        problems = {line.shape for line in self.lines if line.level in ("error", "warning")}
        began = [next(line.at for line in self.lines if line.shape == shape) for shape in problems]
        return [*began, *filter(None, [self.alert.started_at])]

    @cached_property
    def lengths(self) -> list[float]:
        """Seconds between any two moments, and of the parts of the window."""
        ends = [*self.moments, *(at for series in self.brief.read.series for at, _ in series.points[-1:])]
        gaps = {abs((one - other).total_seconds()) for one in ends for other in ends}
        return [*gaps, (self.end - self.start).total_seconds() / 60]

    @cached_property
    def measures(self) -> list[float]:
        """What the store of metrics answered: each value, and the medians by which a baseline is made."""
        numbers: list[float] = []
        for series in self.brief.read.series:
            values = [value for _, value in series.points]
            numbers += values + [median(values[:at]) for at in range(4, len(values))] if values else []
        return numbers

    def count_of(self, template: str) -> int:
        """Return how many lines have the shape of a template."""
        parts = [re.escape(part.strip()) for part in re.split(r"<\*>|5xx|…", _plain(template)) if part.strip()]
        pattern = re.compile(r".*?".join(parts).replace(r"\ ", r"\s+"), re.DOTALL)
        return sum(bool(pattern.search(_plain(line.text))) for line in self.lines)

    def drawn(self, parts: int, name: str) -> Iterator[list[float]]:
        """Yield the highest and the lowest of each part of the window: of a series, or of all lines a minute."""
        minutes = Counter(int((line.at - self.start).total_seconds() // 60) for line in self.lines)
        lines = [(self.start + timedelta(minutes=minute), float(count)) for minute, count in sorted(minutes.items())]
        named = [series.points for series in self.brief.read.series if series.name == name]
        for points in [lines] if name == "log_rate" else named or [one.points for one in self.brief.read.series[-1:]]:
            for worst in (max, min):
                row: list[list[float]] = [[] for _ in range(parts)]
                for at, value in points:
                    if self.start <= at <= self.end:
                        row[min(int((at - self.start) / (self.end - self.start) * parts), parts - 1)].append(value)
                yield [float(f"{max(worst(values), 0.0):.4g}") if values else 0.0 for values in row]

    def errors_around(self, clock: str) -> set[int]:
        """Return the most errors of a part of the window before a time of day, and from it on."""
        counted = self.of_parts()
        hour, minute, second = map(int, clock.split(":"))
        onset = self.start.replace(hour=hour, minute=minute, second=second)
        part = min(max(int((onset - self.start) / (self.end - self.start) * len(counted)), 0), len(counted) - 1)
        return {max(counted[:part], default=0), max(counted[part:], default=0)}

    def of_parts(self, parts: int = 60) -> list[int]:
        """Return the errors in each of equal parts of the window."""
        counted = [0] * parts
        for line in self.lines:
            if line.level in ("error", "fatal"):
                counted[min(int((line.at - self.start) / (self.end - self.start) * parts), parts - 1)] += 1
        return counted


def _lines(brief: Brief) -> Iterator[Line]:
    for stream in brief.incident.streams:
        level = {"warn": "warning"}.get(stream["stream"].get("level", ""), stream["stream"].get("level", ""))
        for at, text in stream["values"]:
            yield Line(_at(int(at)), text, level, re.sub(r"[0-9a-f]{16}|\d+(?:\.\d+)?", "0", _plain(text)))


def _at(nanoseconds: int) -> datetime:
    return datetime.fromtimestamp(nanoseconds / 1e9, UTC)


def _plain(text: str) -> str:
    return text.replace("\\", "")
