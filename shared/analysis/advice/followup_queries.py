"""LogQL and PromQL queries for a human to run next."""

from shared.quoting import quoted

MAX_NEEDLE = 80


def lines_of(service: str) -> str:
    """Return the query for the service's lines."""
    return f"{{service_name={quoted(service)}}}"


def lines_with(service: str, needle: str) -> str:
    """Return the query for the service's lines that hold the needle, truncated to MAX_NEEDLE characters."""
    return f"{lines_of(service)} |= {quoted(needle.partition(chr(10))[0].strip()[:MAX_NEEDLE])}"


def problems_by_pod(service: str) -> str:
    """Return the query that counts the problem lines of each pod."""
    return f'sum by (pod) (count_over_time({lines_of(service)} |~ "(?i)error|exception|fatal|panic" [5m]))'


def lines_naming(target: str, service: str) -> str:
    """Return the query for lines of other services that name the target."""
    return f"{{service_name!={quoted(service)}}} |= {quoted(target[:MAX_NEEDLE])}"


def container_restarts(service: str) -> str:
    """Return the query for restarts of the service's containers."""
    return f"sum by (pod) (increase(kube_pod_container_status_restarts_total{{container={quoted(service)}}}[15m]))"
