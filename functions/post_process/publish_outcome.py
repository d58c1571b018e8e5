"""Publishes an incident once: every channel and the terminal outcome, whatever fails on the way."""

from shared.contracts import Outcome, PostProcessRequest
from shared.step import steps
from shared.traces.port import TraceStore

from .brief.opinion import BriefWords
from .deliveries import LAST_DELIVERIES, Connections
from .linked_cause import cause_shared, fold
from .messages.connection_check import CHECK_DELIVERIES
from .publisher import OutcomePublisher, deliver_all, failure_of
from .repeated_reason import same_as


def publish(
    request: PostProcessRequest, store: TraceStore, connections: Connections, words: BriefWords | None = None
) -> Outcome:
    """
    Deliver the outcome by every channel, in their order, and close the incident. `words` open the brief.

    Without a receipt of any channel to people the incident is left undelivered, for incident_sweeper to try again.
    One that repeats what a brief said before is merged into that brief's incident instead, and one whose cause enough
    briefs name is left to the next update of the first of them; not where an early brief promised one.

    Raises Unavailable while another attempt is sending, or died while sending and SENDING has not passed; no other
    IncidentCopilotError.
    """
    publisher = OutcomePublisher(request, store, words or BriefWords())
    first = publisher.attempt("traces", lambda: same_as(request, store)) if not request.mail_attempt else None
    if first is not None and publisher.is_awaited:
        first = None
    same = publisher.attempt("traces", lambda: cause_shared(request, store)) if first is None else None
    if same is not None and same.is_folded and not request.mail_attempt and not publisher.is_awaited:
        folded = publisher.attempt("traces", lambda: fold(request, same, store))
        if folded is not None:
            publisher.give_back_mail()
            return folded
    if first is None:
        publisher.link = same
        deliver_all(publisher, connections)
        outcome = publisher.outcome().replace(linked_to=same.leader if same else None)
    else:
        publisher.attempt("traces", lambda: store.count_merged_alert(first))
        publisher.give_back_mail()
        outcome = publisher.outcome().replace(kind="merged", merged_into=first)
    publisher.close(outcome)
    return outcome


def publish_check(request: PostProcessRequest, store: TraceStore, connections: Connections) -> Outcome:
    """
    Answer a test alert by every channel that reaches people, and close its incident.

    Raises Unavailable as `publish` does.
    """
    publisher = OutcomePublisher(request, store, BriefWords())
    deliver_all(publisher, connections, CHECK_DELIVERIES)
    outcome = publisher.outcome("test")
    publisher.close(outcome)
    return outcome


def publish_last(request: PostProcessRequest, store: TraceStore, connections: Connections, error: Exception) -> Outcome:
    """
    Deliver the last message by every channel that got nothing yet, and close the incident; `error` stopped the brief.

    Raises Unavailable as `publish` does.
    """
    publisher = OutcomePublisher(request, store, BriefWords())
    publisher.failures.append(failure_of(steps.POST_PROCESS.name, error))
    deliver_all(publisher, connections, LAST_DELIVERIES)
    outcome = publisher.outcome("degraded")
    publisher.close(outcome)
    return outcome
