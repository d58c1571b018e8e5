"""An agent: asks the model to refine the offline answer, and keeps the offline answer when the model fails."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ValidationError

from shared import json_text, model
from shared.agent import prompt
from shared.agent.budget import Budget
from shared.agent.claim_checks import GroundingContext
from shared.agent.prompt_evidence import PromptEvidence
from shared.agent.tool_loop import Dialogue
from shared.bounds import AtMost, Contract, map_texts
from shared.contracts import Answer
from shared.errors import BadAnswer, IncidentCopilotError
from shared.http.validation import sentence
from shared.model import schema
from shared.model.port import Model, Question, Tool
from shared.redaction.masking import Redactor
from shared.step import recorder, waking
from shared.step.steps import ModelUse, StepRow
from shared.text.plain_text import inert

Ans = TypeVar("Ans", bound=Answer)
Facts = Mapping[str, Contract | None]
Check = Callable[[Ans, GroundingContext], tuple[Ans, list[str]]]

OURS = (
    "produced_by",
    "degraded",
    "left_out",
    # What a reader may run, and the order in which to test and to undo a change.
    "commands",
    "next_query",
    "reverts",
    "rollback_plan",
    "test_cases",
)
"""Fields that only code may write, wherever they stand: a model's schema has none, and what it sends in one is lost."""


@dataclass(frozen=True)
class Toolbox:
    """Functions the model may call, all of them read-only; `read` returns the texts they have read so far."""

    tools: tuple[Tool, ...] = ()
    rounds: int = 0
    read: Callable[[], Sequence[str]] = tuple
    evidence: Callable[[], Sequence[BaseModel]] = tuple
    """Return the answers that hold the evidence these functions added."""


@dataclass(frozen=True)
class Agent(Generic[Ans]):
    """
    The agent of one step, which must have a ModelUse in the table of steps.

    `opinion` is the contract the model answers with; its fields replace those of the offline answer.
    """

    row: StepRow
    prompt: Path
    opinion: type[Contract]

    def __post_init__(self) -> None:
        waking.on_wake(self.row.name, lambda: model.connect(self.row.name, self._use.tier))

    def refine(
        self, incident_id: str, offline: Ans, facts: Facts, check: Check[Ans], toolbox: Toolbox | None = None
    ) -> Ans:
        """
        Return the offline answer refined by the model, or the offline answer marked degraded when the model fails.

        Without a model the offline answer is returned unchanged. `check` gets the refined answer and what the model
        was shown; it returns the answer without what it rejects, and one sentence for each thing it dropped.
        """
        try:
            connected = model.connect(self.row.name, self._use.tier)
            if connected is None:
                return offline
            return self._refined(connected, incident_id, offline, facts, check, toolbox or Toolbox())
        except IncidentCopilotError as error:
            recorder.model_failed(error)
            reason = f"The model failed ({type(error).__name__}: {error}); the offline analyst answered."
            return _degraded(offline, reason)

    @property
    def _use(self) -> ModelUse:
        assert self.row.model is not None, f"{self.row.name}: its row in shared/step/steps.py names no model"
        return self.row.model

    def _refined(
        self, connected: Model, incident_id: str, offline: Ans, facts: Facts, check: Check[Ans], toolbox: Toolbox
    ) -> Ans:
        all_facts = {**facts, "offline": offline}
        redactor = Redactor(incident_id)
        question = self._question(all_facts, redactor, toolbox.tools)
        budget = Budget.of(incident_id)
        dialogue = Dialogue(connected, question, budget, redactor, self._use.timeout_s, toolbox.rounds)
        opinion, reply = dialogue.answer(lambda text: self._validated(text, redactor))
        refined = offline.replace(**opinion, produced_by=f"gemini:{reply.model}")
        context = GroundingContext(
            [fact for fact in (*all_facts.values(), *toolbox.evidence()) if fact is not None], toolbox.read()
        )
        checked, drops = check(refined, context)
        for drop in drops:
            recorder.claim_dropped(drop)
        return checked

    def _question(self, facts: Facts, redactor: Redactor, tools: Sequence[Tool]) -> Question:
        template = self.prompt.read_text(encoding="utf-8")
        prompt_evidence = PromptEvidence(redactor)
        instructions, question = template.split("\n---\n", 1)
        fenced = tuple(_fenced(tool, prompt_evidence) for tool in tools)
        answer_schema = schema.wire(self.opinion.model_json_schema(), OURS)
        return Question(
            self.row.name,
            prompt.fill(instructions, {}),
            prompt.fill(question, prompt_evidence.facts(facts)),
            answer_schema,
            fenced,
        )

    def _validated(self, text: str, redactor: Redactor) -> dict[str, Any]:
        """Return the fields the model filled, its prose inert. Raises BadAnswer naming what breaks the contract."""
        try:
            reply = schema.without(redactor.reveal_json(json_text.parsed(_unfenced(text))), OURS)
            opinion = self.opinion.model_validate(reply)
        except ValidationError as error:
            raise BadAnswer(f"the answer is not a valid {self.opinion.__name__}: {sentence(error)}") from None
        except ValueError:
            raise BadAnswer(f"the answer is not JSON; it is {len(text)} characters long") from None
        prose = map_texts(opinion, AtMost, inert)
        filled = {name: getattr(prose, name) for name in opinion.model_fields_set}
        if not filled:
            raise BadAnswer(f"the answer has no field of {self.opinion.__name__}")
        return filled


def _fenced(tool: Tool, prompt_evidence: PromptEvidence) -> Tool:
    """Return the tool with its result fenced: what a tool reads is evidence too."""
    return replace(tool, run=lambda args: prompt_evidence.around(f"result_of_{tool.name}", tool.run(args)))


def _unfenced(text: str) -> str:
    """Return the text without the Markdown code fence around it, if there is one."""
    bare = text.strip()
    if not (bare.startswith("```") and bare.endswith("```")):
        return bare
    return bare.removesuffix("```").partition("\n")[2]


def _degraded(answer: Ans, reason: str) -> Ans:
    reasons = "; ".join(filter(None, (answer.degraded, reason)))
    return answer.replace(degraded=reasons)
