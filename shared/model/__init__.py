"""The language model; `connect()` chooses it."""

from typing import Literal

from pydantic import SecretStr

from shared.errors import Misconfigured
from shared.model.port import Model, Tier
from shared.settings import Settings


class ModelSettings(Settings):
    """Which model answers; without a key and without Vertex AI, only the offline analyst does."""

    model_provider: Literal["gemini", "offline"] | None = None
    gemini_api_key: SecretStr | None = None
    google_genai_use_vertexai: bool = False


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
