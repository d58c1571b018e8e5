"""An agent: refines what the offline analyst found by asking the model, and keeps the offline answer when it fails."""

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from pydantic import ValidationError

from shared import log, model, prompt
from shared.contracts import Answer, Contract
from shared.errors import BadAnswer, IncidentCopilotError
from shared.model.port import Model, Question, Tier
from shared.recorder import model_replied

Ans = TypeVar("Ans", bound=Answer)

OURS = ("produced_by", "degraded")
"""Fields of an answer that code writes and no model may."""


@dataclass(frozen=True)
class Agent(Generic[Ans]):
    """
    One agent.

    `opinion` is the contract the model answers with; its fields replace those of the offline answer.
    `check`, when given, sees the refined answer and returns what of it may stand, with a sentence per thing dropped.
    """

    name: str
    tier: Tier
    prompt: Path
    opinion: type[Contract]
    check: Callable[[Ans], tuple[Ans, list[str]]] | None = None
    timeout_s: float = 60

    def refine(self, offline: Ans, facts: Mapping[str, Contract | None]) -> Ans:
        """
        Return the offline answer refined by the model; the offline answer, marked degraded, when the model fails.

        Without a model the offline answer is the answer.
        """
        connected = model.connect(self.name, self.tier)
        if connected is None:
            return offline
        try:
            return self._refined(connected, offline, facts)
        except IncidentCopilotError as error:
            log.warning("agent.fell_back", error_type=type(error).__name__, error=str(error))
            reason = f"The model failed ({type(error).__name__}: {error}); the offline analyst answered."
            return _degraded(offline, reason)

    def _refined(self, connected: Model, offline: Ans, facts: Mapping[str, Contract | None]) -> Ans:
        reply = connected.answer(self._question({**facts, "offline": offline}))
        # The call was billed before the answer is judged, so it counts here.
        model_replied(reply)
        opinion = self._validated(reply.text)
        refined = offline.model_copy(update={**opinion, "produced_by": f"gemini:{reply.model}"})
        if self.check is None:
            return refined
        checked, drops = self.check(refined)
        for drop in drops:
            log.warning("agent.claim_dropped", reason=drop)
        return checked

    def _question(self, facts: Mapping[str, Contract | None]) -> Question:
        template = self.prompt.read_text(encoding="utf-8")
        # A fence nobody can guess, so that text from logs cannot close it.
        fence = secrets.token_hex(8)
        fenced = {name: _fenced(name, fact, fence) for name, fact in facts.items()}
        instructions, question = prompt.fill(template, fenced).split("\n---\n", 1)
        return Question(self.name, self.tier, instructions, question, self._schema(), self.timeout_s)

    def _schema(self) -> dict[str, Any]:
        schema = self.opinion.model_json_schema()
        for name in OURS:
            schema["properties"].pop(name, None)
        return schema

    def _validated(self, text: str) -> dict[str, Any]:
        try:
            opinion = self.opinion.model_validate_json(text)
        except ValidationError as error:
            raise BadAnswer(f"the answer is no {self.opinion.__name__}: {error.error_count()} wrong fields") from None
        return {name: getattr(opinion, name) for name in opinion.model_fields_set if name not in OURS}


def _fenced(name: str, fact: Contract | None, fence: str) -> str:
    body = fact.model_dump_json(exclude_none=True) if fact is not None else "not available"
    return f"<{name} untrusted={fence}>\n{body}\n</{name} untrusted={fence}>"


def _degraded(answer: Ans, reason: str) -> Ans:
    reasons = " ".join(filter(None, (answer.degraded, reason)))
    return answer.model_copy(update={"degraded": reasons[:2000]})
