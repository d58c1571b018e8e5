"""Grafana itself: what an alert rule measures, and the annotations that report deployments."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict, Field, SecretStr, TypeAdapter, ValidationError

from shared.errors import Unavailable
from shared.settings import Settings
from shared.telemetry.alert_condition import from_grafana_rule
from shared.telemetry.http_reader import ByteBudget, Host, Reader, epoch_us
from shared.telemetry.port import AlertCondition, Annotation

# A rule holds its queries and its texts; a hundred annotations hold less.
_ANSWER_BYTES = 500_000
_PROXY = "/api/datasources/"
_MAX_ANNOTATIONS = 100
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class GrafanaSettings(Settings):
    """Where Grafana is; without a token nothing is read of it."""

    grafana_host: Host | None = Field(
        None, description="Base URL of Loki, or of Grafana's data source proxy that leads to it; logs need it."
    )
    grafana_url: Host | None = Field(
        None,
        description="Root URL of Grafana, for rules and links; unset, what GRAFANA_HOST has before /api/datasources/.",
    )
    grafana_token: SecretStr | None = Field(
        None,
        description="Token of a Grafana service account that may read alert rules and annotations; unset, none are.",
    )
    grafana_annotation_tags: list[str] = Field(
        default_factory=lambda: ["deploy", "deployment", "release", "rollout", "rollback"],
        max_length=20,
        description="JSON list: annotations with one of these tags report a deployment; empty, none are read.",
    )
    prometheus_timeout_s: float = Field(
        10, gt=0, le=300, description="Time for one query of metrics, retries included, in seconds."
    )

    @property
    def root(self) -> str:
        """Return Grafana's root URL, or an empty text when it is not known."""
        return root_of(self.grafana_host, self.grafana_url)


class _Row(BaseModel):
    """One annotation as Grafana lists it; times are milliseconds since 1970."""

    model_config = ConfigDict(hide_input_in_errors=True)

    time: int = Field(ge=0, le=253_402_300_799_000)
    text: str = ""
    tags: list[str] | None = None
    dashboardUID: str | None = None  # noqa: N815  # Grafana's name


_ROWS = TypeAdapter(list[_Row])


def root_of(host: str | None, url: str | None) -> str:
    """Return Grafana's root URL: as it is set, or what the path of its data source proxy follows; else empty."""
    root, proxy, _ = (host or "").partition(_PROXY)
    return url or (root if proxy else "")


def data_source_of(host: str) -> str:
    """Return the UID in the path of a data source proxy, or an empty text."""
    _, _, uid = host.partition(f"{_PROXY}proxy/uid/")
    return uid.partition("/")[0]


class Grafana:
    """
    Grafana's own records, read with a token.

    Source: https://grafana.com/docs/grafana/latest/developers/http_api/alerting_provisioning/,
    https://grafana.com/docs/grafana/latest/developers/http_api/annotations/
    """

    def __init__(self, root: str, token: SecretStr, timeout_s: float, tags: Sequence[str] = ()) -> None:
        headers = {"Authorization": f"Bearer {token.get_secret_value()}"}
        self._root, self._tags = root, tags
        self._reader = Reader("Grafana", root, timeout_s, headers=headers, max_bytes=_ANSWER_BYTES)

    def condition(self, uid: str) -> AlertCondition | None:
        """
        Return the condition of a rule, or None when it is none that Prometheus alone can evaluate.

        Raises Unavailable, Throttled, Refused (401, 403, 404), Rejected as any reader of telemetry does.
        """
        rule = self._reader.get(
            f"/api/v1/provisioning/alert-rules/{uid}", {}, f"the alert rule {uid!r}", ByteBudget(_ANSWER_BYTES)
        )
        if not isinstance(rule, dict):
            raise Unavailable(f"Grafana, asked the alert rule {uid!r}, answered in an unknown format")
        return from_grafana_rule(rule)

    def deployments(self, start: datetime, end: datetime) -> tuple[Annotation, ...]:
        """
        Return the annotations that have one of the tags of a deployment, at most 100, newest first.

        Raises Unavailable, Throttled, Refused (401, 403, 404), Rejected as any reader of telemetry does.
        """
        if not self._tags:
            return ()
        params: dict[str, str | int | Sequence[str]] = {
            "from": epoch_us(start) // 1000,
            "to": epoch_us(end) // 1000,
            "tags": list(self._tags),
            # Otherwise only annotations with all of the tags are listed.
            "matchAny": "true",
            "type": "annotation",
            "limit": _MAX_ANNOTATIONS,
        }
        request = f"the annotations tagged {', '.join(self._tags)} from {start.isoformat()} to {end.isoformat()}"
        answer = self._reader.get("/api/annotations", params, request, ByteBudget(_ANSWER_BYTES))
        try:
            rows = _ROWS.validate_python(answer)
        except ValidationError:
            raise Unavailable(f"Grafana, asked {request}, answered in an unknown format") from None
        moments = [_EPOCH + timedelta(milliseconds=row.time) for row in rows]
        # A region is listed when any part of it lies in the time, so its start may not.
        listed = [(at, row) for at, row in zip(moments, rows, strict=True) if start <= at <= end]
        return tuple(self._annotation(at, row) for at, row in sorted(listed, key=lambda pair: pair[0], reverse=True))

    def _annotation(self, at: datetime, row: _Row) -> Annotation:
        page = f"{self._root}/d/{quote(row.dashboardUID, safe='')}" if row.dashboardUID else ""
        # People and tools write HTML there, which Grafana shows.
        text = " ".join(re.sub(r"<[^<>]*>", " ", row.text).split())
        return Annotation(at, text, tuple(row.tags or ()), page)
