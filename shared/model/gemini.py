"""Gemini through google-genai: a conversation with deadlines, retries and bounds of our own.

The SDK has no timeout and no retry by default, follows redirects, ignores Retry-After and would run local functions
even where the mode forbids calls, so all of that is decided here. No temperature or top_p is sent: newer models refuse
them. Source: https://ai.google.dev/api/generate-content
"""

import random
import time
from collections.abc import Sequence
from dataclasses import replace

import httpx2
from google import genai
from google.auth import exceptions as auth
from google.genai import errors, types
from pydantic import Field, SecretStr

from shared import log, settings
from shared.errors import BadAnswer, Misconfigured, Refused, Unavailable, Uncertain
from shared.model import gemini_response
from shared.model.port import ModelReply, Question, Tier, Tool, ToolAnswer
from shared.model.pricing import capabilities
from shared.model.response_limits import Bounds

MAX_ATTEMPTS = 4
FIRST_WAIT_S = 0.5
TOKENS_OUT = {"heavy": 16_384, "light": 8_192}
"""The most a turn may be billed for; thinking counts."""
LIGHT_THINKING = {"level": types.ThinkingConfig(thinking_level=types.ThinkingLevel.LOW),
                  "budget": types.ThinkingConfig(thinking_budget=1024)}  # fmt: skip

# What the SDK raises for a body that is no answer of Gemini: its converters meet it with whatever Python raises.
_UNREADABLE = (ValueError, TypeError, AttributeError, KeyError, RecursionError)


class GeminiSettings(settings.Settings):
    """Credentials, endpoint and model names; GEMINI_MODEL_<AGENT> overrides the tier's model for one agent."""

    gemini_api_key: SecretStr | None = None
    gemini_base_url: str | None = Field(None, description="Where Gemini answers, when not Google's own address.")
    gemini_api_version: str | None = None
    gemini_model_heavy: str = Field("gemini-3.8-flash", description="Detection, code analysis, solution.")
    gemini_model_light: str = Field("gemini-3.5-flash-lite", description="Causes, suggestions, the brief's summary.")
    google_genai_use_vertexai: bool = False
    google_cloud_project: str | None = None
    google_cloud_location: str = Field("global", description="Where Vertex AI answers.")


class Gemini:
    """Implements Model."""

    def __init__(self, config: GeminiSettings, agent: str, tier: Tier) -> None:
        own = settings.lookup(f"GEMINI_MODEL_{agent.upper()}")
        self.name = own or (config.gemini_model_heavy if tier == "heavy" else config.gemini_model_light)
        self.tier = tier
        self.bounds = Bounds()
        self.client = _client(config, self.bounds)

    def converse(self, question: Question) -> "GeminiConversation":
        """Begin a conversation; nothing is sent yet."""
        return GeminiConversation(self, question)


