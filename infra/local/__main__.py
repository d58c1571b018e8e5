"""The local stack from the command line.

python -m infra.local demo [--case FOLDER [--repo GIT]] [--without NAME ...]
python -m infra.local up [--port PORT]
python -m infra.local alert [FILE] [--port PORT]
python -m infra.local traces [INCIDENT_ID]
"""

import argparse
import signal
import sys
from pathlib import Path
from types import FrameType
from typing import NoReturn

from rich.console import Console

from infra.local import demo, serve
from infra.local.processes import StartFailed
from shared.errors import IncidentCopilotError

DEFAULT_PORT = 8080


def main(arguments: list[str]) -> int:
    """Run one command; return its exit status."""
    chosen = _parser().parse_args(arguments)
    # SIGINT too: a shell that starts us in the background would have it ignored.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    console = Console()
    try:
        return int(chosen.run(chosen, console))
    except KeyboardInterrupt:
        console.print("Stopped; no process is left.")
        return 130
    except (IncidentCopilotError, StartFailed) as error:
        console.print(f"{type(error).__name__}: {error}", style="red", markup=False)
        return 1


def _interrupt(_number: int, _frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m infra.local", description="Incident CoPilot on one laptop")
    commands = parser.add_subparsers(required=True)
    show = commands.add_parser("demo", help="one alert, end to end")
    show.add_argument("--case", type=Path, help="folder of a recorded incident instead of the built-in scenario")
    show.add_argument("--repo", type=Path, help="git repository of the recorded incident's service")
    show.add_argument("--without", action="append", default=[], metavar="NAME", help="end this service first")
    show.set_defaults(run=_demo)
    up = commands.add_parser("up", help="keep the house up, for curl")
    up.add_argument("--port", type=int, default=DEFAULT_PORT, help="port of alert_intake")
    up.set_defaults(run=lambda chosen, console: serve.up(chosen.port, console))
    alert = commands.add_parser("alert", help="post an alert to the house that is up")
    alert.add_argument("file", type=Path, nargs="?", help="body to post; by default the scenario's")
    alert.add_argument("--port", type=int, default=DEFAULT_PORT)
    alert.set_defaults(run=lambda chosen, console: serve.alert(chosen.file, chosen.port, console))
    traces = commands.add_parser("traces", help="print a trace as JSON, or list the incidents")
    traces.add_argument("incident_id", nargs="?")
    traces.set_defaults(run=lambda chosen, console: serve.traces(chosen.incident_id, console))
    return parser


def _demo(chosen: argparse.Namespace, console: Console) -> int:
    options = demo.DemoOptions(case=chosen.case, repo_git=chosen.repo, without=tuple(chosen.without))
    return demo.run(options, console)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
