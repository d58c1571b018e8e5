"""The alert's own condition decides: while it holds nothing is healthy, and when it ended that is proof."""

from datetime import timedelta

import pytest

from shared.analysis.detection.detect import detect
from shared.contracts import Incident
from shared.telemetry.port import AlertCondition, ConditionReading, LogLine, LogPage, Series
from tests.builders import NOW, an_alert

RATIO = 'sum(rate(http_requests_total{code=~"5.."}[5m])) / sum(rate(http_requests_total[5m]))'
P99 = "histogram_quantile(0.99, sum by (le) (rate(http_request_duration_seconds_bucket[5m])))"
STILL = "and still now"
SINCE = "since 03:00:00 UTC, and still now"
LABELS = {"service": "checkout", "severity": "warning"}


def series(*values: float, lag: timedelta = timedelta(), **labels: str) -> Series:
    """Return a series of a point each minute that ends `lag` before the window does."""
    points = tuple((NOW - lag - timedelta(minutes=len(values) - 1 - n), value) for n, value in enumerate(values))
    return Series("", "", "q", labels, points)


def detected(condition: AlertCondition, *read: Series, status: str = "firing") -> Incident:
    """Return what detection says of calm logs and this reading."""
    lines = tuple(LogLine(NOW - timedelta(seconds=900 - 5 * n), 0, "INFO order placed") for n in range(180))
    alert = an_alert(labels=LABELS, status=status)
    return detect(alert, LogPage(lines, "{x}", True), [], [], (), ConditionReading(condition, read))


@pytest.mark.parametrize(
    ("condition", "values", "sentence"),
    [
        (
            AlertCondition(RATIO, ">", 0.05),
            (0.001, 0.001, 0.066, 0.067),
            f"6.7 % of requests fail since 02:59:00 UTC, {STILL}: 1.34 times the limit, the alert fires above 5 %.",
        ),
        (
            AlertCondition(f"100 * {RATIO}", ">", 5),
            (0.1, 6.7),
            f"6.7 % of requests fail since 03:00:00 UTC, {STILL}: 1.34 times the limit, the alert fires above 5 %.",
        ),
        (
            AlertCondition(P99, ">", 0.5),
            (0.1, 2.0),
            f"The slowest 1 % of requests take 2 s or more {SINCE}: 4 times the limit, the alert fires above 0.5 s.",
        ),
        (
            AlertCondition('rate(http_errors_total{path="/api"}[5m])', ">", 3),
            (1, 6),
            f'Rate(http_errors_total{{path="/api"}}[5m]) is 6 {SINCE}: 2 times the limit, the alert fires above 3.',
        ),
        (
            AlertCondition("min(replicas)", "<", 2),
            (1, 1),
            "Min(replicas) is 1 since at least 02:59:00 UTC, and still now: the alert fires below 2.",
        ),
        (
            AlertCondition("absent(up)"),
            (1, 1),
            "The alert's condition holds since at least 02:59:00 UTC, and still now.",
        ),
    ],
)
def test_condition_that_holds_is_an_incident_in_users_terms(
    condition: AlertCondition, values: tuple[float, ...], sentence: str
) -> None:
    """Its sentence heads the symptoms and is evidence with its query; calm logs are no proof against it."""
    incident = detected(condition, series(*values))

    assert (incident.verdict, incident.severity, incident.health) == ("incident", "medium", [])
    assert incident.initial_symptoms[0] == sentence
    (piece,) = (one for one in incident.evidence if one.source == "metrics")
    assert (piece.text + ".", piece.query) == (sentence, condition.measure)


def test_impact_is_what_the_alert_measures_of_requests() -> None:
    """It heads the brief; a measure of anything else is no impact on users."""
    requests = detected(AlertCondition(RATIO, ">", 0.05), series(0.001, 0.067))
    replicas = detected(AlertCondition("min(replicas)", "<", 2), series(1, 1))

    assert requests.impact == "6.7 % of requests fail since 03:00:00 UTC, and still now."
    assert replicas.impact == ""


def test_condition_that_ended_is_proof_of_health() -> None:
    """It says what is measured now, and when the alert fires."""
    incident = detected(AlertCondition(RATIO, ">", 0.05), series(0.2, 0.2, 0.001))

    assert incident.verdict == "healthy"
    assert "The alert's condition no longer holds: 0.1 % of requests fail, and it fires above 5 %." in incident.health


@pytest.mark.parametrize(
    ("condition", "read"),
    [
        (AlertCondition(RATIO, ">", 0.05), []),
        (AlertCondition(RATIO, ">", 0.05), [series(0.001, 0.001, lag=timedelta(minutes=5))]),
        (AlertCondition(RATIO, ">", 0.05), [series(0.2, 0.2, service="another")]),
        (AlertCondition("a > 1 and b > 2"), []),
    ],
    ids=["no result", "ended", "of another service", "not taken apart"],
)
def test_what_cannot_be_evaluated_says_nothing(condition: AlertCondition, read: list[Series]) -> None:
    """The service that was measured may be gone: no result is no proof, and no harm."""
    incident = detected(condition, *read)

    assert not any("condition" in sentence for sentence in (*incident.health, *incident.initial_symptoms))
    assert not [one for one in incident.evidence if one.source == "metrics"]


def test_ended_condition_does_not_outweigh_harm() -> None:
    """Errors that are new are harm, whatever the alert measures."""
    calm = [LogLine(NOW - timedelta(seconds=900 - 5 * n), 0, "INFO order placed") for n in range(180)]
    loud = [LogLine(NOW - timedelta(seconds=200 - 2 * n), 0, "ERROR cannot charge the card") for n in range(90)]
    page = LogPage(tuple(sorted([*calm, *loud], key=lambda line: line.at)), "{x}", True)
    reading = ConditionReading(AlertCondition(RATIO, ">", 0.05), (series(0.2, 0.001),))

    assert detect(an_alert(labels=LABELS), page, [], [], (), reading).verdict == "incident"


def test_series_of_the_same_service_count_whatever_other_labels_they_have() -> None:
    """The worst of them is the one that is named."""
    read = (series(0.06, service="checkout", pod="a"), series(0.5, service="checkout", pod="b"))

    assert detected(AlertCondition(RATIO, ">", 0.05), *read).initial_symptoms[0].startswith("50 % of requests fail")


def test_resolved_alert_is_not_judged_by_its_condition() -> None:
    """Its sender says that it ended."""
    incident = detected(AlertCondition(RATIO, ">", 0.05), series(0.2, 0.2), status="resolved")

    assert incident.verdict == "healthy"
