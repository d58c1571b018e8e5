"""The interface of a model: a conversation about one question, each turn with a deadline and a cost."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

Tier = Literal["heavy", "light"]


@dataclass(frozen=True)
class Tool:
    """A function the model may call; `parameters` is the JSON Schema of its arguments, `run` only reads."""

    name: str
    description: str
    parameters: Mapping[str, Any]
    run: Callable[[Mapping[str, Any]], str]


@dataclass(frozen=True)
class Question:
    """What a conversation is about; `schema` is the JSON Schema the answer must follow."""

    agent: str
    instructions: str
    prompt: str
    schema: dict[str, Any]
    tools: tuple[Tool, ...] = ()


@dataclass(frozen=True)
class ToolRequest:
    """A function call the model requests; its name and arguments are not validated yet."""

    name: str
    args: Mapping[str, Any] = field(default_factory=dict)
    id: str | None = None


@dataclass(frozen=True)
class ToolAnswer:
    """The result sent back to the model for one request."""

    request: ToolRequest
    text: str


@dataclass(frozen=True)
class ModelReply:
    """
    One turn of the model and its cost, in tokens; a failed turn is billed too.

    `problem` says in one sentence why there is no usable answer; `is_final` means that a retry cannot help.
    `is_structured` is false when the schema could not be enforced in this turn.
    """

    text: str
    model: str
    tokens_in: int = 0
    tokens_out: int = 0
    tokens_cached: int = 0
    cost_usd: float = 0.0
    duration_ms: int = 0
    finish: str = "STOP"
    requests: tuple[ToolRequest, ...] = ()
    problem: str | None = None
    is_final: bool = False
    is_structured: bool = True


class Conversation(Protocol):
    """One conversation; it keeps all messages, the model's own turns verbatim."""

    @property
    def model(self) -> str:
        """The model's name."""
        ...

    def ask(self, message: str | Sequence[ToolAnswer], timeout_s: float, *, may_call: bool) -> ModelReply:
        """
        Send a message and return the model's turn within `timeout_s` seconds, waits and retries included.

        `may_call` lets the model call the question's tools. Raises Throttled (429), Refused (400, 401, 403, 404),
        Unavailable (no answer), Uncertain (no answer in time), BadAnswer (not an answer of the model).
        """
        ...


class Model(Protocol):
    """A model."""

    def converse(self, question: Question) -> Conversation:
        """Start a conversation; nothing is sent yet."""
        ...
