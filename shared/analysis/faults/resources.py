"""Which metrics tell that a resource runs out, by the words of their names."""

WORDS = (
    "cpu",
    "memory",
    "disk",
    "satur",
    "throttl",
    "queue",
    "pool",
    "fd",
    "goroutine",
    "thread",
    "heap",
    "oom",
    "gc_",
    "eventloop",
    "lag",
    "backlog",
    "replicas",
)


def measures_resource(metric: str) -> bool:
    """Return whether a metric of this name measures a resource with a limit."""
    return any(word in metric.lower() for word in WORDS)
