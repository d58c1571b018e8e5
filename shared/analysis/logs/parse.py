"""Reads the level, message and source of one log entry, in JSON, logfmt or the usual text formats."""

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from functools import lru_cache
from typing import NamedTuple, cast

from shared import json_text
from shared.analysis.logs import levels
from shared.analysis.logs.levels import Level
from shared.analysis.logs.lines.monolog import monolog_trace
from shared.telemetry.port import LogLine

MESSAGE_KEYS = (
    "message",
    "msg",
    "event",
    "textPayload",
    "@message",
    "@m",
    "@mt",
    "short_message",
    "log",
    "body",
    "Message",
    "RenderedMessage",
)
TRACE_KEYS = (
    *("stack_trace", "exc_info", "exception", "stacktrace", "stack", "traceback", "exc_text", "error.stack_trace"),
    *("stackTrace", "@x", "backtrace", "Exception"),
)
LOGGERS_TRACE_KEYS = ("exc_info", "exc_text", "error.stack_trace")
"""Of these, those that a logging library fills itself: `stack` may be what a browser reported."""
NESTED_KEYS = ("jsonPayload", "error", "err", "exception", "fields", "attributes", "log", "thrown")
# Where loggers put why something failed, as a text or as an object: zap, pino, logrus, structlog, ECS, Serilog.
REASON_KEYS = (
    *(
        "error",
        "err",
        "exception",
        "cause",
        "reason",
        "error.message",
        "exception.message",
        "error_message",
        "errorMessage",
    ),
    *("exc_info", "stack", "thrown", "panic"),
)
REASON_TYPE_KEYS = ("type", "name", "class", "kind", "code")
MAX_REASONS = 3
# What a container runtime puts before each line: https://github.com/kubernetes/design-proposals-archive, CRI logging
TIME_MARK = slice(10, 11)
"""Where its time has a T, which most others have as a space; the place is looked at before a pattern is tried."""
WRAPPING = re.compile(r"^\d{4}-\d\d-\d\dT\S+ (?:stdout|stderr) [FP] ")
COLOUR = re.compile(r"\x1b\[[0-9;]*m")
# A stack trace inside a quoted field, its newlines written as two characters.
ESCAPED = re.compile(
    r"\\n(?:\[[\w.:-]{1,64}\] ){0,4}(?:\\t|\s)*(?:File \\?\"|at \S|from [^\s\\]{1,300}:\d+:in |#\d+ [/{\[]"
    r"|[\w./-]{1,300}\.(?:rb|erb|rake|ru):\d+:in |/[^\s\\]{1,300}\.go:\d+|\((?:\w+) [\d.]+\) [^\s\\]{1,300}:\d+"
    r"|goroutine \d+ \[|stack backtrace:|note: run with|\*\* \("
    r"|in function |\.\.\. \d+ more)|Traceback \(most recent call last\):\\n|panicked at [^\s\\]+:\d+:\d+:?\\n"
)
# A field of logfmt that holds several lines.
QUOTED = re.compile(r"=\"(?P<value>(?:[^\"\\]|\\.)*)\"")
# Where a frame in a list of frames stands.
PLACE = re.compile(r":\d+|\bline \d|^\s*(?:at|File) ")
ESCAPE = re.compile(r"\\([nt\"\\])")
MEANT = {"n": "\n", "t": "\t", '"': '"', "\\": "\\"}
SOURCE_LABELS = frozenset(
    [
        "pod",
        "container",
        "instance",
        "host",
        "hostname",
        "node",
        "filename",
        "stream",
        "job",
        "service_name",
        "service",
        "app",
        "namespace",
        "k8s_pod_name",
        "k8s_container_name",
        "service_instance_id",
        "task",
        "revision_name",
    ]
)
VOLATILE_LABELS = frozenset(
    ["level", "detected_level", "severity", "severity_text", "severity_number", "trace_id", "span_id"]
)
# A date with time, or a time alone, at the start of a line; it is no part of the shape.
CLOCK = re.compile(
    r"^\W{0,2}(?:\d{4}[-/.]\d\d[-/.]\d\d[T ]\d\d:\d\d:\d\d|\d\d:\d\d:\d\d|[A-Z][a-z]{2} +\d+ \d\d:\d\d:\d\d)"
    r"[.,\d]*(?: ?Z| ?[+-]\d\d:?\d\d)?\W?\s*"
)

