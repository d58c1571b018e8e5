"""Gemini over real HTTP: what is sent, what comes back, and the error of each failure."""

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx2
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from pydantic import SecretStr
from pytest_mock import MockerFixture

from infra import bundle
from infra.local.sandboxes.gemini.server import GeminiSandbox
from infra.local.sandboxes.http import Reply as Wire
from infra.local.sandboxes.http import Request, Sandbox
from shared import model
from shared.errors import BadAnswer, IncidentCopilotError, Misconfigured, Refused, Throttled, Unavailable, Uncertain
from shared.model.gemini import Gemini, GeminiConversation, GeminiSettings
from shared.model.port import ModelReply, Question, Tool, ToolAnswer
from shared.model.pricing import capabilities, cost_usd
from shared.model.response_limits import MAX_BYTES, Bounds

RECORDED = bundle.ROOT.parent / "shared" / "payloads" / "gemini_generate_content"
KEY = "test-key-never-shown"
USAGE = {"promptTokenCount": 1000, "candidatesTokenCount": 50, "thoughtsTokenCount": 50}
TOOL = Tool("look", "Looks.", {"type": "object", "properties": {"at": {"type": "string"}}}, lambda args: "seen")


def _answer(*parts: dict[str, Any], finish: str = "STOP") -> dict[str, Any]:
    content = {"role": "model", "parts": list(parts)}
    candidates = [{"content": content, "finishReason": finish}]
    return {"candidates": candidates, "usageMetadata": USAGE, "modelVersion": "gemini-3.5-flash-lite-001"}


OK = _answer({"text": '{"ok": true}'})


class Answering(Sandbox):
    """Answers in Gemini's format: the queued replies first, then always the same good answer."""

    def answer(self, request: Request) -> Wire:
        """Return the good answer."""
        return Wire.of_json(OK)

    def bodies(self) -> list[dict[str, Any]]:
        """Return the bodies of the requests so far."""
        return [request.json() for request in self.requests]


@pytest.fixture
def server() -> Iterator[Answering]:
    """A Gemini on loopback."""
    with Answering() as running:
        yield running


def _error(status: int, *details: dict[str, Any], headers: dict[str, str] | None = None) -> Wire:
    body = {"error": {"code": status, "message": "no", "status": "NO", "details": list(details)}}
    return Wire.of_json(body, status, headers)


