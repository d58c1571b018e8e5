"""What every store writes alike."""

from shared.traces import document
from shared.traces.pull_request_record import PullRequestRecord


def test_stored_pull_request_names_only_what_is_known() -> None:
    """An empty field says nothing to a reader of the trace."""
    assert document.pull_request_json(PullRequestRecord(state="open", number=7)) == {"state": "open", "number": 7}
