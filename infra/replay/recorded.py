"""What the trace of an incident recorded: the alert and each step's answer, as the steps after it read them."""

from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import ValidationError

from shared.bounds import Contract
from shared.contracts import Alert, CodeAnalysis, Incident, RootCauses, Solution, Suggestions
from shared.errors import Rejected
from shared.http.validation import sentence
from shared.step import steps
from shared.step.steps import StepRow
from shared.traces.port import TraceStore

Answer = TypeVar("Answer", bound=Contract)


@dataclass(frozen=True)
class Recorded:
    """An incident as it was worked on."""

    alert: Alert
    answers: dict[str, Contract]
    """By the name of the step; only those that were given."""

    def get(self, row: StepRow, kind: type[Answer]) -> Answer | None:
        """Return the answer of a step, or None."""
        answer = self.answers.get(row.name)
        return answer if isinstance(answer, kind) else None

    @property
    def incident(self) -> Incident:
        """What detection found. Raises Rejected when it found nothing."""
        incident = self.get(steps.INCIDENT_DETECTION, Incident)
        if incident is None:
            raise Rejected(f"{self.alert.incident_id} has no answer of incident_detection, so nothing can be replayed")
        return incident

    def request_fields(self) -> dict[str, Any]:
        """Return the inputs that a step's request may have, by their names."""
        return {
            "alert": self.alert,
            "incident": self.incident,
            "root_causes": self.get(steps.RCA, RootCauses),
            "suggestions": self.get(steps.SUGGESTION, Suggestions),
            "code_analysis": self.get(steps.CODE_ANALYZER, CodeAnalysis),
        }

    @property
    def solution(self) -> Solution | None:
        """The fix that was worked out."""
        return self.get(steps.SOLUTION_GENERATOR, Solution)

    def with_answer(self, row: StepRow, answer: Contract) -> "Recorded":
        """Return it with another answer of a step."""
        return Recorded(self.alert, {**self.answers, row.name: answer})


def read(store: TraceStore, incident_id: str) -> Recorded:
    """Return what is recorded of an incident. Raises Rejected (no such incident, not readable), and as the store."""
    record = store.incident(incident_id)
    if record is None:
        raise Rejected(f"There is no incident {incident_id!r}; `make traces` lists them")
    stored = store.answers(incident_id)
    try:
        alert = Alert.model_validate({name: record.alert[name] for name in Alert.model_fields if name in record.alert})
        answers = {
            row.name: row.answer.model_validate(stored[row.agent].body) for row in steps.STEPS if row.agent in stored
        }
    except ValidationError as error:
        raise Rejected(f"The trace of {incident_id!r} cannot be read by this release: {sentence(error)}") from None
    return Recorded(alert, answers)
