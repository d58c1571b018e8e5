"""The local stack from the command line.

python -m infra.local demo [--case FOLDER [--repo GIT]] [--without NAME ...] [--emulators]
python -m infra.local up [--port PORT] [--emulators] [--model MODEL]
python -m infra.local stop | status | break | heal
python -m infra.local alert [FILE] [--port PORT]
python -m infra.local executions list | show ID [--all]
python -m infra.local deadletters [--replay]
python -m infra.local run NAME [--port PORT]
"""

import argparse
import signal
import sys
from pathlib import Path
from types import FrameType
from typing import NoReturn

from google.api_core.exceptions import GoogleAPICallError

from infra.local.cli import demo, executions, serve
from infra.local.live import control
from infra.local.stack.emulators import EmulatorFailed
from infra.local.stack.model_choice import PROVIDERS, ModelChoice
from infra.local.stack.processes import StartFailed
from infra.local.terminal import Terminal
from shared.errors import IncidentCopilotError

DEFAULT_PORT = 8080


def main(arguments: list[str]) -> int:
    """Run one command; return its exit status."""
    chosen = _parser().parse_args(arguments)
    # SIGINT too: a shell that starts this in the background makes it ignore SIGINT.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    console = Terminal()
    try:
        return int(chosen.run(chosen, console))
    except KeyboardInterrupt:
        console.print("Stopped; no process is left running.")
        return 130
    except (IncidentCopilotError, StartFailed, EmulatorFailed, executions.EngineDown, GoogleAPICallError) as error:
        console.print(f"{type(error).__name__}: {error}", style="red")
        return 1


def _interrupt(_number: int, _frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m infra.local", description="Incident CoPilot on one laptop")
    commands = parser.add_subparsers(required=True)
    show = commands.add_parser("demo", help="one alert, end to end")
    show.add_argument("--case", type=Path, help="folder of a recorded incident, instead of the built-in scenario")
    show.add_argument("--repo", type=Path, help="git repository of the recorded incident's service")
    show.add_argument("--without", action="append", default=[], metavar="NAME", help="stop this service first")
    _add_model(show, "offline")
    show.set_defaults(run=_demo)
    up = commands.add_parser("up", help="keep the local stack running, for curl")
    up.add_argument("--port", type=int, default=DEFAULT_PORT, help="port of alert_intake")
    _add_model(up, None)
    up.set_defaults(run=_up)
    _add_control(commands)
    for command in (show, up):
        command.add_argument("--emulators", action="store_true", help="use Google's Pub/Sub and Firestore emulators")
    alert = commands.add_parser("alert", help="post an alert to the running stack")
    alert.add_argument("file", type=Path, nargs="?", help="body to post; by default the scenario's")
    alert.add_argument("--port", type=int, help="port of alert_intake; by default that of the running stack")
    alert.set_defaults(run=lambda chosen, console: serve.alert(chosen.file, chosen.port, console))
    dead = commands.add_parser("deadletters", help="print the dead letters, and why each failed")
    dead.add_argument("--replay", action="store_true", help="publish them again")
    dead.set_defaults(run=lambda chosen, console: serve.deadletters(chosen.replay, console))
    one = commands.add_parser("run", help="run one function alone, and print a request for it")
    one.add_argument("name")
    one.add_argument("--port", type=int, default=DEFAULT_PORT + 1)
    one.set_defaults(run=_run)
    _add_executions(commands.add_parser("executions", help="list the workflow executions, or show one step by step"))
    return parser


def _add_control(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    end = commands.add_parser("stop", help="end the running stack")
    end.set_defaults(run=lambda _, console: control.stop(serve.CURRENT, console))
    state = commands.add_parser("status", help="say what runs where")
    state.set_defaults(run=lambda _, console: control.status(serve.CURRENT, console))
    for verb in control.VERSIONS:
        one = commands.add_parser(verb, help="deploy the service with its fault, or without")
        one.set_defaults(run=lambda _chosen, console, verb=verb: control.deploy(serve.CURRENT, verb, console))


def _add_model(parser: argparse.ArgumentParser, default: str | None) -> None:
    parser.add_argument("--model", choices=PROVIDERS, default=default, help="sandbox: a fake Gemini on loopback")
    parser.add_argument("--script", default="agreeable", help="how the sandbox answers, for example hostile")
    parser.add_argument("--latency", type=float, default=0, help="seconds the sandbox takes for each answer")
    parser.add_argument("--fault", help="how the sandbox fails, for example 503 or SAFETY")
    parser.add_argument("--fault-calls", type=int, help="how many calls fail; by default all")


def _add_executions(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--engine", metavar="URL", help="REST address of an engine; by default the running stack's")
    commands = parser.add_subparsers(required=True)
    every = commands.add_parser("list", help="one line per execution, newest first")
    every.set_defaults(run=lambda chosen, console: executions.show_list(_engine(chosen), console))
    one = commands.add_parser("show", help="the steps of one execution on a time scale")
    one.add_argument("id", help="id of the execution, its first characters, or id of the incident")
    one.add_argument("--all", action="store_true", help="also steps that only compute")
    one.set_defaults(
        run=lambda chosen, console: executions.show_one(_engine(chosen), chosen.id, console, has_all=chosen.all)
    )


def _engine(chosen: argparse.Namespace) -> executions.Engine:
    return executions.Engine(chosen.engine or executions.engine_url(serve.CURRENT / "stack.json"))


def _run(chosen: argparse.Namespace, console: Terminal) -> NoReturn:
    # Only here: the scenarios bring every agent with them.
    from infra.local.cli import run_one

    run_one.run(chosen.name, chosen.port, console)


def _model(chosen: argparse.Namespace) -> ModelChoice:
    return ModelChoice(chosen.model, chosen.script, chosen.latency, chosen.fault, chosen.fault_calls)


def _up(chosen: argparse.Namespace, console: Terminal) -> int:
    return serve.up(chosen.port, chosen.emulators, console, _model(chosen) if chosen.model else None)


def _demo(chosen: argparse.Namespace, console: Terminal) -> int:
    options = demo.DemoOptions(
        case=chosen.case,
        repo_git=chosen.repo,
        without=tuple(chosen.without),
        has_emulators=chosen.emulators,
        model=_model(chosen),
    )
    return demo.run(options, console)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
