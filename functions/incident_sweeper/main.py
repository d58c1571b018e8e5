"""Scheduled job, each minute: publishes every incident whose workflow will not publish it any more."""

import time

import flask
import functions_framework

from shared import log, outbox, traces
from shared.cloud import workflows
from shared.cloud.deadline import DeadlineSettings
from shared.errors import IncidentCopilotError
from shared.step.step import error_response

from . import post_process_client
from .last_message import LastChannels
from .sweep import Sweep, SweepSettings


@functions_framework.http
def incident_sweeper(_: flask.Request) -> flask.Response:
    """
    Sweep once; return which incidents it published, which it could not, and how many are still running.

    An incident it could not publish is not an error: the next sweep tries again.
    """
    try:
        settings, deadline = SweepSettings.from_env(), DeadlineSettings.from_env().deadline
        channels = LastChannels(outbox.connect_mail, outbox.connect_hook, outbox.on_call)
        publisher = post_process_client.connect()
        sweep = Sweep(traces.connect(), workflows.connect(), publisher, settings, deadline, channels)
        swept = sweep.run(time.monotonic)
    except IncidentCopilotError as error:
        log.error("sweeper.failed", error_type=type(error).__name__, error=str(error))
        return error_response(error)
    log.info("sweeper.ended", published=len(swept.published), failed=len(swept.failed), waiting=swept.waiting)
    return flask.Response(swept.model_dump_json(), mimetype="application/json")
