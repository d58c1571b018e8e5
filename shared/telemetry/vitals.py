"""What a vital sign of a service is: PromQL with places for the service's selector, and what its values mean."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from string import Template

from shared.telemetry.http_reader import any_matcher
from shared.telemetry.port import MetricQuery
from shared.text.literals import quoted

# rate() needs two samples, and a scrape interval can be a minute.
_WINDOW_S = 120
_STATUS_LABELS = ("code", "status", "status_code")


@dataclass(frozen=True)
class Vital:
    """
    One vital sign: PromQL in which `$selector` stands for the service's label matcher, `$service` for its quoted
    name and `$window` for the range of rates.
    """

    promql: str
    unit: str = ""
    higher_is_worse: bool = True


def _error_ratio() -> str:
    """
    Return PromQL that tries each common name of the status label, because client libraries differ.

    Before the first failure there is no series of failures, so traffic without failures counts as a ratio of zero.
    """
    failed = (f'sum(rate(http_requests_total{{$selector,{name}=~"5.."}}[$window]))' for name in _STATUS_LABELS)
    traffic = "sum(rate(http_requests_total{$selector}[$window]))"
    return f"({' or '.join(failed)} or {traffic} * 0) / {traffic}"


FIXED: Mapping[str, Vital] = {
    "error_ratio": Vital(_error_ratio(), "ratio"),
    "request_rate": Vital("sum(rate(http_requests_total{$selector}[$window]))", "requests/s", higher_is_worse=False),
    "latency_p95": Vital(
        "histogram_quantile(0.95, sum by (le) (rate(http_request_duration_seconds_bucket{$selector}[$window])))", "s"
    ),
    # The worst instance, because a sum over many hides the one that suffers.
    "cpu": Vital("max(rate(process_cpu_seconds_total{$selector}[$window]))", "cores"),
    "memory": Vital("max(process_resident_memory_bytes{$selector})", "bytes"),
    "up": Vital("min(up{$selector})", "up", higher_is_worse=False),
    # kube-state-metrics has the container, and the service's label only if it is relabelled.
    "restarts": Vital(
        "sum(increase(kube_pod_container_status_restarts_total{$selector}[$window]))"
        " or sum(increase(kube_pod_container_status_restarts_total{container=$service}[$window]))",
        "restarts",
    ),
}
"""What is asked of a store that cannot list the metrics of a service; what it does not have is absent."""


def with_overrides(vitals: Mapping[str, Vital], overrides: Mapping[str, str]) -> dict[str, Vital]:
    """Return the vital signs with the operator's PromQL applied; an empty text removes one."""
    defaults = {**FIXED, **vitals}
    changed = {name: replace(defaults.get(name, Vital("")), promql=promql) for name, promql in overrides.items()}
    return {name: vital for name, vital in {**vitals, **changed}.items() if vital.promql.strip()}


_AGGREGATION = re.compile(r"\b(sum|max|min|avg|count)(?: by \((?P<by>[\w, ]+)\))?\s*\(")


def fill_for_each(promql: str, label: str, query: MetricQuery, services: Collection[str]) -> str | None:
    """
    Return the PromQL of a vital sign for several services, each by itself; None where it cannot be read for them.

    What names the service by another label than its own stays out. Raises Rejected as `fill` does.
    """
    alternatives = [each for each in promql.split(" or ") if "$service" not in each]
    if len(alternatives) < len(promql.split(" or ")):
        promql = " or ".join(alternatives)
    if "$selector" not in promql or promql.count("(") != promql.count(")"):
        return None
    grouped = _AGGREGATION.sub(
        lambda match: f"{match[1]} by ({', '.join(filter(None, (match['by'], label)))}) (", promql
    )
    return Template(grouped).safe_substitute(selector=any_matcher(label, services), window=_window(query))


def _window(query: MetricQuery) -> str:
    return f"{max(4 * query.step_s, _WINDOW_S)}s"


def fill(promql: str, matchers: str, query: MetricQuery) -> str:
    """
    Return the PromQL for one service, selected by `matchers`, with its name escaped.

    Any other dollar sign stays, because regular expressions end with one.
    Raises Rejected when the name cannot be a label's value.
    """
    return Template(promql).safe_substitute(
        selector=matchers,
        service=quoted(query.service_name),
        window=_window(query),
    )
