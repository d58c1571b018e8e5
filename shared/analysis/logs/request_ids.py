"""Which request a log line belongs to: lines of one request are one observation of the service, not many."""

import hashlib
import re
from collections.abc import Iterable, Mapping
from functools import lru_cache

from shared.analysis.series.event_times import EventTimes
from shared.telemetry.port import LogLine

MIN_SHARE = 0.5
"""Where fewer lines name a request, the others are no requests that the ids could stand for."""
_NAME = r"(?:trace|request|req|correlation|transaction)[._-]?id"
_IN_TEXT = re.compile(rf"\b(?:x-)?{_NAME}\"?\s*[:=\s]\s*\"?([0-9a-z][0-9a-z_-]{{7,63}})", re.IGNORECASE)
_IDS = re.compile(
    rf"\b(?:x-)?(?:{_NAME}|span[._-]?id)\"?\s*[:=\s]\s*\"?(?:[0-9a-z][0-9a-z_-]{{7,63}}|…)\"?", re.IGNORECASE
)
_LABEL = re.compile(_NAME, re.IGNORECASE)


def request_id(text: str, labels: Mapping[str, str]) -> str:
    """Return the id of the trace or request that a line names, in its text or its labels; an empty text without one."""
    # Substrings are found ten times as fast as the pattern, which most lines do not fulfil.
    may_name_one = "id" in text or "Id" in text or "ID" in text or "iD" in text
    match = _IN_TEXT.search(text) if may_name_one else None
    if match is None and not (label := _id_label(tuple(labels))):
        return ""
    id_ = match[1] if match else labels.get(label, "")
    # Zeros are W3C's id of "no trace": https://www.w3.org/TR/trace-context/#trace-id
    return id_ if id_.strip("0-") else ""


@lru_cache(maxsize=1024)
def _id_label(names: tuple[str, ...]) -> str:
    """Return the label that names a request, once for all lines of a stream; an empty text without one."""
    return next((name for name in names if _LABEL.fullmatch(name)), "")


class RequestSample:
    """
    Digests of a few requests, of all the lowest ones: samples of services that take part in the same requests meet.

    Bottom-k sketch: https://en.wikipedia.org/wiki/MinHash
    """

    SIZE = 4

    def __init__(self) -> None:
        self.digests: list[str] = []

    def add(self, text: str, labels: Mapping[str, str]) -> None:
        """Add the request that a line names, if it names one."""
        id_ = request_id(text, labels)
        if not id_:
            return
        # Ids may be anything that a client sends; of a digest nothing can be read.
        digest = hashlib.sha256(id_.lower().encode(errors="surrogatepass")).hexdigest()[:16]
        if digest not in self.digests:
            self.digests = sorted([*self.digests, digest])[: self.SIZE]


def without_ids(text: str) -> str:
    """Return a line for a headline: ids of its request, which no other line has, become an ellipsis."""
    return re.sub(r"…(?:\s*…)+", "…", _IDS.sub("…", text)).strip()


def request_times(lines: Iterable[LogLine]) -> EventTimes | None:
    """Return when each request is first named, oldest first; None when most lines name none."""
    firsts: dict[str, LogLine] = {}
    total = named = 0
    for line in lines:
        total += 1
        if id_ := request_id(line.text, line.labels):
            named += 1
            firsts.setdefault(id_, line)
    return EventTimes(line.at for line in firsts.values()) if total and named >= MIN_SHARE * total else None
