"""Loki on loopback: `python -m infra.local.sandboxes.loki.server --port 3100 --data logs.json.gz`.

Answers query_range, query, labels, label/<name>/values and ready, and accepts pushes in JSON. It finds lines and counts
them by time (see `logql`), and computes no other metrics; it holds everything in memory and accepts entries of any age.
Unlike Loki it adds no label of its own: `detected_level` exists only when the data has it.

Source: https://grafana.com/docs/loki/latest/reference/loki-http-api/
"""

import argparse
import gzip
import json
import re
import threading
import time
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from infra.local.sandboxes.http import Reply, Request, Sandbox
from infra.local.sandboxes.loki import logql
from infra.local.sandboxes.matchers import seconds

_MAX_ENTRIES = 5000
_MAX_POINTS = 11_000
_TOO_MANY_POINTS = (
    "exceeded maximum resolution of 11,000 points per time series. Try increasing the value of the step parameter"
)
_INSTANT_LOG_QUERY = (
    "log queries are not supported as an instant query type, please change your query to a range query type"
)


class StoredEntry(NamedTuple):
    """One line of a stream; `metadata` is structured metadata."""

    nanoseconds: int
    line: str
    metadata: Mapping[str, str] = {}


@dataclass
class _Stream:
    labels: dict[str, str]
    entries: list[StoredEntry] = field(default_factory=list)

    def between(self, start: int, end: int) -> list[StoredEntry]:
        """Return the entries from `start` (included) to `end` (excluded), oldest first."""
        first = bisect_left(self.entries, start, key=lambda entry: entry.nanoseconds)
        return self.entries[first : bisect_left(self.entries, end, key=lambda entry: entry.nanoseconds)]


@dataclass(frozen=True)
class _Search:
    """The parameters of query_range."""

    query: logql.LogQL
    start: int
    end: int
    limit: int
    is_forward: bool
    is_categorized: bool


class BadParameter(ValueError):
    """The plain text that Loki answers to an invalid parameter."""


