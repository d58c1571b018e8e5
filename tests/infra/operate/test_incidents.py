"""What an operator reads about incidents: the list, the few lines about one, its trace, what a day cost."""

import io
import json
from datetime import timedelta

import pytest
from rich.console import Console

from infra.costs import estimate
from infra.operate import incidents, spend
from infra.operate.__main__ import main
from infra.operate.trace_stores import opened_store
from shared import clock
from shared.contracts import Failure, Outcome
from shared.traces import firestore
from shared.traces.embedded import EmbeddedTraces
from shared.traces.firestore_settings import FirestoreSettings
from shared.traces.port import Run
from tests.builders import a_record, an_alert

ID = "inc-20260504-0123456789"


@pytest.fixture
def console() -> Console:
    """A terminal that is 80 columns wide, as at night."""
    return Console(file=io.StringIO(), record=True, width=80)


def ended(store: EmbeddedTraces, number: int = 0, cost_usd: float = 0.0, age: timedelta = timedelta()) -> str:
    """Store an incident that ended; return its id."""
    incident_id = f"{ID}{number}"
    record = a_record(an_alert(incident_id=incident_id, alert_name="HighErrorRate"))
    moment = clock.now() - age
    store.open_incident(type(record)(**{**vars(record), "created_at": moment, "updated_at": moment}))
    failure = Failure(step="mail", error_type="Refused", message="Gmail refused the grant of 2026-01-02")
    outcome = Outcome(
        kind="degraded",
        mail_status="failed",
        deliveries={"mail": "failed", "slack": "done"},
        receipts={"slack": "C1/1700.1"},
        failures=[failure],
        cost_usd=cost_usd,
        tokens=1200,
    )
    store.close_incident(incident_id, outcome.model_dump(mode="json"))
    return incident_id


def test_incident_is_summed_up_in_a_few_lines(store: EmbeddedTraces, console: Console) -> None:
    """How it ended, who took it and who did not and why, what it cost, and where every line about it stands."""
    incident_id = ended(store, cost_usd=0.0312)

    assert incidents.show_incident(store, incident_id, "example-project", console) == 0

    text = console.export_text()
    assert len(text.splitlines()) <= 12
    for part in (
        "HighErrorRate, of checkout-api",
        "state      closed, degraded",
        "slack      done C1/1700.1",
        "failed     mail: Refused: Gmail refused the grant of 2026-01-02",
        "0.0312 USD, 1,200 tokens",
        "none was started",
        "labels.incident_id%3D%22" + incident_id,
        "project=example-project",
    ):
        assert part in text


def test_unknown_incident_is_an_error(store: EmbeddedTraces, console: Console) -> None:
    """The id is named, and the status is 1."""
    assert incidents.show_incident(store, "inc-none", None, console) == 1
    assert incidents.show_trace(store, "inc-none", console) == 1
    assert "'inc-none'" in console.export_text()


def test_trace_is_printed_whole(store: EmbeddedTraces, console: Console) -> None:
    """As JSON that other tools read."""
    incident_id = ended(store)

    assert incidents.show_trace(store, incident_id, console) == 0
    assert json.loads(console.export_text())["invocation_id"] == incident_id


def test_day_is_summed_and_the_dearest_are_named(store: EmbeddedTraces, console: Console) -> None:
    """Incidents of the last 24 hours alone; of one that still runs its runs so far count."""
    dearest = ended(store, 1, cost_usd=0.5)
    ended(store, 2, cost_usd=0.25)
    ended(store, 3, cost_usd=100.0, age=timedelta(hours=25))
    running = f"{ID}4"
    record = a_record(an_alert(incident_id=running))
    store.open_incident(type(record)(**{**vars(record), "created_at": clock.now(), "updated_at": clock.now()}))
    store.set_execution(running, "executions/4")
    store.record_run(running, Run("rca", clock.now(), clock.now(), {}, {}, cost_usd=0.125))

    assert spend.show_spend(store, console) == 0

    lines = console.export_text().splitlines()
    assert lines[1] == "incidents  3: 2 degraded, 1 open"
    assert lines[2] == "models     0.88 USD, as each incident noted it"
    platform = sum(item.usd for item in estimate.items() if not item.what.startswith("Gemini")) / 1000
    assert f"about {3 * platform + estimate.monthly().usd / 30:.2f} USD" in lines[3]
    assert dearest in lines[4]
    assert len(lines) == 7


def test_day_without_incidents_costs_the_sweeper(store: EmbeddedTraces, console: Console) -> None:
    """And names none."""
    spend.show_spend(store, console)

    assert console.export_text().splitlines()[1:3] == ["incidents  0", "models     0.00 USD, as each incident noted it"]


def test_more_incidents_than_a_page_are_all_counted(
    store: EmbeddedTraces, console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A storm's day is read page by page."""
    monkeypatch.setattr(spend, "PAGE", 2)
    for number in range(5):
        ended(store, number)

    spend.show_spend(store, console)

    assert "incidents  5" in console.export_text()


def test_command_reads_a_project_by_its_name(store: EmbeddedTraces, monkeypatch: pytest.MonkeyPatch) -> None:
    """`make traces PROJECT_ID=…` opens the database that infra/gcp makes there."""
    opened: list[FirestoreSettings] = []

    def connect(settings: FirestoreSettings) -> EmbeddedTraces:
        opened.append(settings)
        return store

    monkeypatch.setattr(firestore, "FirestoreTraces", connect)
    incident_id = ended(store)

    with opened_store("example-project") as read:
        assert read.incident(incident_id) is not None
    assert (opened[0].google_cloud_project, opened[0].firestore_database) == ("example-project", "incident-copilot")


@pytest.mark.parametrize("arguments", [["incident"], ["stop", "--project", "p"], ["resume", "--project", "p"]])
def test_incomplete_command_says_what_is_missing(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Before anything is read or stopped."""
    with pytest.raises(SystemExit):
        main(arguments)
    assert "name the incident" in (error := capsys.readouterr().err) or "needs --region" in error
