"""A recorded incident becomes an alert in the seed's own format; a missing part is an error that names it."""

import gzip
import json
from datetime import datetime
from pathlib import Path

import pytest

from infra import bundle
from infra.local.sandboxes.prometheus.server import PrometheusSandbox
from infra.local.scenarios import history
from infra.local.scenarios.build import from_case
from shared.errors import Rejected

RECORDED = bundle.ROOT.parent / "shared/cases"
NOON_NS = 1_772_366_400 * 1_000_000_000
AUTHOR = {
    "GIT_AUTHOR_NAME": "Ada",
    "GIT_AUTHOR_EMAIL": "ada@example.com",
    "GIT_COMMITTER_NAME": "Ada",
    "GIT_COMMITTER_EMAIL": "ada@example.com",
}


def stream(service_name: str, *texts: str) -> dict[str, object]:
    """One Loki stream with one line per second from noon."""
    values = [[str(NOON_NS + number * 1_000_000_000), text] for number, text in enumerate(texts)]
    return {"stream": {"service_name": service_name}, "values": values}


def record(folder: Path, case: dict[str, object], *streams: dict[str, object]) -> Path:
    """Write a recorded incident."""
    folder.mkdir(exist_ok=True)
    (folder / "case.json").write_text(json.dumps(case))
    body = {"status": "success", "data": {"resultType": "streams", "result": streams}}
    (folder / "logs.loki.json.gz").write_bytes(gzip.compress(json.dumps(body).encode()))
    return folder


def full_case() -> dict[str, object]:
    """A case with every field."""
    return {
        "service_name": "shop",
        "incident_time": "2026-03-01T12:40:00Z",
        "window": ["2026-03-01T12:00:00Z", "2026-03-01T12:45:00Z"],
        "snapshot": "f" * 40,
        "repo": "acme/shop",
        "logs_file": "logs.loki.json.gz",
    }


def commit_something(folder: Path) -> str:
    """Make a repository with one commit and return it."""
    folder.mkdir()
    history.run_git("init", "--quiet", cwd=folder)
    history.run_git("commit", "--quiet", "--allow-empty", "-m", "Start", cwd=folder, identity=AUTHOR)
    return history.run_git("rev-parse", "HEAD", cwd=folder).strip()


def test_alert_covers_the_whole_window(tmp_path: Path) -> None:
    """The look-up window starts one minute before the case's window and has the same end."""
    built = from_case(record(tmp_path / "case", full_case(), stream("shop", "INFO hello")), tmp_path / "out", None)

    assert json.loads(built.alert.read_text()) == {
        "service_name": "shop",
        "lookup_window_seconds": 46 * 60,
        "end_time": "2026-03-01T12:45:00Z",
    }
    assert built.logs == tmp_path / "case" / "logs.loki.json.gz"
    assert (built.metrics, built.repo_git, built.github_repo) == (None, None, None)


def test_alert_names_repository_and_deployed_commit(tmp_path: Path) -> None:
    """With a repository the alert names it, and the snapshot's commit."""
    commit = commit_something(tmp_path / "repo")
    case = record(tmp_path / "case", {**full_case(), "snapshot": commit})

    built = from_case(case, tmp_path / "out", tmp_path / "repo" / ".git")
    alert = json.loads(built.alert.read_text())

    assert alert["github_repo"] == built.github_repo == "acme/shop"
    assert alert["labels"] == {"commit": commit}


def test_repository_of_the_incident_ends_at_the_deployed_commit(tmp_path: Path) -> None:
    """Later commits, such as the fix, are not visible, and writes change only the incident's repository."""
    commit = commit_something(tmp_path / "repo")
    history.run_git("commit", "-q", "--allow-empty", "-m", "Fix it", cwd=tmp_path / "repo", identity=AUTHOR)
    case = record(tmp_path / "case", {**full_case(), "snapshot": commit})

    built = from_case(case, tmp_path / "out", tmp_path / "repo")
    assert built.repo_git is not None
    history.run_git("branch", "incident/1", cwd=built.repo_git)

    assert history.run_git("log", "--all", "--format=%H", cwd=built.repo_git).split() == [commit]
    assert "incident" not in history.run_git("branch", "--list", cwd=tmp_path / "repo")


def test_repository_without_the_commit_is_rejected(tmp_path: Path) -> None:
    """Code of another version is worse than no code."""
    commit_something(tmp_path / "repo")
    case = record(tmp_path / "case", full_case())

    with pytest.raises(Rejected, match="does not hold commit"):
        from_case(case, tmp_path / "out", tmp_path / "repo")


def test_missing_repository_is_rejected(tmp_path: Path) -> None:
    """A path that does not exist gets the same error as one without the commit."""
    with pytest.raises(Rejected, match="does not hold commit"):
        from_case(record(tmp_path / "case", full_case()), tmp_path / "out", tmp_path / "nowhere")


