"""People act in the console: one message to workflow_starter each, from our own forms; nothing is written here."""

import re
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import flask
import pytest

from functions.incident_console.access.console_access import Visitor
from functions.incident_console.requested_work import new_investigation
from functions.workflow_starter.carry_out_request import carry_out
from infra import bundle, grants
from shared import clock, traces
from shared.admission import maintenance, mutes, operator_journal
from shared.admission.operator_requests import OperatorRequest
from shared.cloud import pubsub
from shared.contracts import PullRequest, RootCauses
from shared.errors import Unavailable
from shared.traces.embedded import EmbeddedTraces
from shared.traces.port import IncidentRecord, Run
from shared.traces.pull_request_record import PullRequestRecord
from tests.builders import an_alert
from tests.functions.console_visits import (
    CLOUD,
    HOST,
    KEY,
    SCRIPT,
    SECRET,
    Elements,
    cookies_of,
    field_of,
    text_of,
    visit,
)

ALERT = an_alert(github_repo="acme/checkout-api", labels={"team": "shop"})
ID = ALERT.incident_id
PAGE = f"/incidents/{ID}"
CAUSE = "share_discount divides by zero."


@dataclass
class Bus:
    """Keeps what is published, and carries it out as workflow_starter does, once it is delivered."""

    requests: list[OperatorRequest] = field(default_factory=list)
    started: list[str] = field(default_factory=list)
    is_up: bool = True

    def publish_request(self, request: OperatorRequest) -> str:
        """Publish one request."""
        if not self.is_up:
            raise Unavailable("Pub/Sub at /secret/place does not answer")
        self.requests.append(request)
        return "1"

    def deliver(self) -> None:
        """Let workflow_starter carry out what was published."""
        for request in self.requests:
            carry_out(request, traces.connect(), self._start)

    def _start(self, alert: Any) -> str:
        self.started.append(alert.incident_id)
        moment = clock.now()
        record = IncidentRecord(
            alert.incident_id, alert.service_name, "open", moment, moment, alert.model_dump(mode="json")
        )
        traces.connect().open_incident(record)
        return "started"


@pytest.fixture
def bus(monkeypatch: pytest.MonkeyPatch) -> Bus:
    """The topic of the alerts."""
    fake = Bus()
    monkeypatch.setattr(pubsub, "connect", lambda: fake)
    return fake


@pytest.fixture(autouse=True)
def incident() -> None:
    """A published incident with a cause."""
    store, moment = traces.connect(), clock.now() - timedelta(minutes=5)
    store.open_incident(IncidentRecord(ID, ALERT.service_name, "open", moment, moment, ALERT.model_dump(mode="json")))
    answer = RootCauses(root_causes=[], most_likely=CAUSE).model_dump(mode="json")
    store.record_run(ID, Run("RCAAgent", moment, moment + timedelta(seconds=1), {}, answer))
    store.close_incident(ID, {"kind": "full"})


def send(path: str, fields: dict[str, str] | None = None, *, page: str = PAGE, **more: Any) -> flask.Response:
    """Load a page and send one of its forms."""
    loaded = visit(page)
    token = field_of(loaded.get_data(as_text=True), "form_token")
    form = {"form_token": token, "by": "Ada", **(fields or {})}
    headers = {"Origin": "http://127.0.0.1:8080", "Sec-Fetch-Site": "same-origin"}
    return visit(path, form, cookies=cookies_of(loaded), headers=headers, **more)


def sent(bus: Bus, path: str, fields: dict[str, str] | None = None, *, page: str = PAGE) -> OperatorRequest:
    """Send a form that is taken; return what was published."""
    response = send(path, fields, page=page)
    assert response.status_code == 303, response.get_data(as_text=True)
    request = bus.requests[-1]
    assert response.headers["Location"].endswith(f"?asked={request.request_id}")
    return request


