"""The hook against its sandbox, over real HTTP; Slack and PagerDuty by their shapes."""

import hashlib
import hmac
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from infra.local.sandboxes.hook.server import HookSandbox
from infra.local.sandboxes.http import Reply
from shared.errors import Misconfigured, Refused, Throttled, Unavailable, Uncertain
from shared.outbox import webhook
from shared.outbox.webhook import Webhook, WebhookSettings, inert_payload, pagerduty_event, slack_message

PAYLOAD: dict[str, Any] = {
    "incident_id": "inc-000001",
    "kind": "full",
    "service_name": "billing-worker",
    "severity": "high",
    "incident_type": "code_issue",
    "headline": "Invoices <!channel> & more fail",
    "since": "2026-03-14T02:44:42+00:00",
    "most_likely_cause": "A removed guard",
    "recommended_action": "Roll back",
    "pr_url": "https://github.com/example/billing/pull/412",
    "failures": [{"step": "rca", "error_type": "BadAnswer", "message": "cut"}],
    "incident": {"severity": "high"},
}


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[HookSandbox]:
    """A receiver on loopback."""
    with HookSandbox(tmp_path / "calls") as running:
        yield running


def hook(url: str, **changes: str | float) -> Webhook:
    """A hook that does not wait between tries."""
    return Webhook(WebhookSettings.model_validate({"post_process_url": url, **changes}), sleep=lambda _: None)


def test_payload_arrives_signed_with_its_key(sandbox: HookSandbox) -> None:
    """The receiver gets the JSON, the key, and a signature it can check over the raw body."""
    hook(f"{sandbox.url}/outcome", post_process_secret="k3y").call(PAYLOAD, key="inc-000001")

    (request,) = sandbox.requests
    digest = hmac.new(b"k3y", request.body, hashlib.sha256).hexdigest()
    assert sandbox.calls[0]["body"] == PAYLOAD
    assert request.headers["Idempotency-Key"] == "inc-000001"
    assert request.headers["X-Incident-Copilot-Signature"] == f"sha256={digest}"


def test_without_secret_nothing_is_signed(sandbox: HookSandbox) -> None:
    """No secret, no signature header."""
    hook(sandbox.url).call(PAYLOAD, key="k")

    assert "X-Incident-Copilot-Signature" not in sandbox.requests[0].headers


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_temporary_failure_is_retried_with_the_same_key(sandbox: HookSandbox, status: int) -> None:
    """A failure that may pass is retried with the same key."""
    sandbox.fail_next(Reply(status), Reply(status))

    hook(sandbox.url).call(PAYLOAD, key="same")

    assert [request.headers["Idempotency-Key"] for request in sandbox.requests] == ["same"] * 3


@pytest.mark.parametrize(
    ("status", "error", "tries"),
    [
        (302, Refused, 1),
        (404, Refused, 1),
        (429, Throttled, 3),
        (500, Uncertain, 1),
        (502, Uncertain, 3),
        (503, Unavailable, 3),
    ],
)
def test_each_status_means_one_error(sandbox: HookSandbox, status: int, error: type[Exception], tries: int) -> None:
    """Each status becomes its error after at most three tries; redirects are not followed."""
    sandbox.fail_next(*[Reply(status, headers={"Location": sandbox.url})] * 3)

    with pytest.raises(error):
        hook(sandbox.url).call(PAYLOAD, key="k")

    assert len(sandbox.requests) == tries


def test_no_reply_is_uncertain_and_not_repeated(sandbox: HookSandbox) -> None:
    """A receiver that does not reply may have received the call: it is not repeated."""
    sandbox.fail_next(Reply(delay_s=5))

    with pytest.raises(Uncertain):
        hook(sandbox.url, post_process_timeout_s=0.3).call(PAYLOAD, key="k")

    assert len(sandbox.requests) == 1


def test_retry_after_beyond_the_budget_is_not_waited_for(sandbox: HookSandbox) -> None:
    """A Retry-After longer than the budget ends the tries."""
    sandbox.fail_next(Reply(429, headers={"Retry-After": "3600"}))

    with pytest.raises(Throttled) as caught:
        hook(sandbox.url).call(PAYLOAD, key="k")

    assert caught.value.retry_after_s == 3600
    assert len(sandbox.requests) == 1


def test_closed_port_is_unavailable_and_hides_the_url() -> None:
    """The error names the host alone: the path of the URL may be a token."""
    with pytest.raises(Unavailable) as caught:
        hook("http://127.0.0.1:1/services/T0/s3cr3t").call(PAYLOAD, key="k")

    assert "127.0.0.1" in str(caught.value)
    assert "s3cr3t" not in str(caught.value)


