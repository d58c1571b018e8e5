"""PostProcessAgent: writes the brief, mails it, posts it by the hooks, archives it, and closes the incident."""

from shared import log, outbox, traces
from shared.contracts import Outcome, PostProcessRequest
from shared.errors import Unavailable
from shared.step.step import step
from shared.traces.port import TraceStore

from .approval_result_mail import mail_approval_result
from .brief.opinion import BriefWords
from .deliveries import Connections
from .late_update import publish_update
from .opening import opening
from .own_links import own_links_only
from .publish_held import held_carrier, publish_held
from .publish_outcome import publish, publish_check, publish_last


@step
def post_process(request: PostProcessRequest) -> Outcome:
    """Publish the incident with whatever there is; neither a channel that fails nor a bug stops the others."""
    connections = Connections(
        outbox.connect_mail,
        outbox.connect_hook,
        outbox.connect_archive,
        outbox.on_call,
        outbox.HOOKS,
        outbox.scheduled,
    )
    store = traces.connect()
    try:
        return _published(own_links_only(request), store, connections)
    except Unavailable:
        # Another attempt is sending, or no channel took an update: whoever called calls again.
        raise
    except Exception as error:  # noqa: BLE001  # whatever it is, people must learn of the alert
        log.critical("post_process.bug", error_type=type(error).__name__, error=str(error))
        return publish_last(request, store, connections, error)


def _published(request: PostProcessRequest, store: TraceStore, connections: Connections) -> Outcome:
    if held := held_carrier(request, store):
        return publish_held(request, *held, store, connections)
    if request.is_approved:
        return mail_approval_result(request, store, connections)
    if request.update_attempt:
        return publish_update(request, store, connections)
    if request.alert.is_test:
        return publish_check(request, store, connections)
    return publish(request, store, connections, _words(request))


def _words(request: PostProcessRequest) -> BriefWords:
    """Return how the model opens the brief; the template opens it when that fails in a way nobody foresaw."""
    try:
        return opening(request)
    except Exception as error:  # noqa: BLE001  # words are not worth a brief
        log.error("post_process.no_opening", error_type=type(error).__name__, error=str(error))
        return BriefWords()