def _retry_info(delay: str) -> dict[str, Any]:
    return {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": delay}


def _converse(server: Sandbox, model_name: str = "gemini-3.5-flash-lite", **changes: Any) -> GeminiConversation:
    config = GeminiSettings(gemini_api_key=SecretStr(KEY), gemini_base_url=server.url, gemini_model_light=model_name)
    defaults = {"agent": "rca", "instructions": "be exact", "prompt": "why?", "schema": {"type": "object"}}
    return Gemini(config, "rca", "light").converse(Question(**{**defaults, **changes}))


def _ask(server: Sandbox, timeout_s: float = 5, **changes: Any) -> ModelReply:
    return _converse(server, **changes).ask("why?", timeout_s, may_call=True)


def test_one_structured_call_is_sent_and_its_cost_reported(server) -> None:
    """Schema and instructions are sent, without functions, and the tokens give a cost in dollars."""
    reply = _ask(server)
    (request,) = server.requests
    body = request.json()

    assert reply.text == '{"ok": true}'
    assert (reply.model, reply.tokens_in, reply.tokens_out) == ("gemini-3.5-flash-lite-001", 1000, 100)
    assert reply.cost_usd == pytest.approx(1000 * 0.30e-6 + 100 * 2.50e-6)
    assert request.path.endswith("/models/gemini-3.5-flash-lite:generateContent")
    assert request.headers["x-goog-api-key"] == KEY
    assert body["generationConfig"]["responseMimeType"] == "application/json"
    assert body["generationConfig"]["responseJsonSchema"] == {"type": "object"}
    assert body["systemInstruction"]["parts"] == [{"text": "be exact"}]
    assert not {"temperature", "topP"} & set(body["generationConfig"])
    assert "tools" not in body


@pytest.mark.parametrize(
    ("status", "error", "attempts"),
    [(400, Refused, 1), (401, Refused, 1), (403, Refused, 1), (404, Refused, 1), (429, Throttled, 4),
     (500, Unavailable, 4), (503, Unavailable, 4), (504, Uncertain, 1), (302, Refused, 1)],
)  # fmt: skip
def test_error_status_becomes_an_error_without_the_key(
    server, status: int, error: type[IncidentCopilotError], attempts: int, mocker: MockerFixture
) -> None:
    """Each status becomes the error that says who must act; only what may pass and was not billed is asked again."""
    mocker.patch("shared.http.retries.backoff_s", return_value=0.0)
    server.fail_next(*[_error(status, headers={"Location": f"{server.url}/elsewhere"})] * 4)

    with pytest.raises(error) as caught:
        _ask(server, timeout_s=60)

    assert KEY not in str(caught.value)
    assert "/elsewhere" not in [request.path for request in server.requests]
    assert len(server.requests) == attempts


@pytest.mark.parametrize(
    ("reply", "is_final"),
    [
        ({"promptFeedback": {"blockReason": "SAFETY"}}, True),
        ({"candidates": [{"finishReason": "SAFETY"}]}, True),
        (_answer({"text": "{"}, finish="PROHIBITED_CONTENT"), True),
        (_answer({"text": '{"truncated": '}, finish="MAX_TOKENS"), False),
        (_answer(finish="MALFORMED_FUNCTION_CALL"), False),
        (_answer({"text": "{}"}, finish="A_REASON_OF_NEXT_YEAR"), True),
        (_answer({"text": ""}), False),
        ({"candidates": [{"content": {}, "finishReason": "STOP"}]}, False),
        ({"candidates": []}, True),
        ({}, True),
    ],
)
@pytest.mark.filterwarnings("ignore:A_REASON_OF_NEXT_YEAR is not a valid:UserWarning")
def test_blocked_truncated_or_empty_answer_has_a_problem(server, reply: dict[str, Any], is_final: bool) -> None:
    """The SDK raises nothing for these; the reply has the problem, the cost and whether a retry can help."""
    server.fail_next(Wire.of_json(reply))

    answer = _ask(server)

    assert answer.problem
    assert answer.is_final is is_final
    assert answer.tokens_in == reply.get("usageMetadata", {}).get("promptTokenCount", 0)


@pytest.mark.parametrize(
    "body",
    ["", "not json", '"text"', "[]", '{"candidates": 7}', '{"candidates": [[]]}', '{"candidates": [{"content": "x"}]}',
     "[" * 200_000],
    ids=["empty", "no json", "a text", "a list", "a number", "a list in a list", "a text for content", "deep"],
)  # fmt: skip
def test_unreadable_body_is_a_bad_answer_or_a_problem(server, body: str) -> None:
    """Anything that a proxy sends in Gemini's place gives BadAnswer or an unusable turn."""
    server.fail_next(Wire.of_text(body))

    try:
        problem: object = _ask(server).problem
    except BadAnswer as error:
        problem = error

    assert problem


def test_answer_that_is_too_large_is_not_read(server) -> None:
    """It is refused by its Content-Length."""
    server.fail_next(Wire.of_text("x" * (MAX_BYTES + 1)))

    with pytest.raises(BadAnswer, match="larger than"):
        _ask(server)


def test_slow_answer_is_uncertain_after_the_deadline(server) -> None:
    """The SDK would wait for ever; the deadline stops it."""
    server.fail_next(Wire(delay_s=60))
    began = time.monotonic()

    with pytest.raises(Uncertain, match="in time"):
        _ask(server, timeout_s=0.5)

    assert time.monotonic() - began < 30


@pytest.mark.parametrize(
    "fault",
    [
        _error(429, _retry_info("0.2s")),
        _error(429, headers={"Retry-After": "0"}),
        _error(503),
        Wire(is_truncated=True, body=b"{}"),
    ],
    ids=["429 with RetryInfo", "429 with Retry-After", "503", "truncated body"],
)
def test_transient_failure_is_retried(server, fault: Wire) -> None:
    """A short failure delays the answer but does not lose it."""
    server.fail_next(fault)

    assert _ask(server).text == '{"ok": true}'
    assert len(server.requests) == 2


def test_wait_that_gemini_asks_for_is_respected(server) -> None:
    """RetryInfo is respected to a tenth of a second."""
    server.fail_next(_error(429, _retry_info("0.4s")))
    began = time.monotonic()

    _ask(server)

    assert time.monotonic() - began >= 0.4


def test_wait_beyond_the_deadline_is_not_started(server) -> None:
    """The call fails at once, and the error says how long to wait."""
    server.fail_next(_error(429, _retry_info("60s")))
    began = time.monotonic()

    with pytest.raises(Throttled) as caught:
        _ask(server)

    assert time.monotonic() - began < 30
    assert caught.value.retry_after_s == 60


def test_daily_quota_is_not_waited_for(server) -> None:
    """It resets the next day, whatever RetryInfo says."""
    quota = {"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": [{"quotaId": "RequestsPerDay"}]}
    server.fail_next(_error(429, quota, _retry_info("0.1s")))

    with pytest.raises(Throttled):
        _ask(server)

    assert len(server.requests) == 1


def test_refused_connection_is_unavailable(server) -> None:
    """A refused connection means that nothing happened."""
    server.stop()

    with pytest.raises(Unavailable, match="cannot be reached"):
        _ask(server, timeout_s=0.3)


def test_model_turn_is_sent_back_verbatim_with_the_answer_to_its_call(server) -> None:
    """The signature of a thought and the id of a call go back to Gemini unchanged."""
    call = {"functionCall": {"id": "c1", "name": "look", "args": {"at": "x"}}, "thoughtSignature": "c2lnbmVk"}
    server.fail_next(Wire.of_json(_answer({"text": "hm", "thought": True}, call)))
    conversation = _converse(server, tools=(TOOL,))

    turn = conversation.ask("why?", 5, may_call=True)
    conversation.ask([ToolAnswer(turn.requests[0], "seen")], 5, may_call=False)
    first, second = server.bodies()

    assert [(one.name, dict(one.args), one.id) for one in turn.requests] == [("look", {"at": "x"}, "c1")]
    assert second["contents"][1]["parts"][1] == call
    response = second["contents"][2]["parts"][0]["functionResponse"]
    assert response == {"id": "c1", "name": "look", "response": {"result": "seen"}}
    assert first["toolConfig"]["functionCallingConfig"]["mode"] == "AUTO"
    assert second["toolConfig"]["functionCallingConfig"]["mode"] == "NONE"


def test_older_model_does_not_get_tools_and_schema_at_once(server) -> None:
    """Before Gemini 3 there is a tool phase without a schema, then an answer with one."""
    conversation = _converse(server, "gemini-2.5-flash", tools=(TOOL,))

    loose, strict = conversation.ask("why?", 5, may_call=True), conversation.ask("now", 5, may_call=False)
    first, second = server.bodies()

    assert (loose.is_structured, strict.is_structured) == (False, True)
    assert "responseJsonSchema" not in first["generationConfig"]
    assert "tools" not in second
    assert second["generationConfig"]["responseJsonSchema"]


@pytest.fixture
def account(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[GeminiSandbox]:
    """A Gemini on Vertex AI's paths that also issues tokens for a service account."""
    key = rsa.generate_private_key(65537, 2048)
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    with GeminiSandbox() as gemini:
        account = {"type": "service_account", "client_email": "copilot@example.com", "private_key": pem}
        file = tmp_path / "account.json"
        file.write_text(json.dumps({**account, "token_uri": f"{gemini.url}/token"}))
        monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(file))
        yield gemini


def _vertex(url: str) -> ModelReply:
    config = GeminiSettings(google_genai_use_vertexai=True, google_cloud_project="shop", gemini_base_url=url)
    question = Question("rca", "be exact", "why?", {"type": "object"})
    return Gemini(config, "rca", "light").converse(question).ask("why?", 5, may_call=False)


def test_vertex_ai_is_called_with_the_accounts_token(account: GeminiSandbox) -> None:
    """Credentials come from the platform; project and location are in the path, and no key is sent."""
    reply = _vertex(account.url)
    request = account.requests[-1]

    assert reply.problem is None
    assert "/projects/shop/locations/global/publishers/google/models/gemini-3.5-flash-lite" in request.path
    assert request.headers["Authorization"].startswith("Bearer ")
    assert "x-goog-api-key" not in request.headers


def test_refused_token_is_an_error_for_the_operator(account: GeminiSandbox) -> None:
    """The error of a revoked account does not contain its key."""
    account.fail_next(Wire.of_json({"error": "invalid_grant"}, 400))

    with pytest.raises(Refused, match="no token") as caught:
        _vertex(account.url)

    assert "PRIVATE KEY" not in str(caught.value)


def test_vertex_ai_without_credentials_is_misconfigured(server, monkeypatch, tmp_path) -> None:
    """The error says what is missing."""
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "nowhere.json"))

    with pytest.raises(Misconfigured, match="credentials"):
        _vertex(server.url)


