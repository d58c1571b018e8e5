"""What every trace store promises: the same tests over SQLite and over Google's own Firestore emulator."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Barrier
from typing import Any
from uuid import uuid4

import pytest

from shared import clock
from shared.errors import Refused
from shared.traces import document
from shared.traces.embedded import EmbeddedSettings, EmbeddedTraces
from shared.traces.port import Hold, IncidentRecord, Run, RunError, StoredAnswer, ToolCall, TraceStore
from shared.traces.pull_request_record import PullRequestRecord

MORNING = datetime(2026, 1, 31, 8, 0, tzinfo=UTC)


@pytest.fixture(params=["embedded", "firestore"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[TraceStore]:
    """One empty store of each kind."""
    if request.param == "firestore":
        yield request.getfixturevalue("firestore_traces")
        return
    traces = EmbeddedTraces(EmbeddedSettings(traces_path=tmp_path / "traces.sqlite3"))
    yield traces
    traces.close()


def incident(**changes: Any) -> IncidentRecord:
    """An incident with an id of its own."""
    facts: dict[str, Any] = {
        "incident_id": f"inc-{uuid4().hex[:12]}",
        "service_name": "checkout",
        "state": "open",
        "created_at": MORNING,
        "updated_at": MORNING,
        "alert": {"user_id": "grafana_webhook", "labels": {"__alert_rule_uid__": "a", "": "empty", "a.b/c": "dots"}},
    }
    return IncidentRecord(**{**facts, **changes})


def run(agent: str = "RCAAgent", minute: int = 0, **changes: Any) -> Run:
    """A run of one second, `minute` minutes into the morning."""
    start = MORNING + timedelta(minutes=minute)
    facts: dict[str, Any] = {"agent_input": {"points": [[1, 2.5], [2, None]]}, "agent_response": {"n": minute}}
    return Run(agent=agent, run_start=start, run_end=start + timedelta(seconds=1), **{**facts, **changes})


def race(count: int, work: Any) -> list[Any]:
    """Start `work(0)` … `work(count - 1)` at the same moment; return what each returned."""
    barrier = Barrier(count)

    def start(index: int) -> Any:
        barrier.wait(timeout=20)
        return work(index)

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(start, range(count)))


def test_incident_comes_back_as_it_was_opened(store: TraceStore) -> None:
    """An incident is read back whole, even with label names that a database may refuse."""
    record = incident(expire_at=MORNING + timedelta(days=3))

    assert store.open_incident(record)

    assert store.incident(record.incident_id) == record


def test_unknown_incident_is_none(store: TraceStore) -> None:
    """What was never opened is None, whatever its id looks like."""
    for incident_id in ("inc-absent", "a/b", "..", "", "__x__", "é" * 900):
        assert store.incident(incident_id) is None
        assert store.document(incident_id) is None
        assert store.answers(incident_id) == {}
        assert store.text(incident_id) is None


def test_incident_expires_after_ttl_days(store: TraceStore) -> None:
    """Each incident says when it may be deleted: 90 days from now unless set."""
    record = incident()

    store.open_incident(record)

    stored = store.incident(record.incident_id)
    assert stored is not None
    assert stored.expire_at is not None
    assert abs(stored.expire_at - clock.now() - timedelta(days=90)) < timedelta(minutes=5)


def test_incident_is_opened_once(store: TraceStore) -> None:
    """Of eight threads that open the same incident exactly one wins, and its record stays."""
    incident_id = incident().incident_id

    won = race(8, lambda n: store.open_incident(incident(incident_id=incident_id, alert={"by": n})))

    assert sorted(won) == [False] * 7 + [True]
    stored = store.incident(incident_id)
    assert stored is not None
    assert stored.alert == {"by": won.index(True)}


def test_incidents_are_listed_newest_first_by_state(store: TraceStore) -> None:
    """Listing filters by state, sorts by creation and stops at the limit."""
    records = [incident(created_at=MORNING + timedelta(minutes=n)) for n in range(4)]
    for record in records:
        store.open_incident(record)
    store.close_incident(records[1].incident_id, {"kind": "full"})

    newest_first = [record.incident_id for record in reversed(records)]
    assert [record.incident_id for record in store.incidents()] == newest_first
    assert [record.incident_id for record in store.incidents(limit=2)] == newest_first[:2]
    assert [record.incident_id for record in store.incidents(state="closed")] == [records[1].incident_id]
    assert records[1].incident_id not in [record.incident_id for record in store.incidents(state="open")]
    assert len(store.incidents(state="open")) == 3
    open_oldest = store.incidents(state="open", limit=2, is_oldest_first=True)
    assert [record.incident_id for record in open_oldest] == [records[0].incident_id, records[2].incident_id]


def test_list_goes_on_behind_the_last_incident_of_a_page(store: TraceStore) -> None:
    """Pages of one read each hold every incident once, newest first, also those of one moment and those added since."""
    records = [incident(created_at=MORNING + timedelta(minutes=n // 3)) for n in range(7)]
    for record in records:
        store.open_incident(record)
    store.close_incident(records[1].incident_id, {"kind": "full"})

    first = store.incident_page(limit=3)
    store.open_incident(incident(created_at=MORNING + timedelta(hours=1)))
    pages = [first]
    while pages[-1].following is not None:
        pages.append(store.incident_page(pages[-1].following, limit=3))

    newest_first = sorted(records, key=lambda record: (record.created_at, record.incident_id), reverse=True)
    ids = [record.incident_id for page in pages for record in page.records]
    assert ids == [record.incident_id for record in newest_first]
    assert [len(page.records) for page in pages] == [3, 3, 1]


def test_page_of_an_empty_store_is_empty(store: TraceStore) -> None:
    """Nothing is listed, and nothing follows."""
    page = store.incident_page()

    assert (page.records, page.following) == ([], None)


def test_execution_is_stored(store: TraceStore) -> None:
    """The execution's name is stored, and `updated_at` changes."""
    record = incident()
    store.open_incident(record)

    store.set_execution(record.incident_id, "projects/p/locations/l/workflows/incident/executions/1")

    stored = store.incident(record.incident_id)
    assert stored is not None
    assert stored.execution == "projects/p/locations/l/workflows/incident/executions/1"
    assert stored.updated_at > record.updated_at


