"""The console's list of incidents: bounded, filtered, with repeats folded."""

import json
import re
from datetime import timedelta
from typing import Any

import pytest

from shared import clock, traces
from shared.traces.embedded import EmbeddedTraces
from shared.traces.port import IncidentRecord
from tests.builders import NOW
from tests.functions.console_visits import text_of, visit


def test_page_reads_no_more_than_it_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of 10,000 incidents a page holds 50, from one read of 50, and its cursor leads to the next 50."""
    store = traces.connect()
    assert isinstance(store, EmbeddedTraces)
    start = clock.now() - timedelta(days=20)
    with store._transaction() as connection:
        for n in range(10_000):
            moment = (start + timedelta(minutes=n)).isoformat(timespec="microseconds")
            outcome = json.dumps({"kind": "full", "subject": "[high] shop: " + "ß<" * 150, "cause": "&ß" * 150})
            facts = ("shop", "closed", moment, moment, "{}", 0, outcome, "2999-01-01T00:00:00+00:00")
            connection.execute(
                "INSERT INTO incidents (incident_id, service_name, state, created_at, updated_at, alert,"
                " merged_alerts, outcome, expire_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (f"inc-{n:06}", *facts),
            )
    reads: list[int] = []
    original = EmbeddedTraces.incident_page

    def counted(self: EmbeddedTraces, *arguments: Any) -> Any:
        answer = original(self, *arguments)
        reads.append(len(answer.records))
        return answer

    monkeypatch.setattr(EmbeddedTraces, "incident_page", counted)

    first = text_of("/incidents")
    (following,) = re.findall(r'rel="next" href="([^"]+)"', first)
    second = text_of(following.replace("&amp;", "&"))

    assert reads == [50, 50]
    assert len(first.encode()) < 300_000
    ids = re.findall(r'class="name" href="/incidents/([^"]+)"', first + second)
    assert ids == [f"inc-{n:06}" for n in range(9_999, 9_899, -1)]

    reads.clear()
    searched = text_of("/incidents?words=inc-000007")
    assert sum(reads) == 500
    assert "None of the 500 incidents read so far matches" in searched
    assert 'rel="next"' in searched


def test_repeats_are_folded_into_the_incident_they_repeat() -> None:
    """A merged alert stands inside its leader's row, also with its own row's facts."""
    store = traces.connect()
    for n, outcome in enumerate(({"kind": "full"}, {"kind": "merged", "merged_into": "inc-leader0"}) * 2):
        name = "inc-leader0" if n == 0 else f"inc-repeat{n}"
        record = IncidentRecord(name, "shop", "closed", NOW + timedelta(minutes=n), NOW, {}, outcome=outcome)
        store.open_incident(record)

    text = text_of("/incidents")

    assert "2 more with it" in text
    assert text.index("inc-leader0") < text.index("inc-repeat1")
    assert text.count('class="row inner"') == 2


def test_filter_and_search_narrow_the_list() -> None:
    """By outcome, severity, service and words; all of them must hold."""
    store = traces.connect()
    for n, (service, kind, severity, cause) in enumerate(
        [
            ("shop", "full", "critical", "Disk of db-1 is full"),
            ("shop", "dismissed", "low", ""),
            ("cart", "full", "high", "Version 2 brought it"),
        ]
    ):
        outcome = {"kind": kind, "severity": severity, "cause": cause}
        moment = NOW + timedelta(minutes=n)
        store.open_incident(IncidentRecord(f"inc-{n}-xyz", service, "closed", moment, NOW, {}, outcome=outcome))

    def listed(query: str) -> list[str]:
        return re.findall(r'class="name" href="/incidents/inc-(\d)-xyz"', text_of(f"/incidents?{query}"))

    assert listed("") == ["2", "1", "0"]
    assert listed("outcome=full") == ["2", "0"]
    assert listed("outcome=full&service=SHOP") == ["0"]
    assert listed("severity=low") == ["1"]
    assert listed("words=full+DISK") == ["0"]
    assert listed("words=%3Cscript%3E") == []
    assert "&lt;script&gt;" in text_of("/incidents?words=%3Cscript%3E")


def test_made_up_cursor_is_rejected() -> None:
    """It says how to go on, and nothing is read."""
    for cursor in ("x", "AAAA", "%00", "9" * 5_000):
        assert visit(f"/incidents?behind={cursor}").status_code == 400, cursor


def test_rows_alone_are_sent_to_the_page_that_renews_itself() -> None:
    """The form stays as the reader left it."""
    rows = text_of("/incidents", headers={"HX-Request": "true"})

    assert rows.lstrip().startswith('<section id="rows"')
    assert 'hx-trigger="every 10s"' in rows
    assert "hx-trigger" not in text_of("/incidents?words=x", headers={"HX-Request": "true"})


def test_store_that_fails_is_not_described_to_the_reader(monkeypatch: pytest.MonkeyPatch) -> None:
    """Paths and settings go only to the log."""
    monkeypatch.setenv("TRACES_PATH", "/proc/nowhere/traces.sqlite3")

    response = visit("/incidents")

    assert response.status_code == 503
    assert "/proc" not in response.get_data(as_text=True)
