"""PagerDuty on loopback: POST /v2/enqueue and /v2/change/enqueue, and GET /oncalls of its REST API.

Source: https://github.com/PagerDuty/api-schema, reference/events-v2 and reference/REST
"""

from collections.abc import Sequence
from typing import Any

from infra.local.sandboxes.http import Reply, Request, Sandbox

ROUTING_KEY = "sandbox0routing0key0of0pagerduty"
TOKEN = "sandbox-rest-token"  # noqa: S105  # it opens this sandbox alone
_ACTIONS = ("trigger", "acknowledge", "resolve")
_SEVERITIES = ("critical", "warning", "error", "info")
_MAX_BYTES, _SUMMARY_CHARS, _KEY_CHARS = 512_000, 1_024, 255


class PagerDutySandbox(Sandbox):
    """Keeps the events that it accepted; `on_call` holds (schedule, escalation level, user) of who is on call now."""

    def __init__(self, port: int = 0, on_call: Sequence[tuple[str, int, dict[str, Any]]] = ()) -> None:
        super().__init__(port)
        self.on_call = list(on_call)
        self._events: list[dict[str, Any]] = []
        self._changes: list[dict[str, Any]] = []

    @property
    def events(self) -> list[dict[str, Any]]:
        """The alert events accepted so far, in order."""
        with self._lock:
            return list(self._events)

    @property
    def changes(self) -> list[dict[str, Any]]:
        """The change events accepted so far, in order."""
        with self._lock:
            return list(self._changes)

    @property
    def alerts(self) -> dict[str, str]:
        """The alerts by their dedup key: triggered or resolved. A repeat of an event makes no second one."""
        states: dict[str, str] = {}
        for event in self.events:
            is_known = event["dedup_key"] in states
            if event["event_action"] == "trigger" or is_known:
                states[event["dedup_key"]] = "resolved" if event["event_action"] == "resolve" else "triggered"
        return states

    def answer(self, request: Request) -> Reply:
        """Answer as the Events API, or as the REST API."""
        match request.method, request.path:
            case "POST", "/v2/enqueue":
                return self._event(request)
            case "POST", "/v2/change/enqueue":
                return self._change(request)
            case "GET", "/oncalls":
                return self._oncalls(request)
        return super().answer(request)

    def _event(self, request: Request) -> Reply:
        event = _read(request)
        if event is None:
            return _invalid("Event object format is unrecognized", ["JSON parse error"], "Unrecognized object")
        if wrong := event_problems(event):
            return _invalid("Event object is invalid", wrong)
        accepted = {**event, "dedup_key": event.get("dedup_key") or f"sandbox-{len(self._events)}"}
        with self._lock:
            self._events.append(accepted)
        success = {"status": "success", "message": "Event processed", "dedup_key": accepted["dedup_key"]}
        return Reply.of_json(success, 202)

    def _change(self, request: Request) -> Reply:
        event = _read(request)
        if event is None:
            return _invalid("Event object format is unrecognized", ["JSON parse error"], "Unrecognized object")
        if wrong := [*_key_problems(event), *_summary_problems(event)]:
            return _invalid("Event object is invalid", wrong)
        with self._lock:
            self._changes.append(event)
        return Reply.of_json({"status": "success", "message": "Change event processed"}, 202)

    def _oncalls(self, request: Request) -> Reply:
        if request.headers.get("Authorization") != f"Token token={TOKEN}":
            # PagerDuty's REST API answers so when the key is wrong.
            return Reply.of_json({"error": {"message": "Invalid Authentication Provided", "code": 2006}}, 401)
        wanted, is_whole = request.query.get("schedule_ids[]", []), "users" in request.query.get("include[]", [])
        entries = [
            {
                "user": {"type": "user", **user} if is_whole else {"type": "user_reference", "id": user["id"]},
                "schedule": {"id": schedule, "type": "schedule_reference"},
                "escalation_level": level,
            }
            for schedule, level, user in self.on_call
            if not wanted or schedule in wanted
        ]
        return Reply.of_json({"oncalls": entries, "limit": 100, "offset": 0, "more": False, "total": None})


def event_problems(event: dict[str, Any]) -> list[str]:
    """Return why PagerDuty would refuse an alert event."""
    action = event.get("event_action")
    wrong = _key_problems(event)
    if action not in _ACTIONS:
        wrong.append(f"'event_action' must be one of {', '.join(_ACTIONS)}")
    if len(event.get("dedup_key") or "") > _KEY_CHARS:
        wrong.append(f"'dedup_key' must be at most {_KEY_CHARS} characters")
    if action != "trigger":
        return wrong if event.get("dedup_key") else [*wrong, "'dedup_key' is missing or blank"]
    payload = event.get("payload") or {}
    wrong += _summary_problems(event)
    if not payload.get("source"):
        wrong.append("'payload.source' is missing or blank")
    if payload.get("severity") not in _SEVERITIES:
        wrong.append(f"'payload.severity' must be one of {', '.join(_SEVERITIES)}")
    return wrong


def _key_problems(event: dict[str, Any]) -> list[str]:
    return [] if event.get("routing_key") == ROUTING_KEY else ["'routing_key' is invalid"]


def _summary_problems(event: dict[str, Any]) -> list[str]:
    summary = (event.get("payload") or {}).get("summary") or ""
    return [] if 0 < len(summary) <= _SUMMARY_CHARS else ["'payload.summary' is missing, blank or too long"]


def _read(request: Request) -> dict[str, Any] | None:
    try:
        event = request.json()
    except ValueError:
        return None
    return event if isinstance(event, dict) and len(request.body) < _MAX_BYTES else None


def _invalid(message: str, errors: list[str], status: str = "invalid event") -> Reply:
    return Reply.of_json({"status": status, "message": message, "errors": errors}, 400)
