"""Series of a healthy service under steady traffic, for controls that were recorded without metrics."""

import random
from collections.abc import Iterator
from datetime import datetime, timedelta

SCRAPE_S = 15
BEFORE = timedelta(minutes=20)
"""How long before the window the series start, so that there is a baseline."""
REQUESTS_PER_S = 20
ERROR_SHARE = 0.002
"""Every real service fails now and then; two in a thousand is an ordinary service level objective's allowance."""
TYPICAL_S = 0.04
SPREAD = 0.5
"""Standard deviation of the logarithm of a request's time."""
BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""The default buckets of Prometheus' client libraries."""

Samples = list[tuple[float, float]]


def healthy_series(service: str, start: datetime, end: datetime) -> Iterator[tuple[str, dict[str, str], Samples]]:
    """
    Yield name, labels and samples (seconds since 1970, value) of a service's requests, errors and latency.

    The names are the conventional ones. Arrivals, failures and times are random around constant rates, and the same
    for the same service each time.
    """
    rng = random.Random(service)  # noqa: S311  # repeatable, not secret
    labels = {"service_name": service}
    counters: dict[tuple[str, str, str], float] = {}
    samples: dict[tuple[str, str, str], Samples] = {}
    at = start - BEFORE
    while at <= end:
        for key, count in _requests(rng):
            counters[key] = counters.get(key, 0) + count
            samples.setdefault(key, []).append((at.timestamp(), counters[key]))
        at += timedelta(seconds=SCRAPE_S)
    for (name, label, value), points in samples.items():
        yield name, {**labels, label: value}, points


def _requests(rng: random.Random) -> Iterator[tuple[tuple[str, str, str], int]]:
    """Yield by how much each counter rises between two scrapes."""
    mean = SCRAPE_S * REQUESTS_PER_S
    total = max(round(rng.gauss(mean, mean**0.5)), 1)
    failed = sum(rng.random() < ERROR_SHARE for _ in range(total))
    yield ("http_requests_total", "code", "200"), total - failed
    yield ("http_requests_total", "code", "500"), failed
    times = [TYPICAL_S * rng.lognormvariate(0, SPREAD) for _ in range(total)]
    for limit in (*BUCKETS_S, float("inf")):
        below = sum(time <= limit for time in times)
        yield ("http_request_duration_seconds_bucket", "le", "+Inf" if limit == float("inf") else str(limit)), below
