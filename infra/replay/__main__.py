"""Replay an incident of the running stack, or of a project, from what its trace recorded.

    python -m infra.replay INCIDENT [--step rca] [--model gemini-3.8-flash] [--project PROJECT] [--output output]

Prints what differs and writes `<output>/replay-<incident>-<time>.json`. Nothing is sent or stored in the trace.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from infra.local.terminal import Terminal
from infra.operate.trace_stores import opened_store
from infra.replay import recorded as records
from infra.replay.difference import differences, lines
from infra.replay.rerun import Rerun, apart, local_repository, rerun
from shared import clock
from shared.errors import IncidentCopilotError

MARK = "REPLAY"


def main(arguments: Sequence[str] | None = None) -> int:
    """Replay, print what differs, and return 0; 1 when it cannot be replayed."""
    options = _parser().parse_args(arguments)
    console = Terminal(width=None if sys.stdout.isatty() else 180)
    try:
        with opened_store(options.project) as store:
            recorded = records.read(store, options.incident)
        repository = None if options.project else local_repository(recorded)
        with apart(options.model, repository):
            reruns = rerun(recorded, options.step)
    except IncidentCopilotError as error:
        console.print(f"{type(error).__name__}: {error}", soft_wrap=True)
        return 1
    console.print(f"{MARK} of {options.incident} from what was recorded. Nothing is sent or stored in its trace.")
    for each in reruns:
        _show(each, console)
    if not options.step:
        console.print(
            f"\n{MARK} leaves out incident_detection, which reads telemetry, and the steps that write or send."
        )
    path = _write(options.output, options.incident, reruns)
    console.print(f"{MARK} written to {path}", soft_wrap=True)
    return 0


def _show(each: Rerun, console: Terminal) -> None:
    was, now = (getattr(answer, "produced_by", "") or "nobody" for answer in (each.before, each.after))
    cost = f", {each.tokens:,} tokens, ${each.cost_usd:.4f}" if each.tokens else ""
    console.print(f"\n{MARK} {each.row.name}: recorded by {was}, now by {now}{cost}", style="bold")
    for line in lines(differences(each.before, each.after)):
        console.print(line, soft_wrap=True)
    for failure in each.done.model_failures:
        console.print(f"  the model failed: {type(failure.error).__name__}: {failure.error}", soft_wrap=True)


def _write(folder: Path, incident_id: str, reruns: Sequence[Rerun]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    moment = clock.now()
    path = folder / f"replay-{incident_id}-{moment:%Y%m%d-%H%M%S}.json"
    body = {
        "replay": True,
        "incident_id": incident_id,
        "at": moment.isoformat(),
        "steps": [_json(one) for one in reruns],
    }
    path.write_text(json.dumps(body, indent=2, ensure_ascii=False), encoding="utf-8")
    return path


def _json(each: Rerun) -> dict[str, Any]:
    return {
        "step": each.row.name,
        "recorded": each.before.model_dump(mode="json") if each.before else None,
        "replayed": each.after.model_dump(mode="json"),
        "differences": [asdict(one) for one in differences(each.before, each.after)],
        "tokens": each.tokens,
        "cost_usd": each.cost_usd,
        "prompts_and_answers": each.done.transcripts,
    }


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m infra.replay", description="Run an incident's steps again.")
    parser.add_argument("incident", help="id of the incident")
    parser.add_argument("--step", default="", help="one step; by default each that can be replayed and had an answer")
    parser.add_argument("--model", default="", help="offline, sandbox, gemini, or a model's name; else as configured")
    parser.add_argument("--project", help="Google Cloud project; by default the running stack")
    parser.add_argument("--output", type=Path, default=Path("output"), help="folder for the JSON")
    return parser


if __name__ == "__main__":
    sys.exit(main())
