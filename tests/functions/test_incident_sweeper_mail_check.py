"""The hourly look at the mail account, and the end of retries: what the log says before an incident needs it."""

import json
from datetime import timedelta

import pytest

from functions.incident_sweeper.delivery_retry import RetryPlan, late_deliveries
from functions.incident_sweeper.mail_check import check_mail
from shared import clock
from shared.contracts import Outcome
from shared.errors import IncidentCopilotError, Misconfigured, Refused, Throttled, Unavailable
from shared.outbox.port import Mail, MailSent
from shared.traces.embedded import EmbeddedTraces
from shared.traces.port import IncidentRecord


class Account:
    """A mail account that takes its credentials, or raises `failure`; it counts how often it was asked."""

    def __init__(self, failure: IncidentCopilotError | None = None) -> None:
        self.failure = failure
        self.sign_ins = 0

    def send(self, mail: Mail) -> MailSent:
        """Never called: the check sends nothing."""
        raise AssertionError(mail.subject)

    def sign_in(self) -> str:
        """Count, and say where."""
        self.sign_ins += 1
        if self.failure:
            raise self.failure
        return "signed in"


def lines(capsys: pytest.CaptureFixture[str]) -> list[tuple[str, str]]:
    """Return severity and event of every line that was logged."""
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    return [(row["severity"], row["message"]) for row in rows]


@pytest.mark.parametrize(
    ("failure", "line"),
    [
        (Refused("the grant has expired or was revoked (invalid_grant)"), ("ERROR", "sweeper.mail_refused")),
        (Misconfigured("GMAIL_REFRESH_TOKEN: Field required"), ("ERROR", "sweeper.mail_refused")),
        (Unavailable("no connection"), ("WARNING", "sweeper.mail_unchecked")),
        (Throttled("too fast"), ("WARNING", "sweeper.mail_unchecked")),
        (None, None),
    ],
    ids=repr,
)
def test_refused_account_is_an_error_before_an_incident_needs_it(
    failure: IncidentCopilotError | None,
    line: tuple[str, str] | None,
    store: EmbeddedTraces,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A revoked grant would silence the mail; a service that is down for a moment would not."""
    check_mail(store, lambda: Account(failure), "sweep-1")

    assert lines(capsys) == ([line] if line else [])


def test_account_is_asked_once_an_hour_whatever_sweeps(store: EmbeddedTraces, monkeypatch: pytest.MonkeyPatch) -> None:
    """The sweeper runs each minute, and two may overlap."""
    account, moment = Account(), clock.now()
    for minute in range(0, 121, 10):
        monkeypatch.setattr(clock, "now", lambda minute=minute: moment + timedelta(minutes=minute))
        check_mail(store, lambda: account, f"sweep-{minute}")

    assert account.sign_ins == 3


def test_no_mail_account_is_nothing_to_check(store: EmbeddedTraces, capsys: pytest.CaptureFixture[str]) -> None:
    """Hooks are enough."""
    check_mail(store, lambda: None, "sweep-1")

    assert lines(capsys) == []


@pytest.mark.parametrize(
    ("age", "days", "is_named"), [(4, "7", False), (5, "7", True), (9, "7", True), (9, "", False), (179, "180", True)]
)
def test_grant_that_ends_soon_is_named(
    age: int,
    days: str,
    is_named: bool,
    store: EmbeddedTraces,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """One of an app in Testing lives seven days, so that it is named from its fifth on; one without an end never."""
    monkeypatch.setenv("GMAIL_GRANTED_AT", (clock.now().date() - timedelta(days=age)).isoformat())
    monkeypatch.setenv("GMAIL_GRANT_DAYS", days)

    check_mail(store, Account, "sweep-1")

    assert (("WARNING", "sweeper.grant_ending") in lines(capsys)) == is_named


def test_channel_that_took_no_brief_for_a_day_is_named_once(
    store: EmbeddedTraces, capsys: pytest.CaptureFixture[str]
) -> None:
    """Somebody has the brief by another channel, so that nothing else would say that its retries ended."""
    moment, plan = clock.now(), RetryPlan(timedelta(minutes=1), timedelta(days=1))
    store.open_incident(IncidentRecord("inc-1", "shop", "open", moment, moment, {}))
    outcome = Outcome(kind="full", mail_status="failed", hook_status="called")
    store.close_incident("inc-1", outcome.model_dump(mode="json"))

    for hours in (0, 1, 25, 26):
        list(late_deliveries(store, plan, moment + timedelta(hours=hours)))

    assert lines(capsys) == [("ERROR", "sweeper.retries_given_up")]
