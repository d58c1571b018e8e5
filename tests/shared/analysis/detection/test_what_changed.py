"""What changed near the onset, and what that explains."""

from datetime import datetime, timedelta

import pytest

from shared.analysis.detection.detect import detect
from shared.contracts import Incident
from shared.telemetry.port import LogLine, LogPage
from tests.builders import NOW, an_alert

START = NOW - timedelta(minutes=15)
ROLLOUT = NOW - timedelta(minutes=6)
Interval = tuple[datetime, datetime]


def lines(pod: str, text: str, every_s: float, span: Interval, version: str = "") -> list[LogLine]:
    """Return lines of a pod, one each `every_s` seconds."""
    labels = {"service_name": "checkout-api", "pod": pod} | ({"version": version} if version else {})
    count = int((span[1] - span[0]).total_seconds() / every_s)
    moments = [span[0] + timedelta(seconds=every_s * number) for number in range(count)]
    return [LogLine(at, int(at.timestamp() * 1e9), text, labels) for at in moments]


def ordinary(pod: str, span: Interval, version: str = "") -> list[LogLine]:
    """Return a request each second."""
    return lines(pod, "INFO GET /orders 200 7ms", 1, span, version)


def failing(pod: str, span: Interval, every_s: float = 10) -> list[LogLine]:
    """Return a failing request each ten seconds."""
    return lines(pod, "ERROR GET /orders 500 7ms", every_s, span)


def detected(*parts: list[LogLine], is_complete: bool = True) -> Incident:
    """Return what these lines show."""
    ordered = sorted((line for part in parts for line in part), key=lambda line: line.nanoseconds)
    page = LogPage(tuple(ordered), '{service_name="checkout-api"}', is_complete=is_complete)
    return detect(an_alert(), page, [], [])


BEFORE, AFTER, ALWAYS = (START, ROLLOUT), (ROLLOUT, NOW), (START, NOW)


def test_rollout_that_brings_the_errors_is_named_with_its_pods_and_versions() -> None:
    """Each number in it was counted."""
    incident = detected(
        ordinary("old-1", BEFORE, "2.14.1"),
        ordinary("old-2", BEFORE, "2.14.1"),
        ordinary("new-1", AFTER, "2.15.0"),
        ordinary("new-2", AFTER, "2.15.0"),
        failing("new-1", AFTER),
    )

    change = incident.rollout
    assert change is not None
    assert (change.kind, change.at, change.instances) == ("rollout", ROLLOUT, ["new-1", "new-2"])
    assert (change.version_before, change.version_after, change.error_share) == ("2.14.1", "2.15.0", 1.0)
    assert "All 36 of the leading error come from the new ones, none from the 2 before." in change.what
    (evidence,) = [one for one in incident.evidence if one.id == change.evidence_id]
    assert evidence.text == "INFO GET /orders 200 7ms"


def test_pods_that_were_added_do_not_explain_errors_of_all() -> None:
    """A service that scales up under load has new pods too."""
    incident = detected(
        ordinary("old-1", ALWAYS),
        ordinary("new-1", AFTER),
        failing("old-1", AFTER),
        failing("new-1", AFTER),
    )

    (change,) = incident.what_changed
    assert (change.kind, change.error_share) == ("start", 0.5)
    assert "36 of 72" in change.what
    assert incident.rollout is None


def test_pods_that_began_before_the_window_are_no_change() -> None:
    """Each instance is first seen somewhere."""
    incident = detected(ordinary("a", ALWAYS), ordinary("b", ALWAYS), failing("b", AFTER))

    assert incident.what_changed == []


def test_lines_without_instances_show_no_rollout() -> None:
    """And nothing is made up."""
    bare = [LogLine(line.at, line.nanoseconds, line.text, {}) for line in ordinary("a", ALWAYS) + failing("a", AFTER)]

    assert detected(bare).what_changed == []


def test_errors_without_an_instance_are_not_taken_for_those_of_the_new() -> None:
    """What is not known explains nothing."""
    bare = [LogLine(line.at, line.nanoseconds, line.text, {}) for line in failing("new-1", AFTER)]
    incident = detected(ordinary("old-1", BEFORE), ordinary("new-1", AFTER), failing("new-1", AFTER), bare)

    (change,) = incident.what_changed
    assert (change.error_share, incident.rollout) == (0.5, None)
    assert "36 of 72" in change.what
    assert "for the other 36 no line that was read names the instance" in change.what


@pytest.mark.parametrize("is_complete", [True, False])
def test_rollout_read_in_part_says_so(is_complete: bool) -> None:
    """Its numbers hold for the lines that were read."""
    incident = detected(
        ordinary("old-1", BEFORE), ordinary("new-1", AFTER), failing("new-1", AFTER), is_complete=is_complete
    )

    (change,) = incident.what_changed
    assert ("Not all lines of the window were read" in change.what) is not is_complete


@pytest.mark.parametrize(("version", "is_unknown"), [("", True), ("2.15.0", False)])
def test_version_that_no_label_names_is_not_known(version: str, is_unknown: bool) -> None:
    """And is said to be so."""
    incident = detected(ordinary("old-1", BEFORE), ordinary("new-1", AFTER, version), failing("new-1", AFTER))

    (change,) = incident.what_changed
    assert ("No label names the version of the new ones." in change.what) is is_unknown


@pytest.mark.parametrize(
    "words",
    [
        "configuration reloaded from",
        "configuration has been updated from",
        "Loaded configuration",
        "applied new config",
    ],
)
def test_line_that_reports_a_change_is_one(words: str) -> None:
    """With its line as evidence."""
    at = ROLLOUT - timedelta(seconds=5)
    reload = lines("a", f"INFO {words} /etc/app.yaml", 1, (at, at + timedelta(seconds=1)))
    incident = detected(ordinary("a", ALWAYS), failing("a", AFTER), reload)

    (change,) = incident.what_changed
    assert (change.kind, change.at) == ("reported", at)
    assert change.what == f"A line says: INFO {words} /etc/app.yaml"
    assert change.evidence_id in [one.id for one in incident.evidence]


@pytest.mark.parametrize(
    ("failed_every_s", "impact"),
    [(10, "9.09 % of requests fail: 36 of 396 since "), (1, "50 % of requests fail: 360 of 720 since ")],
)
def test_impact_is_the_share_of_requests_that_fail(failed_every_s: float, impact: str) -> None:
    """Probes of the platform are no requests of users."""
    probes = lines("a", "INFO GET /healthz 200 1ms", 1, ALWAYS)
    incident = detected(ordinary("a", ALWAYS), failing("a", AFTER, failed_every_s), probes)

    assert incident.impact.startswith(impact)


def test_impact_is_not_known_where_only_failures_are_logged() -> None:
    """All of them fail, of however many."""
    incident = detected(lines("a", "INFO working", 1, ALWAYS), failing("a", AFTER))

    assert incident.impact == ""
