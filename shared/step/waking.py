"""What a function loads when it is woken, before the first call that needs it."""

from collections.abc import Callable

from shared import log
from shared.errors import IncidentCopilotError

PATH = "/wake"
"""Where a function is called to be woken, by Pub/Sub; functions-framework hands every path to the function."""

_loads: dict[str, Callable[[], object]] = {}


def on_wake(name: str, load: Callable[[], object]) -> None:
    """Let a function load something when it is woken: what takes long the first time it is used."""
    _loads[name] = load


def wake() -> None:
    """Load it all; what cannot be loaded fails in the first call that needs it, where it counts."""
    for load in _loads.values():
        try:
            load()
        except IncidentCopilotError as error:
            log.warning("step.not_awake", error_type=type(error).__name__, error=str(error))
