"""Ask a model one question until its answer meets its contract: tool rounds, one repair, limits on everything."""

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TypeVar

from shared.agent.budget import Budget
from shared.errors import BadAnswer, IncidentCopilotError, Unavailable, Uncertain
from shared.model.port import Conversation, Model, ModelReply, Question, ToolAnswer, ToolRequest
from shared.model.pricing import cost_usd
from shared.redaction import redact
from shared.redaction.masking import Redactor
from shared.step import recorder

Got = TypeVar("Got")
Message = str | Sequence[ToolAnswer]

CHARS_PER_TOKEN = 3
"""Set low, so that tokens are rather overestimated: prose has about four characters per token, logs and code fewer."""
TOOL_TEXT_CHARS = 8_000
MAX_REQUESTS = 4
"""Functions the model may call in one turn."""
ANSWER_NOW = "Now give your answer, as JSON that follows the schema, and nothing else."
NO_MORE = "No function can be called now. " + ANSWER_NOW


class Dialogue:
    """
    One conversation of one agent: `timeout_s` seconds and `tool_rounds` for all of it.

    `redactor` masks what goes out and restores what comes back. Tool names are checked here, whatever the provider
    allowed, and each tool only reads.
    """

    def __init__(
        self, model: Model, question: Question, budget: Budget, redactor: Redactor, timeout_s: float, tool_rounds: int
    ) -> None:
        self._question = question
        self._conversation: Conversation = model.converse(question)
        self._budget = budget
        self._redactor = redactor
        self._ends_at = time.monotonic() + timeout_s
        self._rounds_left = tool_rounds if question.tools else 0
        self._may_repair = True
        self._conversation_chars = len(question.instructions) + len(json.dumps(question.schema))

    def answer(self, read: Callable[[str], Got]) -> tuple[Got, ModelReply]:
        """
        Return what `read` makes of the model's answer, and the turn that held it.

        `read` raises BadAnswer for an answer that breaks its contract; the problem is then sent to the model once.
        Raises BadAnswer, Refused (a ceiling is reached, or Gemini refuses), Throttled, Unavailable, Uncertain.
        """
        message: Message = self._question.prompt
        while True:
            reply = self._ask(message)
            if reply.problem is not None:
                message = self._repair(f"Your turn could not be used: {reply.problem}.", reply)
            elif reply.requests:
                message = self._served(reply)
            elif not reply.is_structured:
                self._rounds_left, message = 0, ANSWER_NOW
            else:
                try:
                    return read(reply.text), reply
                except BadAnswer as error:
                    message = self._repair(f"Your answer was not used: {error}.", reply, error)

    def _ask(self, message: Message) -> ModelReply:
        left_s = self._ends_at - time.monotonic()
        if left_s <= 0:
            raise Unavailable(f"the time for {self._question.agent} ran out before the model gave a usable answer")
        message = _without_secrets(message)
        self._conversation_chars += _chars(message)
        tokens = self._conversation_chars // CHARS_PER_TOKEN
        self._budget.check(tokens)
        start = time.monotonic()
        try:
            reply = self._conversation.ask(message, left_s, may_call=self._rounds_left > 0)
        except (BadAnswer, Uncertain) as error:
            # The cost is unknown and the call may have been billed: count what was sent.
            self._spend(_unanswered(self._conversation.model, tokens, start, error), message)
            raise
        self._spend(reply, message)
        self._conversation_chars += len(reply.text)
        return reply

    def _spend(self, reply: ModelReply, message: Message) -> None:
        # The call was billed before its answer is checked, so count it here.
        recorder.model_replied(reply, _message_text(message))
        self._budget.spend(reply)

    def _repair(self, problem: str, reply: ModelReply, error: BadAnswer | None = None) -> str:
        """Return the problem as the next message; raise the error after one repair, or when the turn is final."""
        if reply.is_final or not self._may_repair:
            raise error or BadAnswer(reply.problem or problem)
        self._may_repair = False
        return f"{problem} {ANSWER_NOW if self._rounds_left == 0 else 'Try again.'}"

    def _served(self, reply: ModelReply) -> list[ToolAnswer]:
        """Return the tools' answers; a call when no function may be called uses up the one repair."""
        if self._rounds_left == 0:
            names = ", ".join(sorted({request.name[:40] for request in reply.requests}))
            recorder.claim_dropped(f"refused to call {names!r}: no function may be called now")
            self._repair("", reply, BadAnswer("it calls functions instead of answering"))
            return [ToolAnswer(request, NO_MORE) for request in reply.requests]
        self._rounds_left -= 1
        return [
            ToolAnswer(request, self._run(request) if number < MAX_REQUESTS else "Too many functions in one turn.")
            for number, request in enumerate(reply.requests)
        ]

    def _run(self, request: ToolRequest) -> str:
        tool = next((tool for tool in self._question.tools if tool.name == request.name), None)
        if tool is None:
            names = ", ".join(tool.name for tool in self._question.tools)
            recorder.claim_dropped(f"refused to call {request.name[:80]!r}: there is no such function")
            return f"There is no function {request.name[:80]!r}; there are: {names}."
        args = self._redactor.reveal_json(dict(request.args))
        try:
            text = tool.run(args if isinstance(args, dict) else {})
        except IncidentCopilotError as error:
            text = f"{type(error).__name__}: {error}"
        return self._redactor.hide(text)[:TOOL_TEXT_CHARS]


def _without_secrets(message: Message) -> Message:
    """Return what is about to be sent without secrets, whatever made it."""
    if isinstance(message, str):
        return redact(message)
    return [replace(answer, text=redact(answer.text)) for answer in message]


def _chars(message: Message) -> int:
    return len(message) if isinstance(message, str) else sum(len(answer.text) for answer in message)


def _message_text(message: Message) -> str:
    """Return the message as one text, for the trace."""
    if isinstance(message, str):
        return message
    return "\n\n".join(f"{answer.request.name}({dict(answer.request.args)}):\n{answer.text}" for answer in message)


def _unanswered(model: str, tokens: int, start: float, error: IncidentCopilotError) -> ModelReply:
    duration_ms = round((time.monotonic() - start) * 1000)
    cost = cost_usd(model, tokens, 0, 0)
    return ModelReply("", model, tokens_in=tokens, cost_usd=cost, duration_ms=duration_ms, finish=type(error).__name__)
