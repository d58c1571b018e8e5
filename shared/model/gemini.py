"""Gemini through google-genai: a conversation with our own deadlines, retries and limits.

The SDK has no timeout and no retry by default, follows redirects, ignores Retry-After and would run local functions
even when the mode forbids calls, so this module controls all of that. No temperature or top_p is sent: newer models
reject them. Source: https://ai.google.dev/api/generate-content
"""

import time
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache

import httpx2
from google import genai
from google.auth import exceptions as auth
from google.genai import errors, types
from pydantic import Field, SecretStr

from shared import settings
from shared.errors import BadAnswer, Misconfigured, Refused, Unavailable, Uncertain
from shared.http.retries import may_pass, with_retries
from shared.model import gemini_response
from shared.model.port import ModelReply, Question, Tier, Tool, ToolAnswer
from shared.model.pricing import capabilities
from shared.model.response_limits import Bounds

MAX_ATTEMPTS = 4
FIRST_WAIT_S = 0.5
TOKENS_OUT = {"heavy": 16_384, "light": 8_192}
"""The maximum of billed output tokens per turn, thinking included."""
LIGHT_THINKING = {"level": types.ThinkingConfig(thinking_level=types.ThinkingLevel.LOW),
                  "budget": types.ThinkingConfig(thinking_budget=1024)}  # fmt: skip

_EXCHANGED = (types.Content, types.GenerateContentConfig, types.GenerateContentResponse)
"""What is sent and received. The SDK completes its classes at their first use: longer than a short answer takes."""

# What the SDK raises for a body that is not Gemini's: its converters let Python's own errors through.
_UNREADABLE = (ValueError, TypeError, AttributeError, KeyError, RecursionError)


class GeminiSettings(settings.Settings):
    """Credentials, endpoint and model names; GEMINI_MODEL_<AGENT> overrides the tier's model for one agent."""

    gemini_api_key: SecretStr | None = Field(
        None, description="Key of the Gemini API; unset and without Vertex AI, no model is asked."
    )
    gemini_base_url: str | None = Field(None, description="Gemini's base URL, if not Google's own.")
    gemini_api_version: str | None = Field(None, description="Version of the Gemini API; unset, the library's own.")
    gemini_model_heavy: str = Field("gemini-3.8-flash", description="Detection, code analysis, solution.")
    gemini_model_light: str = Field("gemini-3.5-flash-lite", description="Causes, suggestions.")
    google_genai_use_vertexai: bool = Field(
        False, description="Ask Gemini through Vertex AI with the function's account, without a key."
    )
    google_cloud_project: str | None = Field(
        None, description="Id of the Google Cloud project; unset, traces are kept in a local file."
    )
    google_cloud_location: str = Field("global", description="Location of Vertex AI.")


class Gemini:
    """Implements Model."""

    def __init__(self, config: GeminiSettings, agent: str, tier: Tier) -> None:
        own = settings.lookup(f"GEMINI_MODEL_{agent.upper()}")
        self.name = own or (config.gemini_model_heavy if tier == "heavy" else config.gemini_model_light)
        self.tier = tier
        self.client, self.bounds = _client(config)

    def converse(self, question: Question) -> "GeminiConversation":
        """Start a conversation; nothing is sent yet."""
        return GeminiConversation(self, question)


