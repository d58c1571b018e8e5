"""Says in a line what happens in the running stack: each alert, each outcome, each process that died and came back."""

import time
from dataclasses import dataclass, field
from typing import Any

from rich.console import Console
from rich.text import Text

from infra.local.stack.processes import StartFailed
from infra.local.stack.stack import Stack
from shared import clock
from shared.errors import IncidentCopilotError
from shared.text.harmless import one_line
from shared.traces.port import IncidentRecord, TraceStore

POLL_S = 1.0
PAGE = 50
"""Incidents looked at each time: what is older changes without a line."""
RESTART_PAUSE_S = 5.0
"""A process that dies again at once is started again no sooner than that."""


@dataclass
class Watch:
    """What has been said of a stack."""

    stack: Stack
    console: Console
    _states: dict[str, tuple[str, str]] = field(default_factory=dict)
    _restarts: dict[str, float] = field(default_factory=dict)
    _is_store_silent: bool = False

    def run(self) -> None:
        """Watch until interrupted."""
        with self.stack.traces() as store:
            while True:
                self.look_at_processes()
                self.look_at_incidents(store)
                time.sleep(POLL_S)

    def look_at_processes(self) -> list[str]:
        """Say which process has died, and start it again; return their names."""
        ended = [name for name, service in self.stack.services.items() if not service.is_running]
        due = [
            name for name in ended if time.monotonic() - self._restarts.get(name, -RESTART_PAUSE_S) >= RESTART_PAUSE_S
        ]
        for name in due:
            self._restarts[name] = time.monotonic()
            code = self.stack.services[name].process.returncode
            try:
                self.stack.revive(name)
            except StartFailed as error:
                self.say("died", "red", f"{name} ended with {code}, and did not come back: {one_line(str(error))}")
                continue
            pid = self.stack.services[name].process.pid
            self.say("died", "red", f"{name} ended with {code}; it runs again as pid {pid}. Its log: {self._log(name)}")
        return due

    def look_at_incidents(self, store: TraceStore) -> None:
        """Say what is new of the newest incidents, the oldest first."""
        try:
            records = store.incident_page(None, PAGE).records
        except IncidentCopilotError as error:
            if not self._is_store_silent:
                self.say("store", "red", f"the traces cannot be read: {one_line(str(error))}")
            self._is_store_silent = True
            return
        self._is_store_silent = False
        for record in reversed(records):
            kind = str((record.outcome or {}).get("kind") or "")
            before = self._states.get(record.incident_id)
            self._states[record.incident_id] = (record.state, kind)
            if before is None:
                self._say_alert(record)
            if before != (record.state, kind):
                self._say_state(record, kind)

    def _say_alert(self, record: IncidentRecord) -> None:
        name = one_line(str(record.alert.get("alert_name") or "an alert"))
        status = " has ended" if record.alert.get("status") == "resolved" else ""
        self.say("alert", "bold", f"{record.service_name}: {name}{status}, {record.incident_id}")

    def _say_state(self, record: IncidentRecord, kind: str) -> None:
        outcome: dict[str, Any] = record.outcome or {}
        page = f"{self.stack.console_url}/{record.incident_id}"
        if record.state == "open":
            self.say("incident", "cyan", f"is investigated, live at {page}")
        elif record.state == "held":
            reason = record.hold.reason if record.hold else "unknown"
            name = f" ({record.hold.name})" if record.hold and record.hold.name else ""
            self.say("held", "yellow", f"{record.incident_id} waits: {reason}{name}")
        elif kind == "merged":
            self.say("outcome", "dim", f"{record.incident_id} belongs to {outcome.get('merged_into')}")
        else:
            self.say("outcome", "green", f"{_ending(record, kind, outcome)}  {page}")
            if path := outcome.get("archived_path"):
                self.say("brief", "green", str(path))

    def _log(self, name: str) -> str:
        return str(self.stack.services[name].log)

    def say(self, what: str, style: str, words: str) -> None:
        """Print a line with the time."""
        line = Text.assemble((f"{clock.now():%H:%M:%S}  {what:<9}", style), words)
        self.console.print(line, soft_wrap=True)


def _ending(record: IncidentRecord, kind: str, outcome: dict[str, Any]) -> str:
    duration = outcome.get("duration_ms")
    seconds = f" after {duration / 1000:.1f} s" if isinstance(duration, int) and duration else ""
    severity = f", {outcome['severity']}" if outcome.get("severity") else ""
    subject = f": {one_line(str(outcome['subject']))}" if outcome.get("subject") else ""
    state = "not delivered yet" if record.state == "undelivered" else kind or record.state
    return f"{state}{severity}{seconds}{subject}"
