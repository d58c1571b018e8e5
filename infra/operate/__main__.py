"""What an operator needs at night; without --project of the stack on this laptop.

python -m infra.operate traces [INCIDENT_ID] [--project PROJECT]
python -m infra.operate incident INCIDENT_ID [--project PROJECT]
python -m infra.operate spend [--project PROJECT]
python -m infra.operate maintenance [--add JSON | --remove NAME] [--project PROJECT]
python -m infra.operate stop | resume [--project PROJECT --region REGION] [--hours HOURS]
"""

import argparse
import sys
from collections.abc import Sequence
from datetime import timedelta

from google.api_core.exceptions import GoogleAPICallError
from google.auth.exceptions import GoogleAuthError
from rich.console import Console

from infra.local.terminal import Terminal
from infra.operate import incidents, maintenance_windows, spend, stop
from infra.operate.trace_stores import opened_store
from shared.admission.maintenance import MAX_WINDOW
from shared.errors import IncidentCopilotError


def main(arguments: Sequence[str]) -> int:
    """Run one command; return its exit status."""
    parser = _parser()
    chosen = parser.parse_args(arguments)
    if chosen.command in ("stop", "resume") and chosen.project and not chosen.region:
        parser.error("--project needs --region here")
    if chosen.command == "incident" and chosen.incident_id is None:
        parser.error("name the incident")
    console = Terminal()
    try:
        return _run(chosen, console)
    except (IncidentCopilotError, stop.StopFailed, GoogleAPICallError) as error:
        console.print(f"{type(error).__name__}: {error}", style="red", soft_wrap=True)
    except GoogleAuthError as error:
        console.print(f"{error}; log in with `gcloud auth application-default login`", style="red", soft_wrap=True)
    return 1


def _run(chosen: argparse.Namespace, console: Console) -> int:
    if chosen.command in ("stop", "resume"):
        place = stop.Place(chosen.project, chosen.region) if chosen.project else None
        return stop.stop(place, chosen.hours, console) if chosen.command == "stop" else stop.go_on(place, console)
    if chosen.command == "maintenance":
        return maintenance_windows.run(chosen.add, chosen.remove, chosen.project, console)
    with opened_store(chosen.project) as store:
        if chosen.command == "spend":
            return spend.show_spend(store, console)
        if chosen.incident_id is None:
            return incidents.show_list(store, console)
        if chosen.command == "traces":
            return incidents.show_trace(store, chosen.incident_id, console)
        return incidents.show_incident(store, chosen.incident_id, chosen.project, console)


def _hours(text: str) -> float:
    hours = float(text)
    if not 0 < hours <= MAX_WINDOW / timedelta(hours=1):
        raise argparse.ArgumentTypeError(f"{text} is not between 0 and {MAX_WINDOW / timedelta(hours=1):g} hours")
    return hours


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m infra.operate", description="Read and stop a running system.")
    commands = parser.add_subparsers(required=True, dest="command")
    for name, text in (("traces", "list the incidents, or print one trace"), ("incident", "what became of one")):
        one = commands.add_parser(name, help=text)
        one.add_argument("incident_id", nargs="?")
    commands.add_parser("spend", help="what the last 24 hours cost")
    windows = commands.add_parser("maintenance", help="list, add or remove maintenance windows")
    windows.add_argument("--add", metavar="JSON", help="name, matchers, start and until")
    windows.add_argument("--remove", metavar="NAME", help="end one now; the next sweep settles what it held")
    for name, text in (("stop", "stop everything, lose nothing"), ("resume", "undo the stop")):
        one = commands.add_parser(name, help=text)
        one.add_argument("--region", help="required with --project")
        one.add_argument("--hours", type=_hours, default=24.0, help="how long alerts are held")
    for one in commands.choices.values():
        one.add_argument("--project", help="Google Cloud project; by default the stack on this laptop")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
