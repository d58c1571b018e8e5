"""rca: hypotheses that rest on evidence, or the honest answer that there is none."""

import inspect

from functions.rca.main import rca as step
from shared.contracts import RootCauseRequest, RootCauses
from tests.functions import post_process_requests as requests

rca = inspect.unwrap(step)


def _causes(**changes: object) -> RootCauses:
    incident = requests.incident(**changes)
    answer = rca(RootCauseRequest(alert=requests.alert(), incident=incident))
    assert isinstance(answer, RootCauses)
    return answer


def test_every_hypothesis_quotes_evidence_of_the_incident() -> None:
    """A claim nobody can check is not made."""
    raised = "TypeError: unsupported operand type(s) for *: 'NoneType' and 'Decimal'"
    piece = requests.incident().evidence[0].replace(text=f"invoice 88213 failed: {raised}")
    texts = {piece.id: piece.text}

    causes = _causes(evidence=[piece]).root_causes

    assert causes
    for cause in causes:
        assert all(quote.text in texts[quote.evidence_id] for quote in cause.quotes)
        assert {quote.evidence_id for quote in cause.quotes} <= set(cause.evidence_ids)


def test_hypotheses_are_ranked() -> None:
    """The reader starts with the best."""
    confidences = [cause.confidence for cause in _causes().root_causes]

    assert confidences == sorted(confidences, reverse=True)


def test_without_evidence_there_is_no_hypothesis_but_a_next_query() -> None:
    """Not knowing is said, with where to look."""
    nothing = {"evidence": [], "stack_traces": [], "patterns": [], "error_summary": {}, "lines_read": 0, "onset": None}
    nothing["log_selector"] = '{app="shop"}'

    answer = _causes(**nothing)

    assert answer.root_causes == []
    assert any(unknown.next_query for unknown in answer.unknowns)