def test_merged_alerts_are_all_counted(store: TraceStore) -> None:
    """Eight alerts merged at once count eight."""
    record = incident()
    store.open_incident(record)

    race(8, lambda _: store.count_merged_alert(record.incident_id))

    stored = store.incident(record.incident_id)
    assert stored is not None
    assert stored.merged_alerts == 8


def test_latest_state_of_the_pull_request_replaces_earlier_ones(store: TraceStore) -> None:
    """The new state replaces the old one and is read back, in the trace too."""
    record = incident()
    store.open_incident(record)

    store.set_pull_request(record.incident_id, PullRequestRecord(state="open", number=7))
    store.set_pull_request(record.incident_id, PullRequestRecord(state="merged", number=7, by="ada"))

    stored, trace = store.incident(record.incident_id), store.document(record.incident_id)
    assert stored is not None
    assert trace is not None
    assert stored.pull_request == PullRequestRecord(state="merged", number=7, by="ada")
    assert trace["pull_request"] == {"state": "merged", "number": 7, "by": "ada"}


def test_change_of_an_absent_incident_is_refused(store: TraceStore) -> None:
    """A change to an incident that does not exist raises and is not lost silently."""
    with pytest.raises(Refused, match="inc-absent"):
        store.set_execution("inc-absent", "executions/1")
    with pytest.raises(Refused, match="inc-absent"):
        store.count_merged_alert("inc-absent")
    with pytest.raises(Refused, match="inc-absent"):
        store.set_pull_request("inc-absent", PullRequestRecord(state="open"))
    with pytest.raises(Refused, match="inc-absent"):
        store.amend_outcome("inc-absent", {"kind": "full"})


