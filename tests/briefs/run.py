"""Plays one generated incident: the sandboxes hold its telemetry, the functions answer, and the brief is rendered."""

import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch

import functions.incident_detection.read_facts as detection
from functions.post_process.brief.render import render
from functions.post_process.brief.view import Usage
from infra.evals import run_scenario, telemetry
from infra.local.sandboxes.github.server import GithubSandbox
from infra.local.sandboxes.loki.server import LokiSandbox
from infra.local.sandboxes.prometheus.server import PrometheusSandbox
from shared.contracts import PostProcessRequest
from shared.telemetry.port import LogPage, Series
from tests.briefs.incidents import GeneratedIncident


@dataclass
class Read:
    """What the stores answered to detection."""

    page: LogPage | None = None
    series: Sequence[Series] = ()
    others: list[str] = field(default_factory=list)


@dataclass
class Brief:
    """The text of a brief, and everything it may rest on."""

    text: str
    incident: GeneratedIncident
    read: Read
    played: run_scenario.Played
    files: dict[str, str]
    code_host: str = ""


def brief_of(generated: GeneratedIncident) -> Brief:
    """Return the brief of an incident, without a model."""
    scenario, read = generated.scenario, Read()
    detect = detection.detect  # type: ignore[attr-defined]  # replaced where it is called

    def reading(*args: Any, **options: Any) -> Any:
        watched = [args[5].series] if args[5] is not None and args[5].series is not None else []
        read.page, read.series = args[1], [*args[2], *watched]
        return detect(*args, **options)

    with tempfile.TemporaryDirectory() as folder, ExitStack() as sandboxes:
        alert, commits, variables = _set_up(generated, Path(folder), sandboxes)
        with run_scenario.environment(variables), patch.object(detection, "detect", reading):
            played = run_scenario.run_steps(alert, commits)
    solution = played.solution
    if solution is not None and solution.patch is not None:
        # The steps that open a pull request are others.
        solution = solution.replace(patch=None, patch_withheld="No fix was worked out.")
    request = PostProcessRequest(
        alert=played.alert,
        incident=played.incident,
        root_causes=played.root_causes,
        suggestions=played.suggestions,
        code_analysis=played.code,
        solution=solution,
    )
    text = render(request, [], Usage()).text
    commits_made = scenario.repository.commits if scenario.repository else []
    files = {path: body or "" for commit in commits_made for path, body in commit.files.items()}
    for commit in commits_made:
        for edit in commit.edits:
            files[f"{edit.path}@{commit.message}"] = files[edit.path].replace(edit.old, edit.new)
    return Brief(text, generated, read, played, files, variables.get("GITHUB_API_URL", ""))


def _set_up(generated: GeneratedIncident, folder: Path, sandboxes: ExitStack) -> tuple[Any, list[str], dict[str, str]]:
    scenario = generated.scenario
    loki = sandboxes.enter_context(LokiSandbox(generated.streams))
    prometheus = sandboxes.enter_context(PrometheusSandbox())
    for metric in scenario.metrics:
        for name, labels, samples in telemetry.series(metric, scenario):
            prometheus.load(name, labels, samples)
    variables = {
        "GRAFANA_HOST": loki.url,
        "PROMETHEUS_HOST": prometheus.url if scenario.metrics else "",
        "TRACES_PROVIDER": "embedded",
        "TRACES_PATH": str(folder / "traces.sqlite"),
        "GITHUB_REPO": "",
        **dict.fromkeys(run_scenario.UNSET, ""),
    }
    commits: list[str] = []
    if scenario.repository:
        git_dir, commits = telemetry.build_repository(scenario.repository, scenario, folder)
        github = sandboxes.enter_context(GithubSandbox(git_dir, scenario.repository.name, token=run_scenario.TOKEN))
        variables |= {"GITHUB_REPO": scenario.repository.name, "GITHUB_TOKEN": run_scenario.TOKEN}
        variables |= {"GITHUB_API_URL": github.url}
    return run_scenario._alert(scenario, commits), commits, variables
