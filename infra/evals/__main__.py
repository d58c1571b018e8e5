"""Run the evaluation scenarios through the agents with whichever model is configured; offline without a key.

    python -m infra.evals [--runs 3] [--only NAME] [--at-least 0.9] [--output output] [--from-incidents [--project P]]

Prints a table, writes `<output>/evals-<time>.json`, and exits 1 below `--at-least`, or when a claim has no evidence.
"""

import argparse
import contextlib
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from infra.evals import scenario
from infra.evals.from_incidents import judged_incidents
from infra.evals.report import Report, result_of, table
from infra.evals.run_scenario import play
from infra.operate.trace_stores import opened_store
from infra.replay.rerun import apart, local_repository
from shared import clock, model


def evaluate(scenarios: Sequence[scenario.EvalScenario], runs: int) -> Report:
    """Play each scenario `runs` times and return the results."""
    results = []
    for each in scenarios:
        # The agents' own log lines would hide the table.
        with Path(os.devnull).open("w") as devnull, contextlib.redirect_stdout(devnull):
            played = [play(each) for _ in range(runs)]
        results.append(result_of(each, played))
    connected = model.connect("incident_detection", "heavy")
    return Report("the offline analyst" if connected is None else "Gemini", tuple(results))


def evaluate_incidents(project: str | None, runs: int, only: str) -> Report:
    """Replay the incidents that people have judged, `runs` times each, and return the results."""
    with opened_store(project) as store:
        judged = judged_incidents(store, only)
    results = []
    for each in judged:
        with apart("", None if project else local_repository(each.recorded)):
            results.append(result_of(each.scenario, [each.play() for _ in range(runs)]))
    return Report("replays of judged incidents", tuple(results))


def main(arguments: Sequence[str] | None = None) -> int:
    """Evaluate, print the report, and return 0 when it is good enough, 1 when not."""
    options = _parser().parse_args(arguments)
    if options.from_incidents:
        report = evaluate_incidents(options.project, options.runs, options.only)
    else:
        report = evaluate(scenario.load(only=options.only), options.runs)
    console = Console(width=None if sys.stdout.isatty() else 180)
    console.print(table(report))
    options.output.mkdir(parents=True, exist_ok=True)
    path = options.output / f"evals-{clock.now():%Y%m%d-%H%M%S}.json"
    path.write_text(json.dumps(report.as_json(), indent=1), encoding="utf-8")
    console.print(f"Written to {path}")
    return 0 if report.pass_rate >= options.at_least and report.grounding == 1 else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m infra.evals", description="Measure how well the agents reason.")
    parser.add_argument("--runs", type=int, default=3, help="how often each scenario is played")
    parser.add_argument("--only", default="", help="only scenarios whose name contains this")
    parser.add_argument("--at-least", type=float, default=0.9, help="share of runs that must pass")
    parser.add_argument("--from-incidents", action="store_true", help="replay the incidents that people have judged")
    parser.add_argument("--project", help="Google Cloud project of the incidents; by default the running stack")
    parser.add_argument("--output", type=Path, default=Path("output"), help="folder for the JSON")
    return parser


if __name__ == "__main__":
    sys.exit(main())