def test_outcome_is_written_once(store: TraceStore) -> None:
    """Of eight outcomes written at once one wins; the incident is closed with it."""
    record = incident()
    store.open_incident(record)

    won = race(8, lambda n: store.close_incident(record.incident_id, {"kind": "full", "by": n}))

    assert sorted(won) == [False] * 7 + [True]
    stored = store.incident(record.incident_id)
    assert stored is not None
    assert (stored.state, stored.outcome) == ("closed", {"kind": "full", "by": won.index(True)})


def test_outcome_of_a_closed_incident_can_be_amended(store: TraceStore) -> None:
    """A later outcome replaces the written one; the incident stays closed."""
    record = incident()
    store.open_incident(record)
    store.close_incident(record.incident_id, {"mail_status": "failed"})

    store.amend_outcome(record.incident_id, {"mail_status": "sent"})

    stored = store.incident(record.incident_id)
    assert stored is not None
    assert (stored.state, stored.outcome) == ("closed", {"mail_status": "sent"})
    assert not store.close_incident(record.incident_id, {"mail_status": "off"})


def test_undelivered_incident_is_neither_open_nor_closed(store: TraceStore) -> None:
    """Its outcome can be replaced until a channel takes the brief; after that nothing leaves it undelivered again."""
    record = incident()
    store.open_incident(record)

    assert store.leave_undelivered(record.incident_id, {"kind": "undelivered"})
    assert store.leave_undelivered(record.incident_id, {"kind": "undelivered", "attempt": 2})

    undelivered = [each.incident_id for each in store.incidents(state="undelivered")]
    assert (undelivered, store.incidents(state="open"), store.incidents(state="closed")) == (
        [record.incident_id],
        [],
        [],
    )
    assert store.close_incident(record.incident_id, {"kind": "full"})
    assert not store.leave_undelivered(record.incident_id, {"kind": "undelivered"})
    stored = store.incident(record.incident_id)
    assert stored is not None
    assert (stored.state, stored.outcome) == ("closed", {"kind": "full"})
    assert store.incidents(state="undelivered") == []


def test_absent_incident_is_not_left_undelivered(store: TraceStore) -> None:
    """An outcome needs an incident."""
    assert not store.leave_undelivered("inc-absent", {"kind": "undelivered"})


def test_closing_an_absent_incident_writes_nothing(store: TraceStore) -> None:
    """An outcome needs an incident."""
    assert not store.close_incident("inc-absent", {"kind": "full"})
    assert store.incident("inc-absent") is None


def test_incident_opened_with_its_outcome_keeps_it(store: TraceStore) -> None:
    """An incident may be created closed; a second outcome changes nothing."""
    record = incident(state="closed", outcome={"kind": "merged", "merged_into": "inc-1"})

    assert store.open_incident(record)

    assert not store.close_incident(record.incident_id, {"kind": "full"})
    stored = store.incident(record.incident_id)
    assert stored is not None
    assert stored.outcome == {"kind": "merged", "merged_into": "inc-1"}
    assert [closed.incident_id for closed in store.incidents(state="closed")] == [record.incident_id]


def test_first_answer_of_a_run_stays_in_force(store: TraceStore) -> None:
    """Whoever answers later learns what counts; a run without an answer changes nothing, other runs do not mix in."""
    incident_id = incident().incident_id

    first = store.record_run(incident_id, run(minute=2), "signed")
    second = store.record_run(incident_id, run(minute=1), "signed by another")
    failed = store.record_run(incident_id, run(minute=3, agent_response=None))
    store.record_run(incident_id, run(agent="FileUpdaterAgent-approved", minute=4))

    assert first == second == StoredAnswer({"n": 2}, "signed")
    assert failed is None
    assert store.answers(incident_id) == {
        "RCAAgent": StoredAnswer({"n": 2}, "signed"),
        "FileUpdaterAgent-approved": StoredAnswer({"n": 4}, ""),
    }


def test_one_of_many_answers_at_once_is_in_force(store: TraceStore) -> None:
    """Eight calls of one step that answer at the same moment all return the answer that is stored."""
    incident_id = incident().incident_id

    returned = race(8, lambda n: store.record_run(incident_id, run(minute=n)))

    assert returned == [store.answers(incident_id)["RCAAgent"]] * 8


