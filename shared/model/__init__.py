"""The language model; `connect()` chooses it."""

from typing import Literal

from pydantic import Field, SecretStr

from shared.errors import Misconfigured
from shared.model.port import Model, Tier
from shared.settings import Settings


class ModelSettings(Settings):
    """Which model answers; without a key and without Vertex AI, only the offline analyst does."""

    model_provider: Literal["gemini", "offline"] | None = Field(
        None, description="gemini, or offline: no model; unset, gemini when it has a key or Vertex AI."
    )
    gemini_api_key: SecretStr | None = Field(
        None, description="Key of the Gemini API; unset and without Vertex AI, no model is asked."
    )
    google_genai_use_vertexai: bool = Field(
        False, description="Ask Gemini through Vertex AI with the function's account, without a key."
    )


def connect(agent: str, tier: Tier) -> Model | None:
    """
    Return the model for one agent, or None when only the offline analyst answers.

    Raises Misconfigured when MODEL_PROVIDER is gemini and there are no credentials.
    """
    settings = ModelSettings.from_env()
    has_credentials = bool(settings.gemini_api_key) or settings.google_genai_use_vertexai
    if settings.model_provider == "offline" or (settings.model_provider is None and not has_credentials):
        return None
    if not has_credentials:
        raise Misconfigured("MODEL_PROVIDER=gemini needs GEMINI_API_KEY or GOOGLE_GENAI_USE_VERTEXAI=true")
    from shared.model.gemini import Gemini, GeminiSettings

    return Gemini(GeminiSettings.from_env(), agent, tier)
