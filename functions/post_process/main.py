"""PostProcessAgent: writes the brief, mails it, calls the hook, archives it, and closes the incident."""

from shared import outbox, traces
from shared.contracts import Outcome, PostProcessRequest
from shared.step.step import step

from .approval_result_mail import mail_approval_result
from .deliveries import Connections
from .opening import opening
from .own_links import own_links_only
from .publish_outcome import publish


@step
def post_process(request: PostProcessRequest) -> Outcome:
    """Publish the incident with whatever there is; a channel that fails does not stop the others."""
    request = own_links_only(request)
    connections = Connections(outbox.connect_mail, outbox.connect_hook, outbox.connect_archive, outbox.on_call)
    if request.is_approved:
        return mail_approval_result(request, traces.connect(), connections)
    return publish(request, traces.connect(), connections, opening(request))
