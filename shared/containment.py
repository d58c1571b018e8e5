"""The one place where whatever is raised is caught: work that must not stop what comes after it."""

from collections.abc import Callable
from typing import TypeVar

Result = TypeVar("Result")


def contained(work: Callable[[], Result], otherwise: Callable[[Exception], Result]) -> Result:
    """
    Return what `work` returns; when it raises, what `otherwise` makes of the error.

    For the boundaries behind which a bug of one part must not cost the others: a channel, an incident, an image. An
    error that is foreseen is caught by its name where it is met. `otherwise` runs while the error is handled, so that
    what it logs has the stack trace; it may raise the error again.
    """
    try:
        return work()
    except Exception as error:  # noqa: BLE001  # a boundary meets what nobody foresaw
        return otherwise(error)
