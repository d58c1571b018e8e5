"""What held alerts add up to, in whatever order they came."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.admission.folding import AlertEvent, Fold, event_of, fold, release
from shared.traces.port import IncidentRecord

NOW = datetime(2026, 3, 14, 3, 0, tzinfo=UTC)
HOLD = timedelta(minutes=2)


def event(second: int, key: str = "a", status: Any = "firing", started: int | None = None) -> AlertEvent:
    """An alert that came so many seconds into the hour; it began when it came unless said."""
    started_at = None if status == "resolved" else NOW + timedelta(seconds=second if started is None else started)
    return AlertEvent(key, status, NOW + timedelta(seconds=second), started_at, f"Rule{key}")


EVENTS = st.lists(
    st.builds(event, st.integers(0, 3000), st.sampled_from("abc"), st.sampled_from(["firing", "resolved"])), max_size=12
)


@given(before=EVENTS, held=EVENTS, seed=st.randoms())
def test_order_of_delivery_changes_nothing(before: list[AlertEvent], held: list[AlertEvent], seed: Any) -> None:
    """Pub/Sub delivers in any order; what fires at the end is what came last of each alert."""
    distinct = len({(one.key, one.at) for one in (*before, *held)}) == len(before) + len(held)
    shuffled = seed.sample(held, len(held))

    one, other = fold(before, held), fold(seed.sample(before, len(before)), shuffled)

    if distinct:
        assert one == other
        last = {each.key: each for each in sorted((*before, *held), key=lambda each: each.at)}
        assert one.firing == {key for key, each in last.items() if each.status == "firing"}
    assert one.count == len(held)
    assert one.still_new <= one.firing
    assert sum(one.new.values()) + one.again + one.ended <= one.count


@given(before=EVENTS, held=EVENTS, late=st.integers(0, 10_000), kind=st.sampled_from(["full", "dismissed", "degraded"]))
def test_nothing_that_fires_and_is_new_is_ever_cancelled(
    before: list[AlertEvent], held: list[AlertEvent], late: int, kind: str
) -> None:
    """It is sent, or investigated when the brief saw no harm; an end is sent only after nothing fired for the hold."""
    folded = fold(before, held)
    became = release(folded, kind, NOW + timedelta(seconds=late), HOLD)

    if folded.still_new:
        assert became == ("investigate" if kind == "dismissed" else "update")
    if became in ("resolved", "cancel") and not folded.firing:
        assert NOW + timedelta(seconds=late) - folded.last_at >= HOLD
    if became == "resolved":
        assert not folded.firing
        assert kind != "dismissed"


@pytest.mark.parametrize(
    ("before", "held", "became"),
    [
        ([event(0)], [event(5, "b")], "update"),
        ([event(0)], [event(5, started=0)], "cancel"),
        ([event(0)], [event(5, status="resolved")], "resolved"),
        ([event(0)], [event(5, status="resolved"), event(9)], "update"),
        ([event(0)], [event(5, "b"), event(9, "b", "resolved")], "cancel"),
        ([event(0), event(1, "b")], [event(9, "b", "resolved")], "cancel"),
        ([event(0), event(20)], [event(10, status="resolved")], "cancel"),
    ],
    ids=["another", "repeat", "end", "again", "short", "one of two", "merged after it"],
)
def test_what_is_worth_a_mail(before: list[AlertEvent], held: list[AlertEvent], became: str) -> None:
    """Something else that fires, something that comes and goes, and the end of all."""
    assert release(fold(before, held), "full", NOW + timedelta(hours=1), HOLD) == became


def test_end_is_awaited_for_as_long_as_the_hold() -> None:
    """An end within the hold may be followed by the next firing."""
    folded = fold([event(0)], [event(60, status="resolved")])

    assert release(folded, "full", NOW + timedelta(seconds=179), HOLD) == "extend"
    assert release(folded, "full", NOW + timedelta(seconds=180), HOLD) == "resolved"


def test_nothing_adds_up_to_nothing() -> None:
    """Without alerts there is nothing to say."""
    assert fold((), ()) == Fold()


@pytest.mark.parametrize(
    "alert",
    [{}, {"labels": 7, "received_at": "soon", "started_at": 3}, {"fingerprint": None, "received_at": "2026-03-14"}],
)
def test_alert_of_any_shape_is_an_event(alert: dict[str, Any]) -> None:
    """The trace may hold anything; it fires, since an unreadable alert is no end."""
    read = event_of(IncidentRecord("inc-1", "checkout", "held", NOW, NOW, alert))

    assert (read.status, read.at, read.started_at) == ("firing", NOW, None)
