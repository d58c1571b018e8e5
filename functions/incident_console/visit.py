"""One request of a visitor who was let in, and what of the traces it may see."""

from dataclasses import dataclass

import flask

from shared.errors import Rejected
from shared.traces.port import TraceStore

from .access.console_access import Visitor
from .pages.incident_trace import IncidentTrace, read_trace


class NothingHere(Rejected):
    """There is no such page, or no such incident."""

    status = 404


@dataclass(frozen=True)
class Visit:
    """A request, and the store that answers it."""

    store: TraceStore
    visitor: Visitor
    request: flask.Request

    def trace(self, incident_id: str) -> IncidentTrace:
        """Return the trace of an incident. Raises NothingHere, and what the store raises."""
        trace = read_trace(self.store, incident_id)
        if trace is None:
            raise NothingHere("There is no such incident; it may have expired")
        return trace