class LokiSandbox(Sandbox):
    """
    A Loki that holds the given streams: `{"stream": {labels}, "values": [[ns, line], [ns, line, metadata]]}` each.

    Lines that are loaded twice are stored twice.
    """

    def __init__(self, streams: Iterable[Mapping[str, Any]] = (), port: int = 0) -> None:
        super().__init__(port)
        self._streams: dict[frozenset[tuple[str, str]], _Stream] = {}
        self._store_lock = threading.Lock()
        self.load({"streams": list(streams)})

    def load(self, body: Mapping[str, Any]) -> None:
        """
        Add the streams of a push, or of a query_range answer.

        Raises KeyError, TypeError or ValueError when the body is neither.
        """
        streams = body["streams"] if "streams" in body else body["data"]["result"]
        loaded = [(dict(each["stream"]), [_entry(value) for value in each["values"]]) for each in streams]
        with self._store_lock:
            for labels, entries in loaded:
                stream = self._streams.setdefault(frozenset(labels.items()), _Stream(labels))
                # Sorting is stable for equal times; answers are newest first, pushes oldest first.
                is_newest_first = len(entries) > 1 and entries[0].nanoseconds > entries[-1].nanoseconds
                added = entries[::-1] if is_newest_first else entries
                stream.entries = sorted([*stream.entries, *added], key=lambda entry: entry.nanoseconds)

    def load_file(self, path: Path) -> None:
        """Add the streams of a JSON file, gzipped or not; raises OSError, and the errors of `load`."""
        packed = path.read_bytes()
        self.load(json.loads(gzip.decompress(packed) if path.suffix == ".gz" else packed))

    def answer(self, request: Request) -> Reply:
        """Answer as Loki does: JSON on success, plain text on errors."""
        try:
            return self._route(request)
        except (logql.QueryFault, BadParameter) as fault:
            return Reply.of_text(f"{fault}\n", 400)

    def _route(self, request: Request) -> Reply:
        path = request.path
        values_of = re.fullmatch(r"/loki/api/v1/label/([^/]+)/values", path)
        if path == "/loki/api/v1/query_range":
            return self._query_range(request)
        if path == "/loki/api/v1/query":
            logql.parse(request.param("query"))
            return Reply.of_text(f"{_INSTANT_LOG_QUERY}\n", 400)
        if path == "/loki/api/v1/push" and request.method == "POST":
            return self._push(request)
        if path == "/loki/api/v1/series":
            return self._series(request)
        if path == "/loki/api/v1/labels":
            return _success(sorted({name for labels in self._labels() for name in labels}))
        if values_of:
            return _success(sorted({labels[values_of[1]] for labels in self._labels() if values_of[1] in labels}))
        return Reply.of_text("ready\n") if path == "/ready" else Reply.of_text("404 page not found\n", 404)

    def _labels(self) -> list[dict[str, str]]:
        with self._store_lock:
            return [stream.labels for stream in self._streams.values()]

    def _series(self, request: Request) -> Reply:
        """Return the labels of the streams that any selector matches and that have lines in the window."""
        start, end = (int(request.param(name)) for name in ("start", "end"))
        queries = [logql.parse(match) for match in request.query.get("match[]", [])]
        with self._store_lock:
            streams = [one for one in self._streams.values() if any(query.selects(one.labels) for query in queries)]
            return _success([one.labels for one in streams if one.between(start, end)])

    def _push(self, request: Request) -> Reply:
        is_gzipped = request.headers.get("Content-Encoding") == "gzip"
        try:
            self.load(json.loads(gzip.decompress(request.body) if is_gzipped else request.body))
        except (KeyError, TypeError, ValueError, OSError) as error:
            raise BadParameter(f"the push is not readable: {error!r}") from None
        return Reply(204)

    def _query_range(self, request: Request) -> Reply:
        search = _search(request)
        if search.query.range_s is not None:
            return self._count_over_time(search, search.query.range_s, _step_s(request))
        matches = sorted(self._matches(search), key=lambda item: item[1].nanoseconds)
        lines = matches[: search.limit] if search.is_forward else matches[::-1][: search.limit]
        data: dict[str, Any] = {"resultType": "streams", "result": _grouped(lines, search.is_categorized), "stats": {}}
        if search.is_categorized:
            data["encodingFlags"] = ["categorize-labels"]
        return _success(data)

    def _count_over_time(self, search: _Search, range_s: float, step_s: float) -> Reply:
        """Count the lines in (time - range, time] at each step from start to end; times without lines have no point."""
        range_ns, step_ns = int(range_s * 1e9), int(step_s * 1e9)
        if (search.end - search.start) // step_ns + 1 > _MAX_POINTS:
            raise BadParameter(_TOO_MANY_POINTS)
        # A search includes its start and excludes its end; a range is the other way round.
        whole = replace(search, start=search.start - range_ns + 1, end=search.end + 1)
        times = sorted(entry.nanoseconds for _, entry in self._matches(whole))
        points = []
        for at in range(search.start, search.end + 1, step_ns):
            if count := bisect_right(times, at) - bisect_right(times, at - range_ns):
                points.append([at / 1e9, str(count)])
        result = [{"metric": {}, "values": points}] if points else []
        return _success({"resultType": "matrix", "result": result, "stats": {}})

    def _matches(self, search: _Search) -> Iterator[tuple[dict[str, str], StoredEntry]]:
        with self._store_lock:
            streams = [stream for stream in self._streams.values() if search.query.selects(stream.labels)]
            windows = [(stream.labels, stream.between(search.start, search.end)) for stream in streams]
        for labels, entries in windows:
            if not search.query.stages:
                yield from ((labels, entry) for entry in entries)
                continue
            for entry in entries:
                if search.query.keeps(entry.line, {**entry.metadata, **labels} if entry.metadata else labels):
                    yield labels, entry


def _entry(value: list[Any]) -> StoredEntry:
    metadata = value[2] if len(value) > 2 else {}
    return StoredEntry(int(value[0]), str(value[1]), metadata.get("structuredMetadata", metadata))