def test_nonce_is_stored_with_the_alert_and_no_part_of_the_trace_document(store: TraceStore) -> None:
    """Who reads a trace does not learn what callers must present."""
    record = incident(alert={"service_name": "checkout", "nonce": "n-1"})
    store.open_incident(record)

    stored, trace = store.incident(record.incident_id), store.document(record.incident_id)

    assert stored is not None
    assert stored.nonce == "n-1"
    assert trace is not None
    assert trace["user"]["input"] == {"service_name": "checkout"}


def test_run_recorded_twice_is_stored_once(store: TraceStore) -> None:
    """Recording the same run again, as after a lost reply, changes nothing."""
    record = incident()
    store.open_incident(record)

    store.record_run(record.incident_id, run())
    store.record_run(record.incident_id, run())

    trace = store.document(record.incident_id)
    assert trace is not None
    assert len(trace["traces"]["RCAAgent"]) == 1


def test_parallel_runs_are_all_stored(store: TraceStore) -> None:
    """Agents that end at the same moment lose nothing."""
    record = incident()
    store.open_incident(record)

    race(8, lambda n: store.record_run(record.incident_id, run(agent=f"Agent{n % 4}", minute=n)))

    trace = store.document(record.incident_id)
    assert trace is not None
    assert {agent: len(runs) for agent, runs in trace["traces"].items()} == dict.fromkeys(
        ("Agent0", "Agent1", "Agent2", "Agent3"), 2
    )


def test_document_nests_runs_below_their_agent(store: TraceStore) -> None:
    """One read gives the nested document: user input, runs by agent oldest first, tool calls, errors, times."""
    record = incident()
    store.open_incident(record)
    call = ToolCall("loki.search", {"service_name": "checkout"}, MORNING, MORNING, "200 lines", "ref-1")
    failed = run(
        agent_response=None,
        tool_calls=(call,),
        errors=(RunError(category="Throttled", message="slow down", at=MORNING),),
    )
    store.record_run(record.incident_id, run(minute=5, model="gemini", tokens_in=3, tokens_out=2, cost_usd=0.1))
    store.record_run(record.incident_id, failed)
    store.close_incident(record.incident_id, {"kind": "degraded"})

    trace = store.document(record.incident_id)

    assert trace is not None
    assert trace["invocation_id"] == trace["session_id"] == record.incident_id
    assert trace["user"] == {"id": "grafana_webhook", "input": record.alert}
    assert (trace["state"], trace["outcome"]) == ("closed", {"kind": "degraded"})
    assert trace["created_at"] == "2026-01-31T08:00:00.000000+00:00"
    assert trace["updated_at"] > trace["created_at"]
    assert trace["traces"] == {"RCAAgent": [document.run_entry(failed), trace["traces"]["RCAAgent"][1]]}
    assert trace["traces"]["RCAAgent"][0]["tool_calls"][0]["args"] == {"service_name": "checkout"}
    assert trace["traces"]["RCAAgent"][0]["errors"][0]["category"] == "Throttled"
    assert trace["traces"]["RCAAgent"][1]["agent_input"] == {"points": [[1, 2.5], [2, None]]}
    assert trace["traces"]["RCAAgent"][1]["tokens_in"] == 3


def test_large_run_is_stored_whole(store: TraceStore) -> None:
    """A run over one document's limit of 1 MiB comes back whole."""
    record = incident()
    store.open_incident(record)
    store.record_run(record.incident_id, run(agent_response={"text": "ü" * 1_500_000}))

    assert store.answers(record.incident_id)["RCAAgent"].body == {"text": "ü" * 1_500_000}
    trace = store.document(record.incident_id)
    assert trace is not None
    assert trace["traces"]["RCAAgent"][0]["agent_response"] == {"text": "ü" * 1_500_000}


@pytest.mark.parametrize("text", ["", "short", "line\r\n\x00" * 10, "€" * 700_001, "lone \ud800 surrogate"])
def test_text_comes_back(store: TraceStore, text: str) -> None:
    """A stored text is read back; a character that UTF-8 cannot hold becomes a question mark."""
    reference = store.keep_text("inc-1", "loki/answer 1", text)

    assert store.text(reference) == text.replace("\ud800", "?")
    assert store.keep_text("inc-1", "loki/answer 1", text) == reference


