"""What the house needs of a model: one question, one answer as JSON text."""

from dataclasses import dataclass
from typing import Any, Literal, Protocol

Tier = Literal["heavy", "light"]


@dataclass(frozen=True)
class Question:
    """One question; `schema` is the JSON Schema the answer must follow, `timeout_s` the whole budget in seconds."""

    agent: str
    tier: Tier
    instructions: str
    prompt: str
    schema: dict[str, Any]
    timeout_s: float = 60


@dataclass(frozen=True)
class Reply:
    """One answer and what it cost, in tokens."""

    text: str
    model: str
    tokens_in: int = 0
    tokens_out: int = 0
    tokens_cached: int = 0
    cost_usd: float = 0.0


class Model(Protocol):
    """A model."""

    def answer(self, question: Question) -> Reply:
        """
        Return the model's answer as JSON text.

        Raises BadAnswer (blocked, truncated, empty), Throttled (429), Refused (401, 403, 404), Unavailable, Uncertain.
        """
        ...
