"""Prometheus on loopback: `python -m infra.local.sandboxes.prometheus.server --port 9090 --data metrics.json.gz`.

Answers query, query_range and readiness, by GET and by POST, and the values of a label by GET. It holds samples and
supports the PromQL subset of `promql`; anything else is bad_data, as an invalid query is in Prometheus.

Source: https://prometheus.io/docs/prometheus/latest/querying/api/
"""

import argparse
import gzip
import json
import math
import re
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

from infra.local.sandboxes.http import Reply, Request, Sandbox
from infra.local.sandboxes.matchers import SyntaxFault, seconds
from infra.local.sandboxes.prometheus import promql

SAMPLES = "/sandbox/samples"
_MAX_POINTS = 11_000
_LABEL_VALUES = re.compile(r"/api/v1/label/([a-zA-Z_][a-zA-Z0-9_]*)/values")


class BadData(ValueError):
    """Prometheus' error for an invalid query or parameter."""


class PrometheusSandbox(Sandbox):
    """A Prometheus with the series that are loaded into it; empty at first."""

    def __init__(self, port: int = 0) -> None:
        super().__init__(port)
        self._series: dict[frozenset[tuple[str, str]], promql.Stored] = {}
        self._store_lock = threading.Lock()

    def load(self, name: str, labels: Mapping[str, str], samples: Iterable[tuple[float, float]]) -> None:
        """Add samples, as (seconds since 1970, value), to one series; a later sample replaces one of the same time."""
        full = {"__name__": name, **labels}
        with self._store_lock:
            key = frozenset(full.items())
            before = self._series[key].samples if key in self._series else ()
            merged = {**dict(before), **{float(at): float(value) for at, value in samples}}
            self._series[key] = promql.Stored(full, sorted(merged.items()))

    def load_file(self, path: Path) -> None:
        """
        Add the series of a query_range answer, gzipped or not.

        Raises OSError when it cannot be read, KeyError, TypeError or ValueError when it is not such an answer.
        """
        packed = path.read_bytes()
        self.load_body(json.loads(gzip.decompress(packed) if path.suffix == ".gz" else packed))

    def load_body(self, body: dict[str, Any]) -> None:
        """Add the series of a parsed query_range answer. Raises as `load_file`."""
        for series in body["data"]["result"]:
            labels = dict(series["metric"])
            self.load(labels.pop("__name__"), labels, series["values"])

    def answer(self, request: Request) -> Reply:
        """Answer as Prometheus does: always JSON under /api."""
        pages: dict[str, Callable[[Request], object]] = {
            "/api/v1/query": self._query,
            "/api/v1/query_range": self._query_range,
        }
        if (request.method, request.path) == ("POST", SAMPLES):
            return self._take_samples(request)
        if request.path in ("/-/ready", "/-/healthy"):
            return Reply.of_text(f"Prometheus Server is {request.path[3:].capitalize()}.\n")
        if request.method == "GET" and (label := _LABEL_VALUES.fullmatch(request.path)):
            pages[request.path] = partial(self._label_values, label[1])
        if request.path not in pages or request.method not in ("GET", "POST"):
            return Reply.of_text("404 page not found\n", 404)
        try:
            return Reply.of_json({"status": "success", "data": pages[request.path](request)})
        except SyntaxFault as fault:
            return _bad_data(f"1:{fault.column}: parse error: {fault}")
        except BadData as fault:
            return _bad_data(str(fault))

    def _take_samples(self, request: Request) -> Reply:
        """Add samples. No Prometheus has this path: there it is remote write, in protobuf and snappy."""
        try:
            self.load_body(json.loads(request.body))
        except (KeyError, TypeError, ValueError) as error:
            return Reply.of_text(f"not the body of a query_range answer: {error!r}\n", 400)
        return Reply(204)

    def _query(self, request: Request) -> dict[str, Any]:
        expression = promql.parse(request.param("query"))
        at = _moment(request, "time", str(time.time()))
        value = expression(self._store())(at)
        if isinstance(value, float):
            return {"resultType": "scalar", "result": [_json_time(at), _value_text(value)]}
        series = [{"metric": dict(sorted(key)), "value": [_json_time(at), _value_text(v)]} for key, v in value.items()]
        return {"resultType": "vector", "result": series}

    def _query_range(self, request: Request) -> dict[str, Any]:
        start, end, step = _moment(request, "start"), _moment(request, "end"), _step(request.param("step"))
        if end < start:
            raise BadData('invalid parameter "end": end timestamp must not be before start time')
        if (end - start) / step > _MAX_POINTS:
            limit = "exceeded maximum resolution of 11,000 points per timeseries"
            raise BadData(f"{limit}. Try decreasing the query resolution (?step=XX)")
        evaluate = promql.parse(request.param("query"))(self._store())
        points: dict[frozenset[tuple[str, str]], list[list[Any]]] = {}
        for n in range(math.floor((end - start) / step + 1e-9) + 1):
            at = round(start + n * step, 3)
            value = evaluate(at)
            for key, number in ({frozenset(): value} if isinstance(value, float) else value).items():
                points.setdefault(key, []).append([_json_time(at), _value_text(number)])
        ordered = sorted(((dict(sorted(key)), values) for key, values in points.items()), key=lambda item: str(item[0]))
        return {"resultType": "matrix", "result": [{"metric": key, "values": values} for key, values in ordered]}

    def _label_values(self, label: str, request: Request) -> list[str]:
        """Return the values of a label of the series that one `match[]` selects and that have a sample in the time."""
        selectors = [promql.parse_selector(text) for text in request.query.get("match[]", [])]
        start, end = _moment(request, "start", "0"), _moment(request, "end", str(time.time()))
        values = {
            series.labels[label]
            for series in self._store()
            if label in series.labels
            and (not selectors or any(all(one.matches(series.labels) for one in each) for each in selectors))
            and any(start <= at <= end for at, _ in series.samples)
        }
        return sorted(values)[: int(request.param("limit", "0")) or None]

    def _store(self) -> list[promql.Stored]:
        with self._store_lock:
            return list(self._series.values())


