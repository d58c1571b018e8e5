"""Scheduled job, each minute: publishes incidents that no workflow will, and settles alerts that were held."""

import time
from uuid import uuid4

import flask
import functions_framework

from shared import log, outbox, traces
from shared.admission.settings import BrakeSettings, CoalescingSettings
from shared.cloud import workflows
from shared.cloud.deadline import DeadlineSettings
from shared.errors import IncidentCopilotError
from shared.step.step import error_response

from . import post_process_client
from .held_alerts import AlertBus, HeldAlerts
from .last_message import LastChannels
from .mail_check import check_mail
from .sweep import Sweep, SweepSettings

HELD_BUDGET_S = 30.0
"""Seconds that held alerts get even when the sweep before them took the whole budget."""


@functions_framework.http
def incident_sweeper(_: flask.Request) -> flask.Response:
    """
    Sweep once; return which incidents it published, which it could not, and how many are still running.

    An incident it could not publish is not an error: the next sweep tries again.
    """
    try:
        settings, deadline = SweepSettings.from_env(), DeadlineSettings.from_env().deadline
        channels = LastChannels(
            outbox.connect_mail, outbox.connect_hook, outbox.on_call, outbox.HOOKS, outbox.scheduled
        )
        publisher = post_process_client.connect()
        sweep = Sweep(traces.connect(), workflows.connect(), publisher, settings, deadline, channels)
        started = time.monotonic()
        swept = sweep.run(time.monotonic)
        coalescing, brakes = CoalescingSettings.from_env(), BrakeSettings.from_env()
        held = HeldAlerts(traces.connect(), publisher, _alert_publisher, channels, settings, coalescing, brakes)
        end = max(started + settings.sweep_budget_s, time.monotonic() + HELD_BUDGET_S)
        swept.settled = held.run(time.monotonic, end)
        check_mail(traces.connect(), outbox.connect_mail, uuid4().hex)
    except IncidentCopilotError as error:
        log.error("sweeper.failed", error_type=type(error).__name__, error=str(error))
        return error_response(error)
    log.info("sweeper.ended", published=len(swept.published), failed=len(swept.failed), waiting=swept.waiting)
    return flask.Response(swept.model_dump_json(), mimetype="application/json")


def _alert_publisher() -> AlertBus:
    # Only here: its libraries are slow to load, and most sweeps publish no alert again.
    from shared.cloud import pubsub

    return pubsub.connect()
