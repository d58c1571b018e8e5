"""Whatever a part raises reaches the one who must go on, and nothing that ends the process is held back."""

import pytest

from shared.containment import contained
from shared.errors import Unavailable


def test_result_is_returned_and_nothing_else_called() -> None:
    """The rule of a day without faults."""
    raised: list[Exception] = []

    def note(error: Exception) -> int:
        raised.append(error)
        return 0

    assert contained(lambda: 7, note) == 7
    assert raised == []


@pytest.mark.parametrize("error", [Unavailable("away"), ValueError("a bug"), RecursionError()])
def test_error_of_any_kind_is_passed_on(error: Exception) -> None:
    """The same object, so that its kind decides."""

    def work() -> str:
        raise error

    assert contained(work, lambda raised: f"instead of {type(raised).__name__}") == f"instead of {type(error).__name__}"


def test_what_ends_the_process_is_not_contained() -> None:
    """Ctrl-C, and the platform's end of a process."""

    def work() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        contained(work, lambda _: None)


def test_error_may_be_raised_again() -> None:
    """With its own stack trace."""

    def work() -> None:
        raise Unavailable("away")

    def refuse(error: Exception) -> None:
        raise error

    with pytest.raises(Unavailable, match="away"):
        contained(work, refuse)
