"""Kinds of fault that are recognised by their wording, most specific first."""

import re
from dataclasses import dataclass
from typing import Literal

from shared.contracts import IncidentType

Kind = Literal["dependency", "resource", "config", "crash"]


@dataclass(frozen=True)
class FaultRule:
    """One kind of fault: how it is recognised, its name, and the incident type it implies."""

    kind: Kind
    name: str
    pattern: re.Pattern[str]
    incident_type: IncidentType
    steps: tuple[str, ...] = ()
    """What to do about this fault, where that differs from what its kind asks for."""


def _errno(name: str) -> str:
    """Return the pattern of an errno's name: in capitals and alone, as `HandleAccessor` holds EACCES too."""
    return rf"(?-i:\b{name}\b)"


def _rule(
    kind: Kind, name: str, incident_type: IncidentType, *alternatives: str, steps: tuple[str, ...] = ()
) -> FaultRule:
    return FaultRule(kind, name, re.compile("|".join(alternatives), re.IGNORECASE), incident_type, steps)


RULES = (
    _rule(
        "resource",
        "out of memory",
        "infrastructure_issue",
        r"OutOfMemoryError",
        r"OOMKilled",
        r"out of memory",
        r"MemoryError\b",
        r"Cannot allocate memory",
        r"heap out of memory",
    ),
    _rule(
        "resource",
        "disk full",
        "infrastructure_issue",
        r"No space left on device",
        r"disk (?:is )?full",
        r"Disk quota exceeded",
        _errno("ENOSPC"),
    ),
    _rule(
        "resource",
        "too many open files",
        "infrastructure_issue",
        r"Too many open files",
        _errno("EMFILE"),
        _errno("ENFILE"),
    ),
    _rule(
        "resource",
        "connection pool exhausted",
        "infrastructure_issue",
        r"QueuePool limit",
        r"pool (?:is )?exhausted",
        r"(?:connection|thread) pool.{0,40}(?:exhaust|timed? ?out|full)",
        r"Connection is not available, request timed out",
        r"too many connections",
        r"too many clients",
        r"remaining connection slots",
    ),
    _rule(
        "resource",
        "threads exhausted",
        "infrastructure_issue",
        r"unable to create (?:new )?native thread",
        r"can't start new thread",
        r"Resource temporarily unavailable",
        r"RejectedExecutionException",
    ),
    _rule(
        "dependency",
        "rate limit reached",
        "external_dependency",
        r"\b429\b.{0,30}Too Many Requests",
        r"rate.?limit(?:ed)? (?:exceeded|reached)",
        r"RateLimit(?:Error|Exceeded)",
        r"quota exceeded",
        r"RESOURCE_EXHAUSTED",
    ),
    _rule(
        "dependency",
        "name resolution failed",
        "external_dependency",
        r"Name or service not known",
        r"Temporary failure in name resolution",
        r"no such host",
        r"getaddrinfo (?:ENOTFOUND|EAI_AGAIN|failed)",
        r"UnknownHostException",
        r"NameResolutionError",
        r"nodename nor servname",
    ),
    _rule(
        "dependency",
        "connection refused",
        "external_dependency",
        r"connection refused",
        _errno("ECONNREFUSED"),
        r"ConnectionRefusedError",
        r"actively refused it",
        r"could not connect to server",
    ),
    _rule(
        "dependency",
        "connection reset",
        "external_dependency",
        r"connection reset",
        _errno("ECONNRESET"),
        r"broken pipe",
        _errno("EPIPE"),
        r"connection aborted",
        r"RemoteDisconnected",
        r"server closed the connection",
        r"socket hang up",
        r"upstream prematurely closed",
    ),
    _rule(
        "dependency",
        "certificate rejected",
        "config_issue",
        r"certificate (?:verify failed|has expired|is not trusted)",
        r"x509: ",
        r"CERT_HAS_EXPIRED",
        r"SSLHandshakeException",
        r"unable to (?:find valid certification path|get local issuer certificate)",
    ),
    _rule(
        "dependency",
        "connection failed",
        "external_dependency",
        # Envoy's response flags after the status: its documentation, Access logging, Command operators
        r"(?-i:\b50[0-4] (?:[A-Z]{2,6},)*(?:UF|UH|UC|UR|LR)\b)",
        r"upstream_reset_(?:before|after)_response_started",
    ),
    _rule(
        "dependency",
        "no instance available",
        "external_dependency",
        r"No instances available",
        r"no healthy upstream",
        r"no available (?:server|backend)",
        r"UNAVAILABLE: ",
        r"Service Unavailable",
        r"upstream connect error",
    ),
    _rule(
        "dependency",
        "timed out",
        "external_dependency",
        r"(?:read|connect(?:ion)?|socket|request|gateway|operation|statement|lock wait)[ _-]?time(?:d[ _-]?out|out)",
        _errno("ETIMEDOUT"),
        _errno("ESOCKETTIMEDOUT"),
        r"TimeoutError\b",
        r"TimeoutException",
        r"deadline[ _]exceeded",
        r"DEADLINE_EXCEEDED",
        r"i/o timeout",
        r"(?-i:\b504 (?:[A-Z]{2,6},)*UT\b)",
        r"timed out",
    ),
    _rule(
        "dependency",
        "a lock of its database was not obtained",
        "external_dependency",
        r"deadlock detected",
        r"database is locked",
        r"Lock wait timeout",
        r"could not obtain lock",
        r"read-only (?:transaction|replica)",
        steps=(
            "Look which transaction holds the lock, since when, and on what.",
            "End it only when its owner agrees; a migration or a long report may be at work.",
        ),
    ),
    _rule(
        "dependency",
        "server error of a dependency",
        "external_dependency",
        r"(?:HttpServerErrorException|HTTPError|upstream|status(?: code)?)\W{0,3}(?:\w+\W){0,3}50[0-4]\b",
        r"(?:responded with|response code|returned)\W{0,3}(?:\w+\W){0,3}50[0-4]\b",
        r"50[234] (?:Bad Gateway|Service Unavailable|Gateway Time)",
    ),
    _rule(
        "config",
        "missing configuration",
        "config_issue",
        r"(?:environment variable|env var|setting|config(?:uration)?(?: key| value| option)?|secret)\b"
        r".{0,40}(?:not set|missing|not defined|not found|required|not configured)",
        r"missing (?:required )?(?:environment variable|configuration|config|setting|secret)",
        r"Could not resolve placeholder",
        r"ImproperlyConfigured",
        # Many dictionaries have such keys: the code above must show that it is a setting.
        r"(?-i:(?:environ\b|getenv|\b(?:config|settings)\b)[^\n]{0,200}(?:\n[^\n]{0,200}){1,5}?"
        r"KeyError: '[A-Z][A-Z0-9]*_[A-Z0-9_]+')",
    ),
    _rule(
        "config",
        "permission denied",
        "config_issue",
        r"Permission denied",
        r"PERMISSION_DENIED",
        _errno("EACCES"),
        r"AccessDenied",
        r"access denied",
        r"\b403 Forbidden",
        r"not authorized to perform",
        r"Unauthorized\b",
        r"authentication failed",
        r"password authentication failed",
        r"invalid (?:api[ _]?key|credentials)",
        r"Access denied for user",
    ),
    _rule(
        "config",
        "schema mismatch",
        "config_issue",
        r"relation \"[^\"]+\" does not exist",
        r"no such (?:table|column)",
        r"Unknown column",
        r"column \"?[\w.]+\"? (?:of relation \S+ )?does not exist",
        r"UndefinedTable",
        r"UndefinedColumn",
        r"Table '[^']+' doesn't exist",
    ),
    _rule(
        "config",
        "module missing",
        "code_issue",
        r"No module named",
        r"ModuleNotFoundError",
        r"Cannot find module",
        r"ClassNotFoundException",
        r"NoClassDefFoundError",
        r"MODULE_NOT_FOUND",
        r"NoSuchMethodError",
    ),
    _rule(
        "crash",
        "crash",
        "code_issue",
        r"^panic: ",
        r"segmentation fault",
        r"SIGSEGV",
        r"fatal error: ",
        r"CrashLoopBackOff",
        r"core dumped",
    ),
)
