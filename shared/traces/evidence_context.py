"""
The log lines around pieces of evidence as one text, which incident_detection stores and the console shows.

    === L1
      a line before it
    > the line of the evidence
      a line after it

Each line of a log has two characters before it, so that none can pass for the head of another piece.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from shared.bounds import clip

TOOL = "keep_nearby_lines"
"""Name of the tool call whose result the text is."""
LINES_AROUND = 8
LINE_CHARS = 300
_HEAD, _OTHER, _EVIDENCE = "=== ", "  ", "> "


@dataclass(frozen=True)
class NearbyLine:
    """A line; `is_evidence` where the evidence begins."""

    text: str
    is_evidence: bool


def written(blocks: Iterable[tuple[str, Sequence[str], int]]) -> str:
    """Return the text of (id of the evidence, every line that was read, number of its line)."""
    return "\n".join(row for id_, lines, place in blocks for row in (f"{_HEAD}{id_}", *_around(lines, place)))


def read(text: str, evidence_id: str) -> list[NearbyLine]:
    """Return the lines around one piece of evidence; none where the text does not hold it."""
    rows = iter(text.split("\n"))
    lines: list[NearbyLine] = []
    for row in rows:
        if row == f"{_HEAD}{evidence_id}":
            break
    for row in rows:
        if row.startswith(_HEAD):
            break
        lines.append(NearbyLine(row[2:], row.startswith(_EVIDENCE)))
    return lines


def _around(lines: Sequence[str], place: int) -> list[str]:
    start = max(0, place - LINES_AROUND)
    chosen = lines[start : place + LINES_AROUND + 1]
    marks = [_EVIDENCE if start + number == place else _OTHER for number in range(len(chosen))]
    return [f"{mark}{clip(line.partition(chr(10))[0], LINE_CHARS)}" for mark, line in zip(marks, chosen, strict=True)]
