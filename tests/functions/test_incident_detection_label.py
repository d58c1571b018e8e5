"""The likeliest mistake of a newcomer: the logs carry another label than the one that is configured."""

import inspect
from collections.abc import Iterator
from datetime import timedelta

import pytest

from functions.incident_detection.main import incident_detection as detection_step
from functions.post_process.main import post_process as publishing_step
from functions.rca.main import rca as rca_step
from infra.local.sandboxes.loki.server import LokiSandbox
from shared import outbox, traces
from shared.contracts import DetectionRequest, Incident, PostProcessRequest, RootCauseRequest, RootCauses
from shared.telemetry.port import NO_METRICS_STORE
from tests.builders import NOW, a_record, an_alert
from tests.functions.test_post_process_last_message import People

incident_detection, rca = inspect.unwrap(detection_step), inspect.unwrap(rca_step)
post_process = inspect.unwrap(publishing_step)
ERROR = "ERROR payment failed: ZeroDivisionError: division by zero"


@pytest.fixture
def loki(monkeypatch: pytest.MonkeyPatch) -> Iterator[LokiSandbox]:
    """A Loki that detection reads by the default label, service_name."""
    with LokiSandbox() as sandbox:
        monkeypatch.setenv("GRAFANA_HOST", sandbox.url)
        yield sandbox


def load(loki: LokiSandbox, **labels: str) -> None:
    """Write ten minutes of ordinary lines, and errors in the last four."""
    quiet = [(NOW - timedelta(seconds=900 - n), f"INFO served order {n}") for n in range(0, 890, 5)]
    loud = [(NOW - timedelta(seconds=240 - n), ERROR) for n in range(0, 230, 5)]
    values = [[str(int(at.timestamp() * 1e9)), text] for at, text in sorted([*quiet, *loud])]
    loki.load({"streams": [{"stream": labels, "values": values}]})


def detected(service: str) -> Incident:
    """Return what an alert on the service ends in."""
    answer = incident_detection(DetectionRequest(alert=an_alert(service_name=service)))
    assert isinstance(answer, Incident)
    return answer


@pytest.mark.parametrize("label", ["app", "job", "container"])
def test_lines_under_another_label_are_read_and_the_setting_is_named(loki: LokiSandbox, label: str) -> None:
    """The answer is a real one, and says how to get it without the second try."""
    load(loki, **{label: "payments", "pod": "payments-1"})

    incident = detected("payments")

    assert incident.verdict == "incident"
    assert any(ERROR in piece.text for piece in incident.evidence)
    hint, metrics = incident.hints
    assert metrics == NO_METRICS_STORE
    assert f"224 have {label}=payments" in hint
    assert hint.startswith('No log line has service_name="payments"; 224')
    assert hint.endswith(f"set LOKI_SERVICE_LABEL={label}, or LOKI_SELECTOR.")
    alert = an_alert(service_name="payments")
    causes = rca(RootCauseRequest(alert=alert, incident=incident))
    assert isinstance(causes, RootCauses)
    queries = [unknown.next_query for unknown in causes.unknowns if "{" in unknown.next_query]
    assert any(f'{{{label}="payments"}}' in query for query in queries)
    assert not any("service_name" in query for query in queries)


def test_configured_label_needs_no_second_try(loki: LokiSandbox) -> None:
    """And nothing is to be set."""
    load(loki, service_name="payments")

    incident = detected("payments")

    assert (incident.verdict, incident.hints) == ("incident", [NO_METRICS_STORE])
    assert not any("/series" in request.path for request in loki.requests)


def test_thirty_alerts_of_ten_services_without_lines_are_ten_briefs(
    loki: LokiSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Under a label that nobody would guess: each service gets one brief on what is missing."""
    load(loki, workload_of_the_team="payments")
    people = People()
    monkeypatch.setattr(outbox, "connect_mail", lambda: people)
    monkeypatch.setenv("ON_CALL_ENGINEERS", "ada@example.com")

    for number in range(30):
        alert = an_alert(incident_id=f"inc-20260314-{number:06d}", service_name=f"service-{number % 10}")
        traces.connect().open_incident(a_record(alert))
        incident = incident_detection(DetectionRequest(alert=alert))
        assert isinstance(incident, Incident)
        assert incident.verdict == "cannot_tell"
        post_process(PostProcessRequest(alert=alert, incident=incident))

    assert len(people.mails) == 10
    assert all("No log line was found by" in mail.text for mail in people.mails)


@pytest.mark.parametrize("label", ["service_name", "app"])
def test_service_behind_that_failed_first_is_named(loki: LokiSandbox, label: str) -> None:
    """Failing requests are followed by their ids over all services, under the label that names them."""
    load(loki, **{label: "payments"})
    streams: dict[str, list[list[str]]] = {"payments": [], "ledger": []}
    for number in range(1, 13):
        at, trace_id = NOW - timedelta(seconds=200 - number * 10), f"trace_id={number:032x}"
        written = (("payments", "INFO charge"), ("ledger", "ERROR disk is full"), ("payments", "ERROR charge failed"))
        for second, (service, text) in enumerate(written):
            moment = str(int((at + timedelta(seconds=second)).timestamp() * 1e9))
            streams[service].append([moment, f"{text} {trace_id}"])
    for service, values in streams.items():
        loki.load({"streams": [{"stream": {label: service, "pod": service}, "values": values}]})

    incident = detected("payments")
    causes = rca(RootCauseRequest(alert=an_alert(service_name="payments"), incident=incident))

    (ledger,) = incident.other_services
    assert (ledger.service_name, ledger.requests, ledger.failed_first_in) == ("ledger", 12, 12)
    assert isinstance(causes, RootCauses)
    cause = causes.root_causes[0]
    assert cause.hypothesis.startswith("ledger fails, and payments with it: in 12 of 12 failing requests")
    assert cause.affected_components[0] == "ledger"
    assert "disk is full" in cause.quotes[0].text
    followed = [request for request in loki.requests if '=~".+"}' in request.param("query")]
    assert len(followed) == 1, "one search over all services"
