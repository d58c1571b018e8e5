"""Gemini over real HTTP: what is sent, what comes back, and every failure by its name."""

import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from shared import model
from shared.errors import BadAnswer, IncidentCopilotError, Misconfigured, Refused, Throttled, Unavailable, Uncertain
from shared.model.gemini import Gemini, GeminiSettings
from shared.model.port import Question
from shared.model.prices import cost_usd

RECORDED = Path(__file__).parents[3].parent / "shared" / "payloads" / "gemini_generate_content"
KEY = "test-key-never-shown"
ANSWERED = {
    "candidates": [{"content": {"role": "model", "parts": [{"text": '{"ok": true}'}]}, "finishReason": "STOP"}],
    "usageMetadata": {"promptTokenCount": 1000, "candidatesTokenCount": 50, "thoughtsTokenCount": 50},
    "modelVersion": "gemini-3.5-flash-lite-001",
}


class GeminiServer:
    """Answers every call with one prepared reply and keeps the requests."""

    def __init__(self) -> None:
        self.status, self.reply, self.delay_s = 200, json.dumps(ANSWERED), 0.0
        self.requests: list[tuple[str, dict[str, str], Any]] = []
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                server.requests.append((self.path, dict(self.headers), json.loads(body)))
                server.released.wait(server.delay_s)
                self.send_response(server.status)
                self.send_header("Content-Type", "application/json")
                self.end_headers()
                self.wfile.write(server.reply.encode())

            def log_message(self, *_args: object) -> None:
                """Stay quiet."""

        self.released = threading.Event()
        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}"


@pytest.fixture
def server() -> Iterator[GeminiServer]:
    """A server that speaks Gemini's wire format on loopback."""
    running = GeminiServer()
    thread = threading.Thread(target=running.http.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield running
    running.released.set()
    running.http.shutdown()
    thread.join()
    running.http.server_close()


def _gemini(server: GeminiServer) -> Gemini:
    settings = GeminiSettings(gemini_api_key=SecretStr(KEY), gemini_base_url=server.url)
    return Gemini(settings, "rca", "light")


def _question(**changes: Any) -> Question:
    given = {
        "agent": "rca",
        "tier": "light",
        "instructions": "be exact",
        "prompt": "why?",
        "schema": {"type": "object"},
    }
    return Question(**{**given, **changes})


def test_one_structured_call_is_sent_and_its_cost_told(server) -> None:
    """Schema and instructions travel, no function may be called, tokens become dollars."""
    reply = _gemini(server).answer(_question())
    ((path, headers, body),) = server.requests

    assert reply.text == '{"ok": true}'
    assert (reply.model, reply.tokens_in, reply.tokens_out) == ("gemini-3.5-flash-lite-001", 1000, 100)
    assert reply.cost_usd == pytest.approx(1000 * 0.30e-6 + 100 * 2.50e-6)
    assert path.endswith("/models/gemini-3.5-flash-lite:generateContent")
    assert {name.lower(): value for name, value in headers.items()}["x-goog-api-key"] == KEY
    assert body["generationConfig"]["responseMimeType"] == "application/json"
    assert body["generationConfig"]["responseJsonSchema"] == {"type": "object"}
    assert body["systemInstruction"]["parts"] == [{"text": "be exact"}]
    assert "temperature" not in body["generationConfig"]
    assert "tools" not in body


@pytest.mark.parametrize(
    ("status", "error"),
    [(400, Refused), (401, Refused), (403, Refused), (404, Refused), (429, Throttled), (500, Unavailable),
     (503, Unavailable)],
)  # fmt: skip
def test_error_status_is_named_and_the_key_is_not(server, status: int, error: type[IncidentCopilotError]) -> None:
    """Each status becomes the error that says who must act."""
    server.status = status
    server.reply = json.dumps({"error": {"code": status, "message": "no", "status": "NO"}})

    with pytest.raises(error, match="no") as caught:
        _gemini(server).answer(_question())

    assert KEY not in str(caught.value)
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    "reply",
    [
        {"promptFeedback": {"blockReason": "SAFETY"}},
        {"candidates": [{"finishReason": "SAFETY"}]},
        {"candidates": [{"content": {"parts": [{"text": '{"cut": '}]}, "finishReason": "MAX_TOKENS"}]},
        {"candidates": [{"content": {"parts": [{"text": ""}]}, "finishReason": "STOP"}]},
        {"candidates": [{"content": {}, "finishReason": "STOP"}]},
        {"candidates": []},
        {},
    ],
)
def test_blocked_cut_or_empty_answer_is_a_bad_answer(server, reply: dict[str, Any]) -> None:
    """The SDK raises nothing for these; the house does."""
    server.reply = json.dumps(reply)

    with pytest.raises(BadAnswer):
        _gemini(server).answer(_question())


