"""suggestion: what the engineer on call can do now."""

import inspect

from functions.suggestion.main import suggestion as step
from shared.contracts import SuggestionRequest, Suggestions
from tests.functions import post_process_requests as requests

suggestion = inspect.unwrap(step)


def _suggestions(**changes: object) -> Suggestions:
    incident = requests.incident(**changes)
    answer = suggestion(SuggestionRequest(alert=requests.alert(), incident=incident))
    assert isinstance(answer, Suggestions)
    return answer


def test_there_is_always_something_to_do() -> None:
    """Also when the evidence is empty."""
    nothing = {"evidence": [], "stack_traces": [], "patterns": [], "error_summary": {}, "lines_read": 0, "onset": None}

    assert _suggestions(**nothing).recommended_action


def test_first_action_is_the_most_urgent_one() -> None:
    """It is also the one recommended."""
    answer = _suggestions()

    order = [("high", "medium", "low").index(each.priority) for each in answer.suggestions]
    assert order == sorted(order)
    assert answer.recommended_action == answer.suggestions[0].description
