"""One POST, over real HTTP, and what a payload loses before it leaves."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.local.sandboxes.hook.server import HookSandbox
from infra.local.sandboxes.http import Reply
from shared.errors import Misconfigured, Refused, Throttled, Unavailable, Uncertain
from shared.outbox.posting import Answer, check_address, error_of, inert_payload, post, without_secrets
from tests.shared.outbox.payloads import PAYLOAD


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[HookSandbox]:
    """A receiver on loopback."""
    with HookSandbox(tmp_path / "calls") as running:
        yield running


def test_only_the_start_of_an_answer_is_read(sandbox: HookSandbox) -> None:
    """A receiver cannot fill the function with its answer."""
    sandbox.fail_next(Reply(200, b"x" * 5_000_000))

    assert len(post(sandbox.url, b"{}", {}, 5, "It", max_bytes=1_000).body) <= 1_000


def test_broken_body_is_no_body_and_its_status_counts(sandbox: HookSandbox) -> None:
    """The status says whether the call was taken."""
    sandbox.fail_next(Reply(202, b'{"ok": true, "long": "answer"}', is_truncated=True))

    answer = post(sandbox.url, b"{}", {}, 5, "It", max_bytes=1_000)

    assert (answer.status, answer.json()) == (202, {})


def test_error_hides_the_address() -> None:
    """Its path may be a token."""
    with pytest.raises(Unavailable) as caught:
        post("http://127.0.0.1:1/services/T0/s3cr3t", b"{}", {}, 2, "The hook")

    assert str(caught.value).startswith("The hook cannot be reached")
    assert "s3cr3t" not in str(caught.value)


@pytest.mark.parametrize(
    ("status", "kind"), [(302, Refused), (400, Refused), (429, Throttled), (500, Uncertain), (503, Unavailable)]
)
def test_receivers_reason_is_quoted_without_secrets(status: int, kind: type[Exception]) -> None:
    """An operator reads why; a brief that quotes it links nothing."""
    error = error_of(Answer(status), "The hook", "see https://evil.example\npassword=hunter2x")

    assert isinstance(error, kind)
    assert "https[:]//evil[.]example" in str(error)
    assert "hunter2x" not in str(error)


@pytest.mark.parametrize("url", ["http://example.com/x", "ftp://example.com", "example.com", "https://", "https://["])
def test_address_beyond_loopback_must_be_https(url: str) -> None:
    """The error names the variable and does not show the address."""
    with pytest.raises(Misconfigured, match="TEAMS_WEBHOOK_URL") as caught:
        check_address(url, "TEAMS_WEBHOOK_URL")

    assert "example.com" not in str(caught.value)


def test_texts_show_what_they_hold_and_only_own_links_are_links() -> None:
    """Marks that hide or reorder text are written as their codes."""
    hostile = "see https://evil.example/x \u202egpj.exe\u200b \x1b[2J"
    payload = PAYLOAD | {"headline": hostile, "incident": {"evidence": [{"text": hostile}]}}

    sent = inert_payload(payload)

    assert sent["headline"] == "see https[:]//evil[.]example/x ⟨U+202E⟩gpj.exe⟨U+200B⟩ ⟨U+001B⟩[2J"
    assert sent["incident"]["evidence"][0]["text"].startswith("see https://evil.example/x ⟨U+202E⟩")
    assert sent["pr_url"] == PAYLOAD["pr_url"]


def test_redacted_payload_keeps_what_other_systems_need() -> None:
    """Ids, times, links and numbers are no secrets."""
    assert without_secrets(PAYLOAD) == PAYLOAD
