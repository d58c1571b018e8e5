"""What the model may cost in any 24 hours, over all incidents."""

import math
from datetime import timedelta

from pydantic import Field

from shared.admission.brakes import take
from shared.settings import Settings
from shared.traces.port import TraceStore

DAY = timedelta(hours=24)
PART_USD = 0.05
"""About what an incident costs (infra/costs): a smaller part would only be more documents of each."""
TRIES = 50


class DailyCeiling(Settings):
    """What the model may cost in any 24 hours, in US dollars."""

    model_max_cost_usd_per_day: float = Field(
        50.0, ge=0, le=100_000, description="US dollars in any 24 hours, of all incidents; 0 means no model call."
    )

    @property
    def parts(self) -> int:
        """In how many equal parts it is given out."""
        return max(1, math.floor(self.model_max_cost_usd_per_day / PART_USD))

    def parts_of(self, cost_usd: float) -> int:
        """Return how many parts an incident needs that has spent so much and asks once more."""
        return math.floor(cost_usd * self.parts / self.model_max_cost_usd_per_day) + 1


def reserve(store: TraceStore, incident_id: str, parts: range, ceiling: DailyCeiling) -> bool:
    """
    Reserve these parts of the day for an incident, numbered from 0; return False when none is left.

    A part that an incident began counts whole, and of the last free parts some may not be found: what is spent stays
    under the ceiling, but for one call of each step that runs at the time. Raises what the store raises.
    """
    if not ceiling.model_max_cost_usd_per_day:
        return False
    return all(take(store, "model", ceiling.parts, f"{incident_id}:{part}", DAY, TRIES) for part in parts)
