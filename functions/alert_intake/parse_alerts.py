"""What Grafana, Alertmanager or curl posted, as alerts: one for each service and status. Pure.

    the seed's body          {"service_name", "lookup_window_seconds"?, "end_time"?, "github_repo"?, …}
    Alertmanager, Grafana 8+ {"alerts": [...]} with the seed's fields beside it as defaults for every alert
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

from .alert_fields import line_of, moment_of, number_of, object_of, text_of, texts_of, url_of
from .alert_window import window_of

MAX_SERVICES = 50
SERVICE_LABELS = [
    "service_name",
    "service",
    "app",
    "application",
    "app_kubernetes_io_name",
    "job",
    "deployment",
    "container",
]
"""Labels that may name the service, the best first."""

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
# What Go's and Grafana's templates write for a label that the alert does not have.
_NO_VALUE = ("<no value>", "[no value]")
_NO_COMMIT = ("", "latest", "unknown", "none", "main", "master")
_REPO = re.compile(r"(?:https://github\.com/)?([\w.-]+/[\w.-]+?)(?:\.git)?/?")


@dataclass(frozen=True)
class Rules:
    """How to read a body; `nonce` makes ids unique where the sender names no alert, times are aware UTC."""

    received_at: datetime
    nonce: str
    service_labels: tuple[str, ...]
    lookup_window_s: int
    user_id: str


@dataclass(frozen=True)
class Reading:
    """The alerts of one body, and why each of its other entries names no service."""

    alerts: tuple[Alert, ...]
    refused: tuple[str, ...] = ()

    def receipt(self) -> dict[str, Any]:
        """Return what the sender is told."""
        shown = {"incident_id", "service_name", "status"}
        told: dict[str, Any] = {
            "status": "accepted",
            "incidents": [alert.model_dump(include=shown) for alert in self.alerts],
        }
        return {**told, "refused": list(self.refused)} if self.refused else told


@dataclass(frozen=True)
class AlertEntry:
    """One alert as its sender tells it, cleaned and bounded."""

    service_name: str
    status: Status
    labels: dict[str, str]
    annotations: dict[str, str]
    fingerprint: str
    started_at: datetime | None
    told: Mapping[str, Any]

    @property
    def name(self) -> str:
        """The name of its rule."""
        return line_of(self.labels.get("alertname") or self.told.get("ruleName"), 300)


def read(body: object, rules: Rules) -> Reading:
    """Return the alerts in a body. Raises Rejected naming the field that is missing or wrong."""
    if not isinstance(body, dict):
        raise Rejected('The body is not a JSON object; send a Grafana or Alertmanager webhook, or {"service_name": …}')
    groups: dict[tuple[str, Status], list[AlertEntry]] = {}
    refused = []
    for told in _told(body):
        entry = _entry(told, body, rules)
        if entry.service_name:
            groups.setdefault((entry.service_name, entry.status), []).append(entry)
        else:
            refused.append(f"alert {entry.name!r} has none of the labels {', '.join(rules.service_labels)}")
    if not groups:
        raise Rejected(f"No service is named: send service_name, or a label for it; {'; '.join(refused[:5])}")
    if len(groups) > MAX_SERVICES:
        raise Rejected(f"{len(groups)} services in one body, at most {MAX_SERVICES}: group the notification by service")
    return Reading(tuple(_alert(group, body, rules) for group in groups.values()), tuple(refused[:MAX_SERVICES]))


def _told(body: dict[str, Any]) -> list[Mapping[str, Any]]:
    """Return what the body tells of each alert."""
    if "alerts" not in body:
        return [body]
    alerts = body["alerts"]
    if not isinstance(alerts, list) or not alerts or not all(isinstance(alert, dict) for alert in alerts):
        raise Rejected("alerts: must be a list of at least one alert object")
    return alerts


def _entry(told: Mapping[str, Any], body: Mapping[str, Any], rules: Rules) -> AlertEntry:
    labels = texts_of(_labels(told, body, rules), budget_bytes=8_000, most=64)
    annotations = {**object_of(body.get("commonAnnotations")), **object_of(told.get("annotations"))}
    state = str(told.get("status") or told.get("state") or body.get("status") or "firing").lower()
    return AlertEntry(
        service_name=_service(labels, body, rules),
        status="resolved" if state in ("resolved", "ok", "normal", "inactive") else "firing",
        labels=labels,
        annotations=texts_of(annotations, budget_bytes=5_000, most=32),
        fingerprint=text_of(told.get("fingerprint"), 100),
        started_at=moment_of(told.get("startsAt")),
        told=told,
    )


def _labels(told: Mapping[str, Any], body: Mapping[str, Any], rules: Rules) -> dict[str, Any]:
    """Return the alert's labels over those common to the body, the ones that matter first: the last may be cut off."""
    common = {**object_of(body.get("groupLabels")), **object_of(body.get("commonLabels"))}
    labels = {**_legacy_tags(told), **common, **object_of(told.get("labels"))}
    first = (*rules.service_labels, "alertname", *_COMMIT_LABELS, "image", "github_repo", "github_base_branch")
    return {**{name: labels[name] for name in first if name in labels}, **labels}


