"""Maintenance windows from the command line: list, add and remove them, in the running stack or in a project."""

from datetime import datetime

from pydantic import ValidationError
from rich.console import Console

from infra.operate.trace_stores import opened_store
from shared import clock
from shared.admission import maintenance, mutes
from shared.admission.maintenance import MaintenanceWindow
from shared.errors import Rejected
from shared.http.validation import sentence


def run(add: str | None, remove: str | None, project: str | None, console: Console) -> int:
    """Add a window of JSON, or remove one by its name, then list them. Raises Rejected, Unavailable."""
    with opened_store(project) as store:
        if add:
            window = parsed(add)
            others = [one for one in maintenance.windows(store) if one.name != window.name]
            maintenance.set_windows(store, [*others, window])
        if remove:
            console.print(f"{mutes.end_window(store, remove)} held alerts are released.", highlight=False)
        for window in maintenance.windows(store):
            matchers = ", ".join(f"{name}={value}" for name, value in window.matchers.items())
            line = f"{window.name}  {_at(window.start)} to {_at(window.until)}  {matchers}"
            console.print(line, highlight=False, markup=False, soft_wrap=True)
    return 0


def parsed(text: str) -> MaintenanceWindow:
    """Return the window that JSON describes. Raises Rejected."""
    try:
        window = MaintenanceWindow.model_validate_json(text)
    except ValidationError as error:
        raise Rejected(f"This is no maintenance window: {sentence(error)}") from None
    if window.until <= max(window.start, clock.now()):
        raise Rejected("The window has ended: until must be later than start and than now")
    return window


def _at(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"
