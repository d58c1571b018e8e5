"""`make local` keeps the stack running for curl, `make alert` posts to it."""

import contextlib
import hmac
import json
import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import requests
from rich.console import Console
from rich.text import Text

from infra.bundle import ROOT
from infra.doctor.offline import env_file
from infra.local.cli import dead_letters, trace_access
from infra.local.cli.demo import SCENARIO
from infra.local.cli.own_settings import own_settings
from infra.local.scenarios.build import build
from infra.local.stack.stack import PROJECT, Options, Stack
from shared import clock
from shared.errors import Unavailable
from shared.traces.port import TraceStore

FOLDER = ROOT / ".local"
CURRENT = FOLDER / "current"
API_KEY = "local-key"


DOTENV = ROOT / ".env"
STYLES = {"ok": "green", "wrong": "red", "cannot tell": "yellow"}


def up(port: int, has_emulators: bool, console: Console) -> int:
    """Check .env, start the stack, print where everything is, and run until interrupted; 1 when .env is wrong."""
    values = _checked(console)
    if values is None:
        return 1
    began = clock.now()
    folder = FOLDER / f"{began:%Y%m%d-%H%M%S}"
    folder.mkdir(parents=True)
    built = build(SCENARIO, folder / "scenario", began)
    options = Options(port=port, api_key=_api_key(), settings=own_settings(values), has_emulators=has_emulators)
    with Stack(folder, built, options) as stack:
        _point_current_at(folder)
        _print_addresses(stack, console)
        while True:
            signal.pause()


def _checked(console: Console) -> dict[str, str] | None:
    """Return the variables of .env, or None when one is wrong; what other systems answer only is printed."""
    env = env_file.load(DOTENV)
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
    for name, service in sorted(stack.services.items()):
        console.print(f"  {name:<20} {service.url:<28} pid {service.process.pid}", highlight=False)
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
    console.print(f"Everything goes to {stack.folder}. Ctrl-C stops every process.", soft_wrap=True, highlight=False)


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
        "X-Webhook-API-Key": _api_key().split("\n")[0],
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