def _service(labels: Mapping[str, str], body: Mapping[str, Any], rules: Rules) -> str:
    """Return the alert's own label, else the body's `service_name`, else nothing."""
    named = body.get("service_name")
    if named is not None and (not isinstance(named, str) or len(named) > 200 or not line_of(named, 200)):
        raise Rejected("service_name: must be a text of 1 to 200 characters")
    told = [labels.get(name) for name in rules.service_labels]
    return next(
        (name for name in (line_of(value, 200) for value in (*told, named)) if name not in ("", *_NO_VALUE)), ""
    )


def _alert(group: list[AlertEntry], body: Mapping[str, Any], rules: Rules) -> Alert:
    # The alert that began first leads: it stays the same when others of the group come and go.
    lead = min(group, key=lambda entry: (entry.started_at or rules.received_at, entry.fingerprint))
    start, end = window_of(body, lead.started_at, rules.received_at, rules.lookup_window_s)
    return Alert(
        incident_id=_incident_id(lead, rules),
        service_name=lead.service_name,
        status=lead.status,
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
        values=_values(lead.told),
        generator_url=url_of(lead.told.get("generatorURL") or lead.told.get("ruleUrl")),
        silence_url=url_of(lead.told.get("silenceURL")),
        dashboard_url=url_of(lead.told.get("panelURL") or lead.told.get("dashboardURL")),
        user_id=rules.user_id,
        github_repo=_repo(body, lead.labels),
        github_base_branch=text_of(body.get("github_base_branch") or lead.labels.get("github_base_branch"), 200)
        or None,
        commit=_commit(body, lead.labels),
    )


def _incident_id(lead: AlertEntry, rules: Rules) -> str:
    """Return the same id for the same alert sent again, when its sender says which one it is and since when."""
    if lead.fingerprint and lead.started_at:
        moment, identity = lead.started_at, [lead.fingerprint, lead.started_at.isoformat()]
    else:
        moment, identity = rules.received_at, [rules.received_at.isoformat(), rules.nonce]
    digest = hashlib.sha256(json.dumps([lead.service_name, lead.status, *identity]).encode()).hexdigest()
    return f"inc-{moment:%Y%m%d}-{digest[:10]}"


def _summary(lead: AlertEntry, group: list[AlertEntry]) -> str:
    told = [
        lead.annotations.get(name) or text_of(lead.told.get(name), 900)
        for name in ("summary", "description", "message")
    ]
    others = sorted({entry.name for entry in group if entry is not lead})
    if others:
        told.append(f"({len(group) - 1} more alerts of this service: {', '.join(others)[:200]})")
    return "\n".join(dict.fromkeys(part for part in told if part))[:1000]


def _values(told: Mapping[str, Any]) -> dict[str, float | None]:
    matches = told.get("evalMatches")
    listed = [match for match in matches if isinstance(match, dict)] if isinstance(matches, list) else []
    legacy = {str(match.get("metric")): match.get("value") for match in listed}
    values = {**legacy, **object_of(told.get("values"))}
    return {text_of(name, 100): number_of(value) for name, value in list(values.items())[:32]}


def _legacy_tags(told: Mapping[str, Any]) -> dict[str, Any]:
    """Return the tags of a legacy alert: its first match's, under the rule's own."""
    matches = told.get("evalMatches")
    first = matches[0] if isinstance(matches, list) and matches and isinstance(matches[0], dict) else {}
    return {**object_of(first.get("tags")), **object_of(told.get("tags"))}


def _commit(body: Mapping[str, Any], labels: Mapping[str, str]) -> str | None:
    """Return the commit or tag that the alert says is deployed."""
    image = labels.get("image", "").rpartition("/")[2].partition(":")[2].partition("@")[0]
    told = [text_of(body.get("commit"), 200), *(labels.get(name, "") for name in _COMMIT_LABELS), image]
    return next((name[:200] for name in told if name.lower() not in _NO_COMMIT), None)


def _repo(body: Mapping[str, Any], labels: Mapping[str, str]) -> str | None:
    named = text_of(body.get("github_repo"), 300)
    found = _REPO.fullmatch(named or labels.get("github_repo", ""))
    if named and not found:
        raise Rejected("github_repo: must be owner/name")
    return found[1][:200] if found else None