def _bad_data(message: str) -> Reply:
    return Reply.of_json({"status": "error", "errorType": "bad_data", "error": message}, 400)


def _moment(request: Request, name: str, default: str = "") -> float:
    text = request.param(name, default)
    try:
        return float(text) if text.replace(".", "", 1).isdigit() else _from_rfc3339(text)
    except ValueError:
        raise BadData(f'invalid parameter "{name}": cannot parse "{text}" to a valid timestamp') from None


def _from_rfc3339(text: str) -> float:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None or "T" not in text:
        raise ValueError(text)
    return moment.timestamp()


def _step(text: str) -> float:
    try:
        step = float(text) if text.replace(".", "", 1).lstrip("-").isdigit() else seconds(text)
    except ValueError:
        raise BadData(f'invalid parameter "step": cannot parse "{text}" to a valid duration') from None
    if step <= 0:
        reason = "zero or negative query resolution step widths are not accepted. Try a positive integer"
        raise BadData(f'invalid parameter "step": {reason}')
    return step


def _json_time(at: float) -> float | int:
    return int(at) if at == int(at) else round(at, 3)


def _value_text(value: float) -> str:
    """Format a number as Go does: the fewest digits that give it back, never an exponent."""
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else "+Inf" if value > 0 else "-Inf"
    return str(int(value)) if value == int(value) else format(Decimal(repr(value)), "f")


def main() -> None:
    """Serve the data files until interrupted."""
    parser = argparse.ArgumentParser(description="Prometheus on loopback")
    parser.add_argument("--port", type=int, default=9090, help="with 0 the system chooses")
    parser.add_argument("--data", type=Path, action="append", default=[], help="JSON of query_range, or .gz")
    arguments = parser.parse_args()
    sandbox = PrometheusSandbox(arguments.port)
    for path in arguments.data:
        sandbox.load_file(path)
    sandbox.serve_until_interrupted()


if __name__ == "__main__":
    main()
