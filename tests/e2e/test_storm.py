"""A storm on the running system: bodies to the webhook, sweeps, and what mails and calls of the hook come of it."""

import email
import email.policy
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from email.message import EmailMessage
from typing import Any, TypeVar

import pytest
import requests

from infra.local.cli.demo import SCENARIO
from infra.local.scenarios.build import build
from infra.local.stack.stack import Options, Stack
from shared import clock
from shared.traces.port import IncidentRecord, TraceStore

TIMEOUT_S = 150.0
SETTINGS = {"FLAP_HOLD_SECONDS": "2", "INVESTIGATIONS_PER_HOUR": "6"}
Value = TypeVar("Value")


@dataclass(frozen=True)
class System:
    """The whole system without its scheduler: tests ask for sweeps."""

    stack: Stack
    traces: TraceStore

    def post(self, *alerts: dict[str, Any]) -> list[str]:
        """Post one body with these alerts; return the ids of their incidents."""
        headers = {"X-Webhook-API-Key": self.stack.options.api_key}
        reply = requests.post(self.stack.intake_url, json={"alerts": alerts}, headers=headers, timeout=30)
        assert reply.status_code == 202, reply.text
        return [incident["incident_id"] for incident in reply.json()["incidents"]]

    def sweep(self) -> list[str]:
        """Sweep as the scheduler would; return what was settled."""
        reply = requests.post(self.stack.services["incident_sweeper"].url, json={}, timeout=120)
        assert reply.status_code == 200, reply.text
        return list(reply.json()["settled"])

    def record(self, incident_id: str) -> IncidentRecord | None:
        """Return an incident, once the starter has opened it."""
        return self.traces.incident(incident_id)

    def kind(self, incident_id: str) -> str:
        """Return how an incident ended, its state before that."""
        record = self.record(incident_id)
        if record is None:
            return "absent"
        return str(record.outcome["kind"]) if record.outcome else record.state

    def swept_kind(self, incident_id: str) -> str:
        """Return the same after one more sweep."""
        self.sweep()
        return self.kind(incident_id)

    def mails(self) -> list[EmailMessage]:
        """Return every mail but the early briefs, in the order of sending."""
        paths = sorted((self.stack.folder / "mail").glob("*.eml"), key=lambda path: int(path.stem))
        policy = email.policy.default
        mails: list[EmailMessage] = [email.message_from_bytes(path.read_bytes(), policy=policy) for path in paths]  # type: ignore[misc]
        return [mail for mail in mails if ".early@" not in mail["Message-ID"]]

    def calls(self, kind: str) -> list[dict[str, Any]]:
        """Return what the hook got of one kind."""
        texts = [path.read_text() for path in (self.stack.folder / "hook").glob("*.json")]
        bodies = [json.loads(text) for text in texts]
        return [body for each in bodies if (body := each.get("body", each)).get("kind") == kind]


def alert(service: str, rule: str, status: str = "firing", severity: str = "warning") -> dict[str, Any]:
    """One alert as Alertmanager sends it."""
    labels = {"service_name": service, "alertname": rule, "severity": severity}
    started = clock.now().isoformat()
    return {"status": status, "labels": labels, "fingerprint": f"{service}-{rule}", "startsAt": started}


def until(read: Callable[[], Value], is_good: Callable[[Value], bool] = bool) -> Value:
    """Return the value once it is good, or the last value read when the time is up."""
    deadline = time.monotonic() + TIMEOUT_S
    while not is_good(value := read()) and time.monotonic() < deadline:
        time.sleep(0.2)
    return value


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """The system on stand-ins."""
    folder = tmp_path_factory.mktemp("system")
    built = build(SCENARIO, folder / "scenario", clock.now())
    with Stack(folder, built, Options(settings=SETTINGS, has_clock=False)) as stack, stack.traces() as traces:
        yield System(stack, traces)


def test_rules_of_one_service_are_one_brief_one_update_and_one_end(system: System) -> None:
    """Twenty rules after the brief are one answer to its mail; when all have ended that is a second one."""
    (first,) = system.post(alert("checkout-api", "Rule0"))
    assert until(lambda: system.kind(first), lambda kind: kind in ("full", "degraded")) in ("full", "degraded")

    others = [incident for n in range(1, 20) for incident in system.post(alert("checkout-api", f"Rule{n}"))]
    assert until(lambda: {system.kind(one) for one in others} == {"held", "merged"})
    (carrier,) = [one for one in others if system.kind(one) == "held"]
    assert until(lambda: system.swept_kind(carrier), lambda kind: kind == "update") == "update"
    ends = [one for n in range(20) for one in system.post(alert("checkout-api", f"Rule{n}", "resolved"))]
    assert until(lambda: {system.kind(one) for one in ends} <= {"held", "resolved"})
    assert until(lambda: system.sweep() and system.calls("resolved"))

    brief, update, end = system.mails()
    assert (update["In-Reply-To"], end["In-Reply-To"]) == (brief["Message-ID"], brief["Message-ID"])
    assert update["Subject"] == end["Subject"] == f"Re: {brief['Subject'].removeprefix('Re: ')}"
    text = update.get_body(("plain",))
    assert text is not None
    assert "19 alerts since its brief" in text.get_content()
    assert [call["incident_id"] for call in (*system.calls("update"), *system.calls("resolved"))] == [first, first]
    assert len(system.calls("full") + system.calls("degraded")) == 1


def test_services_over_the_brake_are_listed_once(system: System) -> None:
    """
    Twelve services in one body: as many briefs as the hour has left, one list of the others, none lost.

    That the most severe come first is shown in virtual time: here a sweep may come between two messages.
    """
    before = len(system.mails())
    severity = {11: "critical"}
    bodies = [alert(f"service-{n}", "Down", severity=severity.get(n, "warning")) for n in range(12)]
    ids = system.post(*bodies)
    started = {"open", "full", "degraded", "dismissed"}
    assert until(lambda: {system.kind(one) for one in ids} <= started | {"held"})
    assert until(lambda: system.sweep() is not None and system.calls("umbrella"))
    assert until(lambda: "open" not in {system.kind(one) for one in ids})

    (umbrella,) = system.calls("umbrella")
    held = [one for one in ids if system.kind(one) == "held"]
    assert len(held) == 12 - 5
    assert "INVESTIGATIONS_PER_HOUR is reached" in umbrella["headline"]
    assert all(f"{record.service_name}: Down" in umbrella["recommended_action"] for record in map(system.record, held)
               if record)  # fmt: skip
    assert len(system.mails()) - before == 5 + 1