def test_investigation_is_started_from_the_form(bus: Bus) -> None:
    """Service, window and repository are those of the form, and the page leads on to the new incident."""
    fields = {"service": "payments", "minutes": "30", "repository": "acme/payments", "note": "It is slow."}
    request = sent(bus, "/runs", fields, page="/runs/new")

    alert = request.alert
    assert alert is not None
    assert (request.kind, request.by, alert.service_name, alert.github_repo) == (
        "investigate", "Ada", "payments", "acme/payments"
    )  # fmt: skip
    assert alert.end - alert.start == timedelta(minutes=30)
    assert alert.summary == "Ada asked for this investigation. It is slow."
    waiting = text_of(f"/requests/{request.request_id}", headers={"HX-Request": "true"})
    assert "carried out in a moment" in waiting
    bus.deliver()
    done = visit(f"/requests/{request.request_id}", headers={"HX-Request": "true"})
    assert done.headers["HX-Redirect"] == f"/incidents/{alert.incident_id}?asked={request.request_id}"
    assert "Ada had payments investigated (started)" in text_of(done.headers["HX-Redirect"])
    assert "carried out in a moment" in text_of(f"{PAGE}?asked={request.request_id}")


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"service": " ", "minutes": "15"}, "Name the service"),
        ({"service": "a", "minutes": "0"}, "whole number of minutes"),
        ({"service": "a", "minutes": "10081"}, "whole number of minutes"),
        ({"service": "a", "minutes": "000060999"}, "whole number of minutes"),
        ({"service": "a", "minutes": "000001" + "9" * 5000}, "whole number of minutes"),
        ({"service": "a", "minutes": "1e3"}, "whole number of minutes"),
        ({"service": "a", "minutes": "٣"}, "whole number of minutes"),
        ({"service": "a", "minutes": "15", "repository": "https://evil.example/x/y"}, "owner/name"),
        ({"service": "a", "minutes": "15", "repository": "../.."}, "owner/name"),
        ({"service": "a", "minutes": "15", "repository": "acme/.."}, "owner/name"),
        ({"service": "a", "minutes": "15", "by": " "}, "Say who you are"),
    ],
)
def test_form_that_says_too_little_is_rejected(bus: Bus, fields: dict[str, str], words: str) -> None:
    """The page says which field."""
    response = send("/runs", fields, page="/runs/new")

    assert response.status_code == 400
    assert words in response.get_data(as_text=True)
    assert bus.requests == []


def test_incident_is_investigated_again_over_the_same_time_or_over_now(bus: Bus) -> None:
    """With the alert's labels and repository; each is an incident of its own."""
    same = sent(bus, f"{PAGE}/again", {"window": "same"}).alert
    now = sent(bus, f"{PAGE}/again", {"window": "now"}).alert

    assert same is not None
    assert now is not None
    assert (same.start, same.end) == (ALERT.start, ALERT.end)
    assert now.end > ALERT.end
    assert now.end - now.start == timedelta(seconds=ALERT.lookup_window_s)
    assert (same.github_repo, same.labels) == (ALERT.github_repo, ALERT.labels)
    assert len({ID, same.incident_id, now.incident_id}) == 3


def test_acknowledgement_stands_on_the_page_and_in_the_list(bus: Bus) -> None:
    """With the name and the time, and the form is gone."""
    sent(bus, f"{PAGE}/acknowledge")
    bus.deliver()

    page = text_of(PAGE)
    assert "Ada has it since" in page
    assert f'action="{PAGE}/acknowledge"' not in page
    assert "acknowledged by Ada" in text_of("/incidents")


def test_service_is_muted_for_an_hour_and_heard_again(bus: Bus) -> None:
    """The page says who muted it until when."""
    request = sent(bus, f"{PAGE}/mute")
    bus.deliver()
    (window,) = maintenance.windows(traces.connect())

    assert window.until == request.at + timedelta(hours=1)
    assert f"muted by Ada until {window.until:%H:%M} UTC" in text_of(PAGE)
    sent(bus, f"{PAGE}/unmute")
    bus.deliver()
    assert mutes.mute_of(traces.connect(), ALERT.service_name) is None
    assert f'action="{PAGE}/mute"' in text_of(PAGE)


def test_judgement_is_shown_when_the_service_fails_again(bus: Bus) -> None:
    """With the cause that was judged and the note; another service's incident does not show it."""
    sent(bus, f"{PAGE}/judge", {"verdict": "partly", "note": "The code was right, the data was not."})
    bus.deliver()
    store, moment = traces.connect(), clock.now()
    for name, service in (("inc-recurrence", ALERT.service_name), ("inc-elsewhere", "payments")):
        alert = an_alert(incident_id=name, service_name=service).model_dump(mode="json")
        store.open_incident(IncidentRecord(name, service, "open", moment, moment, alert))

    assert "judged the cause partly right" in text_of(PAGE)
    again = text_of("/incidents/inc-recurrence")
    assert "Judged before, for this service" in again
    assert f'<a href="{PAGE}">{CAUSE}</a>' in again
    assert "The code was right, the data was not." in again
    assert "Judged before" not in text_of("/incidents/inc-elsewhere")
    assert "cause judged partly right" in text_of("/incidents")


