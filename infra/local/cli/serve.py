"""`make local` keeps the stack running for curl, `make alert` posts to it."""

import contextlib
import hmac
import json
import os
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import requests
from rich.console import Console
from rich.text import Text

from infra.bundle import ROOT
from infra.doctor.offline import env_file
from infra.doctor.offline.sources import has_sandboxes
from infra.local.cli import dead_letters, trace_access
from infra.local.cli.demo import SCENARIO
from infra.local.cli.own_settings import own_settings
from infra.local.live import control, mock_load
from infra.local.live.live_traffic import LiveTraffic
from infra.local.live.repository_origin import with_origin
from infra.local.live.watch import Watch
from infra.local.scenarios.build import build
from infra.local.stack.model_choice import ModelChoice
from infra.local.stack.processes import HOST
from infra.local.stack.stack import PROJECT, Options, Stack
from shared import clock
from shared.errors import Unavailable
from shared.traces.port import TraceStore

FOLDER = ROOT / ".local"
CURRENT = FOLDER / "current"
API_KEY = "local-key"


DOTENV = ROOT / ".env"
STYLES = {"ok": "green", "wrong": "red", "cannot tell": "yellow"}


def up(port: int, has_emulators: bool, console: Console, model: ModelChoice | None = None) -> int:
    """
    Check .env, start the stack, print where everything is, and say what happens until interrupted.

    `model` is what the caller chose, in place of what .env means; 1 when .env is wrong or the port is in use.
    """
    if (reason := _why_not(port)) is not None:
        console.print(reason)
        return 1
    values = _checked(console)
    if values is None:
        return 1
    began = clock.now()
    folder = FOLDER / f"{began:%Y%m%d-%H%M%S}-{began.microsecond:06d}"
    folder.mkdir(parents=True)
    built = build(SCENARIO, folder / "scenario", began)
    if built.metrics is not None:
        mock_load.add(built.metrics, mock_load.settings_of({**os.environ, **values}), began)
    settings = own_settings(values)
    if model is not None:
        # Chosen on the command line, so it goes before a key in .env.
        settings = {name: value for name, value in settings.items() if name != "MODEL_PROVIDER"}
    options = Options(
        port=port,
        api_key=_api_key(),
        settings=settings,
        has_emulators=has_emulators,
        model=_with_key(model, values) or ModelChoice(),
    )
    with ExitStack() as ends:
        stack = ends.enter_context(Stack(folder, built, options))
        _point_current_at(folder)
        control.note_running(folder, options.api_key)
        watch = Watch(stack, console)
        if has_sandboxes(values) and "GRAFANA_HOST" not in values:
            urls = stack.services["loki"].url, stack.services["prometheus"].url
            ends.enter_context(LiveTraffic(folder, SCENARIO, built, *urls, watch.say))
        _print_addresses(stack, console)
        watch.run()
    return 0


def _why_not(port: int) -> str | None:
    """Return why no stack can be started now, in a line, or None."""
    if pid := control.running_pid(CURRENT):
        return f"A stack runs already, as pid {pid}: `make status` shows it, `make stop` ends it."
    if port and not _is_free(port):
        return f"Port {port} is in use by another program: choose one, for example `make local PORT={port + 1}`."
    return None


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        # As servers do: connections that have ended do not count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def _checked(console: Console) -> dict[str, str] | None:
    """Return the variables of .env, or None when one is wrong; what other systems answer only is printed."""
    env = env_file.load(DOTENV)
    env.values = with_origin(env.values)
    if not env.lines and not env.checks:
        return {}
    # Only here: the checks load what every function loads.
    from infra.doctor.offline.run import check_local
    from infra.doctor.online.run import MIX, QUICK, check_network

    checks = [*check_local(env), *check_network(env.values, MIX)]
    is_wrong = any(check.state == "wrong" for check in checks)
    if not is_wrong:
        checks += check_network(env.values, QUICK)
    for check in checks:
        console.print(str(check), style=STYLES[check.state], soft_wrap=True, highlight=False, markup=False)
    if is_wrong:
        console.print("Nothing was started: correct .env first; `make doctor` checks it again.")
    return None if is_wrong else env.values


def _with_key(model: ModelChoice | None, values: dict[str, str]) -> ModelChoice | None:
    """Return the choice; a key that only .env holds counts as one of the environment."""
    if model is not None and model.provider == "gemini":
        os.environ.setdefault("GEMINI_API_KEY", values.get("GEMINI_API_KEY", ""))
    return model


