"""Restarts, versions under the same name, and settings: from lines and series to what the incident says."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest

from shared.analysis.changes.configuration import settings_of
from shared.analysis.detection.detect import detect
from shared.contracts import Incident
from shared.telemetry.port import LogLine, LogPage, Series
from tests.builders import NOW, an_alert

START = NOW - timedelta(minutes=15)
ONSET = NOW - timedelta(minutes=5)
MINUTE = timedelta(minutes=1)
Lines = list[LogLine]


def line(at: datetime, pod: str, text: str, **labels: str) -> LogLine:
    """Return a line of a pod."""
    return LogLine(at, int(at.timestamp() * 1e9), text, {"service_name": "checkout-api", "pod": pod, **labels})


def ordinary(pod: str, start: datetime, end: datetime, **labels: str) -> Lines:
    """Return a request every two seconds."""
    count = int((end - start).total_seconds() / 2)
    return [
        line(start + timedelta(seconds=2 * n), pod, f"INFO GET /orders/{n} 200 7ms", **labels) for n in range(count)
    ]


def failing(pod: str, start: datetime = ONSET) -> Lines:
    """Return an error every five seconds."""
    return [line(start + timedelta(seconds=5 * n), pod, "ERROR cannot price the order") for n in range(50)]


def boot(pod: str, at: datetime, *texts: str) -> Lines:
    """Return the lines of a start, a millisecond apart."""
    every = [f"INFO booted worker on port {8000 + len(pod)}", *texts]
    return [line(at + timedelta(milliseconds=n), pod, text) for n, text in enumerate(every)]


def detected(lines: Lines, series: Sequence[Series] = ()) -> Incident:
    """Return what these lines and series of instances show."""
    ordered = tuple(sorted(lines, key=lambda one: one.nanoseconds))
    return detect(an_alert(), LogPage(ordered, "{}", is_complete=True), [], [], instances=series)


def series(name: str, *values: float, **labels: str) -> Series:
    """Return a value each minute of the window, as a store gives them; the last one up to now."""
    points = tuple((NOW - MINUTE * (len(values) - 1 - n), value) for n, value in enumerate(values))
    return Series(name, "", f"{name}{{}}", labels, points)


def epoch(at: datetime) -> float:
    """Return a time as a metric holds it."""
    return at.timestamp()


def texts(incident: Incident) -> list[str]:
    """Return what changed, and check that each is cited."""
    ids = {piece.id for piece in incident.evidence}
    assert all(change.evidence_id in ids for change in incident.what_changed)
    return [change.what for change in incident.what_changed]


RUNNING = [*ordinary("a", START, NOW), *failing("a")]


def test_restart_shows_by_the_first_line_of_other_instances() -> None:
    """Two new pods begin with a line, and an old one writes it between its requests."""
    new = [row for pod in ("b", "c") for row in [*boot(pod, ONSET + MINUTE), *ordinary(pod, ONSET + 2 * MINUTE, NOW)]]
    incident = detected([*RUNNING, *new, *boot("a", ONSET - MINUTE)])

    (change,) = [one for one in incident.what_changed if "restarted" in one.what]
    assert change.what == "Instance a restarted at 02:54:00 UTC."
    assert (change.kind, change.at, change.instances) == ("start", ONSET - MINUTE, ["a"])
    assert [one.text for one in incident.evidence if one.id == change.evidence_id] == [
        "INFO booted worker on port 8001"
    ]


def test_ordinary_first_lines_are_no_start() -> None:
    """New pods begin with a request, as an old one writes all the time; or one pod alone begins with a rare line."""
    new = [row for pod in ("b", "c") for row in ordinary(pod, ONSET, NOW)]
    alone = [*boot("d", ONSET + MINUTE), *ordinary("d", ONSET + MINUTE, NOW), *boot("a", ONSET - MINUTE)]

    assert not any("restarted" in text for text in texts(detected([*RUNNING, *new, *alone])))


def test_restarts_are_read_from_the_counter_with_the_reason() -> None:
    """A pod's name is not in its lines' labels everywhere, so the series name it."""
    counter = "kube_pod_container_status_restarts_total"
    reason = "kube_pod_container_status_last_terminated_reason"
    incident = detected(
        RUNNING,
        [
            series(counter, *[4] * 8, 5, 5, 7, pod="checkout-1", container="checkout-api"),
            series(counter, *[2] * 11, pod="checkout-2", container="checkout-api"),
            series(reason, *[1] * 3, pod="checkout-1", reason="OOMKilled"),
        ],
    )

    (change,) = incident.what_changed
    assert change.what == (
        "Instance checkout-1 restarted 3 times from 02:58:00 to 03:00:00 UTC. Last ended with: OOMKilled (1)."
    )
    assert (change.kind, change.at) == ("start", NOW - 2 * MINUTE)
    (evidence,) = [one for one in incident.evidence if one.id == change.evidence_id]
    assert (evidence.source, evidence.query) == ("metrics", f"{counter}{{}}")


def test_restart_of_several_sources_is_one() -> None:
    """The container's new start time is exact, the counter shows it a scrape later, the process a moment later."""
    old, new = epoch(START - 99 * MINUTE), epoch(ONSET - timedelta(seconds=17))
    incident = detected(
        RUNNING,
        [
            series("container_start_time_seconds", *[old] * 9, pod="p", container="checkout-api", id="1"),
            series("container_start_time_seconds", *[new] * 5, pod="p", container="checkout-api", id="2"),
            series("container_start_time_seconds", *[old] * 9, pod="p", container="sidecar", id="3"),
            series("process_start_time_seconds", *[old] * 9, *[new + 1.5] * 5, pod="p"),
            series("kube_pod_container_status_restarts_total", *[0] * 10, 1, 1, 1, 1, 1, pod="p"),
        ],
    )

    assert texts(incident) == ["Instance p restarted at 02:54:43 UTC."]


