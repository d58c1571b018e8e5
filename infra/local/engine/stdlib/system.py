"""Modules `sys` and `time`."""

from __future__ import annotations

import re
from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from infra.local.engine.language import limits
from infra.local.engine.language.errors import key_error, type_error, value_error
from infra.local.engine.language.values import Value
from infra.local.engine.stdlib import arguments
from infra.local.engine.stdlib.function import Function, Host, hosted, pure

_RFC_3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)")
_SEVERITIES = ("DEFAULT", "DEBUG", "INFO", "NOTICE", "WARNING", "ERROR", "CRITICAL", "ALERT", "EMERGENCY")


def get_env(host: Host, name: Value, default: Value = None) -> Value:
    """Return an environment variable or the default; raises Workflows' KeyError when there is neither."""
    variable = arguments.text(name, "name")
    if variable in host.environment:
        return host.environment[variable]
    if default is None:
        raise key_error(f"environment variable not found: {variable}")
    return arguments.text(default, "default")


def log(
    host: Host,
    data: Value = None,
    severity: Value = "DEFAULT",
    text: Value = None,
    json: Value = None,
    timeout: Value = None,
) -> Value:
    """Write one of data, text or json to the log of the execution."""
    payloads = [value for value in (data, text, json) if value is not None]
    if len(payloads) != 1:
        raise type_error(f"sys.log takes exactly one of data, text and json, found {len(payloads)}")
    if json is not None:
        arguments.mapping(json, "json")
    if isinstance(payloads[0], bytes):
        raise type_error("sys.log cannot write bytes")
    if timeout is not None:
        arguments.number(timeout, "timeout")
    level = "DEFAULT" if severity is None else arguments.text(severity, "severity")
    if level not in _SEVERITIES:
        raise value_error(f"{level!r} is not a severity; use one of {', '.join(_SEVERITIES)}")
    host.log(level, payloads[0])
    return None


def now(host: Host) -> Value:
    """Return the seconds since the Unix epoch, as a double."""
    return host.now_s()


def sleep(host: Host, seconds: Value) -> Value:
    """Wait this many seconds, at most a year."""
    host.sleep(arguments.seconds(seconds, "seconds", limits.SLEEP_MAX_S))
    return None


def sleep_until(host: Host, time: Value) -> Value:
    """Wait until a time, at most a year ahead; return at once for a past time."""
    wait_s = _moment(time, "time").timestamp() - host.now_s()
    if wait_s > limits.SLEEP_MAX_S:
        raise value_error(f"{time} is more than a year ahead")
    host.sleep(max(0.0, wait_s))
    return None


def time_format(seconds: Value, timezone: Value = None) -> Value:
    """Return seconds since the Unix epoch as ISO 8601, in UTC or in a named zone."""
    zone = UTC if timezone is None else _zone(arguments.text(timezone, "timezone"))
    number = arguments.number(seconds, "seconds")
    try:
        moment = datetime.fromtimestamp(number, tz=zone)
    except (OverflowError, ValueError, OSError) as error:
        raise value_error(f"{number} seconds are outside the calendar") from error
    return moment.isoformat().replace("+00:00", "Z") if zone is UTC else moment.isoformat()


def _zone(name: str) -> tzinfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise value_error(f"{name!r} is not a time zone") from error


def time_parse(value: Value) -> Value:
    """Return the seconds since the Unix epoch of an RFC 3339 time; whole seconds are an integer."""
    if _RFC_3339.fullmatch(arguments.text(value, "value")) is None:
        raise value_error(f"value {value!r} is not an RFC 3339 time")
    timestamp = _moment(value, "value").timestamp()
    return int(timestamp) if timestamp.is_integer() else timestamp


def _moment(value: Value, name: str) -> datetime:
    text = arguments.text(value, name)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise value_error(f"{name} {text!r} is not an ISO 8601 time") from error
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


FUNCTIONS: tuple[Function, ...] = (
    hosted("sys.get_env", get_env, is_blocking=False),
    hosted("sys.log", log),
    hosted("sys.now", now, is_blocking=False),
    hosted("sys.sleep", sleep),
    hosted("sys.sleep_until", sleep_until),
    pure("time.format", time_format),
    pure("time.parse", time_parse),
)