def _api_key() -> str:
    """Return the key that alert_intake checks: that of .env, else of the environment, else a fixed one."""
    return env_file.load(DOTENV).values.get("WEBHOOK_API_KEY") or os.environ.get("WEBHOOK_API_KEY") or API_KEY


def _signature(content: bytes) -> dict[str, str]:
    """Return the signature that alert_intake checks, where .env holds a secret for it; of several the newest signs."""
    secret = env_file.load(DOTENV).values.get("WEBHOOK_HMAC_SECRET", "").split("\n")[0]
    signature = hmac.digest(secret.encode(), content, "sha256").hex() if secret else ""
    return {"X-Grafana-Alerting-Signature": signature} if secret else {}


def _point_current_at(folder: Path) -> None:
    CURRENT.unlink(missing_ok=True)
    CURRENT.symlink_to(folder.name)


def _print_addresses(stack: Stack, console: Console) -> None:
    console.print(f"{len(stack.services)} processes are up; `make status` and stack.json say where.", highlight=False)
    console.print(Text.assemble("\nPost an alert to ", (stack.intake_url, "bold"), ", for example:\n"))
    console.print(
        f"curl -X POST {stack.intake_url} \\\n"
        f"  -H 'Content-Type: application/json' -H 'X-Webhook-API-Key: {_printable(stack.options.api_key)}' \\\n"
        f"""  -d '{{"service_name": "{stack.built.service_name}", "lookup_window_seconds": 3600}}'\n""",
        soft_wrap=True,
        highlight=False,
        markup=False,
    )
    console.print(Text.assemble("Read incidents at ", (stack.console_url, "bold"), ", live.\n"))
    words = "`make alert` posts one of its service; `make heal` deploys that without its fault, `make break` with it."
    console.print(words, soft_wrap=True, highlight=False)
    places = f"Briefs are in {stack.folder / 'briefs'}, everything else beside them."
    console.print(f"{places} Ctrl-C or `make stop` ends every process.\n", soft_wrap=True, highlight=False)


def _printable(key: str) -> str:
    """Return the key as a terminal may show it: the operator's own is a secret."""
    return key if key == API_KEY else "<your WEBHOOK_API_KEY>"


def alert(file: Path | None, port: int | None, console: Console) -> int:
    """Post a body to the running stack, on `port` or where it listens; print the answer."""
    body = file or CURRENT / "scenario" / "alert.json"
    if not body.is_file():
        console.print(
            f"There is no file {str(body)!r} to post." if file else "Start the stack with `make local` first."
        )
        return 1
    content = body.read_bytes()
    headers = {
        "Content-Type": "application/json",
        "X-Webhook-API-Key": (control.key_in_force(CURRENT) or _api_key()).split("\n")[0],
        **_signature(content),
    }
    where = f"127.0.0.1:{port}" if port else _address("alert_intake")
    if where is None:
        console.print("The stack is not running: start it with `make local`.")
        return 1
    url = f"http://{where}/webhook/trigger_agent"
    try:
        response = requests.post(url, data=content, headers=headers, timeout=30)
    except requests.ConnectionError:
        console.print(f"Nothing listens on {url}: start the stack with `make local` first.")
        return 1
    console.print(f"{response.status_code} {response.text}", highlight=False, markup=False)
    return 0 if response.status_code == 202 else 1


@contextlib.contextmanager
def traces_of_running_stack() -> Iterator[TraceStore]:
    """Open the traces of the stack that runs, or of the last that ran. Raises Unavailable when there was none."""
    firestore = _address("firestore")
    if firestore is None and not trace_access.file_of(CURRENT).exists():
        raise Unavailable("There are no traces yet: start the stack with `make local`.")
    with trace_access.opened(CURRENT, PROJECT, firestore) as store:
        yield store


def deadletters(has_replay: bool, console: Console) -> int:
    """Print the dead letters; `has_replay` publishes them again."""
    pubsub = _address("bus")
    if pubsub is None:
        console.print("The stack is not running: start it with `make local`.")
        return 1
    messages = dead_letters.replay(pubsub, PROJECT) if has_replay else dead_letters.read(pubsub, PROJECT)
    dead_letters.show(messages, console)
    console.print(f"{len(messages)} dead letters{' published again' if has_replay else ''}.", highlight=False)
    return 0


def _address(name: str) -> str | None:
    """Return the host:port of a service of the running stack, or None when no stack or no such service runs."""
    path = CURRENT / "stack.json"
    running = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    if name not in running:
        return None
    address = str(running[name]["url"]).removeprefix("http://")
    host, port = address.split(":")
    with contextlib.suppress(OSError), socket.create_connection((host, int(port)), timeout=1):
        return address
    return None
