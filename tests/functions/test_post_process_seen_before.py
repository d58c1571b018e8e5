"""How often the same rule of a service had a brief before, and what ended it."""

import pytest

from functions.post_process.brief.opinion import BriefWords
from functions.post_process.brief.render import render
from functions.post_process.brief.seen_before import MAX_READ, SeenBefore, seen_before
from functions.post_process.brief.view import Usage
from shared.errors import Unavailable
from shared.traces.embedded import EmbeddedTraces
from shared.traces.port import IncidentRecord
from shared.traces.pull_request_record import PullRequestRecord
from tests.functions import post_process_requests as requests

URL = "https://github.com/example/billing/pull/42"


def request(number: int, **changes):
    """Return a request of one of several incidents of the same rule."""
    return requests.full(alert=requests.alert(incident_id=f"inc-20260314-{number:08}", **changes))


def merge(store: EmbeddedTraces, number: int) -> None:
    """Let the pull request of an incident be merged."""
    id_, at = request(number).incident_id, requests.END
    store.open_incident(IncidentRecord(id_, "billing-worker", "open", at, at, {}))
    store.set_pull_request(id_, PullRequestRecord(state="merged", number=42, url=URL))


def test_first_time_says_nothing(store: EmbeddedTraces) -> None:
    """Also when it is published again after a failure."""
    assert seen_before(request(1), store) == SeenBefore()
    assert seen_before(request(1), store) == SeenBefore()


def test_earlier_briefs_are_counted_with_the_last_day_and_what_ended_them(store: EmbeddedTraces) -> None:
    """Each incident once; the pull request is the newest that was merged."""
    seen_before(request(1), store)
    merge(store, 1)

    assert seen_before(request(2), store) == SeenBefore(
        "Seen once before, last 14 Mar 2026, ended by pull request #42.", URL
    )
    assert [seen_before(request(number), store).words for number in (3, 3)] == [
        "Seen 2 times before, last 14 Mar 2026, ended by pull request #42."
    ] * 2


def test_other_rules_services_and_healthy_alerts_do_not_count(store: EmbeddedTraces) -> None:
    """Only what had a brief for the same rule of the same service."""
    seen_before(request(1), store)

    assert seen_before(request(2, alert_name="Other"), store) == SeenBefore()
    assert seen_before(request(3, service_name="other"), store) == SeenBefore()
    assert seen_before(requests.dismissed(), store) == SeenBefore()


def test_history_costs_few_reads_however_long_it_is(store: EmbeddedTraces, monkeypatch: pytest.MonkeyPatch) -> None:
    """Old incidents are counted and not read."""
    for number in range(30):
        seen_before(request(number), store)
    read: list[str] = []
    monkeypatch.setattr(EmbeddedTraces, "incident", lambda self, id_: read.append(id_))

    assert seen_before(request(31), store).words.startswith("Seen 30 times before")
    assert len(read) == MAX_READ


def test_store_that_is_down_costs_no_brief(store: EmbeddedTraces, monkeypatch: pytest.MonkeyPatch) -> None:
    """The brief is as it was without a history."""

    def lease(self: EmbeddedTraces, key: str) -> None:
        raise Unavailable("the store is down")

    monkeypatch.setattr(EmbeddedTraces, "lease", lease)

    assert seen_before(request(1), store) == SeenBefore()


def test_it_stands_in_the_head_with_a_link_to_what_ended_it() -> None:
    """Whoever was on call then may know more."""
    words = BriefWords(seen_before="Seen once before, last 12 Nov 2025, ended by pull request #42.", ended_by_url=URL)

    text = render(requests.full(), [], Usage(), words).text

    assert text.index(words.seen_before) < text.index("MOST LIKELY CAUSE")
    assert f"What ended it before: {URL}" in text
