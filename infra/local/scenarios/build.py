"""
Builds an incident for the local stack: `build` runs a scenario, `from_case` unpacks a recorded incident.

    build(Path("…/checkout_regression"), Path("run"), clock.now())
    from_case(Path("…/some-recorded-case"), Path("run"), repo_git=None)
"""

import json
import tempfile
from datetime import datetime, timedelta
from pathlib import Path
from string import Template

from pydantic import JsonValue

from infra.local.sandboxes.github.deployments import DEPLOYMENTS
from infra.local.scenarios import history, recording, traffic
from infra.local.scenarios.cases import from_case
from infra.local.scenarios.scenario import Built, Scenario, read
from shared.clock import to_utc
from shared.errors import Rejected

DEPLOY_TIME = timedelta(seconds=45)
"""From the request of a deployment to its first instance."""

__all__ = ["Built", "build", "from_case"]


def build(scenario_dir: Path, target_dir: Path, now: datetime) -> Built:
    """
    Make the scenario's repository, run both deployed versions of its service, and write their logs and metrics.

    Writes `repo.git` with the deployments of both versions, `logs.loki.json`, `metrics.json`, `alert.json` and, only
    for tests, `truth.json` into `target_dir`; `now` is truncated to the second, and the same second gives the same
    commits and the same lines.
    Raises Rejected (an invalid scenario, or `target_dir` holds a build already), Misconfigured (no git).
    """
    scenario = read(scenario_dir)
    now = to_utc(now).replace(microsecond=0)
    fires_at = now - scenario.alert.age
    repo_git = target_dir / "repo.git"
    if repo_git.exists():
        raise Rejected(f"{str(target_dir)!r} holds a build already; choose an empty folder")
    with tempfile.TemporaryDirectory(prefix="scenario-") as scratch:
        commits = _build_history(scenario, scenario_dir, fires_at, repo_git, Path(scratch))
        pods = _run_pods(scenario, commits, repo_git, fires_at, now, Path(scratch))
    _record_deployments(scenario, commits, repo_git, fires_at)
    _write(target_dir / "logs.loki.json", recording.to_loki(scenario, pods, now))
    _write(target_dir / "metrics.json", recording.to_prometheus(scenario, pods))
    _write(target_dir / "alert.json", _fill_alert(scenario, scenario_dir, pods, commits, fires_at))
    _write(target_dir / "truth.json", _write_truth(scenario, commits))
    return Built(
        service_name=scenario.service_name,
        alert=target_dir / "alert.json",
        logs=target_dir / "logs.loki.json",
        metrics=target_dir / "metrics.json",
        repo_git=repo_git,
        github_repo=scenario.repo,
    )


def _build_history(
    scenario: Scenario, scenario_dir: Path, fires_at: datetime, repo_git: Path, scratch: Path
) -> list[str]:
    patches = [
        (scenario_dir / "history" / commit.patch, fires_at - timedelta(minutes=commit.minutes_before))
        for commit in scenario.history
    ]
    return history.build_repository(patches, repo_git, scratch / "history")


def _run_pods(
    scenario: Scenario, commits: list[str], repo_git: Path, fires_at: datetime, now: datetime, scratch: Path
) -> list[traffic.Pod]:
    before, after = (commits[number - 1] for number in (scenario.deploy.before, scenario.deploy.after))
    for commit in {before, after}:
        history.check_out(repo_git, commit, scratch / commit)
    deployed_at = fires_at - timedelta(minutes=scenario.deploy.minutes_before)
    pods = traffic.plan(scenario, before, after, deployed_at, now)
    for number, pod in enumerate(pods):
        traffic.play(scenario, pod, scratch / pod.commit, scenario.seed + number)
    return pods


def _record_deployments(scenario: Scenario, commits: list[str], repo_git: Path, fires_at: datetime) -> None:
    """Tag both deployed versions, and record their deployments as the code host would."""
    deploy = scenario.deploy
    rows: list[JsonValue] = []
    versions = (
        (deploy.version_before, deploy.before, deploy.minutes_before_previous),
        (deploy.version_after, deploy.after, deploy.minutes_before),
    )
    for number, (version, commit, minutes_before) in enumerate(versions, 1):
        history.tag(repo_git, f"v{version}", commits[commit - 1])
        first_pod = fires_at - timedelta(minutes=minutes_before)
        last_pod = first_pod + timedelta(seconds=(deploy.pods - 1) * deploy.seconds_between_pods)
        asked_at = (first_pod - DEPLOY_TIME).isoformat()
        states: list[JsonValue] = [
            {"state": "in_progress", "created_at": asked_at},
            {"state": "success", "created_at": last_pod.isoformat()},
        ]
        row: dict[str, JsonValue] = {"id": number, "ref": f"v{version}", "environment": deploy.environment}
        rows.append(
            {
                **row,
                "creator": deploy.creator,
                "created_at": asked_at,
                "production_environment": True,
                "statuses": states,
            }
        )
    _write(repo_git / DEPLOYMENTS, {"deployments": rows, "releases": []})


def _fill_alert(
    scenario: Scenario, scenario_dir: Path, pods: list[traffic.Pod], commits: list[str], fires_at: datetime
) -> dict[str, JsonValue]:
    ratio = round(recording.error_ratio(pods, fires_at, scenario.alert.ratio_minutes), 4)
    path = scenario_dir / scenario.alert.file
    try:
        filled = Template(path.read_text(encoding="utf-8")).substitute(
            commit=commits[scenario.deploy.after - 1],
            error_percent=f"{ratio * 100:.1f}",
            error_ratio=ratio,
            starts_at=fires_at.isoformat().replace("+00:00", "Z"),
        )
        body: dict[str, JsonValue] = json.loads(filled)
    except (OSError, KeyError, ValueError) as error:
        raise Rejected(f"alert {str(path)!r} cannot be filled in: {error}") from error
    return body


def _write_truth(scenario: Scenario, commits: list[str]) -> dict[str, JsonValue]:
    return {
        "bad_commit": commits[scenario.truth.commit - 1],
        "deployed_before": commits[scenario.deploy.before - 1],
        "deployed_after": commits[scenario.deploy.after - 1],
        "file": scenario.truth.file,
        "function": scenario.truth.function,
    }


def _write(path: Path, body: dict[str, JsonValue]) -> None:
    path.write_text(json.dumps(body, ensure_ascii=False), encoding="utf-8")
