"""`make local` keeps the house up for curl; `make alert` posts to it; `make traces` reads what it remembers."""

import json
import os
import signal
from pathlib import Path

import requests
from rich.console import Console

from infra.bundle import ROOT
from infra.local.demo import SCENARIO
from infra.local.scenarios.build import build
from infra.local.stack import Options, Stack
from shared import clock
from shared.traces.embedded import EmbeddedSettings, EmbeddedTraces

FOLDER = ROOT / ".local"
CURRENT = FOLDER / "current"
API_KEY = "local-key"


def up(port: int, console: Console) -> int:
    """Start the house, say where everything is, and stay until interrupted."""
    began = clock.now()
    folder = FOLDER / f"{began:%Y%m%d-%H%M%S}"
    folder.mkdir(parents=True)
    built = build(SCENARIO, folder / "scenario", began)
    options = Options(port=port, api_key=os.environ.get("WEBHOOK_API_KEY") or API_KEY, settings=_dotenv())
    with Stack(folder, built, options) as stack:
        _point_current_at(folder)
        _tell(stack, console)
        while True:
            signal.pause()


def _dotenv() -> dict[str, str]:
    """Return the variables of .env, which win over the sandboxes: that is how a laptop reads the real Loki."""
    path = ROOT / ".env"
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    pairs = (line.partition("=") for line in lines if "=" in line and not line.lstrip().startswith("#"))
    return {name.strip(): value.strip() for name, _, value in pairs if value.strip()}


def _point_current_at(folder: Path) -> None:
    CURRENT.unlink(missing_ok=True)
    CURRENT.symlink_to(folder.name)


def _tell(stack: Stack, console: Console) -> None:
    for name, service in sorted(stack.services.items()):
        console.print(f"  {name:<20} {service.url:<28} pid {service.process.pid}", highlight=False)
    console.print(f"\nPost an alert to [bold]{stack.intake_url}[/bold], for example:\n")
    console.print(
        f"curl -X POST {stack.intake_url} \\\n"
        f"  -H 'Content-Type: application/json' -H 'X-Webhook-API-Key: {stack.options.api_key}' \\\n"
        f"""  -d '{{"service_name": "{stack.built.service_name}", "lookup_window_seconds": 3600}}'\n""",
        soft_wrap=True,
        highlight=False,
        markup=False,
    )
    console.print(f"Everything goes to {stack.folder}. Ctrl-C stops every process.", soft_wrap=True, highlight=False)


def alert(file: Path | None, port: int, console: Console) -> int:
    """Post a body to the house that is up; print what it answered."""
    body = file or CURRENT / "scenario" / "alert.json"
    headers = {"Content-Type": "application/json", "X-Webhook-API-Key": os.environ.get("WEBHOOK_API_KEY") or API_KEY}
    url = f"http://127.0.0.1:{port}/webhook/trigger_agent"
    try:
        response = requests.post(url, data=body.read_bytes(), headers=headers, timeout=30)
    except requests.ConnectionError:
        console.print(f"Nothing listens on {url}: start the house with `make local` first.")
        return 1
    console.print(f"{response.status_code} {response.text}", highlight=False, markup=False)
    return 0 if response.status_code == 202 else 1


def traces(incident_id: str | None, console: Console) -> int:
    """Print the whole trace of one incident, or a line per incident."""
    path = CURRENT / "traces" / "traces.sqlite3"
    if not path.exists():
        console.print("There are no traces yet: start the house with `make local` and post an alert.")
        return 1
    store = EmbeddedTraces(EmbeddedSettings(traces_path=path))
    if incident_id is None:
        for record in store.incidents():
            kind = (record.outcome or {}).get("kind", record.state)
            console.print(f"{record.incident_id}  {record.created_at:%Y-%m-%d %H:%M:%S}  {record.service_name}  {kind}")
        return 0
    document = store.document(incident_id)
    console.print_json(json.dumps(document)) if document else console.print(f"There is no incident {incident_id!r}.")
    return 0 if document else 1
