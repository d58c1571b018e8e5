"""Quotes out of evidence: always a verbatim part of an evidence text, or nothing."""

from collections.abc import Sequence

from shared.contracts import Evidence, Frame, Incident, Quote, StackTrace

QUOTE_CHARS = 300


def evidence_of(incident: Incident, evidence_id: str | None) -> Evidence | None:
    """Return the evidence of that id, if it was kept."""
    return next((one for one in incident.evidence if one.id == evidence_id), None)


def quote(evidence: Evidence | None, *needles: str) -> list[Quote]:
    """Return the first line of the evidence that holds all the needles, cut to QUOTE_CHARS; none when no line does."""
    if evidence is None:
        return []
    for line in evidence.text.split("\n"):
        stripped = line.strip()
        if stripped and all(needle in line for needle in needles):
            return [Quote(evidence_id=evidence.id, text=_cut(stripped, needles))]
    return []


def quote_trace(incident: Incident, trace: StackTrace) -> list[Quote]:
    """Return the line of the exception and that of the deepest own frame, as far as the excerpt shows them."""
    kept = evidence_of(incident, trace.evidence_id)
    name = trace.exception_type.rpartition(".")[2]
    needles = [name, trace.message.partition("\n")[0][:60]] if trace.message else [name]
    found = quote(kept, *needles) or quote(kept, name)
    if trace.app_frames:
        found += _quote_frame(kept, trace.app_frames[-1])
    return found


def _quote_frame(kept: Evidence | None, frame: Frame) -> list[Quote]:
    file = frame.path.replace("\\", "/").rpartition("/")[2]
    return quote(kept, file, str(frame.line)) if frame.line is not None else quote(kept, file)


def _cut(line: str, needles: Sequence[str]) -> str:
    """Cut a long line around the first needle."""
    if len(line) <= QUOTE_CHARS:
        return line
    at = max(line.find(needles[0]) - QUOTE_CHARS // 3, 0) if needles else 0
    return line[at : at + QUOTE_CHARS].strip()
