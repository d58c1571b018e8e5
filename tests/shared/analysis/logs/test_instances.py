"""Which instances wrote the lines, and which version they are."""

from datetime import UTC, datetime, timedelta

import pytest

from shared.analysis.logs import instances
from shared.analysis.logs.instances import Instances
from shared.telemetry.port import LogLine

START = datetime(2026, 3, 14, 2, 0, tzinfo=UTC)


def line(second: int, **labels: str) -> LogLine:
    """Return a line written so many seconds after START."""
    at = START + timedelta(seconds=second)
    return LogLine(at, int(at.timestamp() * 1e9), f"line {second}", labels)


def test_life_of_each_instance_is_known() -> None:
    """From its first to its last line."""
    seen = Instances()
    for each in (line(0, pod="a"), line(4, pod="b", version="2"), line(8, pod="a"), line(9), line(12, pod="a")):
        seen.add(each)

    first, second = seen.all()
    assert (first.name, first.lines, first.first, first.last, first.mean_gap_s) == (
        "a",
        3,
        START,
        START + timedelta(seconds=12),
        6.0,
    )
    assert (second.name, second.version, second.first_text) == ("b", "2", "line 4")


def test_instances_are_bounded() -> None:
    """A label may be unique per line."""
    seen = Instances()
    for number in range(instances.MAX_INSTANCES + 10):
        seen.add(line(number, pod=f"p{number}"))

    assert len(seen.all()) == instances.MAX_INSTANCES


@pytest.mark.parametrize(
    ("labels", "name", "version"),
    [
        ({"pod": "a-1", "instance": "10.0.0.1:80", "version": "2.1"}, "a-1", "2.1"),
        ({"k8s_pod_name": "a-1", "service_version": "2.1"}, "a-1", "2.1"),
        ({"instance": "10.0.0.1:80", "image": "r.example:5000/shop/cart:v7@sha256:aa"}, "10.0.0.1:80", "v7"),
        ({"host": "web-1", "image": "r.example:5000/shop/cart"}, "web-1", ""),
        ({"filename": "/var/log/x"}, "", ""),
    ],
)
def test_names_come_from_conventional_labels(labels: dict[str, str], name: str, version: str) -> None:
    """As Promtail, Alloy and OpenTelemetry write them."""
    assert (instances.name_of(labels), instances.version_of(labels)) == (name, version)