class GeminiConversation:
    """Implements Conversation."""

    def __init__(self, gemini: Gemini, question: Question) -> None:
        self._gemini = gemini
        self._question = question
        self._contents: list[types.Content] = []

    @property
    def model(self) -> str:
        """The model's name."""
        return self._gemini.name

    def ask(self, message: str | Sequence[ToolAnswer], timeout_s: float, *, may_call: bool) -> ModelReply:
        """Send a message and return the model's turn; see Conversation.ask for the errors."""
        start = time.monotonic()
        with_tools = may_call and bool(self._question.tools)
        structured = not with_tools or capabilities(self.model).tools_with_schema
        self._contents.append(_content(message))
        response = self._send(self._config(with_tools, structured), start + timeout_s)
        reply = gemini_response.reply(response, self.model, round((time.monotonic() - start) * 1000))
        if reply.problem is None and response.candidates and (turn := response.candidates[0].content) is not None:
            # Verbatim: Gemini needs the signatures of its thoughts back unchanged.
            self._contents.append(turn)
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
        # Functions stay declared, because earlier turns name them. The mode says whether they may be called now.
        if tools and (with_tools or capabilities(self.model).tools_with_schema):
            config.tools = [types.Tool(function_declarations=[_declaration(tool) for tool in tools])]
            calling = types.FunctionCallingConfig(mode=mode.AUTO if with_tools else mode.NONE)
            config.tool_config = types.ToolConfig(function_calling_config=calling)
        if structured:
            config.response_mime_type = "application/json"
            config.response_json_schema = self._question.schema
        return config

    def _send(self, config: types.GenerateContentConfig, ends_at: float) -> types.GenerateContentResponse:
        """Send the conversation; retry transient errors while attempts and time are left."""
        return with_retries(
            lambda _: self._attempt(config, ends_at),
            ends_at - time.monotonic(),
            again=lambda error: may_pass(error) and not isinstance(error, gemini_response.DailyQuotaSpent),
            tries=MAX_ATTEMPTS,
            first_pause_s=FIRST_WAIT_S,
        )

    def _attempt(self, config: types.GenerateContentConfig, ends_at: float) -> types.GenerateContentResponse:
        try:
            return self._send_once(config, ends_at)
        except errors.APIError as error:
            raise gemini_response.error_from(error, self.model) from error
        except httpx2.TimeoutException as error:
            raise Uncertain(f"Gemini {self.model!r} did not answer in time ({type(error).__name__})") from error
        except httpx2.TransportError as error:
            raise Unavailable(f"Gemini {self.model!r} cannot be reached: {type(error).__name__}") from error

    def _send_once(self, config: types.GenerateContentConfig, ends_at: float) -> types.GenerateContentResponse:
        left_s = ends_at - time.monotonic()
        if left_s <= 0:
            raise Unavailable(f"Gemini {self.model!r} was not called: no time is left")
        self._gemini.bounds.ends_at = ends_at
        config.http_options = types.HttpOptions(timeout=max(round(left_s * 1000), 1))
        contents: list[types.Content] = list(self._contents)
        try:
            return self._gemini.client.models.generate_content(model=self.model, contents=contents, config=config)
        except httpx2.InvalidURL as error:
            raise Misconfigured("GEMINI_BASE_URL is not a valid URL") from error
        except auth.TransportError as error:
            raise Unavailable("Google's token service cannot be reached") from error
        except auth.DefaultCredentialsError as error:
            raise Misconfigured("Vertex AI needs application default credentials, and none were found") from error
        except auth.GoogleAuthError as error:
            raise Refused(f"Google issued no token for Vertex AI: {type(error).__name__}") from error
        except (*_UNREADABLE, httpx2.DecodingError) as error:
            raise BadAnswer(f"Gemini {self.model!r} sent an unreadable answer: {type(error).__name__}") from None


# A process has one client: to make one takes 30 ms, for the certificates that it loads. Other settings replace it.
@lru_cache(maxsize=1)
def _client(config: GeminiSettings) -> tuple[genai.Client, Bounds]:
    bounds = Bounds()
    for each in _EXCHANGED:
        each.model_rebuild()
    return _connected(config, bounds), bounds


def _connected(config: GeminiSettings, bounds: Bounds) -> genai.Client:
    options = types.HttpOptions(
        base_url=config.gemini_base_url,
        api_version=config.gemini_api_version,
        # A redirect would send the key and the evidence to another server.
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
        raise Misconfigured(f"Gemini's client cannot be created: {type(error).__name__}") from error


def _content(message: str | Sequence[ToolAnswer]) -> types.Content:
    if isinstance(message, str):
        return types.Content(role="user", parts=[types.Part(text=message)])
    return types.Content(role="user", parts=[_response(answer) for answer in message])


def _response(answer: ToolAnswer) -> types.Part:
    request = answer.request
    response = types.FunctionResponse(id=request.id, name=request.name, response={"result": answer.text})
    return types.Part(function_response=response)


def _declaration(tool: Tool) -> types.FunctionDeclaration:
    return types.FunctionDeclaration(
        name=tool.name, description=tool.description, parameters_json_schema=dict(tool.parameters)
    )
