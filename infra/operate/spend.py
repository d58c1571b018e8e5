"""Say what the last 24 hours cost: the models as each incident noted it, Google Cloud by the estimate."""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime

from rich.console import Console

from infra.costs import estimate
from shared import clock
from shared.admission.daily_spend import DAY
from shared.traces.port import IncidentRecord, TraceStore

PAGE = 200
DEAREST = 5
"""How many of the dearest incidents are named."""


def show_spend(store: TraceStore, console: Console) -> int:
    """Print the cost of the last 24 hours, and the incidents that cost most; of those that still run by their runs."""
    since = clock.now() - DAY
    rows = [(_cost_of(record, store), record) for record in _since(store, since)]
    kinds = Counter(str((record.outcome or {}).get("kind") or record.state) for _, record in rows)
    models = sum(cost for cost, _ in rows)
    platform = sum(item.usd for item in estimate.items() if not item.what.startswith("Gemini")) / estimate.INCIDENTS
    investigated = sum(cost > 0 or record.execution is not None for cost, record in rows)
    console.print(f"since      {since:%Y-%m-%d %H:%M} UTC")
    listed = ", ".join(f"{count} {kind}" for kind, count in kinds.most_common())
    console.print(f"incidents  {len(rows)}" + (f": {listed}" if listed else ""), soft_wrap=True)
    console.print(f"models     {models:.2f} USD, as each incident noted it")
    console.print(f"platform   about {platform * investigated + estimate.monthly().usd / 30:.2f} USD, estimated")
    for cost, record in sorted(rows, key=lambda row: row[0], reverse=True)[:DEAREST]:
        if cost > 0:
            console.print(f"           {cost:.4f} USD  {record.incident_id}  {record.service_name}", soft_wrap=True)
    return 0


def _since(store: TraceStore, since: datetime) -> Iterator[IncidentRecord]:
    """Yield the incidents from a time on, the newest first."""
    page = store.incident_page(limit=PAGE)
    while True:
        for record in page.records:
            if record.created_at < since:
                return
            yield record
        if page.following is None:
            return
        page = store.incident_page(page.following, PAGE)


def _cost_of(record: IncidentRecord, store: TraceStore) -> float:
    """Return what its models cost: as its outcome says, or its runs so far while it has none."""
    if record.outcome is not None:
        return float(record.outcome.get("cost_usd") or 0)
    trace = store.document(record.incident_id) if record.execution else None
    return sum(run["cost_usd"] for runs in trace["traces"].values() for run in runs) if trace else 0.0