def test_slow_answer_is_uncertain_after_the_deadline(server) -> None:
    """The SDK would wait for ever; the question's budget ends it."""
    server.delay_s = 10
    began = time.monotonic()

    with pytest.raises(Uncertain, match=r"within 0\.5 s"):
        _gemini(server).answer(_question(timeout_s=0.5))

    assert time.monotonic() - began < 5


def test_nobody_listening_is_unavailable(server) -> None:
    """A refused connection promises that nothing happened."""
    settings = GeminiSettings(gemini_api_key=SecretStr(KEY), gemini_base_url="http://127.0.0.1:9")

    with pytest.raises(Unavailable, match="cannot be reached"):
        Gemini(settings, "rca", "light").answer(_question())


@pytest.mark.skipif(not RECORDED.exists(), reason="the recorded answers are not beside the project")
@pytest.mark.parametrize("name", sorted(path.stem for path in RECORDED.glob("firebase_*.json")) or ["none"])
def test_recorded_answer_is_a_reply_or_a_named_error(server, name: str) -> None:
    """No answer that Gemini was seen to give ends in anything but text or an error of the house."""
    recorded = json.loads((RECORDED / f"{name}.json").read_text())
    server.reply = json.dumps(recorded)
    server.status = recorded.get("error", {}).get("code", 200)

    try:
        outcome = _gemini(server).answer(_question()).text
    except IncidentCopilotError as error:
        outcome = str(error)

    assert outcome


def test_agents_own_model_wins_over_its_tier(server, monkeypatch: pytest.MonkeyPatch) -> None:
    """GEMINI_MODEL_RCA chooses for rca alone."""
    monkeypatch.setenv("GEMINI_MODEL_RCA", "gemini-3.8-flash")

    _gemini(server).answer(_question())

    assert "gemini-3.8-flash:generateContent" in server.requests[0][0]


def test_without_credentials_there_is_no_model() -> None:
    """A first day without a key is served by the offline analyst."""
    assert model.connect("rca", "light") is None


def test_asking_for_gemini_without_credentials_is_misconfigured(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever names the provider is told what is missing."""
    monkeypatch.setenv("MODEL_PROVIDER", "gemini")

    with pytest.raises(Misconfigured, match="GEMINI_API_KEY"):
        model.connect("rca", "light")


def test_offline_wins_over_a_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """An operator can turn the model off without taking the key away."""
    monkeypatch.setenv("GEMINI_API_KEY", KEY)
    monkeypatch.setenv("MODEL_PROVIDER", "offline")

    assert model.connect("rca", "light") is None


def test_unknown_model_is_charged_as_the_dearest() -> None:
    """A ledger that does not know a price must not say zero."""
    assert cost_usd("gemini-9", 1_000_000, 0, 0) >= cost_usd("gemini-3.8-flash", 1_000_000, 0, 0) > 0


def test_cached_tokens_are_charged_less() -> None:
    """Cached tokens are part of the prompt's count and cost a tenth."""
    assert cost_usd("gemini-3.8-flash", 1_000_000, 1_000_000, 0) == pytest.approx(0.075)
