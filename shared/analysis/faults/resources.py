"""Which metrics tell that a resource runs out, by the words of their names."""

import re

SHARED_BY_INSTANCES = frozenset(("cpu", "queue", "backlog", "lag", "workers", "eventloop", "threads", "thread"))
"""Load that more instances would share; what one instance fills by itself, each further one would fill too."""
WORDS = SHARED_BY_INSTANCES | frozenset(
    ("memory", "mem", "rss", "disk", "pool", "fd", "fds", "goroutine", "goroutines", "heap", "oom", "gc", "replicas")
)
STEMS = ("satur", "throttl")
_PART = re.compile(r"[a-z]+|[A-Z]+(?![a-z])|[A-Z][a-z]+")


def measures_resource(metric: str) -> bool:
    """Return whether a metric of this name measures a resource with a limit; a `flag` is no `lag`."""
    return any(part in WORDS or part.startswith(STEMS) for part in _parts(metric))


def measures_shared_load(metric: str) -> bool:
    """Return whether more instances would lower what a metric of this name measures."""
    return any(part in SHARED_BY_INSTANCES or part.startswith(STEMS) for part in _parts(metric))


def _parts(metric: str) -> list[str]:
    return [part.lower() for part in _PART.findall(metric)]
