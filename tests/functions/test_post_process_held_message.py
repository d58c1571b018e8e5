"""The end of an incident, as its readers get it: how long it took and what became of the pull request."""

from dataclasses import replace
from datetime import timedelta
from typing import Literal

import pytest

from functions.post_process.messages.held_message import update_of
from shared.admission.history import History
from shared.traces.pull_request_record import PullRequestRecord
from tests.builders import NOW, a_record, an_alert

URL = "https://github.com/acme/checkout-api/pull/412"


@pytest.mark.parametrize(
    ("state", "words"), [("open", "is still open"), ("merged", "was merged"), ("closed", "was closed without a merge")]
)
def test_end_says_how_long_it_took_and_what_became_of_the_pull_request(
    state: Literal["open", "merged", "closed"], words: str
) -> None:
    """The link is one that a reader can follow; nothing else of the mail is."""
    first = an_alert(
        incident_id="inc-000001", started_at=NOW - timedelta(minutes=23), alert_name="see https://evil.example"
    )
    last = an_alert(
        incident_id="inc-000002", status="resolved", started_at=first.started_at, ended_at=NOW, received_at=NOW
    )
    leader = replace(a_record(first), pull_request=PullRequestRecord(state=state, number=412, url=URL))

    message = update_of(a_record(last), History(leader, (), (a_record(last),)))

    mail = message.mail(("ada@example.com",))
    assert (message.kind, message.headline) == ("resolved", "resolved after 23 min: all its alerts have ended")
    assert f"Pull request #412 {words}." in mail.text
    assert (mail.text.count("https://"), mail.html.count("href=")) == (1, 1)
    assert message.payload()["pr_url"] == URL


def test_end_without_a_pull_request_names_none() -> None:
    """Where nothing was drafted there is nothing to say of it."""
    last = an_alert(incident_id="inc-000002", status="resolved")

    message = update_of(a_record(last), History(a_record(an_alert(incident_id="inc-000001")), (), (a_record(last),)))

    assert "ull request" not in message.mail(("ada@example.com",)).text
    assert message.payload()["pr_url"] is None
