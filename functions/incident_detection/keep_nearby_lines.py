"""Store the log lines around each piece of evidence with the run: of all that was read only these stay whole."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime

from shared.contracts import Evidence
from shared.step import recorder
from shared.telemetry.port import LogLine
from shared.traces import evidence_context


def keep_nearby_lines(lines: Sequence[LogLine], evidence: Iterable[Evidence]) -> None:
    """Record the lines around each piece that begins with a line of this log; `lines` are oldest first."""
    pieces = [piece for piece in evidence if piece.source == "logs"]
    places = _places(lines, {_first_line(piece.text) for piece in pieces})
    blocks = [(piece.id, place) for piece in pieces if (place := _nearest(piece, lines, places)) is not None]
    if not blocks:
        return
    texts = [line.text for line in lines]
    with recorder.tool(evidence_context.TOOL, pieces=len(blocks)) as call:
        call.result = evidence_context.written((id_, texts, place) for id_, place in blocks)


def _places(lines: Sequence[LogLine], wanted: set[str]) -> dict[str, list[int]]:
    """Return where each of the wanted lines stands."""
    places: dict[str, list[int]] = defaultdict(list)
    for number, line in enumerate(lines):
        if (first := _first_line(line.text)) in wanted:
            places[first].append(number)
    return places


def _nearest(piece: Evidence, lines: Sequence[LogLine], places: dict[str, list[int]]) -> int | None:
    """Return the place of the piece's line: of several alike the one at its time."""
    numbers = places.get(_first_line(piece.text), [])
    at: datetime | None = piece.at
    return min(numbers, key=lambda number: abs(lines[number].at - at)) if numbers and at else next(iter(numbers), None)


def _first_line(text: str) -> str:
    return text.partition("\n")[0].rstrip()