def test_text_over_the_limit_is_truncated_and_says_so(store: TraceStore) -> None:
    """The start of an oversize text is stored, with a line that counts the characters."""
    reference = store.keep_text("inc-1", "log", "x" * (document.TEXT_LIMIT + 1))

    stored = store.text(reference)
    assert stored is not None
    assert stored.endswith(f"[cut: the first {document.TEXT_LIMIT} of {document.TEXT_LIMIT + 1} characters are kept]")
    assert stored.startswith("x" * document.TEXT_LIMIT)


def test_claim_has_one_holder(store: TraceStore) -> None:
    """Of eight threads that claim a key one holds it, and every thread learns which."""
    key, until = f"service:{uuid4()}/ü", clock.now() + timedelta(minutes=1)

    leases = race(8, lambda n: store.claim(key, f"starter-{n}", until, {"by": n}))

    assert len({lease.holder for lease in leases}) == 1
    assert leases[0].holder == f"starter-{leases[0].value['by']}"
    assert leases[0].until == until


def test_expired_lease_can_be_taken(store: TraceStore) -> None:
    """An expired lease is free, without the value of its former holder; of eight claims one gets it."""
    key = f"start:{uuid4()}"
    store.claim(key, "dead", clock.now() - timedelta(seconds=1), {"left": "behind"})

    leases = race(8, lambda n: store.claim(key, f"starter-{n}", clock.now() + timedelta(minutes=1)))

    assert len({lease.holder for lease in leases}) == 1
    assert leases[0].holder != "dead"
    assert leases[0].value == {}


def test_claim_by_the_holder_extends_the_lease(store: TraceStore) -> None:
    """The holder may extend its lease; the value stays until a new one is given."""
    key, soon, later = f"k:{uuid4()}", clock.now() + timedelta(minutes=1), clock.now() + timedelta(minutes=2)
    store.claim(key, "me", soon, {"n": 1})

    assert store.claim(key, "me", later).until == later
    assert store.claim(key, "me", later).value == {"n": 1}
    assert store.claim(key, "me", later, {"n": 2}).value == {"n": 2}
    assert store.claim(key, "you", later).holder == "me"


def test_only_the_holder_releases(store: TraceStore) -> None:
    """A key is free after its holder, and only its holder, released it."""
    key, until = f"k:{uuid4()}", clock.now() + timedelta(minutes=1)
    store.claim(key, "me", until)

    store.release(key, "you")
    assert store.claim(key, "you", until).holder == "me"

    store.release(key, "me")
    store.release(key, "me")
    assert store.claim(key, "you", until).holder == "you"


def spoil(store: Any, place: str, incident_id: str, **fields: Any) -> None:
    """Write what no store writes, as an account that has been taken over could: into the one entry of a place."""
    if isinstance(store, EmbeddedTraces):
        changes = ", ".join(f"{name} = ?" for name in fields)
        column = "key" if place == "leases" else "incident_id"
        values = tuple(value.isoformat() if isinstance(value, datetime) else value for value in fields.values())
        with store._connection as connection:  # no method of the store does this
            statement = f"UPDATE {place} SET {changes} WHERE {column} = ?"  # names of this test
            assert connection.execute(statement, (*values, incident_id)).rowcount == 1
        return
    client = store._client  # no method of the store does this
    documents = {
        "incidents": lambda: client.collection("incidents").list_documents(),
        "answers": lambda: client.collection("incidents").document(incident_id).collection("answers").list_documents(),
        "runs": lambda: client.collection_group("runs").stream(),
        "leases": lambda: client.collection("leases").list_documents(),
    }[place]()
    (entry,) = list(documents)
    getattr(entry, "reference", entry).update(fields)


