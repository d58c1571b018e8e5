"""Whatever a store holds is read without a crash: any function's account may have written it."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.traces import document, stored
from shared.traces.port import Run, RunError, ToolCall
from shared.traces.pull_request_record import PullRequestRecord

MORNING = datetime(2026, 1, 31, 8, 0, tzinfo=UTC)
DEEP = "[" * 50_000
RUN = Run(
    "RCAAgent",
    MORNING,
    MORNING + timedelta(seconds=1),
    {},
    {"n": 1},
    tool_calls=(ToolCall("query_loki", {}, MORNING, MORNING),),
    errors=(RunError(category="Unavailable", message="away", at=MORNING),),
)
ENTRY: dict[str, Any] = dict(document.run_entry(RUN))
FIELDS: dict[str, Any] = {
    "incident_id": "inc-1",
    "service_name": "checkout",
    "state": "open",
    "created_at": MORNING,
    "updated_at": MORNING.isoformat(),
    "alert": '{"nonce": "n"}',
    "outcome": None,
    "pull_request": '{"state": "open", "number": 7}',
}
ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


def test_incident_is_read_from_texts_and_from_times() -> None:
    """SQLite holds times as texts, Firestore as times."""
    record = stored.incident_record(FIELDS)

    assert record is not None
    assert (record.created_at, record.updated_at, record.nonce) == (MORNING, MORNING, "n")
    assert record.pull_request == PullRequestRecord(state="open", number=7)


@pytest.mark.parametrize("text", ["{", "7", "[]", DEEP, '{"state": "of another year"}'])
def test_unreadable_pull_request_does_not_hide_the_incident(text: str) -> None:
    """What another release wrote may be unknown here; the incident is still read."""
    record = stored.incident_record({**FIELDS, "pull_request": text})

    assert record is not None
    assert record.pull_request is None


@pytest.mark.parametrize("text", ["{", "7", "[]", DEEP, '{"a": NaN}'])
def test_unreadable_alert_and_outcome_are_empty(text: str) -> None:
    """An incident is published all the same; a closed one stays closed."""
    record = stored.incident_record({**FIELDS, "alert": text, "outcome": text})

    assert record is not None
    assert (record.alert, record.outcome) == ({}, {})


@pytest.mark.parametrize(
    "change",
    [
        {"created_at": "yesterday"},
        {"created_at": datetime(2026, 1, 31)},  # naive on purpose
        {"updated_at": None},
        {"state": "lost"},
        {"merged_alerts": -1},
        {"service_name": 7},
        {"incident_id": None},
    ],
)
def test_incident_without_its_facts_is_none(change: dict[str, Any]) -> None:
    """Nothing can be done with it."""
    assert stored.incident_record({**FIELDS, **change}) is None


def test_fields_of_a_later_release_are_ignored() -> None:
    """Fields are added before anything needs them."""
    record = stored.incident_record({**FIELDS, "color": "red", "pull_request": '{"state": "open", "color": "red"}'})

    assert record is not None
    assert record.pull_request == PullRequestRecord(state="open")


def test_run_is_read_as_it_was_written() -> None:
    """Nothing is lost on the way."""
    assert stored.run_entry(json.dumps(ENTRY), "inc-1") == ENTRY


def test_run_of_an_earlier_release_has_the_later_fields() -> None:
    """Readers need not ask whether they are there."""
    earlier = {name: value for name, value in ENTRY.items() if name not in ("claims_dropped", "model_calls")}

    assert stored.run_entry(json.dumps(earlier), "inc-1") == ENTRY


@pytest.mark.parametrize(
    "change",
    [
        {"runEnd": "2026-01-31T08:00:00"},
        {"runStart": "9999-12-31T23:59:59-12:00"},
        {"tokens_in": -5},
        {"tokens_out": 10**40},
        {"cost_usd": -1},
        {"cost_usd": "NaN"},
        {"agent_response": "fine"},
        {"errors": [{"category": "x"}]},
        {"tool_calls": {"tool_name": "x"}},
    ],
)
def test_run_of_another_shape_is_left_out(change: dict[str, Any]) -> None:
    """Its sums and times cannot be trusted."""
    assert stored.run_entry(json.dumps({**ENTRY, **change}), "inc-1") is None


@given(body=ANY_JSON, part=st.sampled_from([*ENTRY, "body"]))
def test_no_run_crashes_the_reader(body: Any, part: str) -> None:
    """Whatever stands there."""
    text = json.dumps(body if part == "body" else {**ENTRY, part: body})
    entry = stored.run_entry(text, "inc-1")

    assert entry is None or entry["tokens_in"] >= 0


@given(body=ANY_JSON, part=st.sampled_from(list(FIELDS)), is_text=st.booleans())
def test_no_incident_crashes_the_reader(body: Any, part: str, is_text: bool) -> None:
    """Whatever stands there."""
    record = stored.incident_record({**FIELDS, part: json.dumps(body) if is_text else body})

    assert record is None or record.created_at.tzinfo is not None


@pytest.mark.parametrize("read", [stored.run_entry, lambda text, owner: stored.answer(text, "", owner)])
@pytest.mark.parametrize("text", ["", "{", DEEP, "null", "gone: x"])
def test_unreadable_text_is_none(read: Callable[[str, str], object], text: str) -> None:
    """Also one that is nested too deeply."""
    assert read(text, "inc-1") is None


def test_lease_with_an_unreadable_value_is_still_held() -> None:
    """Who holds it, and until when, can be read."""
    lease = stored.lease({"key": "k", "holder": "h", "until": MORNING, "value": "{"})

    assert lease is not None
    assert (lease.holder, lease.value) == ("h", {})


@pytest.mark.parametrize("until", ["soon", None, "2026-01-31T08:00:00"])
def test_lease_without_an_end_is_none(until: object) -> None:
    """Nobody could wait for its end."""
    assert stored.lease({"key": "k", "holder": "h", "until": until, "value": "{}"}) is None
