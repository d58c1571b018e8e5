"""Parse what Grafana, Alertmanager or curl posted into alerts: one per service and status. Pure.

    plain body               {"service_name", "lookup_window_seconds"?, "end_time"?, "github_repo"?, …}
    Alertmanager, Grafana 8+ {"alerts": [...]} with the plain fields next to it as defaults for every alert
    Grafana's legacy alerts  {"ruleName", "state", "tags", "evalMatches": [...]}

Sources: https://grafana.com/docs/grafana/latest/alerting/configure-notifications/manage-contact-points/integrations/webhook-notifier/,
https://prometheus.io/docs/alerting/latest/configuration/#webhook_config
"""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from shared.contracts import Alert, Status
from shared.errors import Rejected

from .alert_fields import line_of, moment_of, number_of, object_of, text_of, texts_of, url_of, values_in
from .alert_subject import service_of, subject_of
from .alert_window import window_of

MAX_SERVICES = 1_000
_COMMIT_LABELS = (
    "commit",
    "commit_sha",
    "git_commit",
    "git_sha",
    "sha",
    "revision",
    "service_version",
    "version",
    "image_tag",
)
# What Go and Grafana templates write for a label the alert does not have.
_NO_VALUE = ("<no value>", "[no value]")
_NO_COMMIT = ("", "latest", "unknown", "none", "main", "master")
_REPO = re.compile(r"(?:https://github\.com/)?([\w.-]+/[\w.-]+?)(?:\.git)?/?")


@dataclass(frozen=True)
class Rules:
    """How to read a body; `nonce` makes ids unique where the sender does not identify an alert. Times are aware UTC."""

    received_at: datetime
    nonce: str
    service_labels: tuple[str, ...]
    lookup_window_s: int
    user_id: str


@dataclass(frozen=True)
class Reading:
    """The alerts of one body, and why each of its other entries was refused: it names nothing that it is about."""

    alerts: tuple[Alert, ...]
    refused: tuple[str, ...] = ()

    def receipt(self) -> dict[str, Any]:
        """Return the answer for the sender."""
        fields = {"incident_id", "service_name", "status"}
        receipt: dict[str, Any] = {
            "status": "accepted",
            "incidents": [alert.model_dump(include=fields) for alert in self.alerts],
        }
        return {**receipt, "refused": list(self.refused)} if self.refused else receipt


@dataclass(frozen=True)
class AlertEntry:
    """One alert of a body, cleaned and bounded; `raw` is the JSON object as it was sent."""

    service_name: str
    names_service: bool
    status: Status
    labels: dict[str, str]
    annotations: dict[str, str]
    fingerprint: str
    started_at: datetime | None
    raw: Mapping[str, Any]

    @property
    def name(self) -> str:
        """The name of its rule."""
        return line_of(self.labels.get("alertname") or self.raw.get("ruleName"), 300)

    @property
    def is_test(self) -> bool:
        """
        Whether Grafana's Test button made it: no rule of anybody does, so it links none.

        Source: https://github.com/grafana/alerting, receivers/testing
        """
        is_named = (self.labels.get("alertname"), self.labels.get("instance")) == ("TestAlert", "Grafana")
        return is_named and not self.raw.get("generatorURL")


def read(body: object, rules: Rules) -> Reading:
    """Return the alerts in a body. Raises Rejected naming the field that is missing or wrong."""
    if not isinstance(body, dict):
        raise Rejected('The body is not a JSON object; send a Grafana or Alertmanager webhook, or {"service_name": …}')
    groups: dict[tuple[str, Status], list[AlertEntry]] = {}
    refused = []
    for raw in _raw_alerts(body):
        entry = _entry(raw, body, rules)
        if entry.service_name:
            groups.setdefault((entry.service_name, entry.status), []).append(entry)
        else:
            refused.append(f"an alert has none of the labels {', '.join((*rules.service_labels, 'alertname'))}")
    if not groups:
        raise Rejected(f"No service is named: send service_name, or a label for it; {'; '.join(refused[:5])}")
    if len(groups) > MAX_SERVICES:
        raise Rejected(f"{len(groups)} services in one body, at most {MAX_SERVICES}: group the notification by service")
    return Reading(tuple(_alert(group, body, rules) for group in groups.values()), tuple(refused[:MAX_SERVICES]))


def _raw_alerts(body: dict[str, Any]) -> list[Mapping[str, Any]]:
    """Return the JSON object of each alert in the body."""
    if "alerts" not in body:
        return [body]
    alerts = body["alerts"]
    if not isinstance(alerts, list) or not alerts or not all(isinstance(alert, dict) for alert in alerts):
        raise Rejected("alerts: must be a list of at least one alert object")
    return alerts


def _entry(raw: Mapping[str, Any], body: Mapping[str, Any], rules: Rules) -> AlertEntry:
    labels = texts_of(_labels(raw, body, rules), budget_bytes=8_000, max_count=64)
    annotations = {**object_of(body.get("commonAnnotations")), **object_of(raw.get("annotations"))}
    service_name, names_service = _service(labels, body, rules)
    state = str(raw.get("status") or raw.get("state") or body.get("status") or "firing").lower()
    return AlertEntry(
        service_name=service_name,
        names_service=names_service,
        status="resolved" if state in ("resolved", "ok", "normal", "inactive") else "firing",
        labels=labels,
        annotations=texts_of(annotations, budget_bytes=5_000, max_count=32),
        fingerprint=text_of(raw.get("fingerprint"), 100),
        started_at=moment_of(raw.get("startsAt")),
        raw=raw,
    )


