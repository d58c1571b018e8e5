"""A hundred incidents that differ: services, log formats, faults, with and without metrics and a repository."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from infra.evals import telemetry
from infra.evals.scenario import EvalScenario

HOSTS = ("payments.internal", "ledger-db:5432", "stock.shop.svc.cluster.local", "cache-2.internal:6379")
SERVICES = ("checkout-api", "orders", "mail-worker", "search-gateway", "billing")
FUNCTIONS = ("total", "sync", "render", "publish", "quote_price")
FORMATS = (
    "$ts {level} shop.{module} - {message}",
    "$ts {level} [worker-$n] c.s.{module} : {message}",
    '{{"time":"$ts","level":"{level}","message":"{message}","request_id":"$id"}}',
    'ts=$ts level={level} msg="{message}" request=$id',
)
STRUCTURED = ("{", "ts=")
"""How a format begins that quotes its message."""
MINUTES = 20


@dataclass(frozen=True)
class Fault:
    """One kind of fault: what each of its lines says, of which level, and the metrics that move with it."""

    messages: tuple[str, ...] = ()
    level: str = "ERROR"
    raises: bool = False
    metrics: tuple[tuple[str, float, float], ...] = ()
    every_s: float = 7


@dataclass(frozen=True)
class GeneratedIncident:
    """A scenario and the log entries of its service, as Loki holds them."""

    scenario: EvalScenario
    streams: list[dict[str, Any]]
    fault: str


FAULTS: dict[str, Fault] = {
    "code": Fault(("order $n failed",), raises=True),
    "pool": Fault(
        (
            "HikariPool-1 - Timeout failure stats (total={limit}, active={limit}, idle=0, waiting=$ms)",
            "HikariPool-1 - Connection is not available, request timed out after 30000ms.",
        )
    ),
    "pool with trace": Fault(
        ("QueuePool limit of size {limit} overflow 10 reached, connection timed out",), raises=True
    ),
    "dependency timeout": Fault(("call to http://{host}/items failed: Read timed out after $ms ms",)),
    "refused": Fault(("dial tcp {host}: connect: connection refused",)),
    "proxy": Fault(('"POST /{path} HTTP/1.1" 503 UF,URX - - 0 91 $n outbound|80||{host}',)),
    "rollout": Fault(("cannot read field $n of {path}",), raises=True),
    "down": Fault(metrics=(("up", 1, 0),)),
    "latency": Fault(metrics=(("http_request_duration_seconds_bucket", 0.08, 4),)),
    "nothing": Fault(),
    "noise": Fault(("retrying batch $n of {path}",), level="WARN", every_s=45),
    "quota": Fault(("429 Too Many Requests from https://{host}/v2, retry after $ms s",)),
    "disk": Fault(("write /var/spool/{path}/$n.tmp: no space left on device",)),
    "memory": Fault(
        ("java.lang.OutOfMemoryError: Java heap space in {path}",),
        metrics=(("process_resident_memory_bytes", 2e8, 9e8),),
    ),
    "configuration": Fault(("environment variable {setting} is not set",)),
    "certificate": Fault(("Get https://{host}/a: x509: certificate has expired or is not yet valid",)),
    "dns": Fault(("dial tcp: lookup {host} on 10.96.0.10:53: no such host",)),
    "permission": Fault(("open /etc/shop/{path}.pem: permission denied",)),
    "schema": Fault(('relation "{path}" does not exist',)),
    "errors": Fault(("order $n was not priced",), metrics=(("error", 0.1, 5),)),
}


def incidents(count: int, seed: int) -> Iterator[GeneratedIncident]:
    """Yield different incidents, the same ones for a seed; each kind of fault comes in turn."""
    rng = random.Random(seed)  # repeatable, not secret
    for number in range(count):
        kind = list(FAULTS)[number % len(FAULTS)]
        yield _incident(number, kind, FAULTS[kind], rng)


def _incident(number: int, kind: str, fault: Fault, rng: random.Random) -> GeneratedIncident:
    service, function = rng.choice(SERVICES), rng.choice(FUNCTIONS)
    onset, usual_s = rng.randint(6, 14), rng.choice((2, 4, 6))
    form, module = rng.choice(FORMATS), rng.choice(("api", "jobs", "store"))
    line = rng.randint(5, 40)
    words = {
        "host": rng.choice(HOSTS),
        "path": rng.choice(("orders", "baskets", "invoices")),
        "setting": rng.choice(("TAX_URL", "MAIL_RELAY_HOST", "SHOP_DB_DSN")),
        "limit": rng.choice((5, 10, 40)),
        "raised": rng.choice(("ZeroDivisionError: division by zero", "KeyError: 'price'", "AttributeError: no rate")),
    }
    logs = [] if kind == "nothing" else [_usual(form, module, usual_s, MINUTES if kind != "down" else onset)]
    if rng.random() < 0.4 and logs:
        logs.append(_line(form, module, "WARN", "cache miss for basket $n", 0, MINUTES, 50))
    for message in fault.messages:
        text = _formatted(form, module, fault.level, message.format(**words))
        if fault.raises and not form.startswith(STRUCTURED):
            text += _trace(module, function, line, str(words["raised"]))
        logs.append({"text": text, "level": fault.level.lower(), "from": onset, "every_s": fault.every_s})
    metrics = [one for name, low, high in fault.metrics for one in _metric(name, low, high, onset)]
    if not metrics and rng.random() < 0.5:
        metrics = list(_metric("error", 0.1, 4 if fault.messages and fault.level == "ERROR" else 0.1, onset))
    alert: dict[str, Any] = {
        "name": rng.choice(("HighErrorRate", "Latency", "Heartbeat")),
        "minute": min(onset + 2, 19),
    }
    facts: dict[str, Any] = {"about": kind, "service": service, "alert": alert, "logs": logs, "metrics": metrics}
    has_repository = fault.raises and rng.random() < 0.6
    if has_repository:
        facts["repository"] = _repository(service, module, function, line, rng)
    scenario = EvalScenario(name=f"brief_{number}", wanted={"outcome": "proceed"}, **facts)
    streams = telemetry.streams(scenario)
    if kind == "rollout":
        streams = _of_pods(streams, service, rng)
    return GeneratedIncident(scenario, streams, kind)


def _formatted(form: str, module: str, level: str, message: str) -> str:
    quoted = message.replace('"', '\\"') if form.startswith(STRUCTURED) else message
    return form.format(level=level, module=module, message=quoted)


def _line(form: str, module: str, level: str, message: str, start: float, end: float, every_s: float) -> dict[str, Any]:
    text = _formatted(form, module, level, message)
    return {"text": text, "level": level.lower(), "from": start, "to": end, "every_s": every_s}


def _usual(form: str, module: str, every_s: float, end: float) -> dict[str, Any]:
    return _line(form, module, "INFO", "order $n was taken in $ms ms", 0, end, every_s)


def _trace(module: str, function: str, line: int, raised: str) -> str:
    return (
        "\nTraceback (most recent call last):\n"
        f'  File "/app/shop/{module}.py", line {line}, in {function}\n'
        f"    return rates[order] / {function}_of(order)\n{raised}"
    )


def _metric(name: str, low: float, high: float, onset: float) -> Iterator[dict[str, Any]]:
    if name == "error":
        yield {"name": "http_requests_total", "labels": {"code": "200"}, "rate": [[0, 20], [onset, 20 - high]]}
        yield {"name": "http_requests_total", "labels": {"code": "500"}, "rate": [[0, low], [onset, high]]}
    elif name.endswith("_bucket"):
        yield {"name": name, "seconds": [[0, low], [onset, high]]}
    else:
        yield {"name": name, "value": [[0, low], [onset, low], [onset + 0.3, high], [MINUTES, high]]}


def _repository(service: str, module: str, function: str, line: int, rng: random.Random) -> dict[str, Any]:
    body = [f"# step {number}" for number in range(1, line)]
    before = "\n".join(
        [*body[:-1], f"def {function}(order):", f"    return rates.get(order, 0) / {function}_of(order)", ""]
    )
    old, new = "rates.get(order, 0)", "rates[order]"
    return {
        "name": f"acme/{service}",
        "deployed": 3,
        "commits": [
            {
                "hours_before": 300,
                "message": "Price orders",
                "files": {f"shop/{module}.py": before, "README.md": "# S\n"},
            },
            {
                "hours_before": 40,
                "message": "Describe it",
                "edits": [{"path": "README.md", "old": "# S", "new": "# Shop"}],
            },
            {
                "hours_before": round(rng.uniform(0.3, 3), 2),
                "message": "Demand a rate for each order",
                "edits": [{"path": f"shop/{module}.py", "old": old, "new": new}],
            },
        ],
    }


def _of_pods(streams: list[dict[str, Any]], service: str, rng: random.Random) -> list[dict[str, Any]]:
    """Spread the entries over two old pods and a new one, which alone writes the errors."""
    pods: dict[tuple[str, str], dict[str, Any]] = {}
    names = [f"{service}-7d9f8b6c5d-{''.join(rng.choices('bcdfghjklm', k=5))}" for _ in range(2)]
    new = f"{service}-5c6b7d8f9c-zzx9k"
    for stream in streams:
        is_error = stream["stream"].get("level") == "error"
        first = min(int(at) for at, _ in stream["values"])
        for number, value in enumerate(stream["values"]):
            pod = new if is_error else names[number % 2]
            if not is_error and number % 3 == 0 and int(value[0]) > first + 8 * 60 * 10**9:
                pod = new
            labels = {**stream["stream"], "pod": pod}
            entry = pods.setdefault((pod, str(labels.get("level"))), {"stream": labels, "values": []})
            entry["values"].append(value)
    return list(pods.values())