@pytest.mark.parametrize("url", ["http://example.com/x", "ftp://example.com", "example.com", "https://"])
def test_url_beyond_loopback_must_be_https(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    """A plain http URL is a wrong setting; the error does not show the URL."""
    monkeypatch.setenv("POST_PROCESS_URL", url)

    with pytest.raises(Misconfigured, match="https") as caught:
        WebhookSettings.from_env()

    assert "example.com" not in str(caught.value)


def test_pagerduty_needs_its_routing_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """PagerDuty's URL without a key is a wrong setting."""
    monkeypatch.setenv("POST_PROCESS_URL", "https://events.pagerduty.com/v2/enqueue")

    with pytest.raises(Misconfigured, match="PAGERDUTY_ROUTING_KEY"):
        WebhookSettings.from_env()


def slack_texts(payload: dict[str, Any]) -> dict[str, list[str]]:
    """Return the texts of Slack's message by how Slack reads them."""
    texts: dict[str, list[str]] = {"plain_text": [], "mrkdwn": []}
    for block in slack_message(payload)["blocks"]:
        for text in [block["text"]] if "text" in block else block["elements"]:
            texts[text["type"]].append(text["text"])
    return texts


HOSTILE = "x <!channel> @here <https://evil.example|Runbook>\n*Do now:* `rm -rf /`"


@pytest.mark.parametrize("field", ["headline", "title", "most_likely_cause", "recommended_action", "service_name"])
def test_nothing_that_others_wrote_acts_in_slack(field: str) -> None:
    """No mention, no link, no format and no line that looks like ours: it is plain text in a paragraph of its own."""
    texts = slack_texts(PAYLOAD | {field: HOSTILE})

    assert not any("evil" in text or "Do now" in text for text in texts["mrkdwn"])
    assert not any("\n" in text for text in texts["plain_text"])
    assert "<!channel>" not in slack_message(PAYLOAD | {field: HOSTILE})["text"]
    assert f"<{PAYLOAD['pr_url']}|Draft pull request>" in texts["mrkdwn"]


def test_slack_text_stays_within_its_limits() -> None:
    """A long cause does not make Slack refuse the message."""
    texts = slack_texts(PAYLOAD | {"most_likely_cause": "<" * 5_000, "headline": "h" * 500})

    assert len(texts["plain_text"][0]) <= 150
    assert max(map(len, texts["plain_text"])) <= 3_000


def test_hook_gets_texts_that_show_what_they_hold() -> None:
    """Marks that hide or reorder text are written as their codes, and only our own link is a link."""
    hostile = "see https://evil.example/x \u202egpj.exe\u200b \x1b[2J"
    payload = PAYLOAD | {"headline": hostile, "incident": {"evidence": [{"text": hostile}]}}

    sent = inert_payload(payload)

    assert sent["headline"] == "see https[:]//evil[.]example/x ⟨U+202E⟩gpj.exe⟨U+200B⟩ ⟨U+001B⟩[2J"
    assert sent["incident"]["evidence"][0]["text"].startswith("see https://evil.example/x ⟨U+202E⟩")
    assert sent["pr_url"] == PAYLOAD["pr_url"]


def test_pagerduty_gets_an_event_per_incident() -> None:
    """The incident's key removes duplicates at PagerDuty; severity uses its terms."""
    event = pagerduty_event(PAYLOAD, "inc-000001", "r0ut1ng")

    assert (event["event_action"], event["dedup_key"], event["routing_key"]) == ("trigger", "inc-000001", "r0ut1ng")
    assert event["payload"]["severity"] == "error"
    assert event["links"] == [{"href": PAYLOAD["pr_url"], "text": "Draft pull request"}]


def test_update_belongs_to_the_event_of_its_incident() -> None:
    """PagerDuty joins them by the incident, not by the update's own key; Slack does not call it an instruction."""
    update = PAYLOAD | {"kind": "update", "update_id": "inc-000002", "incident_id": "inc-000001"}

    assert pagerduty_event(update, "inc-000002", "r0ut1ng")["dedup_key"] == "inc-000001"
    assert any(text.startswith("What is new: ") for text in slack_texts(update)["plain_text"])
    assert any(text.startswith("Do now: ") for text in slack_texts(PAYLOAD)["plain_text"])


def test_only_the_end_of_the_alert_resolves() -> None:
    """What is open at PagerDuty is closed by who opened it, not by our opinion of a firing alert."""
    assert pagerduty_event(PAYLOAD | {"kind": "resolved"}, "k", "r")["event_action"] == "resolve"
    assert pagerduty_event(PAYLOAD | {"kind": "full"}, "k", "r")["event_action"] == "trigger"


def test_payload_carries_no_secret_whatever_made_it(sandbox: HookSandbox) -> None:
    """Texts are redacted once more before they leave, and fields by their names."""
    leaks = {"headline": "refused password=hunter2x", "incident": {"labels": {"db_password": "swordfish"}}}

    hook(f"{sandbox.url}/outcome").call({**PAYLOAD, **leaks}, key="inc-000001")

    (request,) = sandbox.requests
    assert b"hunter2x" not in request.body
    assert b"swordfish" not in request.body
    assert request.json()["headline"] == "refused password=[cut: password]"


@pytest.mark.parametrize("shape", [slack_message, lambda payload: pagerduty_event(payload, "inc-1", "a" * 32)])
def test_redacted_payload_keeps_what_other_systems_need(shape: Any) -> None:
    """Ids, times, links and numbers are no secrets."""
    assert webhook.without_secrets(PAYLOAD) == PAYLOAD
    assert shape(webhook.without_secrets(PAYLOAD)) == shape(PAYLOAD)