# docker compose's name of the container: with its number, or padded to the width of the longest.
COMPOSE = re.compile(r"^(?P<name>[\w.-]{1,60}[-_]\d+ +|[\w.-]{1,60} {2,})\| ")
# The head of Ruby's logger and the request that Rails tags its lines with; klog's level, time and thread.
PREFIX = re.compile(
    r"^(?:[DIWEFA], \[\S+ #\d+\] +[A-Z]+ -- [^:\n]{0,60}: (?:\[[0-9a-f-]{6,40}\] )?"
    r"|[IWEF]\d{4} \d\d:\d\d:\d\d\.\d+ +\d+ )"
)

Source = tuple[tuple[str, str], ...]


class LogEntry(NamedTuple):
    """
    One log entry, or several joined: `text` is what a human reads, `message` its first line without the clock.

    `parts` is how many entries of the log store it was joined from. `is_structured` says that the writer made it a JSON
    object with a level, where every text is escaped, and `has_trace_field` that its only trace is a field of that.
    `is_interleaved` says that a line of another thread stood between its parts.
    """

    at: datetime
    level: Level
    text: str
    message: str
    source: Source
    service: str
    parts: int = 1
    is_structured: bool = False
    has_trace_field: bool = False
    is_interleaved: bool = False


class _Unwrapped(NamedTuple):
    """The fields of a JSON line and its human text; the fields are None for any other line."""

    fields: Mapping[str, object] | None
    text: str
    is_structured: bool = False
    has_trace_field: bool = False


def read(line: LogLine) -> LogEntry:
    """Return the line as an entry; never fails: a line of unknown format is its own message."""
    labels, bare = line.labels, _bare(line.text)
    source, service = source_of(tuple(labels.items())), labels.get("service_name", "")
    if not bare.startswith("{"):
        text = _unescape(bare)
        return LogEntry(line.at, _level(labels, None, text), text, first_line(text), source, service)
    unwrapped = _unwrap(bare)
    text = _unescape(unwrapped.text)
    level = _level(labels, unwrapped.fields, text)
    has_trace_field = unwrapped.has_trace_field and text == unwrapped.text
    return LogEntry(
        line.at, level, text, first_line(text), source, service, 1, unwrapped.is_structured, has_trace_field
    )


def first_line(text: str) -> str:
    """Return the first line that is not empty, without what shippers and loggers put before its words."""
    head = text.partition("\n")[0] or text.strip().partition("\n")[0]
    if head[1:3] == ", " or head[1:5].isdigit():
        # Most lines have none, and the pattern costs as much as the rest of this.
        head = PREFIX.sub("", head, count=1)
    clock = CLOCK.match(head)
    return (head[clock.end() :] if clock else head).rstrip()


def _bare(raw: str) -> str:
    """Strip what the container runtime and the terminal add to a line."""
    bare = COLOUR.sub("", raw) if "\x1b" in raw else raw
    bare = WRAPPING.sub("", bare, count=1) if bare[TIME_MARK] == "T" else bare
    if (
        " | " not in bare[:64]
        or (match := COMPOSE.match(bare)) is None
        or match["name"].strip().lower() in levels.NAMES
    ):
        return bare
    # Each line of a trace has the name of its container.
    return "\n".join(line.removeprefix(match[0]) for line in bare.split("\n"))


def _unescape(text: str) -> str:
    """Restore the line breaks of a stack trace written on one line."""
    if "\\n" not in text or "\n" in text.rstrip():
        return text
    if quoted := next((one for one in QUOTED.finditer(text) if "\\n" in one["value"]), None):
        text = f"{text[: quoted.start()].rpartition(' ')[0]}\n{quoted['value']}"
    elif not ESCAPED.search(text):
        return text
    return ESCAPE.sub(lambda match: MEANT[match[1]], text)


def _unwrap(raw: str) -> _Unwrapped:
    if not raw.startswith("{"):
        return _Unwrapped(None, raw)
    try:
        loaded = json_text.parsed(raw)
    except ValueError:
        return _Unwrapped(None, raw)
    if not isinstance(loaded, dict):
        return _Unwrapped(None, raw)
    fields = _flatten(loaded)
    text = _text_of(fields)
    # A shipper that wraps plain lines gives them no level.
    is_structured = levels.of_fields(loaded) != "unknown"
    # Docker's json-file driver wraps a line that may itself be JSON; what a logger with levels holds is anybody's text.
    if not is_structured and isinstance(loaded.get("log"), str) and text.startswith("{"):
        inner = _unwrap(text.strip())
        return inner._replace(fields=inner.fields or fields)
    return _Unwrapped(fields, text or raw, is_structured, is_structured and _has_trace_field(loaded))