def test_verdict_must_be_one_of_three(bus: Bus) -> None:
    """Without one, or with another, nothing is sent."""
    for fields in ({}, {"verdict": ""}, {"verdict": "maybe"}):
        assert send(f"{PAGE}/judge", fields).status_code == 400, fields
    assert bus.requests == []


def test_what_people_write_is_inert_and_holds_no_secret(bus: Bus) -> None:
    """Names and notes are text like everything else."""
    sent(bus, f"{PAGE}/judge", {"verdict": "wrong", "note": f"{SCRIPT} key={SECRET}", "by": f"Ada {SCRIPT}"})
    bus.deliver()

    assert SECRET not in bus.requests[0].model_dump_json()
    for path in (PAGE, "/incidents", f"{PAGE}/trace.json", f"/requests/{bus.requests[0].request_id}"):
        text = text_of(path)
        assert SECRET not in text, path
        if not path.endswith("json"):
            assert "<script>alert" not in text, path
            assert Elements(text).of("img") == [], path


@pytest.mark.parametrize("length", [40, 80, 300, 500])
def test_what_people_write_is_redacted_before_it_is_truncated(bus: Bus, length: int) -> None:
    """Neither the name, nor the note, nor the alert's summary ends in the first half of a secret."""
    token = "ghp_" + "aB3dE5gH7jK9mN1pQ3sT5vW7yZ9bC1dF3hJ5"
    for part in (10, 20, 34):
        text = f"{'x ' * length}"[: length - part - 1] + f" {token}"
        sent(bus, "/runs", {"service": "payments", "minutes": "5", "note": text, "by": text}, page="/runs/new")

        assert "ghp_" not in bus.requests[-1].model_dump_json()
    bus.deliver()
    stored = traces.connect()
    assert "ghp_" not in repr([stored.incidents(), stored.lease(operator_journal.KEY)])


