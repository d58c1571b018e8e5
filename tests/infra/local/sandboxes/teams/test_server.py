"""The sandbox of a Teams workflow's webhook over real HTTP."""

import pytest
import requests

from infra.local.sandboxes.teams.server import CARD, TeamsSandbox

MESSAGE = {"type": "message", "attachments": [{"contentType": CARD, "content": {"type": "AdaptiveCard"}}]}


def test_card_is_accepted_with_an_empty_202() -> None:
    """The workflow posts it later."""
    with TeamsSandbox() as teams:
        reply = requests.post(teams.webhook, json=MESSAGE, timeout=5)

        assert (reply.status_code, reply.text, len(teams.cards)) == (202, "", 1)


@pytest.mark.parametrize(
    ("message", "status", "code"),
    [
        ({"type": "message"}, 400, "TriggerInputSchemaMismatch"),
        ({**MESSAGE, "padding": "x" * 30_000}, 413, "RequestEntityTooLarge"),
    ],
)
def test_other_messages_are_refused_with_a_code(message: dict[str, object], status: int, code: str) -> None:
    """Nothing is posted then."""
    with TeamsSandbox() as teams:
        reply = requests.post(teams.webhook, json=message, timeout=5)

        assert (reply.status_code, reply.json()["error"]["code"], teams.cards) == (status, code, [])


def test_address_without_its_signature_is_refused() -> None:
    """The signature in the address is the credential."""
    with TeamsSandbox() as teams:
        assert requests.post(f"{teams.url}/workflows/sandbox", json=MESSAGE, timeout=5).status_code == 401
