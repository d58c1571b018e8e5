"""The bodies of PagerDuty's Events API v2 as JSON Schema: its fields, their types, and which are required.

After the request bodies of reference/events-v2/openapiv3.json in github.com/PagerDuty/api-schema, as of 2026-08-14.
That repository states no licence, so that its file is not copied; the lengths are those of developer.pagerduty.com.
Fields that the API does not name are refused here, to find one that is misspelt.
"""

from typing import Any

TEXT = {"type": "string"}
_SUMMARY = {"type": "string", "minLength": 1, "maxLength": 1024}
_TIME = {"type": "string", "format": "date-time"}


def _object(required: list[str], **properties: Any) -> dict[str, Any]:
    return {"type": "object", "required": required, "properties": properties, "additionalProperties": False}


LINKS = {"type": "array", "items": _object(["href"], href={"type": "string", "format": "uri"}, text=TEXT)}
IMAGES = {"type": "array", "items": _object(["src"], src=TEXT, href=TEXT, alt=TEXT)}
EVENT = {
    **_object(
        ["routing_key", "event_action"],
        payload=_object(
            ["summary", "severity", "source"],
            summary=_SUMMARY,
            timestamp=_TIME,
            severity={"enum": ["critical", "warning", "error", "info"]},
            source=TEXT,
            component=TEXT,
            group=TEXT,
            custom_details={"type": "object"},
            **{"class": TEXT},
        ),
        routing_key=TEXT,
        event_action={"enum": ["trigger", "acknowledge", "resolve"]},
        dedup_key={"type": "string", "minLength": 1, "maxLength": 255},
        client=TEXT,
        client_url={"type": "string", "format": "uri"},
        links=LINKS,
        images=IMAGES,
    ),
    # "Required unless the event_type is trigger", and only a trigger has a payload.
    "if": {"properties": {"event_action": {"const": "trigger"}}},
    "then": {"required": ["payload"]},
    "else": {"required": ["dedup_key"]},
}
CHANGE = _object(
    ["payload", "routing_key"],
    payload=_object(["summary"], summary=_SUMMARY, timestamp=_TIME, source=TEXT, custom_details={"type": "object"}),
    routing_key=TEXT,
    links=LINKS,
    images=IMAGES,
)
