"""PostProcessAgent: writes the brief, mails it, posts it by the hooks, archives it, and closes the incident."""

from functools import partial

from shared import log, outbox, traces
from shared.containment import contained
from shared.contracts import Outcome, PostProcessRequest
from shared.errors import Unavailable
from shared.step import waking
from shared.step.step import step
from shared.traces.port import TraceStore

from .brief.render import compile_templates
from .deliveries import Connections
from .messages.approval_result_mail import mail_approval_result
from .messages.late_update import publish_update
from .messages.publish_early import publish_early
from .messages.publish_held import held_carrier, publish_held
from .opening import opening_or_none
from .own_links import own_links_only
from .publish_outcome import publish, publish_check, publish_last

waking.on_wake("templates", compile_templates)
for name, connect in {"mail": outbox.connect_mail, "hook": outbox.connect_hook, **outbox.HOOKS}.items():
    waking.on_wake(name, connect)


@step
def post_process(request: PostProcessRequest) -> Outcome:
    """Publish the incident with whatever there is; neither a channel that fails nor a bug stops the others."""
    connections, store = Connections.configured(), traces.connect()

    def speak_last(error: Exception) -> Outcome:
        # Whoever called calls again while another attempt is sending; the brief that follows an early one says it all.
        if isinstance(error, Unavailable) or request.is_early:
            raise error
        log.critical("post_process.bug", error_type=type(error).__name__, error=str(error))
        return publish_last(request, store, connections, error)

    return contained(partial(_published, request, store, connections), speak_last)


def _published(request: PostProcessRequest, store: TraceStore, connections: Connections) -> Outcome:
    request = own_links_only(request)
    if held := held_carrier(request, store):
        return publish_held(request, *held, store, connections)
    if request.is_early:
        return publish_early(request, store, connections)
    if request.is_approved or request.is_declined:
        return mail_approval_result(request, store, connections)
    if request.update_attempt:
        return publish_update(request, store, connections)
    if request.alert.is_test:
        return publish_check(request, store, connections)
    return publish(request, store, connections, opening_or_none(request, store))