def test_unreadable_incident_is_refused_and_hides_no_other(store: TraceStore) -> None:
    """One that was written over must not stop a sweep."""
    spoilt = incident()
    store.open_incident(spoilt)
    spoil(store, "incidents", spoilt.incident_id, state="lost")
    if isinstance(store, EmbeddedTraces):
        spoil(store, "incidents", spoilt.incident_id, created_at="yesterday")
    store.open_incident(other := incident())

    assert [record.incident_id for record in store.incidents()] == [other.incident_id]
    with pytest.raises(Refused, match="cannot be read"):
        store.incident(spoilt.incident_id)


def test_incident_with_an_unreadable_alert_and_outcome_is_read(store: TraceStore) -> None:
    """What else is known of it is enough to publish it."""
    store.open_incident(record := incident())
    spoil(store, "incidents", record.incident_id, alert="{", outcome="[]")

    read = store.incident(record.incident_id)

    assert read is not None
    assert (read.service_name, read.alert, read.outcome) == ("checkout", {}, {})


@pytest.mark.parametrize("entry", ["{", "7", '{"runEnd": "2026-01-31T08:00:00"}', "[" * 50_000])
def test_unreadable_run_is_left_out_of_the_document(store: TraceStore, entry: str) -> None:
    """The brief is made from the others."""
    store.open_incident(record := incident())
    store.record_run(record.incident_id, run("RCAAgent"))
    spoil(store, "runs", record.incident_id, entry=entry)
    store.record_run(record.incident_id, run("SuggestionAgent"))

    read = store.document(record.incident_id)

    assert read is not None
    assert list(read["traces"]) == ["SuggestionAgent"]


def test_unreadable_answer_is_none(store: TraceStore) -> None:
    """It is not replaced either: the first answer stays in force."""
    store.open_incident(record := incident())
    store.record_run(record.incident_id, run("RCAAgent"))
    spoil(store, "answers", record.incident_id, body="{")

    assert store.answers(record.incident_id) == {}
    assert store.record_run(record.incident_id, run("RCAAgent", minute=1)) is None


def test_lease_that_cannot_be_read_is_taken(store: TraceStore) -> None:
    """Nobody could wait for its end."""
    key = f"key-{uuid4().hex}"
    store.claim(key, "one", clock.now() + timedelta(minutes=5))
    spoil(store, "leases", key, until="zzz")

    lease = store.claim(key, "two", clock.now() + timedelta(minutes=5), {"n": 1})

    assert (lease.holder, lease.value) == ("two", {"n": 1})
    assert store.claim(key, "three", clock.now() + timedelta(minutes=5)).holder == "two"


def test_open_incident_has_no_outcome_to_amend(store: TraceStore) -> None:
    """A retry of a mail that was never sent must not close it."""
    store.open_incident(record := incident())

    with pytest.raises(Refused):
        store.amend_outcome(record.incident_id, {"kind": "full"})

    read = store.incident(record.incident_id)
    assert read is not None
    assert (read.state, read.outcome) == ("open", None)


def hold(minute: int, **changes: Any) -> Hold:
    """A hold that ends `minute` minutes into the morning."""
    return Hold(reason="update", since=MORNING, until=MORNING + timedelta(minutes=minute), **changes)


def test_held_incidents_are_listed_when_they_are_due(store: TraceStore) -> None:
    """Those whose hold has ended, the earliest first; they are neither open nor closed."""
    ids = [incident().incident_id for _ in range(4)]
    for n, incident_id in enumerate(ids):
        store.open_incident(incident(incident_id=incident_id))
        assert store.hold_incident(incident_id, hold(10 - n, follows="inc-leader"))
    store.close_incident(ids[3], {"kind": "merged"})

    due = store.held_incidents(MORNING + timedelta(minutes=9))

    assert [record.incident_id for record in due] == [ids[2], ids[1]]
    assert due[0].hold == hold(8, follows="inc-leader")
    assert store.incidents(state="open") == []
    assert not store.hold_incident(ids[3], hold(20))
    assert not store.hold_incident("inc-absent", hold(20))


