"""Unpacks a recorded incident (a folder with `case.json` and its logs) for the local stack."""

import gzip
import json
import re
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from math import ceil
from pathlib import Path

from pydantic import JsonValue

from infra.local.scenarios import history
from infra.local.scenarios.scenario import Built
from shared.clock import to_utc
from shared.errors import Rejected

LOGS_FILE = "logs.loki.json.gz"
METRICS_FILE = "metrics.prom.json.gz"
MARGIN = timedelta(minutes=1)
"""Added before the window, so that its first line is included."""

_LOUD = re.compile(r"\b(ERROR|FATAL|CRITICAL)\b|Exception")

Json = dict[str, JsonValue]


def from_case(case_dir: Path, target_dir: Path, repo_git: Path | None) -> Built:
    """
    Write the alert of a recorded incident; its logs and its metrics, if any, stay where they are.

    A case without a service name gets the alert that its logs would have raised: on the service with most errors. A
    case without a window gets the time span of its logs. The alert names commit and repository only with `repo_git`,
    which is read, never written: the incident gets its own `repo.git`, which ends at the deployed commit.
    Raises Rejected (no such case, a missing field or file, `repo_git` without the commit), Misconfigured (no git).
    """
    case = _read_object(case_dir / "case.json")
    logs = case_dir / str(case.get("logs_file") or LOGS_FILE)
    streams = _read_streams(logs)
    service_name = str(case.get("service_name") or _loudest_service(streams, logs))
    code = _borrow_code(case, case_dir, repo_git, target_dir / "repo.git") if repo_git else None
    target_dir.mkdir(parents=True, exist_ok=True)
    alert = target_dir / "alert.json"
    alert.write_text(json.dumps(_alert(service_name, _window(case, case_dir, streams), code)), encoding="utf-8")
    metrics = case_dir / METRICS_FILE
    return Built(
        service_name=service_name,
        alert=alert,
        logs=logs,
        metrics=metrics if metrics.exists() else None,
        repo_git=target_dir / "repo.git" if code else None,
        github_repo=code[0] if code else None,
    )


def _alert(service_name: str, window: tuple[datetime, datetime], code: tuple[str, str] | None) -> Json:
    start, end = window
    alert: Json = {
        "service_name": service_name,
        "lookup_window_seconds": ceil((end - start + MARGIN).total_seconds()),
        "end_time": end.isoformat().replace("+00:00", "Z"),
    }
    return alert | {"github_repo": code[0], "labels": {"commit": code[1]}} if code else alert


def _borrow_code(case: Json, case_dir: Path, source: Path, repo_git: Path) -> tuple[str, str]:
    """Make the incident's own repository; return `owner/name` and the deployed commit."""
    github_repo, commit = _name_code(case, case_dir)
    history.borrow_commit(source, commit, repo_git)
    return github_repo, commit


def _window(case: Json, case_dir: Path, streams: list[Json]) -> tuple[datetime, datetime]:
    if "window" not in case:
        return _span(streams, case_dir)
    try:
        start, end = (to_utc(datetime.fromisoformat(str(moment))) for moment in _as_list(case["window"]))
    except ValueError as error:
        raise Rejected(f"case {str(case_dir)!r}: field 'window' must hold two RFC 3339 times: {error}") from error
    return start, end


def _span(streams: list[Json], case_dir: Path) -> tuple[datetime, datetime]:
    moments = [ns for stream in streams for ns, _ in _entries(stream)]
    if not moments:
        raise Rejected(f"case {str(case_dir)!r} lacks the field 'window', and its logs have no line to derive it from")
    return (
        datetime.fromtimestamp(min(moments) // 1_000_000_000, UTC),
        datetime.fromtimestamp(max(moments) // 1_000_000_000 + 1, UTC),
    )


def _loudest_service(streams: list[Json], logs: Path) -> str:
    errors: Counter[str] = Counter()
    for stream in streams:
        name = _as_dict(stream["stream"]).get("service_name")
        if name:
            # A service without errors counts too: a case may have no error line.
            errors[str(name)] += sum(bool(_LOUD.search(text)) for _, text in _entries(stream))
    if not errors:
        raise Rejected(f"case lacks the field 'service_name', and no stream of {str(logs)!r} has that label")
    return min(errors, key=lambda name: (-errors[name], name))


def _name_code(case: Json, case_dir: Path) -> tuple[str, str]:
    """Return `owner/name` and the deployed commit."""
    github_repo = str(case.get("repo") or "") or str(case.get("fetch") or "").removeprefix("github:")
    for field, value in (("repo", github_repo), ("snapshot", case.get("snapshot"))):
        if not value:
            raise Rejected(f"case {str(case_dir)!r} lacks the field {field!r}, but a repository was given")
    return github_repo, str(case["snapshot"])


def _read_streams(path: Path) -> list[Json]:
    """Return the streams of a Loki answer."""
    body = _read_object(path)
    try:
        return [_as_dict(stream) for stream in _as_list(_as_dict(body["data"])["result"])]
    except (KeyError, ValueError) as error:
        raise Rejected(f"{str(path)!r} is not an answer of Loki: {error}") from error


def _read_object(path: Path) -> Json:
    try:
        raw = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        return _as_dict(json.loads(raw))
    except OSError as error:
        raise Rejected(f"case file {str(path)!r} cannot be read: {error.strerror or error}") from error
    except (ValueError, EOFError) as error:
        raise Rejected(f"case file {str(path)!r} is not a JSON object: {error}") from error


def _entries(stream: Json) -> Iterator[tuple[int, str]]:
    for entry in _as_list(stream["values"]):
        ns, text, *_ = _as_list(entry)
        yield int(str(ns)), str(text)


def _as_list(value: JsonValue) -> list[JsonValue]:
    if not isinstance(value, list):
        raise ValueError(f"expected a list, got {value!r:.80}")  # noqa: TRY004  # one error for "not the shape we read"
    return value


def _as_dict(value: JsonValue) -> Json:
    if not isinstance(value, dict):
        raise ValueError(f"expected an object, got {value!r:.80}")  # noqa: TRY004  # one error for "not the shape we read"
    return value
