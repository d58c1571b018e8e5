"""Generates what Loki, Prometheus and git would hold for a scenario; the same bytes every time."""

import random
import subprocess
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from string import Template
from typing import Any

from infra.evals.scenario import CommitMade, EvalScenario, Lines, Metric, Point, ScenarioRepository

END = datetime(2026, 5, 4, 3, 0, tzinfo=UTC)
"""When every window ends: a fixed time, so that a run can be repeated."""
SCRAPE_S = 15
BUCKETS_S = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
REQUESTS_PER_S = 20

Samples = list[tuple[float, float]]


def start(scenario: EvalScenario) -> datetime:
    """Return the start of the scenario's window."""
    return END - timedelta(minutes=scenario.window_minutes)


def moment(scenario: EvalScenario, minute: float) -> datetime:
    """Return a minute of the window as a time."""
    return start(scenario) + timedelta(minutes=minute)


def streams(scenario: EvalScenario) -> list[dict[str, Any]]:
    """Return the log entries as Loki's streams."""
    rng = random.Random(scenario.name)  # noqa: S311  # repeatable, not secret
    values_by_labels: dict[tuple[tuple[str, str], ...], list[list[str]]] = {}
    for lines in scenario.logs:
        labels = {"service_name": lines.service or scenario.service, **({"level": lines.level} if lines.level else {})}
        entries = values_by_labels.setdefault(tuple(labels.items()), [])
        for number, at in enumerate(_moments(lines, scenario, rng)):
            entries += _entries(lines, number, at, rng)
    return [{"stream": dict(labels), "values": values} for labels, values in values_by_labels.items()]


def _moments(lines: Lines, scenario: EvalScenario, rng: random.Random) -> Iterator[datetime]:
    if lines.at is not None:
        yield moment(scenario, lines.at)
        return
    end = scenario.window_minutes if lines.end is None else lines.end
    span_s = (end - lines.start) * 60
    count = lines.count or int(span_s / (lines.every_s or 5))
    for number in range(count):
        # Real traffic is not evenly spaced.
        yield moment(scenario, lines.start) + timedelta(seconds=span_s * (number + rng.random() * 0.8) / count)


def _entries(lines: Lines, number: int, at: datetime, rng: random.Random) -> list[list[str]]:
    fields = {"n": number, "ms": rng.randint(3, 40), "id": f"{rng.getrandbits(64):016x}", "ts": at.isoformat()}
    text = Template(lines.text.rstrip("\n")).safe_substitute(
        fields, ip=f"10.1.{rng.randint(0, 9)}.{rng.randint(1, 250)}"
    )
    nanoseconds = int(at.timestamp() * 1_000_000) * 1_000
    parts = text.split("\n") if lines.split else [text]
    return [[str(nanoseconds + place * 1_000), part] for place, part in enumerate(parts)]


def series(metric: Metric, scenario: EvalScenario) -> Iterator[tuple[str, dict[str, str], Samples]]:
    """Yield name, labels and samples of each series of a metric."""
    labels = {"service_name": scenario.service, **metric.labels}
    times = [SCRAPE_S * number for number in range(-20, int(scenario.window_minutes * 60 / SCRAPE_S) + 1)]
    zero = start(scenario).timestamp()
    if metric.rate is not None:
        yield metric.name, labels, _counter(times, zero, metric.rate, 1)
    if metric.value is not None:
        yield metric.name, labels, [(zero + time, _straight(metric.value, time / 60)) for time in times]
    for limit in (*BUCKETS_S, float("inf")) if metric.seconds is not None else ():
        steps = [(minute, REQUESTS_PER_S * _share_below(limit, typical)) for minute, typical in metric.seconds or ()]
        bound = {"le": "+Inf" if limit == float("inf") else str(limit)}
        yield metric.name, {**labels, **bound}, _counter(times, zero, steps, 1)


def _counter(times: Sequence[int], zero: float, steps: Sequence[Point], total: float) -> Samples:
    samples = []
    for time in times:
        total += SCRAPE_S * next((rate for minute, rate in reversed(steps) if minute * 60 <= time), steps[0][1])
        samples.append((zero + time, total))
    return samples


def _straight(points: Sequence[Point], minute: float) -> float:
    before = [point for point in points if point[0] <= minute] or [points[0]]
    after = [point for point in points if point[0] > minute] or [before[-1]]
    (start, low), (end, high) = before[-1], after[0]
    return low if end == start else low + (high - low) * (minute - start) / (end - start)


def _share_below(limit: float, typical: float) -> float:
    """Return the share of requests under a limit when nine in ten take the typical time and one twice that."""
    return 1.0 if 2 * typical <= limit else 0.9 if typical <= limit else 0.0


def build_repository(repository: ScenarioRepository, scenario: EvalScenario, folder: Path) -> tuple[Path, list[str]]:
    """Make the repository; return its git directory and the ids of its commits in order."""
    work = folder / "work"
    _git(folder, "init", "-q", "-b", "main", str(work))
    return work / ".git", [_commit(commit, scenario, work) for commit in repository.commits]


def _commit(commit: CommitMade, scenario: EvalScenario, work: Path) -> str:
    for path, text in commit.files.items():
        (work / path).parent.mkdir(parents=True, exist_ok=True)
        (work / path).unlink() if text is None else (work / path).write_text(text, encoding="utf-8")
    for edit in commit.edits:
        file = work / edit.path
        text = file.read_text(encoding="utf-8")
        if text.count(edit.old) != 1:
            raise ValueError(f"{scenario.name}: {edit.old!r} does not occur exactly once in {edit.path!r}")
        file.write_text(text.replace(edit.old, edit.new), encoding="utf-8")
    at = (END - timedelta(hours=commit.hours_before)).isoformat()
    _git(work, "add", "-A")
    _git(work, "commit", "-q", "-m", commit.message, at=at)
    return _git(work, "rev-parse", "HEAD")


def _git(folder: Path, *arguments: str, at: str = "") -> str:
    who = {"GIT_AUTHOR_NAME": "Ada", "GIT_AUTHOR_EMAIL": "ada@example.com", "GIT_CONFIG_GLOBAL": "/dev/null"}
    who |= {
        "GIT_COMMITTER_NAME": "Ada",
        "GIT_COMMITTER_EMAIL": "ada@example.com",
        "PATH": "/usr/bin:/bin:/usr/local/bin",
    }
    dates = {"GIT_AUTHOR_DATE": at, "GIT_COMMITTER_DATE": at} if at else {}
    done = subprocess.run(
        ["git", "-C", folder, *arguments], env={**who, **dates}, check=True, capture_output=True, text=True, timeout=60
    )
    return done.stdout.strip()