@pytest.mark.parametrize("value", [float("1e300"), -1e300])
def test_start_time_that_is_none_is_passed_over(value: float) -> None:
    """A metric of that name may hold anything."""
    assert texts(detected(RUNNING, [series("process_start_time_seconds", value, 5, value, pod="p")])) == []


def test_version_that_changes_under_the_same_name_is_a_rollout() -> None:
    """As in a StatefulSet; its errors began after it, so it explains them."""
    before = ordinary("checkout-0", START, ONSET - MINUTE, version="2.14.1")
    after = ordinary("checkout-0", ONSET - MINUTE, NOW, version="2.15.0")
    restart = series("kube_pod_container_status_restarts_total", *[0] * 10, 1, 1, 1, 1, 1, pod="checkout-0")
    incident = detected([*before, *after, *failing("checkout-0")], [restart])

    (change,) = incident.what_changed
    assert change.what == (
        "Instance checkout-0 went from version 2.14.1 to 2.15.0 under its name at 02:54:00 UTC."
        " It wrote 100% of the leading error, which began after that."
    )
    assert (change.version_before, change.version_after) == ("2.14.1", "2.15.0")
    assert incident.rollout == change


def test_versions_of_two_containers_in_one_pod_are_no_change() -> None:
    """Their lines alternate."""
    app = ordinary("p", START, NOW, version="2.14.1")
    sidecar = ordinary("p", START + timedelta(seconds=1), NOW, version="1.30")

    assert texts(detected([*app, *sidecar, *failing("p")])) == []


def test_version_under_the_same_name_is_read_from_metrics() -> None:
    """The old series ends where the new one starts."""
    old = series("checkout_build_info", *[1] * 15, pod="a", version="2.14.1")
    old = Series(old.name, "", old.query, old.labels, old.points[:9])
    new = series("checkout_build_info", *[1] * 6, pod="a", version="2.15.0")
    incident = detected(RUNNING, [old, new])

    (change,) = incident.what_changed
    assert change.what.startswith("Instance a went from version 2.14.1 to 2.15.0 under its name at 02:55:00 UTC.")
    assert change.version_before == "2.14.1"


def test_metrics_name_the_version_of_pods_whose_lines_do_not() -> None:
    """Pods began and ended by their lines, and their versions are in a series."""
    lines = [*ordinary("a", START, ONSET), *ordinary("b", ONSET, NOW), *failing("b")]
    infos = [series("target_info", 1, pod=pod, service_version=v) for pod, v in (("a", "2.14.1"), ("b", "2.15.0"))]
    incident = detected(lines, infos)

    (change,) = incident.what_changed
    assert (change.version_before, change.version_after) == ("2.14.1", "2.15.0")


def test_rollout_shows_by_metrics_alone() -> None:
    """Where lines name no instance."""
    bare = [LogLine(one.at, one.nanoseconds, one.text, {}) for one in RUNNING]
    old = series("app_build_info", *[1] * 16, pod="a", version="2.14.1")
    old = Series(old.name, "", old.query, old.labels, old.points[:9])
    incident = detected(bare, [old, series("app_build_info", *[1] * 8, pod="b", version="2.15.0")])

    (change,) = incident.what_changed
    assert change.what == (
        "1 instance began at 02:53:00 UTC as version 2.15.0, and those of 2.14.1 ended by 02:53:00 UTC,"
        " by app_build_info."
    )
    assert change.kind == "rollout"


def test_settings_that_differ_between_starts_are_named() -> None:
    """By key and value or JSON; not the process id, which differs on each, nor a version that is named already."""
    starts = [
        (pod, minutes, f"INFO settings pool_size={size} pid={minutes} region=eu build={pod}")
        for pod, minutes, size in (("b", 6, 20), ("c", 7, 20), ("d", 10, 5), ("e", 11, 5))
    ]
    rows = [
        row
        for pod, minutes, text in starts
        for row in [*boot(pod, START + minutes * MINUTE, text), *ordinary(pod, START + minutes * MINUTE + MINUTE, NOW)]
    ]
    incident = detected([*RUNNING, *rows])

    (change,) = [one for one in incident.what_changed if "Settings" in one.what]
    assert change.what == ("Settings that lines report changed at 02:55:00 UTC, first on d: pool_size from 20 to 5.")
    assert [one.text for one in incident.evidence if one.id == change.evidence_id] == [starts[2][2]]


def test_reloaded_configuration_says_what_it_changed() -> None:
    """In place of the line alone."""
    flags = [
        line(START + MINUTE, "a", 'INFO feature flag {"new_pricing": false, "limits": {"rate": 7}}'),
        line(ONSET - MINUTE, "a", 'INFO feature flag {"new_pricing": true, "limits": {"rate": 7}}'),
    ]
    incident = detected([*RUNNING, *flags])

    assert any("first on a: new_pricing from false to true." in text for text in texts(incident))


@pytest.mark.parametrize(
    ("text", "settings"),
    [
        ('level=info msg="start up" pool_size=20 db.host="db 1"', {"pool_size": "20", "db.host": "db 1"}),
        ('{"msg": "up", "config": {"a": 1, "b": {"c": 2}}, "debug": true}', {"config.a": "1", "debug": "true"}),
        ("POST /x?a=1&b=2", {}),
        ("{not json} x=1", {"x": "1"}),
        ("[" * 10_000, {}),
        ("nothing", {}),
    ],
)
def test_settings_are_read_from_pairs_and_json(text: str, settings: dict[str, str]) -> None:
    """Not what a logger writes on each line."""
    assert settings_of(text) == settings
