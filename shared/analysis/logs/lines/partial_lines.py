"""Lines that the container runtime cut: one longer than 16 KB comes in parts, of which only the last ends it."""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import cast

from shared import json_text
from shared.analysis.logs.parse import TIME_MARK, source_of
from shared.telemetry.port import LogLine

# Kubernetes: P for a part, F for a full line or the last part. https://github.com/kubernetes/design-proposals-archive
CRI = re.compile(r"(?P<time>\d{4}-\d\d-\d\dT\S+ (?:stdout|stderr) )(?P<kind>[FP]) ")
DOCKER_WORD = '"log":'
DOCKER_ENDS = '\\n"'
DOCKER_PART = 16 * 1024
"""Docker's json-file driver cuts a line after so many bytes: https://github.com/moby/moby/blob/master/daemon/logger"""
MAX_PARTS = 64


@dataclass
class _Parts:
    """The parts of one line so far; `ends_lines` once its source was seen to write line ends."""

    lines: list[LogLine] = field(default_factory=list)
    ends_lines: bool = False


def whole_lines(lines: Iterable[LogLine]) -> Iterator[LogLine]:
    """Yield the lines, the parts of a long one as one line at the time of its last part."""
    sources: dict[object, _Parts] = {}
    for line in lines:
        kind = _kind(line.text)
        if not kind:
            yield line
            continue
        parts = sources.setdefault(source_of(tuple(line.labels.items())), _Parts())
        parts.ends_lines = parts.ends_lines or kind == "end"
        parts.lines.append(line)
        if kind == "end" or not _is_part(parts, line.text) or len(parts.lines) >= MAX_PARTS:
            yield _joined(parts.lines)
            parts.lines = []
    for parts in sources.values():
        if parts.lines:
            yield _joined(parts.lines)


def _kind(text: str) -> str:
    """Return `end` for a line that ends, `part` for one that may not, nothing for any other text."""
    if text[TIME_MARK] == "T" and text[:1].isdigit():
        match = CRI.match(text)
        return ("end" if match["kind"] == "F" else "part") if match else ""
    if text.startswith("{") and DOCKER_WORD in text:
        return "end" if DOCKER_ENDS in text else "part"
    return ""


def _is_part(parts: _Parts, text: str) -> bool:
    """Return whether a line without an end is a part: a shipper may have stripped all ends."""
    return not text.startswith("{") or parts.ends_lines or len(_docker_text(text).encode()) == DOCKER_PART


def _joined(parts: list[LogLine]) -> LogLine:
    last = parts[-1]
    if len(parts) == 1:
        return last
    if last.text.startswith("{"):
        return last._replace(text=json.dumps({"log": "".join(_docker_text(part.text) for part in parts)}))
    match = CRI.match(last.text)
    head = f"{match['time']}F " if match else ""
    return last._replace(text=head + "".join(CRI.sub("", part.text, count=1) for part in parts))


def _docker_text(text: str) -> str:
    try:
        loaded = json_text.parsed(text)
    except ValueError:
        return text
    written = cast("dict[str, object]", loaded).get("log") if isinstance(loaded, dict) else None
    return written if isinstance(written, str) else text
