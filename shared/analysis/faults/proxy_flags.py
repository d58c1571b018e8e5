"""
Why a proxy could not serve a request, by what its access log states in a field of its own.

Each proxy has a code for it: Envoy and Istio response flags, HAProxy two letters of how the session ended, a load
balancer of AWS its own status beside a missing one of the target, one of Google Cloud `statusDetails`.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

FAILED, ABSENT, LATE, UNRESOLVED = "connection failed", "no instance available", "timed out", "name resolution failed"
LIMITED, DENIED, FULL = "rate limit reached", "permission denied", "connection pool exhausted"

ENVOY = {
    "UH": (ABSENT, "no healthy upstream host"),
    "UF": (FAILED, "upstream connection failure"),
    "UO": (FULL, "upstream overflow: the circuit breaker is open"),
    "NR": (ABSENT, "no route"),
    "NC": (ABSENT, "upstream cluster not found"),
    "URX": (FAILED, "upstream retry limit reached"),
    "UC": (FAILED, "upstream connection termination"),
    "UR": (FAILED, "upstream remote reset"),
    "LR": (FAILED, "connection local reset"),
    "LH": (ABSENT, "local health check failed"),
    "UPE": (FAILED, "upstream protocol error"),
    "UT": (LATE, "upstream request timeout"),
    "DT": (LATE, "request or connection exceeded its duration"),
    "UMSDR": (LATE, "upstream reached its stream duration"),
    "SI": (LATE, "stream idle timeout"),
    "RL": (LIMITED, "rate limited"),
    "RLSE": (LIMITED, "error of the rate limit service"),
    "UAEX": (DENIED, "denied by the external authorization"),
    "DF": (UNRESOLVED, "DNS resolution failed"),
}
"""Response flags of what is not the client's own doing. Source: Envoy, Access logging, Command operators."""
OTHER_FLAGS = frozenset(["DC", "DI", "FI", "IH", "DPE", "OM", "DO", "DR", "UDO", "NFCF"])
_ENVOY = re.compile(
    r'(?:" (?:0|[45]\d\d) |\bresponse_flags"?\s{0,2}[:=]\s{0,2}"?)(?P<flags>[A-Z]{2,6}(?:,[A-Z]{2,6}){0,8})(?![\w,-])'
)

HAPROXY_ENDED = {"S": "the server aborted or refused the session", "s": "the timeout of the server expired"}
HAPROXY_ENDED |= {"D": "the server went down", "R": "a resource of the proxy was exhausted"}
HAPROXY_WHEN = {"C": "connecting", "Q": "queued", "R": "reading the request", "H": "waiting for the response's headers"}
HAPROXY_WHEN |= {"D": "transferring data", "L": "sending the last data"}
"""Source: HAProxy, Configuration manual, 8.5 Session state at disconnection."""
_HAPROXY = re.compile(
    r" (?P<server>[^\s/]{1,80}/[^\s/]{1,80}) (?:-?\d{1,9}/){2,4}\+?-?\d{1,9} (?:(?P<status>-?\d{1,3}) )?\+?\d{1,12}"
    r"(?: \S{1,80} \S{1,80})? (?P<state>(?P<ended>[SsDR])(?P<when>[CQRHDL])[\w-]{2}|(?P<queue>sQ)[\w-]{2}) "
)

_ALB = re.compile(
    r"(?<!\S)(?:https?|h2|grpcs?|wss?) \S{20,40} app/\S{1,100} \S{1,60} \S{1,60} (?:-?[\d.]{1,12} ){3}"
    r"(?P<status>50[234]) - "
)
_TARGET_GROUP = re.compile(r":targetgroup/(?P<group>[\w-]{1,80})/")
ALB = {
    "502": (FAILED, "the target closed or reset the connection, or could not be reached"),
    "503": (ABSENT, "the target group has no registered target"),
    "504": (LATE, "the target did not answer in time"),
}
"""Source: AWS, Troubleshoot your Application Load Balancers."""

_GOOGLE = re.compile(r'\bstatus_?Details"?\s{0,2}[:=]\s{0,2}"?(?P<details>[a-z_]{5,80})', re.IGNORECASE)
GOOGLE = {
    "failed_to_connect_to_backend": FAILED,
    "failed_to_pick_backend": ABSENT,
    "backend_timeout": LATE,
    "backend_connection_closed_before_data_sent_to_client": FAILED,
    "backend_connection_closed_after_partial_response_sent": FAILED,
    "backend_early_response_with_non_error_status": FAILED,
    "denied_by_security_policy": DENIED,
}
"""Source: Google Cloud, Load balancing, Global external Application Load Balancer logging."""


@dataclass(frozen=True)
class ProxyReason:
    """Why a proxy could not serve a request: the fault, and what the log states with what it means."""

    fault: str
    words: str
    start: int
    end: int
    target: str = ""


def reason_of(text: str) -> ProxyReason | None:
    """Return why a proxy could not serve a request, or None where the text is no access line that states it."""
    return next((reason for read in _READERS for reason in read(text)), None)


def _envoy(text: str) -> Iterator[ProxyReason]:
    for match in _ENVOY.finditer(text):
        flags = match["flags"].split(",")
        stated = [flag for flag in flags if flag in ENVOY]
        if stated and all(flag in ENVOY or flag in OTHER_FLAGS for flag in flags):
            words = ", ".join(f"{flag} {ENVOY[flag][1]}" for flag in stated)
            yield ProxyReason(ENVOY[stated[0]][0], f"response flags: {words}", *match.span())


def _haproxy(text: str) -> Iterator[ProxyReason]:
    for match in _HAPROXY.finditer(text):
        state = match["state"][:2]
        fault = FULL if state[1] == "Q" else LATE if state[0] == "s" else FAILED
        why = f"{HAPROXY_ENDED[state[0]]} while {HAPROXY_WHEN[state[1]]}"
        words = f"termination state {match['state']}: {why}"
        target = "" if match["server"].endswith("<NOSRV>") else match["server"]
        yield ProxyReason(ABSENT if not target and fault == FAILED else fault, words, *match.span(), target)


def _alb(text: str) -> Iterator[ProxyReason]:
    for match in _ALB.finditer(text):
        fault, why = ALB[match["status"]]
        words = f"{match['status']} of the load balancer without a status of the target: {why}"
        group = _TARGET_GROUP.search(text, match.end())
        yield ProxyReason(fault, words, *match.span(), group["group"] if group else "")


def _google(text: str) -> Iterator[ProxyReason]:
    for match in _GOOGLE.finditer(text):
        if (fault := GOOGLE.get(match["details"].lower())) is not None:
            yield ProxyReason(fault, f"statusDetails: {match['details']}", *match.span())


_READERS: tuple[Callable[[str], Iterator[ProxyReason]], ...] = (_envoy, _haproxy, _alb, _google)
