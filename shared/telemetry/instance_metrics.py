"""
Series of each instance of a service: when it started and restarted, why it last ended, and which version it runs.

Sources: https://github.com/kubernetes/kube-state-metrics/blob/main/docs/metrics/workload/pod-metrics.md,
https://github.com/google/cadvisor/blob/master/docs/storage/prometheus.md,
https://prometheus.io/docs/instrumenting/writing_clientlibs/#process-metrics,
https://www.robustperception.io/exposing-the-software-version-to-prometheus/,
https://opentelemetry.io/docs/specs/otel/compatibility/prometheus_and_openmetrics/#resource-attributes-1
"""

import re
from collections.abc import Collection

RESTARTS = "kube_pod_container_status_restarts_total"
LAST_REASON = "kube_pod_container_status_last_terminated_reason"
START_TIMES = ("container_start_time_seconds", "process_start_time_seconds")
VERSIONED = re.compile(r"(?:[a-z0-9_]+_)?(?:build|app|version)_info|target_info|kube_pod_container_info")
"""Names of series whose labels hold a version; their value is always 1."""
_OF_THE_CLUSTER = frozenset({RESTARTS, LAST_REASON, "container_start_time_seconds", "kube_pod_container_info"})
MAX_VERSIONED = 3


def queries(names: Collection[str]) -> dict[str, str]:
    """Return PromQL by metric, for those that exist; a service's own metric goes before the cluster's."""
    chosen = [name for name in (RESTARTS, LAST_REASON, *START_TIMES) if name in names]
    versioned = sorted(filter(VERSIONED.fullmatch, names), key=lambda name: (name in _OF_THE_CLUSTER, len(name), name))
    return {name: _promql(name) for name in [*chosen, *versioned[:MAX_VERSIONED]]}


def _promql(name: str) -> str:
    # What the cluster exports has the container, and the service's label only if it is relabelled.
    by_container = f" or {name}{{container=$service}}" if name in _OF_THE_CLUSTER else ""
    return f"{name}{{$selector}}{by_container}"
