"""The hook of any other system against its sandbox, over real HTTP."""

import hashlib
import hmac
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.local.sandboxes.hook.server import HookSandbox
from infra.local.sandboxes.http import Reply
from shared.errors import Misconfigured, Refused, Throttled, Unavailable, Uncertain
from shared.outbox.webhook import Webhook, WebhookSettings
from tests.shared.outbox.payloads import PAYLOAD, huge


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[HookSandbox]:
    """A receiver on loopback."""
    with HookSandbox(tmp_path / "calls") as running:
        yield running


def hook(url: str, **changes: str | float) -> Webhook:
    """A hook that does not wait between tries."""
    return Webhook(WebhookSettings.model_validate({"post_process_url": url, **changes}), sleep=lambda _: None)


def signature(content: bytes) -> str:
    """Return the signature of a content by the key of these tests."""
    return "sha256=" + hmac.new(b"k3y", content, hashlib.sha256).hexdigest()


def test_payload_arrives_versioned_and_signed_with_its_key(sandbox: HookSandbox) -> None:
    """The receiver gets the JSON, the key, and a signature it can check over the raw body."""
    receipt = hook(f"{sandbox.url}/outcome", post_process_secret="k3y").call(PAYLOAD, key="inc-000001")

    (request,) = sandbox.requests
    assert receipt == "inc-000001"
    assert sandbox.calls[0]["body"] == {"schema_version": "1", **PAYLOAD}
    assert request.headers["Idempotency-Key"] == "inc-000001"
    assert request.headers["X-Incident-Copilot-Signature"] == signature(request.body)


def test_second_signature_covers_the_time_too(sandbox: HookSandbox) -> None:
    """A receiver can refuse a call that somebody recorded and sends again later."""
    hook(sandbox.url, post_process_secret="k3y").call(PAYLOAD, key="k")

    (request,) = sandbox.requests
    moment = request.headers["X-Incident-Copilot-Timestamp"]
    assert request.headers["X-Incident-Copilot-Signature-Timestamped"] == signature(
        moment.encode() + b"." + request.body
    )


def test_without_secret_nothing_is_signed(sandbox: HookSandbox) -> None:
    """No secret, no signature header."""
    hook(sandbox.url).call(PAYLOAD, key="k")

    assert not [name for name in sandbox.requests[0].headers if "Signature" in name]


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


def test_payload_carries_no_secret_whatever_made_it(sandbox: HookSandbox) -> None:
    """Texts are redacted once more before they leave, and fields by their names."""
    leaks = {"headline": "refused password=hunter2x", "incident": {"labels": {"db_password": "swordfish"}}}

    hook(f"{sandbox.url}/outcome").call({**PAYLOAD, **leaks}, key="inc-000001")

    (request,) = sandbox.requests
    assert b"hunter2x" not in request.body
    assert b"swordfish" not in request.body
    assert request.json()["headline"] == "refused password=[cut: password]"


def test_payload_over_every_limit_keeps_the_bounds_of_its_schema(sandbox: HookSandbox) -> None:
    """Receivers may build their columns by them."""
    hook(sandbox.url).call(huge(), key="k")

    (call,) = sandbox.calls
    assert len(call["body"]["headline"]) == 1_000
    assert call["body"]["headline"].endswith("…")