def _labels(raw: Mapping[str, Any], body: Mapping[str, Any], rules: Rules) -> dict[str, Any]:
    """Return the alert's labels over the body's common ones; the important ones first, as the last may be dropped."""
    common = {**object_of(body.get("groupLabels")), **object_of(body.get("commonLabels"))}
    labels = {**_legacy_tags(raw), **common, **object_of(raw.get("labels"))}
    first = (*rules.service_labels, "alertname", *_COMMIT_LABELS, "image", "github_repo", "github_base_branch")
    return {**{name: labels[name] for name in first if name in labels}, **labels}


def _service(labels: Mapping[str, str], body: Mapping[str, Any], rules: Rules) -> tuple[str, bool]:
    """Return the alert's own service, else the body's `service_name`, else what it is about and that it names none."""
    named = body.get("service_name")
    if named is not None and (not isinstance(named, str) or len(named) > 200 or not line_of(named, 200)):
        raise Rejected("service_name: must be a text of 1 to 200 characters")
    lines = {name: " ".join(value.split())[:200] for name, value in labels.items()}
    usable = {name: line for name, line in lines.items() if line not in ("", *_NO_VALUE)}
    own = service_of(usable, rules.service_labels) or line_of(named, 200)
    return (own, True) if own not in ("", *_NO_VALUE) else (subject_of(usable), False)


def _alert(group: list[AlertEntry], body: Mapping[str, Any], rules: Rules) -> Alert:
    # The alert that started first leads: it stays the same when others join or leave the group.
    lead = min(group, key=lambda entry: (entry.started_at or rules.received_at, entry.fingerprint))
    start, end = window_of(body, lead.started_at, rules.received_at, rules.lookup_window_s)
    return Alert(
        incident_id=_incident_id(lead, rules),
        service_name=lead.service_name,
        names_service=lead.names_service,
        status=lead.status,
        is_test=len(group) == 1 and lead.is_test,
        lookup_window_s=max(1, round((end - start).total_seconds())),
        start=start,
        end=end,
        received_at=rules.received_at,
        started_at=lead.started_at,
        alert_name=lead.name,
        summary=_summary(lead, group),
        labels=lead.labels,
        annotations=lead.annotations,
        fingerprint=lead.fingerprint,
        values=_values(lead.raw),
        generator_url=url_of(lead.raw.get("generatorURL") or lead.raw.get("ruleUrl")),
        silence_url=url_of(lead.raw.get("silenceURL")),
        dashboard_url=url_of(lead.raw.get("panelURL") or lead.raw.get("dashboardURL")),
        user_id=rules.user_id,
        github_repo=_repo(body, lead.labels),
        github_base_branch=text_of(body.get("github_base_branch") or lead.labels.get("github_base_branch"), 200)
        or None,
        commit=_commit(body, lead.labels),
    )


def _incident_id(lead: AlertEntry, rules: Rules) -> str:
    """Return the same id when the same alert is sent again, if it has a fingerprint and a start time."""
    if lead.fingerprint and lead.started_at:
        moment, identity = lead.started_at, [lead.fingerprint, lead.started_at.isoformat()]
    else:
        moment, identity = rules.received_at, [rules.received_at.isoformat(), rules.nonce]
    digest = hashlib.sha256(json.dumps([lead.service_name, lead.status, *identity]).encode()).hexdigest()
    return f"inc-{moment:%Y%m%d}-{digest[:10]}"


def _summary(lead: AlertEntry, group: list[AlertEntry]) -> str:
    parts = [
        lead.annotations.get(name) or text_of(lead.raw.get(name), 900) for name in ("summary", "description", "message")
    ]
    others = sorted({entry.name for entry in group if entry is not lead})
    if others:
        parts.append(f"({len(group) - 1} more alerts of this service: {', '.join(others)[:200]})")
    return "\n".join(dict.fromkeys(part for part in parts if part))[:1000]


def _values(raw: Mapping[str, Any]) -> dict[str, float | None]:
    matches = raw.get("evalMatches")
    listed = [match for match in matches if isinstance(match, dict)] if isinstance(matches, list) else []
    legacy = {str(match.get("metric")): match.get("value") for match in listed}
    values = {**legacy, **values_in(text_of(raw.get("valueString"), 4000)), **object_of(raw.get("values"))}
    return {text_of(name, 100): number_of(value) for name, value in list(values.items())[:32]}


def _legacy_tags(raw: Mapping[str, Any]) -> dict[str, Any]:
    """Return the tags of a legacy alert: those of its first match, overridden by the rule's own."""
    matches = raw.get("evalMatches")
    first = matches[0] if isinstance(matches, list) and matches and isinstance(matches[0], dict) else {}
    return {**object_of(first.get("tags")), **object_of(raw.get("tags"))}


def _commit(body: Mapping[str, Any], labels: Mapping[str, str]) -> str | None:
    """Return the commit or tag that the alert says is deployed."""
    image = labels.get("image", "").rpartition("/")[2].partition(":")[2].partition("@")[0]
    candidates = [text_of(body.get("commit"), 200), *(labels.get(name, "") for name in _COMMIT_LABELS), image]
    return next((name[:200] for name in candidates if name.lower() not in _NO_COMMIT), None)


def _repo(body: Mapping[str, Any], labels: Mapping[str, str]) -> str | None:
    named = text_of(body.get("github_repo"), 300)
    match = _REPO.fullmatch(named or labels.get("github_repo", ""))
    if named and not match:
        raise Rejected("github_repo: must be owner/name")
    return match[1][:200] if match else None