def test_slow_stream_ends_at_the_deadline(server) -> None:
    """Timeouts between bytes alone would let a slow stream block a step."""
    bounds = Bounds()
    bounds.ends_at = time.monotonic() - 1
    response = httpx2.Response(200, stream=_Trickle())

    bounds.guard(response)

    with pytest.raises(Uncertain, match="did not end in time"):
        response.read()


def test_answer_without_a_size_is_stopped_at_the_limit() -> None:
    """Without a Content-Length, the bytes are counted."""
    bounds = Bounds()
    response = httpx2.Response(200, stream=_Trickle(b"x" * 1_000_000))

    bounds.guard(response)

    with pytest.raises(BadAnswer, match="larger than"):
        response.read()


def test_client_is_made_once_for_the_same_settings(server) -> None:
    """To make one loads all certificates; other settings get another one."""
    first, second = _converse(server), _converse(server)

    assert first._gemini.client is second._gemini.client
    with Answering() as other:
        assert _converse(other)._gemini.client is not first._gemini.client


def test_each_thread_has_its_own_deadline() -> None:
    """A client answers several requests of a function at once."""
    bounds = Bounds()
    bounds.ends_at = 1.0

    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(lambda: bounds.ends_at).result() == float("inf")


class _Trickle(httpx2.SyncByteStream):
    """A body that never ends."""

    def __init__(self, piece: bytes = b"x") -> None:
        self._piece = piece

    def __iter__(self) -> Iterator[bytes]:
        while True:
            yield self._piece