def test_form_of_another_site_does_nothing(bus: Bus) -> None:
    """Without the token that this browser got with the page, or from another origin, whoever the visitor is."""
    loaded = visit(PAGE)
    cookies, token = cookies_of(loaded), field_of(loaded.get_data(as_text=True), "form_token")
    form = {"by": "Ada", "form_token": token}

    assert visit(f"{PAGE}/mute", form).status_code == 400
    assert visit(f"{PAGE}/mute", {"by": "Ada"}, cookies=cookies).status_code == 400
    assert visit(f"{PAGE}/mute", {**form, "form_token": "x" * 32}, cookies=cookies).status_code == 400
    assert visit(f"{PAGE}/mute", {"by": "Ada", "form_token": "x"}, cookies={"console-form": "x"}).status_code == 400
    for headers in ({"Origin": "https://evil.example"}, {"Origin": "http://127.0.0.1:3000"}, {"Origin": "null"},
                    {"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}):  # fmt: skip
        assert visit(f"{PAGE}/mute", form, cookies=cookies, headers=headers).status_code == 400, headers
    assert visit(f"{PAGE}/mute", cookies=cookies).status_code == 404
    assert bus.requests == []
    assert visit(f"{PAGE}/mute", form, cookies=cookies).status_code == 303


def test_cookie_of_the_forms_is_this_hosts_alone() -> None:
    """Scripts cannot read it, and no other site's page sends it."""
    (header,) = visit(PAGE).headers.getlist("Set-Cookie")

    assert header.startswith("console-form=")
    assert "HttpOnly" in header
    assert "SameSite=Strict" in header


def test_nobody_acts_without_signing_in(bus: Bus, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the key's session the forms carry its token; without it the login form answers."""
    monkeypatch.setenv("CONSOLE_API_KEY", KEY)
    monkeypatch.setenv("K_SERVICE", "incident-console")
    same = {"Sec-Fetch-Site": "same-origin", "Origin": f"http://{HOST}"}

    def far(path: str, form: dict[str, str] | None = None, **more: Any) -> flask.Response:
        return visit(path, form, host=HOST, environ=CLOUD, headers=same, **more)

    made_up = "x" * 32
    forged = {"by": "Eve", "form_token": made_up}
    assert far(f"{PAGE}/mute", forged, cookies={"__Host-console-form": made_up}).status_code == 401
    page = far("/login")
    token = field_of(page.get_data(as_text=True), "form_token")
    session = cookies_of(far("/login", {"key": KEY, "form_token": token}, cookies=cookies_of(page)))
    loaded = far(PAGE, cookies=session)
    assert loaded.headers.getlist("Set-Cookie") == []
    forms = set(re.findall(r'name="form_token" value="([^"]+)"', loaded.get_data(as_text=True)))
    assert len(forms) == 1
    form = {"by": "Ada", "form_token": forms.pop()}
    assert far(f"{PAGE}/mute", form).status_code == 401
    assert far(f"{PAGE}/mute", form, cookies=session).status_code == 303
    assert bus.requests[0].by == "Ada"


def test_whom_iap_vouches_for_cannot_act_in_another_name() -> None:
    """The address is theirs, whatever the form says; and the form asks for no name."""
    visitor = Visitor("ada@example.com", email="ada@example.com")

    request = new_investigation({"service": "shop", "minutes": "5", "by": "Eve"}, visitor)

    assert request.by == "ada@example.com"


def test_bus_that_is_down_is_said_and_not_described(bus: Bus) -> None:
    """Nothing was asked for then."""
    bus.is_up = False

    response = send(f"{PAGE}/mute")

    assert response.status_code == 503
    assert "/secret/place" not in response.get_data(as_text=True)


def test_form_that_is_too_long_or_about_no_incident_is_refused(bus: Bus) -> None:
    """Whatever its token."""
    assert send(f"{PAGE}/judge", {"verdict": "right", "note": "x" * 20_000}).status_code == 400
    assert send("/incidents/inc-absent/mute").status_code == 404
    assert send(f"{PAGE}/delete").status_code == 404
    assert bus.requests == []


def test_page_leads_to_the_approval_while_it_waits() -> None:
    """To the page of pr_approval, whose code is in the mail."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("APPROVAL_URL", "https://approve.example.com")
        store, moment = traces.connect(), clock.now()
        url = f"https://approve.example.com/?incident={ID}"
        answer = PullRequest(status="awaiting_approval", approval_url=url).model_dump(mode="json")
        store.record_run(ID, Run("PRCreatorAgent", moment, moment, {}, answer))
        assert "Go to the approval" not in text_of(PAGE)
        store.set_pull_request(ID, PullRequestRecord(state="awaiting_approval"))

        links = [link.get("href") for link in Elements(text_of(PAGE)).of("a")]

    assert url in links


def test_console_itself_may_only_publish() -> None:
    """Its account reads traces and publishes to the topic of the alerts; no more."""
    granted = grants.granted("incident_console")
    manifest = grants.path("incident_console").read_text()

    assert "reads_traces_only: true" in manifest
    assert "INCIDENT_TOPIC" in granted.settings
    assert {"WORKFLOW_NAME", "WORKFLOW_CALLBACK_ROOT"}.isdisjoint(granted.settings)
    assert granted.secrets == ["CONSOLE_API_KEY"]
    verbs = "claim|release|record_run|open_incident|close_incident|set_pull_request|hold_incident|keep_text"
    written = re.compile(rf"\.({verbs})\(")
    sources = (bundle.FUNCTIONS / "incident_console").rglob("*.py")
    assert [path.name for path in sources if written.search(path.read_text())] == []


def test_page_that_says_carried_out_shows_what_came_of_it(bus: Bus, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also when it is carried out between two reads of the page: each order leaves the page pending, or whole."""
    request = sent(bus, f"{PAGE}/judge", {"verdict": "right"})
    original = EmbeddedTraces.document

    def overtaken(self: EmbeddedTraces, incident_id: str) -> Any:
        document = original(self, incident_id)
        bus.deliver()
        return document

    monkeypatch.setattr(EmbeddedTraces, "document", overtaken)

    text = text_of(f"{PAGE}?asked={request.request_id}")

    assert operator_journal.entries(traces.connect()), "it was not carried out"
    assert "carried out in a moment" in text
    assert 'id="people"' in text_of(f"{PAGE}?asked={request.request_id}")


def test_list_reads_the_journal_once(bus: Bus, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many incidents it shows."""
    reads: list[str] = []
    original = EmbeddedTraces.lease

    def counted(self: EmbeddedTraces, key: str) -> Any:
        reads.append(key)
        return original(self, key)

    monkeypatch.setattr(EmbeddedTraces, "lease", counted)

    text_of("/incidents")

    assert reads == [operator_journal.KEY]
