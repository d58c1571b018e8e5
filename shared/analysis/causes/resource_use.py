"""How far a resource was used when it ran out, by the numbers that its own messages state."""

from shared.analysis.causes.quotes import evidence_of, quote
from shared.analysis.faults.matching import Signal
from shared.analysis.faults.usage import most_used, usage_of
from shared.contracts import Incident, Quote


def use_of(incident: Incident, signal: Signal) -> tuple[str, list[Quote]]:
    """Return the most use of a signal's resource in words, like `10 of 10 active`, and the line that states it."""
    if signal.rule.kind != "resource":
        return "", []
    lines = {line: one.id for one in incident.evidence if one.source == "logs" for line in one.text.split("\n")}
    if text := most_used(signal.about, lines):
        return usage_of(text).words, quote(evidence_of(incident, lines[text]), text)
    return usage_of(signal.quote).words, []
