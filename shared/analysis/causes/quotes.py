"""Quotes from evidence: always a verbatim part of an evidence text."""

from collections.abc import Sequence

from shared.analysis.code.paths import deepest_own
from shared.analysis.logs.masking import WILDCARD, masker
from shared.contracts import Evidence, Frame, Incident, Quote, StackTrace

QUOTE_CHARS = 300


def evidence_of(incident: Incident, evidence_id: str | None) -> Evidence | None:
    """Return the evidence with that id, or None."""
    return next((one for one in incident.evidence if one.id == evidence_id), None)


def quote(evidence: Evidence | None, *needles: str) -> list[Quote]:
    """Return the first line of the evidence that holds all needles, at most QUOTE_CHARS; empty when no line does."""
    if evidence is None:
        return []
    for line in evidence.text.split("\n"):
        stripped = line.strip()
        if stripped and all(needle in line for needle in needles):
            return [Quote(evidence_id=evidence.id, text=_excerpt(stripped, needles))]
    return []


def quote_trace(incident: Incident, trace: StackTrace) -> list[Quote]:
    """Return the line of the exception and that of the deepest own frame, as far as the excerpt shows them."""
    evidence = evidence_of(incident, trace.evidence_id)
    name = trace.exception_type.rpartition(".")[2]
    needles = [name, trace.message.partition("\n")[0][:60]] if trace.message else [name]
    quotes = quote(evidence, *needles) or quote(evidence, name)
    if (own := deepest_own(trace.frames)) is not None:
        # One line may hold both.
        quotes += [one for one in _quote_frame(evidence, own) if one not in quotes]
    return quotes


def needle_of(trace: StackTrace, line: str) -> str:
    """Return what each line of the exception holds: the longest part of what it says in `line` that does not vary."""
    message = trace.message.partition("\n")[0]
    start = max(line.find(trace.exception_type), 0)
    at = line.find(message) if message and message in line else start
    head, words = (line[start:at], message) if start <= at and message in line else ("", message or line[start:])
    if words not in line:
        words = line[start:]
    first, *others = masker()(words).split(WILDCARD)
    parts = [f"{head}{first}".strip(), *(part.strip() for part in others)]
    # Words with more than one space between them are joined by one in the masked message.
    return max((part for part in parts if part in line), key=len, default="") or trace.exception_type


def _quote_frame(evidence: Evidence | None, frame: Frame) -> list[Quote]:
    file = frame.path.replace("\\", "/").rpartition("/")[2]
    return quote(evidence, file, str(frame.line)) if frame.line is not None else quote(evidence, file)


def _excerpt(line: str, needles: Sequence[str]) -> str:
    """Return at most QUOTE_CHARS of the line, around the first needle."""
    if len(line) <= QUOTE_CHARS:
        return line
    at = max(line.find(needles[0]) - QUOTE_CHARS // 3, 0) if needles else 0
    return line[at : at + QUOTE_CHARS].strip()