@pytest.mark.skipif(not RECORDED.exists(), reason="the recorded answers are not next to this checkout")
@pytest.mark.parametrize("name", sorted(path.stem for path in RECORDED.glob("firebase_*.json")) or ["none"])
def test_recorded_answer_is_a_reply_or_a_named_error(server, name: str) -> None:
    """Every recorded answer of Gemini gives a turn or one of our errors."""
    recorded = json.loads((RECORDED / f"{name}.json").read_text())
    server.fail_next(*[Wire.of_json(recorded, recorded.get("error", {}).get("code", 200))] * 4)

    try:
        reply = _ask(server, timeout_s=0.4)
        outcome = reply.text or reply.problem or reply.requests
    except IncidentCopilotError as error:
        outcome = str(error)

    assert outcome
    assert KEY not in str(outcome)


def test_agents_own_model_overrides_its_tier(server, monkeypatch: pytest.MonkeyPatch) -> None:
    """GEMINI_MODEL_RCA applies to rca only."""
    monkeypatch.setenv("GEMINI_MODEL_RCA", "gemini-3.8-flash")

    _ask(server)

    assert "gemini-3.8-flash:generateContent" in server.requests[0].path


def test_without_credentials_there_is_no_model() -> None:
    """Without a key, the offline analyst answers."""
    assert model.connect("rca", "light") is None


def test_gemini_without_credentials_is_misconfigured(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error names the missing variable."""
    monkeypatch.setenv("MODEL_PROVIDER", "gemini")

    with pytest.raises(Misconfigured, match="GEMINI_API_KEY"):
        model.connect("rca", "light")


def test_offline_overrides_a_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """An operator can turn the model off without removing the key."""
    monkeypatch.setenv("GEMINI_API_KEY", KEY)
    monkeypatch.setenv("MODEL_PROVIDER", "offline")

    assert model.connect("rca", "light") is None


def test_unknown_model_has_the_highest_price() -> None:
    """An unknown price must not count as zero."""
    assert cost_usd("gemini-9", 1_000_000, 0, 0) >= cost_usd("gemini-3.8-flash", 1_000_000, 0, 0) > 0


def test_cached_tokens_are_charged_less() -> None:
    """Cached tokens are part of the prompt's count and cost one tenth."""
    assert cost_usd("gemini-3.8-flash", 1_000_000, 1_000_000, 0) == pytest.approx(0.075)


@pytest.mark.parametrize("name", ["gemini-3.8-flash-001", "models/gemini-3.8-flash", "gemini-3.8-flash-preview-05-20"])
def test_dated_name_costs_what_its_family_costs(name: str) -> None:
    """A pinned version is not an unknown model."""
    assert cost_usd(name, 1_000_000, 0, 0) == cost_usd("gemini-3.8-flash", 1_000_000, 0, 0)


def test_generation_in_the_name_says_what_a_model_can_do() -> None:
    """A new model gets the capabilities of its generation; an unknown one gets none."""
    assert capabilities("gemini-4.1-flash").tools_with_schema
    assert not capabilities("gemini-2.5-pro").tools_with_schema
    assert capabilities("gemma-3").thinking == "none"