def test_changed_incidents_are_listed_from_a_time_on(store: TraceStore) -> None:
    """In every state, the earliest change first, at most so many; what did not change since is not read."""
    records = [incident() for _ in range(4)]
    for record in records:
        store.open_incident(record)
    start = clock.now()
    ids = [record.incident_id for record in records]
    store.close_incident(ids[2], {"kind": "full"})
    store.set_execution(ids[0], "execution")

    assert [record.incident_id for record in store.changed_incidents(start, 10)] == [ids[2], ids[0]]
    (first,) = store.changed_incidents(start, 1)
    assert (first.incident_id, first.state) == (ids[2], "closed")
    assert [record.incident_id for record in store.changed_incidents(first.updated_at, 10)] == [ids[0]]
    assert store.changed_incidents(clock.now(), 10) == []


def test_held_incident_is_held_longer_or_opened_again(store: TraceStore) -> None:
    """A later end replaces the earlier one; opened again it is held by nothing and as young as a new one."""
    record = incident()
    store.open_incident(record)
    store.hold_incident(record.incident_id, hold(1))
    store.hold_incident(record.incident_id, hold(5))

    assert store.held_incidents(MORNING + timedelta(minutes=2)) == []
    assert store.resume_incident(record.incident_id)
    assert not store.resume_incident(record.incident_id)

    resumed = store.incident(record.incident_id)
    assert resumed is not None
    assert (resumed.state, resumed.hold) == ("open", None)
    assert resumed.created_at > MORNING
    assert store.held_incidents(MORNING + timedelta(days=1)) == []


def test_followers_are_those_published_with_an_incident(store: TraceStore) -> None:
    """Merged ones and held ones are read by the incident they follow."""
    leader, merged, held, other = (incident() for _ in range(4))
    for record in (leader, merged, held, other):
        store.open_incident(record)
    store.follow(merged.incident_id, leader.incident_id)
    store.close_incident(merged.incident_id, {"kind": "merged"})
    store.hold_incident(held.incident_id, hold(1, follows=leader.incident_id))

    followers = {record.incident_id for record in store.followers(leader.incident_id)}

    assert followers == {merged.incident_id, held.incident_id}
    assert len(store.followers(leader.incident_id, limit=1)) == 1


def test_incident_opened_as_held_comes_back_so(store: TraceStore) -> None:
    """What carries a message is held from the beginning."""
    record = incident(state="held", hold=hold(3, leads=True), expire_at=MORNING + timedelta(days=3))

    assert store.open_incident(record)

    assert store.incident(record.incident_id) == record
    assert store.held_incidents(MORNING + timedelta(minutes=3)) == [record]


def test_lease_is_read_without_taking_it(store: TraceStore) -> None:
    """A key that is free stays free; a lease is read by anybody while it lasts."""
    assert store.lease("service:a") is None
    taken = store.claim("service:a", "one", clock.now() + timedelta(minutes=1), {"n": 1})
    store.claim("service:b", "one", clock.now())

    assert store.lease("service:a") == taken
    assert store.lease("service:b") is None
    assert store.claim("service:b", "two", clock.now() + timedelta(minutes=1)).holder == "two"


LEAK = "refused password=hunter2x for svc"


def test_kept_text_holds_no_secret_whatever_made_it(store: TraceStore) -> None:
    """Transcripts, results of tools and diffs are redacted once more."""
    assert store.text(store.keep_text("inc-1", "transcript", LEAK)) == "refused password=[cut: password] for svc"


def test_run_outcome_and_pull_request_hold_no_secret_whatever_made_them(store: TraceStore) -> None:
    """Errors, dropped claims, calls of tools, the outcome's failures and what waits for approval."""
    record = incident()
    store.open_incident(record)
    call = ToolCall("query", {"query": LEAK, "api_key": "swordfish"}, MORNING, MORNING, LEAK, error=LEAK)
    errors = (RunError(category="Refused", message=LEAK, at=MORNING),)
    store.record_run(record.incident_id, run(tool_calls=(call,), errors=errors, claims_dropped=(LEAK,)))
    store.set_pull_request(record.incident_id, PullRequestRecord(state="open", title=LEAK, body=LEAK, reason=LEAK))
    store.close_incident(record.incident_id, {"failures": [{"message": LEAK}]})

    stored = str(store.document(record.incident_id))

    assert "hunter2x" not in stored
    assert "swordfish" not in stored
    assert stored.count("[cut: ") == 10
