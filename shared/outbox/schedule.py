"""Who is on call now by a schedule of PagerDuty.

Source: https://developer.pagerduty.com/api-reference/3a6b910f11050-list-all-of-the-on-calls
"""

import time
from collections.abc import Mapping
from typing import Any, Self
from urllib.parse import urlencode

import requests
from pydantic import Field, SecretStr, model_validator

from shared import json_text
from shared.bounds import clip
from shared.errors import Refused, Unavailable
from shared.http.retries import Sleep, with_retries
from shared.http.status import error_from_status
from shared.outbox.addresses import is_address
from shared.outbox.posting import check_address, quoted_reason, start_of
from shared.settings import Settings

MAX_BYTES = 1_000_000
MAX_ENTRIES = 100
"""PagerDuty's own most for a page; the entries of one schedule now are few."""
MAX_RECEIVERS = 20


class ScheduleSettings(Settings):
    """Which schedules, and how they are read."""

    pagerduty_api_token: SecretStr = Field(description="For ONCALL_PROVIDER=pagerduty: read-only key of its REST API.")
    pagerduty_schedule_ids: list[str] = Field(
        min_length=1, max_length=20, description="For ONCALL_PROVIDER=pagerduty: JSON list of the schedules' ids."
    )
    pagerduty_api_url: str = Field(
        "https://api.pagerduty.com", description="Root of PagerDuty's REST API; EU: https://api.eu.pagerduty.com."
    )
    oncall_timeout_s: float = Field(
        5, gt=0, le=30, description="Whole budget for reading the schedule with its retries, in seconds."
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        check_address(self.pagerduty_api_url, "PAGERDUTY_API_URL")
        return self


class PagerDutySchedule:
    """Reads schedules; `sleep` is the pause between tries."""

    def __init__(self, settings: ScheduleSettings, sleep: Sleep = time.sleep) -> None:
        self._settings = settings
        self._sleep = sleep

    def addresses(self) -> tuple[str, ...]:
        """
        Return the mail addresses of whoever is on call now, each once, first those whom an escalation reaches first.

        Raises Unavailable (no answer, 5xx, an answer of another shape), Throttled (429), Refused (4xx, nobody on call).
        """
        content = with_retries(self._read, self._settings.oncall_timeout_s, sleep=self._sleep)
        entries = content.get("oncalls")
        if not isinstance(entries, list):
            raise Unavailable("PagerDuty's answer lists nobody on call: it has no `oncalls`")
        ranked = sorted((one for one in entries if isinstance(one, dict)), key=_level)
        receivers = tuple(dict.fromkeys(address for one in ranked if (address := _address(one))))
        if not receivers:
            names = ", ".join(self._settings.pagerduty_schedule_ids)
            raise Refused(f"Nobody with a mail address is on call in PagerDuty's schedules {clip(names, 200)}")
        return receivers[:MAX_RECEIVERS]

    def _read(self, timeout_s: float) -> dict[str, Any]:
        # Without since and until, PagerDuty answers for the moment of the question.
        query = [("include[]", "users"), ("limit", str(MAX_ENTRIES))]
        query += [("schedule_ids[]", one) for one in self._settings.pagerduty_schedule_ids]
        url = f"{self._settings.pagerduty_api_url.rstrip('/')}/oncalls?{urlencode(query)}"
        headers = {
            "Authorization": f"Token token={self._settings.pagerduty_api_token.get_secret_value()}",
            "Accept": "application/json",
            "User-Agent": "incident-copilot",
        }
        deadline = time.monotonic() + timeout_s
        try:
            with requests.get(url, headers=headers, timeout=timeout_s, allow_redirects=False, stream=True) as reply:
                status, retry_after = reply.status_code, reply.headers.get("Retry-After")
                body = start_of(reply, MAX_BYTES, deadline)
        except requests.RequestException as error:
            raise Unavailable(f"PagerDuty's schedule cannot be read ({type(error).__name__})") from None
        content = _content(body)
        if status >= 300:
            reason = content.get("error")
            words = str(reason.get("message") or "") if isinstance(reason, dict) else ""
            message = f"PagerDuty answered {status} to the question who is on call"
            message += f": {quoted_reason(words)}" if words else ""
            raise error_from_status(status, message, retry_after=retry_after)
        return content


def _content(body: bytes) -> dict[str, Any]:
    try:
        value = json_text.parsed(body)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _level(entry: Mapping[str, Any]) -> int:
    level = entry.get("escalation_level")
    return level if isinstance(level, int) else 99


def _address(entry: Mapping[str, Any]) -> str:
    user = entry.get("user")
    email = user.get("email") if isinstance(user, dict) else None
    return email if isinstance(email, str) and is_address(email) else ""
