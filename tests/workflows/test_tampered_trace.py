"""An account that may write anything into the trace: it silences no incident but its own, and crashes nothing."""

import json
import random
import time
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from functions.incident_sweeper.last_message import LastChannels
from functions.incident_sweeper.sweep import Sweep, SweepSettings
from functions.workflow_starter.incident_record import record_of
from shared import clock
from shared.contracts import StepCall, StepResult
from shared.errors import IncidentCopilotError
from shared.http.status import error_from_status
from shared.step.steps import STEPS
from shared.traces.port import Run, RunError
from tests.workflows.test_store_outage import NONCE, System, system

__all__ = ["system"]

ODD: tuple[Any, ...] = (
    None,
    "",
    "{",
    "[]",
    "7",
    "null",
    '"text"',
    "[" * 20_000,
    '{"nonce": 7, "incident_id": [], "start": "yesterday", "labels": {"a": {"b": 1}}}',
    '{"state": "open", "url": "https://evil.example/"}',
    '{"failures": [{"step": "mail"}, 7, null], "mail_status": "failed", "hook_status": "failed"}',
    '{"runStart": "2026-01-01T00:00:00", "runEnd": "x", "tokens_in": -5, "cost_usd": 1e400}',
    '{"receipt": {"a": 1}}',
    "\\ud800",
    "9999-12-31T23:59:59.999999-12:00",
    "0001-01-01T00:00:00",
    "x" * 100_000,
    -(2**62),
    2**62,
)
PLACES = {
    "incidents": (
        *("service_name", "state", "created_at", "updated_at"),
        *("alert", "execution", "merged_alerts", "outcome", "pull_request"),
    ),
    "runs": ("agent", "run_id", "entry"),
    "answers": ("agent", "body", "signature"),
    "leases": ("holder", "until", "value"),
}


class InProcess:
    """Publishes by the function itself, as the sweeper does by HTTP."""

    timeout = timedelta(seconds=5)

    def __init__(self, system: System) -> None:
        self._system = system

    def publish(self, call: StepCall) -> StepResult:
        """Call post_process; its errors are those of its status."""
        status, body = self._system.answer("post_process", call.model_dump(mode="json"))
        if status != 200:
            answer = json.loads(body)
            assert answer["error_type"] != "Unforeseen", answer
            raise error_from_status(status, answer["message"])
        return StepResult.model_validate_json(body)


class NoExecutions:
    """Workflows that know no execution."""

    def ending(self, _execution: str) -> str | None:
        """Know nothing."""
        return "It failed"


def opened(system: System, number: int) -> str:
    """Open an overdue incident with runs and answers of its steps, signed as the steps sign them."""
    incident_id = f"inc-20260314-{number:06d}"
    alert = system.alert.replace(incident_id=incident_id, service_name=f"service-{number}")
    moment = clock.now() - timedelta(hours=1)
    record = replace(record_of(alert, nonce=NONCE), created_at=moment, updated_at=moment)
    system.store.open_incident(record)
    failed = (RunError(category="Unavailable", message="away", at=moment),)
    for row in STEPS[:3]:
        system.store.record_run(incident_id, Run(row.agent, moment, moment, {}, None, errors=failed))
    system.store.claim(f"service:service-{number}", incident_id, clock.now() + timedelta(hours=1))
    return incident_id


def tamper(system: System, incident_id: str, chance: random.Random) -> str:
    """Write something odd over something of the incident; return what."""
    table, columns = chance.choice([*PLACES.items()])
    column, value = chance.choice(columns), chance.choice(ODD)
    connection = system.store._store._connection  # no method of the store does this
    where = "key LIKE '%' || ?" if table == "leases" else "incident_id = ?"
    owner = incident_id if table != "leases" else f"service-{int(incident_id[-6:])}"
    with connection:
        # The names are those above.
        connection.execute(
            f"UPDATE OR IGNORE {table} SET {column} = ? WHERE {where} AND ? IS NOT NULL", (value, owner, value)
        )
    return f"{table}.{column} = {str(value)[:60]}"


@pytest.mark.parametrize("seed", range(6))
def test_tampered_incident_stops_no_sweep_and_no_other_incident(system: System, seed: int) -> None:
    """Twelve incidents, eleven with one odd entry each: the twelfth is published whatever the others hold."""
    system.on_call = lambda *_: None
    chance = random.Random(seed)  # a reproducible choice, no secret
    odd = {opened(system, number): "" for number in range(11)}
    for incident_id in odd:
        odd[incident_id] = tamper(system, incident_id, chance)
    whole = opened(system, 11)
    channels = LastChannels(lambda: None, lambda: None, tuple)
    sweep = Sweep(system.store, NoExecutions(), InProcess(system), SweepSettings(), timedelta(minutes=15), channels)

    swept = sweep.run(time.monotonic)

    assert whole in swept.published, odd
    record = system.store.incident(whole)
    assert record is not None
    assert record.state == "closed"
    for incident_id, what in odd.items():
        try:
            left = system.store.incident(incident_id)
        except IncidentCopilotError:
            continue
        assert left is None or left.state == "closed" or incident_id in swept.failed or left.service_name == "", what
