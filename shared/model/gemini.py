"""Gemini through google-genai: one structured call, with a deadline and every failure mapped to the error tree.

The SDK has no timeout and no retry by default and raises nothing for blocked, truncated or empty answers, so all of
that is decided here. No temperature or top_p is sent: newer models refuse them.
Source: https://ai.google.dev/api/generate-content
"""

import httpx2
from google import genai
from google.genai import errors, types
from pydantic import Field, SecretStr

from shared import settings
from shared.errors import BadAnswer, IncidentCopilotError, Refused, Throttled, Unavailable, Uncertain
from shared.model.port import Question, Reply, Tier
from shared.model.prices import cost_usd


class GeminiSettings(settings.Settings):
    """Credentials, endpoint and model names; GEMINI_MODEL_<AGENT> overrides the tier's model for one agent."""

    gemini_api_key: SecretStr | None = None
    gemini_base_url: str | None = None
    gemini_api_version: str | None = None
    gemini_model_heavy: str = "gemini-3.8-flash"
    gemini_model_light: str = "gemini-3.5-flash-lite"
    google_genai_use_vertexai: bool = False
    google_cloud_project: str | None = None
    google_cloud_location: str = Field("global", description="Where Vertex AI answers.")


class Gemini:
    """Implements Model."""

    def __init__(self, config: GeminiSettings, agent: str, tier: Tier) -> None:
        own = settings.lookup(f"GEMINI_MODEL_{agent.upper()}")
        self._model = own or (config.gemini_model_heavy if tier == "heavy" else config.gemini_model_light)
        self._client = _client(config)

    def answer(self, question: Question) -> Reply:
        """Return the model's answer as JSON text; see Model.answer for the errors."""
        try:
            response = self._client.models.generate_content(
                model=self._model, contents=question.prompt, config=_config(question)
            )
        except errors.APIError as error:
            raise _mapped(error, self._model) from error
        except httpx2.TimeoutException as error:
            raise Uncertain(f"Gemini {self._model!r} gave no answer within {question.timeout_s:g} s") from error
        except httpx2.TransportError as error:
            raise Unavailable(f"Gemini {self._model!r} cannot be reached: {type(error).__name__}") from error
        return _reply(response, self._model)


def _client(config: GeminiSettings) -> genai.Client:
    options = types.HttpOptions(base_url=config.gemini_base_url, api_version=config.gemini_api_version)
    if config.google_genai_use_vertexai:
        return genai.Client(
            vertexai=True,
            project=config.google_cloud_project,
            location=config.google_cloud_location,
            http_options=options,
        )
    key = config.gemini_api_key.get_secret_value() if config.gemini_api_key else None
    return genai.Client(vertexai=False, api_key=key, http_options=options)


def _config(question: Question) -> types.GenerateContentConfig:
    return types.GenerateContentConfig(
        system_instruction=question.instructions,
        response_mime_type="application/json",
        response_json_schema=question.schema,
        # The SDK would run local functions even where the mode forbids calls, so it never may.
        automatic_function_calling=types.AutomaticFunctionCallingConfig(disable=True),
        http_options=types.HttpOptions(timeout=round(question.timeout_s * 1000)),
    )


def _reply(response: types.GenerateContentResponse, asked: str) -> Reply:
    candidate = response.candidates[0] if response.candidates else None
    if candidate is None:
        reason = response.prompt_feedback.block_reason if response.prompt_feedback else None
        raise BadAnswer(f"Gemini {asked!r} answered nothing (prompt blocked: {_name(reason)})")
    if candidate.finish_reason not in (None, types.FinishReason.STOP):
        raise BadAnswer(f"Gemini {asked!r} stopped early: {_name(candidate.finish_reason)}")
    parts = (candidate.content.parts if candidate.content else None) or []
    text = "".join(part.text or "" for part in parts if not part.thought)
    if not text.strip():
        raise BadAnswer(f"Gemini {asked!r} answered with no text")
    usage = response.usage_metadata or types.GenerateContentResponseUsageMetadata()
    tokens_in, cached = usage.prompt_token_count or 0, usage.cached_content_token_count or 0
    tokens_out = (usage.candidates_token_count or 0) + (usage.thoughts_token_count or 0)
    return Reply(
        text=text,
        model=response.model_version or asked,
        tokens_in=tokens_in,
        tokens_out=tokens_out,
        tokens_cached=cached,
        cost_usd=cost_usd(asked, tokens_in, cached, tokens_out),
    )


def _mapped(error: errors.APIError, asked: str) -> IncidentCopilotError:
    """The key never stands in Gemini's own message, but the URL may: only status and message are told."""
    told = f"Gemini {asked!r} answered {error.code} {error.status or ''}: {(error.message or '')[:300]}"
    if error.code == 429:
        return Throttled(told)
    if error.code in (400, 401, 403, 404):
        return Refused(told)
    return Unavailable(told)


def _name(reason: object) -> str:
    return str(getattr(reason, "value", reason) or "no reason given")
