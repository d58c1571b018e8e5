"""Teams' card against the sandbox of a workflow's webhook, over real HTTP."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import SecretStr

from infra.local.sandboxes.http import Reply
from infra.local.sandboxes.teams.server import TeamsSandbox
from shared.errors import Misconfigured, Refused, Throttled, Unavailable, Uncertain
from shared.outbox.posting import fit_to_send
from shared.outbox.teams import MAX_MESSAGE_BYTES, Teams, TeamsSettings, teams_body, teams_message
from tests.shared.outbox.payloads import HOSTILE, OTHERS_WRITE, PAYLOAD, huge


@pytest.fixture
def sandbox() -> Iterator[TeamsSandbox]:
    """A workflow's webhook on loopback."""
    with TeamsSandbox() as running:
        yield running


def teams(url: str) -> Teams:
    """Teams without waits between tries."""
    return Teams(SecretStr(url), 5, sleep=lambda _: None)


def card_of(payload: dict[str, Any]) -> dict[str, Any]:
    """Return the card of a payload."""
    card: dict[str, Any] = teams_message(fit_to_send(payload))["attachments"][0]["content"]
    return card


def test_outcome_becomes_a_card(sandbox: TeamsSandbox) -> None:
    """The key is its receipt, as the webhook gives none; what people open are buttons."""
    pages = {"approval_url": "https://approve.example.com/?incident=1"}

    assert teams(sandbox.webhook).call(PAYLOAD | pages, "inc-000001") == "inc-000001"

    (card,) = sandbox.cards
    assert (card["type"], card["version"]) == ("AdaptiveCard", "1.4")
    assert [(one["type"], one["url"]) for one in card["actions"]] == [
        ("Action.OpenUrl", pages["approval_url"]),
        ("Action.OpenUrl", PAYLOAD["pr_url"]),
    ]


def test_card_without_pages_has_no_actions() -> None:
    """An empty list would be an empty bar."""
    assert "actions" not in card_of(PAYLOAD | {"pr_url": None})


@pytest.mark.parametrize("field", OTHERS_WRITE)
def test_nothing_that_others_wrote_acts_in_teams(field: str) -> None:
    """It stands in text runs, which read no Markdown, and no address in it is one to click."""
    card = card_of(PAYLOAD | {field: HOSTILE})

    assert {block["type"] for block in card["body"]} == {"RichTextBlock"}
    assert {run["type"] for block in card["body"] for run in block["inlines"]} == {"TextRun"}
    assert "https://evil" not in json.dumps(card)
    assert not any("\n" in run["text"] for block in card["body"] for run in block["inlines"])


def test_message_over_every_limit_is_truncated_to_28_kb(sandbox: TeamsSandbox) -> None:
    """Teams refuses a larger one; what is left out is marked."""
    body = teams_body(fit_to_send(huge()))

    teams(sandbox.webhook).call(huge(), "k")

    assert len(body) <= MAX_MESSAGE_BYTES
    assert "…" in body.decode()
    assert len(sandbox.cards) == 1


@pytest.mark.parametrize(
    ("reply", "error", "tries"),
    [
        (Reply.of_json({"error": {"code": "TriggerInputSchemaMismatch"}}, 400), Refused, 1),
        (Reply(413), Refused, 1),
        (Reply(429), Throttled, 3),
        (Reply(502), Uncertain, 1),
        (Reply(503), Unavailable, 3),
    ],
)
def test_each_status_means_one_error(sandbox: TeamsSandbox, reply: Reply, error: type[Exception], tries: int) -> None:
    """A workflow starts anew with each call, so that one that may have arrived is not repeated."""
    sandbox.fail_next(*[reply] * 3)

    with pytest.raises(error):
        teams(sandbox.webhook).call(PAYLOAD, "k")

    assert len(sandbox.requests) == tries


def test_refusal_quotes_the_code_and_hides_the_address(sandbox: TeamsSandbox) -> None:
    """The address holds the signature that lets anybody post."""
    with pytest.raises(Refused, match="DirectApiAuthorizationRequired") as caught:
        teams(f"{sandbox.url}/workflows/x?sig=s3cr3t").call(PAYLOAD, "k")

    assert "s3cr3t" not in str(caught.value)


def test_plain_http_is_a_wrong_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error names the variable."""
    monkeypatch.setenv("TEAMS_WEBHOOK_URL", "http://prod.logic.azure.com/workflows/x")

    with pytest.raises(Misconfigured, match="TEAMS_WEBHOOK_URL"):
        TeamsSettings.from_env()
