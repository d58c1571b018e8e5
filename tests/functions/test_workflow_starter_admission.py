"""Who has a service decides what an alert becomes: the decision alone, over any state of it."""

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from functions.workflow_starter.admission import admission, standing, takes_end
from shared.traces.port import Hold, IncidentRecord, Lease

NOW = datetime(2026, 3, 14, 3, 0, tzinfo=UTC)
DEADLINE, WINDOW = timedelta(minutes=15), timedelta(minutes=30)
SPANS = st.integers(-7200, 7200).map(lambda seconds: timedelta(seconds=seconds))
STANDINGS = st.sampled_from(["free", "open", "published"])


@st.composite
def records(draw: Any) -> IncidentRecord:
    """An incident in any state."""
    state = draw(st.sampled_from(["open", "held", "closed"]))
    until = NOW + draw(SPANS)
    hold = Hold(reason=draw(st.sampled_from(["update", "brake"])), since=NOW, until=until)
    return IncidentRecord(
        "inc-1", "checkout", state, NOW - abs(draw(SPANS)), NOW, {},
        execution=draw(st.sampled_from([None, "executions/1"])) if state == "open" else None,
        outcome={"kind": "full"} if state == "closed" else None,
        hold=hold if state == "held" else draw(st.sampled_from([None, hold])),
    )  # fmt: skip


LEASES = st.one_of(
    st.just({}), SPANS.map(lambda span: {"published_at": (NOW + span).isoformat()}), st.just({"published_at": "soon"})
).map(lambda value: Lease("service:checkout", "inc-1", NOW + timedelta(hours=1), value))


@given(own=records(), stands=STANDINGS)
def test_alert_that_leads_is_started_unless_it_was_or_waits(own: IncidentRecord, stands: Any) -> None:
    """The first alert of a service is never held by another, and nothing is started twice."""
    became = admission(own, True, stands, NOW)

    if own.state == "closed" or own.execution is not None:
        assert became == "repeat"
    elif own.state == "held" and own.hold is not None and own.hold.until > NOW:
        assert became == "wait"
    else:
        assert became == "start"


@given(own=records(), stands=STANDINGS)
def test_alert_of_a_taken_service_is_started_by_nobody(own: IncidentRecord, stands: Any) -> None:
    """While another incident has the service nothing is started beside it; when nobody has it, nothing else happens."""
    became = admission(own, False, stands, NOW)

    assert became != "start" or stands == "free"
    assert became not in ("merge", "update") or stands != "free"


@given(leader=records(), lease=LEASES)
def test_published_incident_takes_alerts_within_the_window_alone(leader: IncidentRecord, lease: Lease) -> None:
    """Published is what its lease says, for as long as the window; its end belongs to it as long as the lease."""
    stands = standing(leader, lease, NOW, DEADLINE, WINDOW)

    if stands == "published":
        assert leader.state == "closed"
        assert NOW - datetime.fromisoformat(lease.value["published_at"]) < WINDOW
        assert takes_end(leader, lease)
    if stands == "open":
        assert leader.state == "held" or NOW - leader.created_at < DEADLINE
        assert takes_end(leader, lease)


def test_service_of_an_absent_incident_is_free() -> None:
    """A lease whose incident is gone takes nothing."""
    lease = Lease("service:checkout", "inc-gone", NOW + timedelta(hours=1), {"published_at": NOW.isoformat()})

    assert standing(None, lease, NOW, DEADLINE, WINDOW) == "free"
    assert not takes_end(None, lease)
