"""What one incident may cost over all its steps, read from the trace, and what all of them may in a day."""

from dataclasses import dataclass
from typing import Self

from pydantic import Field

from shared import log, traces
from shared.admission.daily_spend import DailyCeiling, reserve
from shared.errors import IncidentCopilotError, Refused
from shared.model.port import ModelReply
from shared.settings import Settings


class Ceilings(Settings):
    """What one incident may spend on the model; steps that run in parallel may each exceed it by one call."""

    model_max_tokens_per_incident: int = Field(300_000, ge=0, description="Tokens, in and out; 0 means no model call.")
    model_max_cost_usd_per_incident: float = Field(1.0, ge=0, description="US dollars; 0 means no model call.")


@dataclass
class Budget:
    """What an incident has spent so far, and its ceilings."""

    ceilings: Ceilings
    tokens: int = 0
    cost_usd: float = 0.0
    incident_id: str = ""
    _reserved: int = 0

    @classmethod
    def of(cls, incident_id: str) -> Self:
        """Return the incident's budget; when the trace store cannot be read, the spending so far counts as zero."""
        budget = cls(Ceilings.from_env(), incident_id=incident_id)
        try:
            trace = traces.connect().document(incident_id)
        except IncidentCopilotError as error:
            log.error("budget.unknown", error_type=type(error).__name__, error=str(error))
            return budget
        for run in (run for runs in trace["traces"].values() for run in runs) if trace else ():
            budget.tokens += run["tokens_in"] + run["tokens_out"]
            budget.cost_usd += run["cost_usd"]
        return budget

    def spend(self, reply: ModelReply) -> None:
        """Count one turn."""
        self.tokens += reply.tokens_in + reply.tokens_out
        self.cost_usd += reply.cost_usd

    def check(self, prompt_tokens: int) -> None:
        """Raise Refused, naming the ceiling that a call with so many tokens would exceed."""
        max_tokens, max_usd = self.ceilings.model_max_tokens_per_incident, self.ceilings.model_max_cost_usd_per_incident
        if self.tokens + prompt_tokens > max_tokens:
            spent = f"{self.tokens} are spent, this call needs {prompt_tokens}"
            raise Refused(f"MODEL_MAX_TOKENS_PER_INCIDENT is {max_tokens}: {spent}")
        if self.cost_usd >= max_usd:
            raise Refused(f"MODEL_MAX_COST_USD_PER_INCIDENT is {max_usd:g}: ${self.cost_usd:.4f} are spent")
        ceiling = DailyCeiling.from_env()
        if not self._has_reserved(ceiling):
            per_day = ceiling.model_max_cost_usd_per_day
            raise Refused(
                f"MODEL_MAX_COST_USD_PER_DAY is {per_day:g}: the incidents of 24 hours have used or reserved it"
            )

    def _has_reserved(self, ceiling: DailyCeiling) -> bool:
        """Reserve what is spent and one call more; while the trace store fails the incident's own ceiling must do."""
        if not ceiling.model_max_cost_usd_per_day:
            return False
        needed = ceiling.parts_of(self.cost_usd)
        try:
            has_all = reserve(traces.connect(), self.incident_id, range(self._reserved, needed), ceiling)
        except IncidentCopilotError as error:
            log.error("budget.unknown", error_type=type(error).__name__, error=str(error))
            return True
        self._reserved = needed if has_all else self._reserved
        return has_all