class GeminiConversation:
    """Implements Conversation."""

    def __init__(self, gemini: Gemini, question: Question) -> None:
        self._gemini = gemini
        self._question = question
        self._contents: list[types.Content] = []

    @property
    def model(self) -> str:
        """The model that is asked."""
        return self._gemini.name

    def ask(self, message: str | Sequence[ToolAnswer], timeout_s: float, *, may_call: bool) -> ModelReply:
        """Say something and return the model's turn; see Conversation.ask for the errors."""
        began = time.monotonic()
        with_tools = may_call and bool(self._question.tools)
        structured = not with_tools or capabilities(self.model).tools_with_schema
        self._contents.append(_content(message))
        response = self._sent(self._config(with_tools, structured), began + timeout_s)
        reply = gemini_response.reply(response, self.model, round((time.monotonic() - began) * 1000))
        if reply.problem is None and response.candidates and (said := response.candidates[0].content) is not None:
            # Verbatim: the signatures of its thoughts must come back unchanged.
            self._contents.append(said)
        return replace(reply, is_structured=structured)

    def _config(self, with_tools: bool, structured: bool) -> types.GenerateContentConfig:
        tools, mode = self._question.tools, types.FunctionCallingConfigMode
        config = types.GenerateContentConfig(
            system_instruction=self._question.instructions,
            max_output_tokens=TOKENS_OUT[self._gemini.tier],
            automatic_function_calling=types.AutomaticFunctionCallingConfig(disable=True),
        )
        if self._gemini.tier == "light":
            config.thinking_config = LIGHT_THINKING.get(capabilities(self.model).thinking)
        # Once declared, functions stay so: earlier turns name them. The mode says whether they may be called now.
        if tools and (with_tools or capabilities(self.model).tools_with_schema):
            config.tools = [types.Tool(function_declarations=[_declared(tool) for tool in tools])]
            calling = types.FunctionCallingConfig(mode=mode.AUTO if with_tools else mode.NONE)
            config.tool_config = types.ToolConfig(function_calling_config=calling)
        if structured:
            config.response_mime_type = "application/json"
            config.response_json_schema = self._question.schema
        return config

    def _sent(self, config: types.GenerateContentConfig, ends_at: float) -> types.GenerateContentResponse:
        """Send what was said so far, again while Gemini asks for patience and the time allows it."""
        for attempt in range(1, MAX_ATTEMPTS + 1):
            try:
                return self._sent_once(config, ends_at)
            except errors.APIError as error:
                wait_s = gemini_response.wait_s(error) or _backoff_s(attempt)
                if not self._waited(gemini_response.is_passing(error), wait_s, attempt, ends_at):
                    raise gemini_response.mapped(error, self.model) from error
            except httpx2.TimeoutException as error:
                raise Uncertain(f"Gemini {self.model!r} gave no answer in time ({type(error).__name__})") from error
            except httpx2.TransportError as error:
                if not self._waited(True, _backoff_s(attempt), attempt, ends_at):
                    raise Unavailable(f"Gemini {self.model!r} cannot be reached: {type(error).__name__}") from error
        raise Unavailable(f"Gemini {self.model!r} did not answer in {MAX_ATTEMPTS} attempts")

    def _sent_once(self, config: types.GenerateContentConfig, ends_at: float) -> types.GenerateContentResponse:
        left_s = ends_at - time.monotonic()
        if left_s <= 0:
            raise Unavailable(f"Gemini {self.model!r} was not asked: no time is left")
        self._gemini.bounds.ends_at = ends_at
        config.http_options = types.HttpOptions(timeout=max(round(left_s * 1000), 1))
        contents: list[types.ContentUnion] = list(self._contents)
        try:
            return self._gemini.client.models.generate_content(model=self.model, contents=contents, config=config)
        except httpx2.InvalidURL as error:
            raise Misconfigured("GEMINI_BASE_URL is no URL") from error
        except auth.TransportError as error:
            raise Unavailable("Google's token service cannot be reached") from error
        except auth.DefaultCredentialsError as error:
            raise Misconfigured("Vertex AI needs application default credentials, and none were found") from error
        except auth.GoogleAuthError as error:
            raise Refused(f"Google gave no token for Vertex AI: {type(error).__name__}") from error
        except (*_UNREADABLE, httpx2.DecodingError) as error:
            raise BadAnswer(f"Gemini {self.model!r} answered what nobody can read: {type(error).__name__}") from None

    def _waited(self, is_passing: bool, wait_s: float, attempt: int, ends_at: float) -> bool:
        """Wait, and say whether it is worth asking again: a wait beyond the deadline is not begun."""
        if not is_passing or attempt == MAX_ATTEMPTS or time.monotonic() + wait_s >= ends_at:
            return False
        log.debug("model.waited", model=self.model, wait_s=round(wait_s, 2), attempt=attempt)
        time.sleep(wait_s)
        return True


def _client(config: GeminiSettings, bounds: Bounds) -> genai.Client:
    options = types.HttpOptions(
        base_url=config.gemini_base_url,
        api_version=config.gemini_api_version,
        # A redirect would carry the key and the evidence to wherever it points.
        client_args={"follow_redirects": False, "event_hooks": {"response": [bounds.guard]}},
    )
    try:
        if config.google_genai_use_vertexai:
            return genai.Client(
                vertexai=True,
                project=config.google_cloud_project,
                location=config.google_cloud_location,
                http_options=options,
            )
        key = config.gemini_api_key.get_secret_value() if config.gemini_api_key else None
        return genai.Client(vertexai=False, api_key=key, http_options=options)
    except (ValueError, auth.GoogleAuthError) as error:
        raise Misconfigured(f"Gemini cannot be set up: {type(error).__name__}") from error


def _content(message: str | Sequence[ToolAnswer]) -> types.Content:
    if isinstance(message, str):
        return types.Content(role="user", parts=[types.Part(text=message)])
    return types.Content(role="user", parts=[_response(answer) for answer in message])


def _response(answer: ToolAnswer) -> types.Part:
    called = answer.request
    response = types.FunctionResponse(id=called.id, name=called.name, response={"result": answer.text})
    return types.Part(function_response=response)


def _declared(tool: Tool) -> types.FunctionDeclaration:
    return types.FunctionDeclaration(
        name=tool.name, description=tool.description, parameters_json_schema=dict(tool.parameters)
    )


def _backoff_s(attempt: int) -> float:
    # Full jitter, so that agents running side by side do not come back together.
    return float(FIRST_WAIT_S * 2 ** (attempt - 1)) * random.uniform(0.5, 1.5)  # noqa: S311  # no secret is made of it
