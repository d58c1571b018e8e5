"""The model: one tiny question to each configured one, because a misspelt name shows only in a call."""

from infra.doctor import variables
from infra.doctor.check import Check, ok, unknown, wrong
from infra.doctor.environment import TIMEOUT_S
from shared import model
from shared.errors import IncidentCopilotError, Throttled, Uncertain
from shared.model.port import Conversation, Question
from shared.settings import lookup

_PREFIX = "GEMINI_MODEL_"
_NO_AGENT = "doctor"
_SCHEMA = {"type": "object", "properties": {"works": {"type": "boolean"}}, "required": ["works"]}
_QUESTION = Question(_NO_AGENT, "Answer with JSON.", "Answer true.", _SCHEMA)


def check_model() -> list[Check]:
    """Return whether each model answers, each name asked once; the offline analyst needs no check."""
    conversations = _conversations()
    if not conversations:
        return [ok("no model is asked: the offline analyst answers")]
    return [_answer(name, conversation) for name, conversation in conversations.items()]


def _conversations() -> dict[str, Conversation]:
    own = [name for name in sorted(variables.every()) if name.startswith(_PREFIX) and lookup(name) is not None]
    agents = [name.removeprefix(_PREFIX).lower() for name in own]
    connected = [
        model.connect(_NO_AGENT, "light"),
        model.connect(_NO_AGENT, "heavy"),
        *(model.connect(agent, "light") for agent in agents if agent not in ("light", "heavy")),
    ]
    conversations = [each.converse(_QUESTION) for each in connected if each is not None]
    return {conversation.model: conversation for conversation in conversations}


def _answer(name: str, conversation: Conversation) -> Check:
    try:
        reply = conversation.ask("Answer true.", TIMEOUT_S, may_call=False)
    except (Throttled, Uncertain) as error:
        return unknown(str(error), "try again; incidents go on with the offline analyst when a model does not answer")
    except IncidentCopilotError as error:
        return wrong(str(error), f"check GEMINI_API_KEY, and the name {name!r} in {_PREFIX}HEAVY, {_PREFIX}LIGHT")
    cost = f"{reply.tokens_in + reply.tokens_out} tokens, {reply.duration_ms / 1000:.1f} s"
    return ok(f"the model {name} answers ({cost})")
