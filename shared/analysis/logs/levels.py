"""The level of a log line, from its fields and its text."""

import re
from collections.abc import Mapping
from typing import Literal

Level = Literal["fatal", "error", "warning", "info", "debug", "unknown"]

LEVEL_KEYS = (
    "severity",
    "level",
    "levelname",
    "log.level",
    "lvl",
    "loglevel",
    "severity_text",
    "level_name",
    "@l",
    "LogLevel",
    "Level",
)
STATUS_KEYS = ("status", "status_code", "statusCode", "http_status", "http.status_code")
NAMES: dict[str, Level] = {
    **dict.fromkeys(("fatal", "critical", "crit", "emerg", "emergency", "alert", "panic", "dpanic"), "fatal"),
    **dict.fromkeys(("error", "err", "eror", "severe"), "error"),
    **dict.fromkeys(("warning", "warn"), "warning"),
    **dict.fromkeys(("info", "information", "informational", "notice", "default"), "info"),
    **dict.fromkeys(("debug", "trace", "fine", "finer", "finest", "verbose"), "debug"),
}
# pino and bunyan write numbers: https://getpino.io/#/docs/api?id=loggerlevels-object
NUMBERS: dict[int, Level] = {60: "fatal", 50: "error", 40: "warning", 30: "info", 20: "debug", 10: "debug"}
KLOG: dict[str, Level] = {"F": "fatal", "E": "error", "W": "warning", "I": "info"}

HEADER_CHARS = 120
READ_CHARS = 4000
"""A line may be megabytes; its start shows what it is."""
WORD = re.compile(
    # The first letters of all words below, so that most others are passed over.
    r"\b(?=[A-Zacdefilnstw])(?:(?:level|lvl|severity)=\"?(?P<pair>\w+)"
    r"|(?P<upper>FATAL|CRITICAL|CRIT|EMERG|PANIC|SEVERE|ERROR|ERR|WARNING|WARN|NOTICE|INFO|DEBUG|TRACE|FINE)\b"
    r"|(?<=\[)(?P<bracket>fatal|critical|crit|emerg|alert|error|warn|warning|notice|info|debug|trace)(?=\])"
    r"|(?<=dotnet: )(?P<word>fail|warn|crit))"
)
START = re.compile(r"^(?P<word>fatal|error|err|warn|warning|info|debug|crit|fail)\s?:", re.IGNORECASE)
KLOG_START = re.compile(r"^(?P<letter>[IWEF])\d{4} \d\d:\d\d:\d\d")
CRASHED = re.compile(
    r"(?:^|[\]:|>-] +)(?:panic: |fatal (?:runtime )?error: |FATAL EXCEPTION|Unhandled exception[.:]|PHP Fatal error"
    r"|Fatal Python error: |thread '.*' panicked|thread \d+ panic: |Error: unhandled exception: "
    r"|(?:lua entry )?thread aborted: |terminate called after|\*{3} Program crashed: |\[UnhandledPromiseRejection: )"
    r"|^(?:=CRASH REPORT====|CallStack \(from HasCallStack\):|The application panicked)"
    r"|\bhas overflowed its stack\b|\bKernel panic\b|\bObserved a panic\b|\(core dumped\)|\bAddressSanitizer: "
    r"|\bOOMKilled\b|\bOut of memory: Kill|^Killed$|\bsegmentation fault\b|\bSIGSEGV\b|CrashLoopBackOff",
    re.MULTILINE | re.IGNORECASE,
)
CRASH_WORDS = (
    *("panic", "fatal", "unhandled", "kill", "segmentation", "sigsegv", "crashloop", "aborted: ", "terminate called"),
    *("crash", "callstack", "overflowed", "core dumped", "addresssanitizer"),
)
"""One of them, in lower case, is in each text that CRASHED matches: searched first, because it is ten times as fast."""
FAILED = re.compile(
    r"^Traceback \(most recent|^Exception in thread|^(?:Uncaught )?(?:[\w$]+\.)*[A-Z][\w$]*(?:Error|Exception)\b[:\s]"
    r"|^(?:Caused by|Unhandled|UnhandledPromiseRejection|\*\* \()|panic serving",
    re.MULTILINE,
)
FAILURE_WORDS = ("Traceback", "Exception", "Error", "Caused by", "Unhandled", "panic serving", "** (")
"""The same for FAILED."""
# A server's own access log line: the quoted or bare request and its status, gin's columns, or a `status=` field.
SERVER_ERROR = re.compile(
    r"HTTP/\d(?:\.\d)?\"\s+5\d\d\b|\bstatus(?:_code)?=5\d\d\b"
    r"|\b(?:GET|POST|PUT|PATCH|DELETE|HEAD|OPTIONS) /\S* 5\d\d(?= |$)|\| 5\d\d \|"
)
MAYBE_SERVER_ERROR = re.compile(r"5\d\d(?<=[\s=]5\d\d)")
"""What each server error holds: searched first, because it starts with one character, and so is ten times as fast."""


def of_label(value: str) -> Level:
    """Return the level a label or field names."""
    return NAMES.get(value.strip().lower(), "unknown")


def of_fields(fields: Mapping[str, object]) -> Level:
    """Return the level in the fields of a JSON line."""
    for key in LEVEL_KEYS:
        value = fields.get(key)
        if isinstance(value, str) and (level := of_label(value)) != "unknown":
            return level
        if isinstance(value, int) and value in NUMBERS:
            return NUMBERS[value]
    return "unknown"


def of_header(text: str) -> Level:
    """Return the level written in the head of a text line."""
    head = text[:HEADER_CHARS].partition("\n")[0]
    if not head[:1].isdigit():  # as most lines, with the time
        if match := KLOG_START.match(head):
            return KLOG[match["letter"]]
        if match := START.match(head):
            return NAMES.get(match["word"].lower(), "error")
    if match := WORD.search(head):
        word = (match["pair"] or match["upper"] or match["bracket"] or match["word"]).lower()
        return NAMES.get(word, "unknown")
    return "unknown"


def implied(text: str, fields: Mapping[str, object] | None, level: Level) -> Level:
    """Raise a missing or mild level where the line shows a crash, an exception or a 5xx response."""
    if fields is not None and any(_is_server_error(fields.get(key)) for key in STATUS_KEYS):
        return "error"
    start = text[:READ_CHARS]
    if MAYBE_SERVER_ERROR.search(start) and SERVER_ERROR.search(start):
        return "error"
    if level == "unknown":
        if _holds(CRASH_WORDS, start.lower()) and CRASHED.search(start):
            return "fatal"
        if _holds(FAILURE_WORDS, start) and FAILED.search(start):
            return "error"
    return level


def _is_server_error(value: object) -> bool:
    return (isinstance(value, int) and 500 <= value <= 599) or (
        isinstance(value, str) and len(value) == 3 and value.startswith("5") and value.isdigit()
    )


def _holds(words: tuple[str, ...], text: str) -> bool:
    return any(word in text for word in words)
