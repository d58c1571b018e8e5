"""All hooks at once, by the functions as they are deployed: bundles, with what they are granted and nothing else."""

import json
import time
from pathlib import Path

from infra.local.cli.demo import SCENARIO, post_alert
from infra.local.sandboxes.pagerduty.server import ROUTING_KEY, TOKEN, PagerDutySandbox
from infra.local.sandboxes.slack.server import CHANNEL, SlackSandbox
from infra.local.sandboxes.slack.server import TOKEN as SLACK_TOKEN
from infra.local.sandboxes.teams.server import TeamsSandbox
from infra.local.scenarios.build import build
from infra.local.stack.stack import Options, Stack
from shared import clock
from shared.contracts import Outcome

TIMEOUT_S = 90.0


def test_alert_reaches_every_channel_of_the_deployed_functions(tmp_path: Path) -> None:
    """Whoever is on the schedule has the mail, and each channel gave a receipt."""
    on_call = [("PSCHED", 1, {"id": "PBO", "email": "bo@example.com"})]
    with SlackSandbox() as slack, PagerDutySandbox(on_call=on_call) as pagerduty, TeamsSandbox() as teams:
        settings = {
            "SLACK_BOT_TOKEN": SLACK_TOKEN,
            "SLACK_CHANNEL": CHANNEL,
            "SLACK_API_URL": f"{slack.url}/api",
            "PAGERDUTY_ROUTING_KEY": ROUTING_KEY,
            "PAGERDUTY_EVENTS_URL": pagerduty.url,
            "TEAMS_WEBHOOK_URL": teams.webhook,
            "ONCALL_PROVIDER": "pagerduty",
            "PAGERDUTY_API_TOKEN": TOKEN,
            "PAGERDUTY_API_URL": pagerduty.url,
            "PAGERDUTY_SCHEDULE_IDS": json.dumps(["PSCHED"]),
        }
        stack = Stack(tmp_path / "run", build(SCENARIO, tmp_path / "built", clock.now()), Options(settings=settings))
        with stack, stack.traces() as store:
            incident_id = post_alert(stack, stack.built.alert)
            deadline = time.monotonic() + TIMEOUT_S
            while (record := store.incident(incident_id)) is None or record.state != "closed":
                assert time.monotonic() < deadline, "the incident was not published"
                time.sleep(0.2)
            mails = [path.read_text() for path in (stack.folder / "mail").glob("*.eml")]

        outcome = Outcome.model_validate(record.outcome)
        assert outcome.delivered_by == {"hook", "slack", "pagerduty", "teams", "mail"}
        assert outcome.failures == []
        assert (len(slack.messages), pagerduty.alerts, len(teams.cards)) == (2, {incident_id: "triggered"}, 2)
        early, brief = slack.messages
        assert brief["thread_ts"] == early["ts"]
        assert outcome.receipts["slack"] == f"{CHANNEL}:{brief['ts']}/{early['ts']}"
        assert ["To: bo@example.com" in mail for mail in mails] == [True, True]
