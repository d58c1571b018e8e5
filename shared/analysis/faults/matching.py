"""Signals of known faults in a text: what a log line or an exception says about where the fault is."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from string import ascii_letters, digits

from shared.analysis.faults import proxy_flags
from shared.analysis.faults.rule import FaultRule
from shared.analysis.faults.rules import BY_NAME, RULES
from shared.analysis.faults.usage import last_name
from shared.analysis.logs.levels import SERVER_ERROR
from shared.contracts import StackTrace

_NAME = r"(?:[\w+]+://)?(?P<host>[a-zA-Z0-9][\w.-]*[a-zA-Z0-9](?::\d{1,5})?)"
UPSTREAM = re.compile(rf"\bupstream: \"{_NAME}|outbound\|\d{{1,5}}\|[\w-]*\|{_NAME.replace('host', 'cluster')}")
"""A proxy's line names the host of the request and that of the proxy too."""
HOST = re.compile(
    r"(?:host(?:name)?|server|upstream"
    r"|dial (?:tcp|udp)(?:: lookup)?|lookup|instances available for|connect(?:ing|ion)? to"
    r"|to address|ENOTFOUND|EAI_AGAIN|ECONNREFUSED"
    rf"|UnknownHostException:|https?:/)[^\w,;.]{{1,4}}{_NAME}",
    re.IGNORECASE,
)
CHANGE = re.compile(
    r"\b(?:deploy(?:ed|ing|ment)?|roll(?:ed|ing)? ?(?:out|back)|releas(?:e|ed|ing)|restart(?:ed|ing)?|booting"
    r"|starting (?:up|application|server|worker|service|version|\w+ v?\d)|started (?:in|application|server|\w+ in \d)"
    r"|listening (?:on|at)|migrat(?:ion|ions|ing|ed)"
    r"|config(?:uration)? (?:was |has been )?(?:(?:re)?loaded|changed|updated|applied)"
    r"|(?:(?:re)?load(?:ed|ing)|changed|updated|applied) (?:the |new )?config(?:uration)?"
    r"|feature flag|version[ =:]v?\d)",
    re.IGNORECASE,
)
# Words that follow "server" or "connect to" in prose without being a host.
NO_HOSTS = frozenset(
    {"the", "at", "on", "in", "is", "for", "to", "by", "from", "with", "server", "host", "failed", "error", "node"}
    | {"upstream", "broker", "database", "a", "an", "this", "that"}
)
NAME_MARKS = "-_" + ascii_letters + digits
QUOTE_CHARS = 200
LINE_CHARS = 1000


@dataclass(frozen=True)
class Signal:
    """
    A rule that matched; `quote` is verbatim, `target` the host or thing it names, if any.

    `detail` is what the line states of the reason in a code of its own, with what that means; `about` is the matched
    words with the last name before them, which is of what they speak.
    """

    rule: FaultRule
    quote: str
    target: str = ""
    detail: str = ""
    about: str = ""


def find(text: str, limit: int = 3) -> list[Signal]:
    """Return the signals of known faults in the text, most specific first; each quote is part of one line."""
    signals = _from_proxy(text)[:limit]
    for rule in RULES if len(signals) < limit else ():
        if match := rule.pattern.search(text):
            quote = _around(text, match)
            target = _target(quote)
            if not target and (target := _target(_line(text, match))):
                quote = _with(text, quote, target)
            signal = Signal(rule, quote, target, about=_about(text, match))
            if _is_own_response(signal):
                continue
            signals.append(signal)
            if len(signals) == limit:
                break
    return signals


def _about(text: str, match: re.Match[str]) -> str:
    """Return the matched words, whole, and the last name before them where they hold none."""
    line = text[max(text.rfind("\n", 0, match.start()) + 1, match.start() - QUOTE_CHARS) : match.end()]
    place = len(line) - len(match[0])
    first = len(line[:place].rstrip(NAME_MARKS))
    words = line[first:]
    return words if last_name(words) else f"{last_name(line[:first])} {words}"


def _from_proxy(text: str) -> list[Signal]:
    """Return the signal of an access line of a proxy that states why its upstream failed."""
    reason = proxy_flags.reason_of(text)
    if reason is None:
        return []
    line = _line_at(text, reason.start, reason.end)
    quote = _around_span(text, reason.start, reason.end)
    target = reason.target or _target(line)
    return [Signal(BY_NAME[reason.fault], _with(text, quote, target) if target else quote, target, reason.words)]


def _is_own_response(signal: Signal) -> bool:
    """Return whether the quote is the service's own access line: it shows its response, not a dependency's."""
    return signal.rule.kind == "dependency" and not signal.target and bool(SERVER_ERROR.search(signal.quote))


def of_trace(trace: StackTrace) -> Signal | None:
    """Return the most specific signal of what an exception and its causes say; its frames say nothing of the kind."""
    head = f"{trace.exception_type}: {trace.message}"
    code = next((frame.code for frame in reversed(trace.app_frames) if frame.code), "")
    return first([f"{code}\n{head}", *trace.caused_by])


def first(texts: Sequence[str]) -> Signal | None:
    """Return the most specific signal of the first text that has any."""
    return next((signals[0] for text in texts if (signals := find(text, 1))), None)


def _around(text: str, match: re.Match[str]) -> str:
    """Return the line in which the match ends, truncated to QUOTE_CHARS around it."""
    return _around_span(text, *match.span())


def _around_span(text: str, first: int, last: int) -> str:
    start = text.rfind("\n", 0, last) + 1
    end = text.find("\n", last)
    end = len(text) if end < 0 else end
    if start < first - QUOTE_CHARS // 2:
        # A word is quoted whole or not at all.
        start = first - QUOTE_CHARS // 2
        start = text.find(" ", start, first) + 1 or start
    return text[start : min(end, max(start + QUOTE_CHARS, last))].strip()


def _with(text: str, quote: str, target: str) -> str:
    """Return the quote extended to the target, which stands in the same line."""
    start = text.find(quote)
    end = text.find(target, start)
    return text[start : end + len(target)] if 0 <= start <= end <= start + LINE_CHARS else quote


def _line(text: str, match: re.Match[str]) -> str:
    return _line_at(text, *match.span())


def _line_at(text: str, first: int, last: int) -> str:
    """Return the line of a match as far as a host may be named in it."""
    start = max(text.rfind("\n", 0, first) + 1, first - LINE_CHARS)
    end = text.find("\n", last)
    return text[start : min(len(text) if end < 0 else end, last + LINE_CHARS)]


def _target(quote: str) -> str:
    if match := UPSTREAM.search(quote):
        return match["host"] or match["cluster"]
    for match in HOST.finditer(quote):
        if match["host"].lower() not in NO_HOSTS:
            return match["host"]
    return ""
