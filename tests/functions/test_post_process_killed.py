"""post_process is killed at each of its acts and called again: one message of each kind for one incident."""

import inspect
from collections.abc import Callable
from datetime import timedelta
from itertools import count
from typing import Any

import pytest

from functions.post_process import main
from functions.post_process.publisher import SENDING
from shared import clock, outbox, traces
from shared.contracts import Alert, PostProcessRequest
from shared.outbox.port import Mail, MailSent
from shared.traces.port import TraceStore
from shared.traces.pull_request_record import PullRequestRecord
from tests.builders import a_record
from tests.functions import post_process_requests as requests

work = inspect.unwrap(main.post_process)
FACTS = requests.incident(produced_by="offline", sends_early=True)
URL = "https://github.com/example/billing/pull/412"
ACTS = {
    "claim",
    "release",
    "close_incident",
    "amend_outcome",
    "set_pull_request",
    "count_merged_alert",
    "leave_undelivered",
}
"""What of the store changes something; reading twice is no harm."""


class Mortal:
    """People and a store; the process is killed before or after one act of all, as a platform does."""

    def __init__(self, store: TraceStore) -> None:
        self._store = store
        self.mails: list[Mail] = []
        self.calls: list[str] = []
        self.acts = 0
        self.killed_before, self.killed_after = -1, -1

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._store, name)
        return (
            (lambda *positional, **named: self._act(lambda: method(*positional, **named))) if name in ACTS else method
        )

    def send(self, mail: Mail) -> MailSent:
        """Keep the mail."""
        self._act(lambda: self.mails.append(mail))
        return MailSent(f"m{len(self.mails)}")

    def call(self, payload: dict[str, Any], key: str, thread: str = "") -> str:
        """Keep the key by which a receiver recognises a repeat."""
        self._act(lambda: self.calls.append(key))
        return key

    def _act(self, act: Callable[[], Any]) -> Any:
        number, self.acts = self.acts, self.acts + 1
        if number == self.killed_before:
            raise KeyboardInterrupt
        done = act()
        if number == self.killed_after:
            raise KeyboardInterrupt
        return done


def early(alert: Alert) -> PostProcessRequest:
    """Return the request for the facts."""
    return PostProcessRequest(alert=alert, incident=FACTS, facts=FACTS, is_early=True)


def brief(alert: Alert) -> PostProcessRequest:
    """Return the request for the brief, without a pull request."""
    return requests.full(alert=alert, facts=FACTS, pull_request=None)


def late_pull_request(alert: Alert) -> PostProcessRequest:
    """Return the request for what came up after the brief."""
    return brief(alert).replace(update_attempt=1)


def approval_result(alert: Alert) -> PostProcessRequest:
    """Return the request for what became of an approval."""
    return requests.full(alert=alert, facts=FACTS, is_approved=True)


KINDS = (early, brief, late_pull_request, approval_result)


@pytest.mark.parametrize("is_after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_kind_killed_at_each_act_and_called_again_is_one_message(
    monkeypatch: pytest.MonkeyPatch, kind: Callable[[Alert], PostProcessRequest], is_after: bool
) -> None:
    """Only a mail whose receipt died with the process goes out again, under the id that marks it as a repeat."""
    monkeypatch.setenv("ON_CALL_ENGINEERS", "ada@example.com")
    moment = clock.now()
    for number in count():
        moment += timedelta(hours=2)
        monkeypatch.setattr(clock, "now", lambda at=moment: at)
        alert = requests.alert(incident_id=f"inc-killed-{kind.__name__.replace('_', '-')}-{is_after:d}-{number:03d}")
        mortal = Mortal(traces.connect())
        monkeypatch.setattr(traces, "connect", lambda store=mortal: store)
        monkeypatch.setattr(outbox, "connect_mail", lambda people=mortal: people)
        monkeypatch.setattr(outbox, "connect_hook", lambda people=mortal: people)
        mortal.open_incident(a_record(alert))
        for before in KINDS[: KINDS.index(kind)]:
            work(before(alert))
            mortal.set_pull_request(alert.incident_id, PullRequestRecord(state="open", number=412, url=URL))
        mortal.acts = 0
        setattr(mortal, "killed_after" if is_after else "killed_before", number)
        try:
            work(kind(alert))
        except KeyboardInterrupt:
            mortal.killed_before = mortal.killed_after = -1
        else:
            break
        later = moment + SENDING + timedelta(seconds=1)
        monkeypatch.setattr(clock, "now", lambda at=later: at)

        again = kind(alert)
        work(again.replace(update_attempt=2) if again.update_attempt else again)

        sent = KINDS[: KINDS.index(kind) + 1]
        ids = [mail.message_id for mail in mortal.mails]
        assert len(set(ids)) == len(sent), (number, ids)
        assert len(set(mortal.calls)) == len(sent), (number, mortal.calls)
        assert len(ids) <= len(sent) + 1
        assert len(mortal.calls) <= len(sent) + 1
        monkeypatch.setattr(traces, "connect", lambda store=mortal._store: store)
    assert number > 4, "the kinds are killed at several acts"
