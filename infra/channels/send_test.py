"""Send one test message through every channel that .env sets up: `make send-test`.

python -m infra.channels.send_test [--env FILE]

The messages are made and delivered by the code that answers Grafana's Test button. Prints a line per channel: the
receipt, or what failed and the fix; ends with 1 when a channel failed or none is set up.
"""

import argparse
import contextlib
import io
import sys
import tempfile
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

from functions.post_process.deliveries import Connections
from functions.post_process.messages.connection_check import BY_HAND
from functions.post_process.publish_outcome import publish_check
from infra import bundle
from infra.doctor.__main__ import print_all, summary
from infra.doctor.check import Check, ok, unknown, without_secrets, wrong
from infra.doctor.environment import environment
from infra.doctor.offline import env_file
from infra.doctor.offline.run import check_local
from shared import clock, outbox
from shared.channels import TO_PEOPLE
from shared.contracts import Alert, Outcome, PostProcessRequest
from shared.traces.embedded import EmbeddedSettings, EmbeddedTraces

_WINDOW = timedelta(minutes=15)
FIXES = {
    "hook": "check POST_PROCESS_URL and what receives it",
    "slack": "check SLACK_BOT_TOKEN and SLACK_CHANNEL, or SLACK_WEBHOOK_URL",
    "pagerduty": "check PAGERDUTY_ROUTING_KEY",
    "teams": "check TEAMS_WEBHOOK_URL",
    "mail": "check the variables of MAIL_PROVIDER and ON_CALL_ENGINEERS; `make doctor` says which",
    "on_call": "check PAGERDUTY_API_TOKEN and PAGERDUTY_SCHEDULE_IDS",
}
"""The variables behind each channel, and behind the schedule of who is on call."""


def send_test(values: Mapping[str, str]) -> list[Check]:
    """Send, and return how each channel that is set up took it."""
    with environment(values, limit_s=None), tempfile.TemporaryDirectory() as folder:
        store = EmbeddedTraces(EmbeddedSettings(traces_path=Path(folder) / "traces.sqlite3"))
        connections = Connections(
            outbox.connect_mail, outbox.connect_hook, lambda: None, outbox.on_call, outbox.HOOKS, outbox.scheduled
        )
        try:
            # The lines of the log would stand between those of the channels.
            with contextlib.redirect_stdout(io.StringIO()):
                outcome = publish_check(PostProcessRequest(alert=_alert()), store, connections)
        finally:
            store.close()
    return without_secrets(_checks(outcome), values)


def _alert() -> Alert:
    now = clock.now()
    return Alert(
        incident_id=f"send-test-{uuid4().hex[:12]}",
        is_test=True,
        service_name="incident-copilot",
        alert_name="make send-test",
        user_id=BY_HAND,
        received_at=now,
        start=now - _WINDOW,
        end=now,
    )


def _checks(outcome: Outcome) -> list[Check]:
    taken = [ok(f"{name} took the message: {outcome.receipts.get(name, '')}") for name in sorted(outcome.delivered_by)]
    failed = [
        wrong(f"{failure.step}: {failure.message}", FIXES[failure.step])
        for failure in outcome.failures
        if failure.step in FIXES
    ]
    off = sorted(TO_PEOPLE - outcome.delivered_by - {failure.step for failure in outcome.failures})
    if not taken and not failed:
        return [wrong("no channel to people is set up", "set MAIL_PROVIDER and what it needs, or a hook")]
    return [*taken, *failed, *([unknown(f"not set up: {', '.join(off)}")] if off else [])]


def main(arguments: Sequence[str]) -> int:
    """Check .env, then send; 1 when something is wrong."""
    parser = argparse.ArgumentParser(prog="infra.channels.send_test", description="Send a test message.")
    parser.add_argument("--env", type=Path, default=bundle.ROOT / ".env", help="file of variables; by default .env")
    env = env_file.load(parser.parse_args(arguments).env)
    mistakes = [check for check in check_local(env) if check.state == "wrong"]
    if mistakes:
        print_all(mistakes)
        print("Nothing was sent: correct .env first.")
        return 1
    checks = send_test(env.values)
    print_all(checks)
    return summary(checks)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
