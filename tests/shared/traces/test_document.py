"""What every store shares."""

from shared.traces import document
from shared.traces.port import PullRequestRecord


def test_unreadable_pull_request_does_not_hide_the_incident() -> None:
    """What another release wrote may be unknown here; the incident is still read."""
    assert document.pull_request_record('{"state": "of another year"}', "inc-1") is None


def test_fields_of_a_later_release_are_ignored() -> None:
    """Fields are added before anything needs them."""
    record = document.pull_request_record('{"state": "open", "color": "red"}', "inc-1")

    assert record == PullRequestRecord(state="open")


def test_stored_pull_request_names_only_what_is_known() -> None:
    """An empty field says nothing to a reader of the trace."""
    assert document.pull_request_json(PullRequestRecord(state="open", number=7)) == {"state": "open", "number": 7}
