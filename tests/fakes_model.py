"""A model that replies with prepared turns and records the messages it receives."""

from collections.abc import Sequence

import pytest

from shared import model
from shared.errors import IncidentCopilotError
from shared.model.port import ModelReply, Question, Tier, ToolAnswer, ToolRequest

Turn = str | ModelReply | IncidentCopilotError


class FakeModel:
    """Replies with its turns in order and repeats the last one; raises a turn that is an error."""

    model = "gemini-test"

    def __init__(self, *turns: Turn) -> None:
        self._turns = list(turns)
        self.questions: list[Question] = []
        self.messages: list[str | Sequence[ToolAnswer]] = []
        self.calls_allowed: list[bool] = []

    def converse(self, question: Question) -> "FakeModel":
        """Start a conversation."""
        self.questions.append(question)
        return self

    def ask(self, message: str | Sequence[ToolAnswer], timeout_s: float, *, may_call: bool) -> ModelReply:
        """Return the next turn."""
        self.messages.append(message)
        self.calls_allowed.append(may_call)
        turn = self._turns.pop(0) if len(self._turns) > 1 else self._turns[0]
        if isinstance(turn, IncidentCopilotError):
            raise turn
        return text_reply(turn) if isinstance(turn, str) else turn


def text_reply(text: str, **changes: object) -> ModelReply:
    """Return a reply that cost ten input tokens, five output tokens and one cent."""
    fields = {"text": text, "model": "gemini-test", "tokens_in": 10, "tokens_out": 5, "cost_usd": 0.01}
    return ModelReply(**{**fields, **changes})  # type: ignore[arg-type]  # a test names its fields


def asking(*names: str) -> ModelReply:
    """Return a reply that calls functions."""
    return text_reply("", requests=tuple(ToolRequest(name, {}, f"call-{name}") for name in names))


def connect(monkeypatch: pytest.MonkeyPatch, fake: FakeModel | None) -> None:
    """Connect every agent to this model."""

    def connected(agent: str, tier: Tier) -> FakeModel | None:
        return fake

    monkeypatch.setattr(model, "connect", connected)