def _grouped(lines: list[tuple[dict[str, str], StoredEntry]], is_categorized: bool) -> list[dict[str, Any]]:
    """Group lines by labels; without the flag Loki adds structured metadata to the labels of the stream."""
    groups: dict[frozenset[tuple[str, str]], dict[str, Any]] = {}
    # Thousands of lines share the labels of one stream, which are compared once.
    of_stream: dict[int, dict[str, Any]] = {}
    for labels, entry in lines:
        has_own = bool(entry.metadata) and not is_categorized
        group = None if has_own else of_stream.get(id(labels))
        if group is None:
            stream = {**entry.metadata, **labels} if has_own else labels
            group = groups.setdefault(frozenset(stream.items()), {"stream": stream, "values": []})
            if not has_own:
                of_stream[id(labels)] = group
        extra = [{"structuredMetadata": dict(entry.metadata)} if entry.metadata else {}] if is_categorized else []
        group["values"].append([str(entry.nanoseconds), entry.line, *extra])
    return list(groups.values())


def _search(request: Request) -> _Search:
    now = time.time_ns()
    direction = request.param("direction", "backward").lower()
    end = _nanoseconds(request, "end", now)
    search = _Search(
        query=logql.parse(request.param("query")),
        start=_nanoseconds(request, "start", end - 3_600_000_000_000),
        end=end,
        limit=_limit(request.param("limit", "100")),
        is_forward=direction == "forward",
        is_categorized="categorize-labels" in request.headers.get("X-Loki-Response-Encoding-Flags", ""),
    )
    if direction not in ("forward", "backward"):
        raise BadParameter(f"invalid direction '{direction}'")
    if search.end <= search.start:
        raise BadParameter("end timestamp must not be before or equal to start time")
    return search


def _step_s(request: Request) -> float:
    """Parse a step as Loki does: a duration, or seconds."""
    text = request.param("step")
    try:
        step_s = float(text) if re.fullmatch(r"[\d.]+", text) else seconds(text)
    except ValueError:
        raise BadParameter(f'cannot parse "{text}" to a valid duration') from None
    if step_s <= 0:
        raise BadParameter("zero or negative query resolution step widths are not accepted. Try a positive integer")
    return step_s


def _limit(text: str) -> int:
    if not re.fullmatch(r"-?\d+", text):
        raise BadParameter(f'strconv.ParseUint: parsing "{text}": invalid syntax')
    if int(text) <= 0:
        raise BadParameter("limit must be a positive value")
    if int(text) > _MAX_ENTRIES:
        too_many = f"({text} > {_MAX_ENTRIES})"
        raise BadParameter(f"max entries limit per query exceeded, limit > max_entries_limit_per_query {too_many}")
    return int(text)


def _nanoseconds(request: Request, name: str, default: int) -> int:
    """Parse a time as Loki does: up to ten digits are seconds, more are nanoseconds, a fraction means seconds."""
    text = request.param(name)
    if not text:
        return default
    if re.fullmatch(r"-?\d+", text):
        return int(text) * (1_000_000_000 if len(text) <= 10 else 1)
    if re.fullmatch(r"-?\d+\.\d*", text):
        whole, _, part = text.partition(".")
        return int(whole) * 1_000_000_000 + int(part.ljust(9, "0")[:9])
    return _from_rfc3339(text, name)


def _from_rfc3339(text: str, name: str) -> int:
    """Parse RFC 3339 with nanoseconds, which datetime would truncate to microseconds."""
    parts = re.fullmatch(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)", text)
    if not parts:
        raise BadParameter(f"could not parse '{name}' parameter: parsing time \"{text}\" as RFC3339")
    whole = int(datetime.fromisoformat(parts[1] + parts[3]).timestamp())
    return whole * 1_000_000_000 + int((parts[2] or "0").ljust(9, "0"))


def _success(data: object) -> Reply:
    return Reply.of_json({"status": "success", "data": data})


def main() -> None:
    """Serve the data files until interrupted."""
    parser = argparse.ArgumentParser(description="Loki on loopback")
    parser.add_argument("--port", type=int, default=3100, help="with 0 the system chooses")
    parser.add_argument("--data", type=Path, action="append", default=[], help="JSON of query_range or push, or .gz")
    arguments = parser.parse_args()
    sandbox = LokiSandbox(port=arguments.port)
    for path in arguments.data:
        sandbox.load_file(path)
    sandbox.serve_until_interrupted()


if __name__ == "__main__":
    main()
