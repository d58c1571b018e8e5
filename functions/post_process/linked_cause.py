"""Links incidents of different services by their cause: their mails are one thread, and a storm is one update."""

from dataclasses import replace

from shared.admission.causes import SameCause, causes_of, same_cause
from shared.admission.service_window import note_published
from shared.admission.settings import CoalescingSettings
from shared.admission.updates import join_update
from shared.contracts import Outcome, PostProcessRequest
from shared.traces.port import TraceStore


def cause_shared(request: PostProcessRequest, store: TraceStore) -> SameCause | None:
    """Return the incident of another service that has the same cause, if any. Raises what the store raises."""
    window = CoalescingSettings.from_env().window
    if not window:
        return None
    causes = causes_of(request.alert, request.incident, request.code_analysis)
    same = same_cause(store, request.incident_id, request.alert.service_name, causes, window)
    if same is None or not same.is_folded:
        return same
    # What joins an incident waits for its end; two that joined each other would wait for ever.
    leader = store.incident(same.leader)
    has_brief = leader is not None and leader.state == "closed" and (leader.outcome or {}).get("kind") != "merged"
    return replace(same, is_folded=has_brief)


def fold(request: PostProcessRequest, same: SameCause, store: TraceStore) -> Outcome:
    """
    Let the incident be named in the next update of the first one instead of in a brief of its own.

    Raises Unavailable when carriers change too fast, and what the store raises.
    """
    outcome = Outcome(kind="merged", merged_into=same.leader, linked_to=same.leader)
    join_update(store, request.incident_id, same.leader, outcome, CoalescingSettings.from_env().hold)
    note_published(store, request.alert.service_name, request.incident_id, outcome)
    return outcome