@pytest.mark.parametrize("field", ["repo", "snapshot"])
def test_missing_field_is_named(tmp_path: Path, field: str) -> None:
    """The error names the field of case.json that a repository requires."""
    case = {name: value for name, value in full_case().items() if name != field}

    with pytest.raises(Rejected, match=f"lacks the field '{field}'"):
        from_case(record(tmp_path / "case", case), tmp_path / "out", tmp_path)


def test_missing_service_defaults_to_the_one_with_most_errors(tmp_path: Path) -> None:
    """Of many services the alert is on the one with most error lines."""
    case = record(tmp_path / "case", {}, stream("calm", "INFO a", "ERROR b"), stream("loud", "ERROR c", "ERROR d"))

    assert from_case(case, tmp_path / "out", None).service_name == "loud"


def test_missing_window_defaults_to_the_span_of_the_logs(tmp_path: Path) -> None:
    """Without a window in the case, the logs give the times."""
    case = record(tmp_path / "case", {"service_name": "shop"}, stream("shop", "INFO a", "INFO b"))

    alert = json.loads(from_case(case, tmp_path / "out", None).alert.read_text())

    assert alert["end_time"] == "2026-03-01T12:00:02Z"
    assert alert["lookup_window_seconds"] == 62


@pytest.mark.parametrize("field", ["service_name", "window"])
def test_field_that_the_logs_cannot_provide_is_named(tmp_path: Path, field: str) -> None:
    """Without lines, service and window cannot be derived."""
    case = {name: value for name, value in full_case().items() if name != field}

    with pytest.raises(Rejected, match=f"lacks the field '{field}'"):
        from_case(record(tmp_path / "case", case), tmp_path / "out", None)


@pytest.mark.parametrize("window", [["yesterday", "today"], ["2026-03-01T12:00:00", "2026-03-01T13:00:00"], [], 7])
def test_malformed_window_is_rejected(tmp_path: Path, window: object) -> None:
    """A window has two times with a time zone; anything else is an error that says so."""
    case = record(tmp_path / "case", {**full_case(), "window": window})

    with pytest.raises(Rejected, match="'window' must hold two RFC 3339 times"):
        from_case(case, tmp_path / "out", None)


def test_folder_that_does_not_exist_is_named(tmp_path: Path) -> None:
    """The message names the file that was looked for."""
    with pytest.raises(Rejected, match=r"nowhere/case\.json"):
        from_case(tmp_path / "nowhere", tmp_path / "out", None)


def test_missing_logs_are_named(tmp_path: Path) -> None:
    """The message names the file case.json points to."""
    case = record(tmp_path / "case", {**full_case(), "logs_file": "other.json.gz"})

    with pytest.raises(Rejected, match=r"other\.json\.gz"):
        from_case(case, tmp_path / "out", None)


def test_logs_of_another_form_are_rejected(tmp_path: Path) -> None:
    """A body that is not a Loki answer is an error that says so."""
    case = record(tmp_path / "case", full_case())
    (case / "logs.loki.json.gz").write_bytes(gzip.compress(b"[]"))

    with pytest.raises(Rejected, match="is not a JSON object"):
        from_case(case, tmp_path / "out", None)


@pytest.mark.skipif(not RECORDED.is_dir(), reason="no recorded incidents on this machine")
@pytest.mark.parametrize("kind", ["executed", "quoted"])
def test_recorded_incident_of_one_service_unpacks(tmp_path: Path, kind: str) -> None:
    """Service and window are those of the case; every log line is in the alert's look-up window."""
    for case_dir in sorted((RECORDED / kind).iterdir())[:5]:
        case = json.loads((case_dir / "case.json").read_text())

        built = from_case(case_dir, tmp_path / case_dir.name, None)
        alert = json.loads(built.alert.read_text())

        assert alert["service_name"] == case["service_name"]
        end = datetime.fromisoformat(alert["end_time"]).timestamp()
        streams = json.loads(gzip.decompress(built.logs.read_bytes()))["data"]["result"]
        stamps = [int(ns) / 1e9 for row in streams for ns, *_ in row["values"]]
        assert end - alert["lookup_window_seconds"] <= min(stamps)
        assert max(stamps) <= end


@pytest.mark.skipif(not RECORDED.is_dir(), reason="no recorded incidents on this machine")
def test_recorded_incident_of_many_services_unpacks(tmp_path: Path) -> None:
    """The alert is on a service in the logs, and the Prometheus sandbox loads the metrics unchanged."""
    for case_dir in sorted((RECORDED / "microservice").iterdir()):
        built = from_case(case_dir, tmp_path / case_dir.name, None)

        streams = json.loads(gzip.decompress(built.logs.read_bytes()))["data"]["result"]
        assert built.service_name in {row["stream"]["service_name"] for row in streams}
        if built.metrics is not None:
            PrometheusSandbox().load_file(built.metrics)
