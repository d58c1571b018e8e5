"""Evaluate the alert's own condition over its window, where its expression is known and Prometheus can be asked."""

from shared import telemetry
from shared.contracts import Alert
from shared.errors import IncidentCopilotError
from shared.redaction import redact
from shared.step import recorder
from shared.telemetry.alert_condition import from_generator_url, measured, rule_uid
from shared.telemetry.port import AlertCondition, ConditionReading, MetricQuery


def read_condition(alert: Alert) -> ConditionReading | None:
    """
    Return the condition and what it measures in the window; None when either cannot be read.

    That is no failed source: what an alert measures is often not in Prometheus at all. The trace says what was asked.
    """
    try:
        condition = from_generator_url(alert.generator_url) or _of_grafana(alert)
        metrics = telemetry.connect_metrics() if condition else None
        if condition is None or metrics is None:
            return None
        query = MetricQuery(alert.service_name, alert.start, alert.end, labels=alert.labels)
        with recorder.tool("query_prometheus", query=redact(condition.measure)) as call:
            series = metrics.evaluate(condition.measure, query)
            call.result = f"{len(series)} series, compared {condition.comparison} {condition.threshold}"
    except IncidentCopilotError:
        return None
    return ConditionReading(condition, series, measured(condition.measure))


def _of_grafana(alert: Alert) -> AlertCondition | None:
    uid, rules = rule_uid(alert.generator_url, alert.labels), telemetry.connect_alert_rules()
    if not uid or rules is None:
        return None
    with recorder.tool("read_alert_rule", uid=uid) as call:
        condition = rules.condition(uid)
        call.result = redact(f"{condition}")
    return condition