def _has_trace_field(loaded: Mapping[str, object]) -> bool:
    """Return whether a field that only a logger fills holds a trace, and no other text has several lines."""
    traces = [key for key in LOGGERS_TRACE_KEYS if _trace_text(loaded.get(key))]
    others = (value for key, value in loaded.items() if key not in traces)
    return len(traces) == 1 and not any(isinstance(value, str) and "\n" in value for value in others)


def _flatten(loaded: Mapping[str, object]) -> dict[str, object]:
    fields = dict(loaded)
    has_message = any(isinstance(loaded.get(key), str) for key in MESSAGE_KEYS)
    for key in NESTED_KEYS:
        inner = loaded.get(key)
        if isinstance(inner, dict):
            for name, value in cast("dict[str, object]", inner).items():
                if not (has_message and name in MESSAGE_KEYS):
                    fields.setdefault(name, value)
    return fields


def _text_of(fields: Mapping[str, object]) -> str:
    message = next((str(fields[key]) for key in MESSAGE_KEYS if isinstance(fields.get(key), str) and fields[key]), "")
    trace = next((candidate for key in TRACE_KEYS if (candidate := _trace_text(fields.get(key)))), "")
    trace = trace or monolog_trace(fields)
    whole = message if trace.strip() in message else f"{message}\n{trace}".lstrip("\n")
    return _with_reasons(message, whole, (reason for key in REASON_KEYS for reason in _reasons(fields.get(key))))


def _with_reasons(message: str, whole: str, reasons: Iterable[str]) -> str:
    """Add to the message why it happened, unless the message or the trace below it says so."""
    parts = [message] if message else []
    for reason in reasons:
        if not any(reason in text for text in (whole, *parts)):
            parts = [*(text for text in parts if text not in reason), reason]
    head, trace = ": ".join(parts[: MAX_REASONS + 1]), whole[len(message) :]
    return f"{head}\n{trace}" if head and trace and not message else head + trace


def _reasons(value: object) -> Iterator[str]:
    """Yield each reason in a field, the outermost first; a text of several lines is a trace, which is read as one."""
    for _ in range(MAX_REASONS):
        if not isinstance(value, dict):
            break
        inside = cast("dict[str, object]", value)
        text, kind = _first_text(inside, MESSAGE_KEYS), _first_text(inside, REASON_TYPE_KEYS)
        if reason := text if kind in text else f"{kind}: {text}" if text else kind:
            yield reason
        value = inside.get("cause")
    if text := _one_line(value):
        yield text


def _first_text(fields: Mapping[str, object], keys: Iterable[str]) -> str:
    return next((text for key in keys if (text := _one_line(fields.get(key)))), "")


def _one_line(value: object) -> str:
    text = value.strip() if isinstance(value, str) else ""
    return "" if "\n" in text else text


def _trace_text(value: object) -> str:
    if isinstance(value, str):
        return value if "\n" in value.strip() else ""
    if isinstance(value, list) and all(isinstance(item, str) for item in value) and any(map(PLACE.search, value)):
        return "\n".join(item.rstrip("\n") for item in value)
    return ""


def _level(labels: Mapping[str, str], fields: Mapping[str, object] | None, text: str) -> Level:
    """Prefer the level that the writer set to the one that the log store guessed from words in the line."""
    label = labels.get("level") or labels.get("severity") or labels.get("severity_text")
    level = levels.of_label(label) if label else "unknown"
    if level == "unknown" and fields is not None:
        level = levels.of_fields(fields)
    if level == "unknown":
        level = levels.of_header(text)
    if level == "unknown":
        level = levels.of_label(labels.get("detected_level", ""))
    if level in ("unknown", "info", "debug"):
        return levels.implied(text, fields, level)
    return level


@lru_cache(maxsize=4096)
def source_of(labels: tuple[tuple[str, str], ...]) -> Source:
    """Return the labels of the writing process, so that pods that write at once are kept separate."""
    identity = tuple(sorted(pair for pair in labels if pair[0] in SOURCE_LABELS))
    return identity or tuple(sorted(pair for pair in labels if pair[0] not in VOLATILE_LABELS))
